"""boto3, with signatures of version 2 and 4. It runs with old releases too."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from calls import PLURALS, Configuration, Keys, Where, plain, renamed


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        config = Config(
            s3={"addressing_style": "virtual" if where.virtual else "path"},
            signature_version={"V2": "s3", "V4": "s3v4"}[where.version],
            retries={"max_attempts": 0},
        )
        self.client = boto3.client(
            "s3",
            endpoint_url=where.endpoint,
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
            region_name="us-east-1",
            config=config,
        )
        self._bucket = where.bucket

    def put(self, configuration: Configuration) -> None:
        rules = [renamed(rule, PLURALS) for rule in configuration["rules"]]
        self.client.put_bucket_cors(Bucket=self._bucket, CORSConfiguration={"CORSRules": rules})

    def get(self) -> Configuration:
        found = self.client.get_bucket_cors(Bucket=self._bucket)
        return {"rules": [plain(rule, PLURALS) for rule in found["CORSRules"]], "vary": None}

    def delete(self) -> None:
        self.client.delete_bucket_cors(Bucket=self._bucket)

    def close(self) -> None:
        self.client.close()


def read_error(error: Exception) -> tuple[int, str] | None:
    if not isinstance(error, ClientError):
        return None
    answer = error.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
