"""cos-python-sdk-v5."""

from typing import Any

import requests
from calls import ELEMENTS, Configuration, Keys, Where, plain, renamed
from qcloud_cos import CosConfig, CosS3Client, CosServiceError


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        # By address it connects to one, and sends the bucket's host without the port.
        server: dict[str, Any] = {"Endpoint": where.server}
        if where.style == "ip":
            server = {"Endpoint": where.suffix, "IP": "127.0.0.1", "Port": where.port}
        elif where.style == "path":
            server = {"Region": "ap-beijing", "Domain": f"{where.address}/{where.bucket}"}
        config = CosConfig(SecretId=keys[0], SecretKey=keys[1], Scheme="http", **server)
        self._session = requests.Session()
        self.client = CosS3Client(config, retry=0, session=self._session)
        self._bucket = where.bucket

    def put(self, configuration: Configuration) -> None:
        document: dict[str, Any] = {
            "CORSRule": [renamed(rule, ELEMENTS) for rule in configuration["rules"]]
        }
        if configuration["vary"] is not None:
            document["ResponseVary"] = str(configuration["vary"]).lower()
        self.client.put_bucket_cors(self._bucket, document)

    def get(self) -> Configuration:
        found = self.client.get_bucket_cors(self._bucket)
        rules = [plain(rule, ELEMENTS) for rule in found["CORSRule"]]
        return {"rules": rules, "vary": found.get("ResponseVary")}

    def delete(self) -> None:
        self.client.delete_bucket_cors(self._bucket)

    def close(self) -> None:
        self._session.close()


def read_error(error: Exception) -> tuple[int, str] | None:
    if isinstance(error, CosServiceError):
        return error.get_status_code(), error.get_error_code()
    return None
