"""alibabacloud-oss-v2, with signatures of version 1 and 4. It knows no ID."""

from typing import Any

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient
from calls import Configuration, Keys, Where

_NAMES = {
    "origins": "allowed_origins",
    "methods": "allowed_methods",
    "headers": "allowed_headers",
    "expose": "expose_headers",
    "max_age": "max_age_seconds",
}


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        config = oss.config.load_default()
        config.endpoint = where.endpoint
        config.use_path_style = not where.virtual
        config.region = "cn-hangzhou"
        config.signature_version = where.version.lower()
        config.retry_max_attempts = 1
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(*keys)
        self._session = requests.Session()
        config.http_client = RequestsHttpClient(session=self._session)
        self.client = oss.Client(config)
        self._bucket = where.bucket

    def put(self, configuration: Configuration) -> None:
        rules = [
            oss.CORSRule(**{name: rule[key] for key, name in _NAMES.items()})
            for rule in configuration["rules"]
        ]
        document = oss.CORSConfiguration(rules, response_vary=configuration["vary"])
        self.client.put_bucket_cors(
            oss.PutBucketCorsRequest(bucket=self._bucket, cors_configuration=document)
        )

    def get(self) -> Configuration:
        found = self.client.get_bucket_cors(oss.GetBucketCorsRequest(bucket=self._bucket))
        document = found.cors_configuration
        rules = [
            {key: getattr(rule, name) for key, name in _NAMES.items()}
            for rule in document.cors_rules
        ]
        return {"rules": rules, "vary": document.response_vary}

    def delete(self) -> None:
        self.client.delete_bucket_cors(oss.DeleteBucketCorsRequest(bucket=self._bucket))

    def options(self, preflight: dict[str, Any]) -> str | None:
        asked = oss.OptionObjectRequest(
            bucket=self._bucket,
            key="key",
            origin=preflight["origin"],
            access_control_request_method=preflight["method"],
            access_control_request_headers=",".join(preflight["headers"]),
        )
        try:
            answer = self.client.option_object(asked)
        except oss.exceptions.OperationError as error:
            if read_error(error) == (403, "AccessForbidden"):
                return None
            raise
        allowed: str | None = answer.access_control_allow_origin
        return allowed

    def close(self) -> None:
        self._session.close()


def read_error(error: Exception) -> tuple[int, str] | None:
    if not isinstance(error, oss.exceptions.OperationError):
        return None
    answer = error.unwrap()
    is_answer = isinstance(answer, oss.exceptions.ServiceError)
    return (answer.status_code, answer.code) if is_answer else None
