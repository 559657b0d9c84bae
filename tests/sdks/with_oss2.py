"""oss2, with signatures of version 1, 2 and 4. It knows no ID."""

import oss2
from calls import Configuration, Keys, Where
from oss2.models import BucketCors, CorsRule


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        auth = oss2.make_auth(*keys, f"v{where.version[1:]}")
        self._session = oss2.Session()
        # At an address it is in path style of itself.
        self.client = oss2.Bucket(
            auth, where.endpoint, where.bucket, session=self._session, region="cn-hangzhou"
        )

    def put(self, configuration: Configuration) -> None:
        cors = BucketCors(
            [
                CorsRule(
                    allowed_origins=rule["origins"],
                    allowed_methods=rule["methods"],
                    allowed_headers=rule["headers"],
                    expose_headers=rule["expose"],
                    max_age_seconds=rule["max_age"],
                )
                for rule in configuration["rules"]
            ]
        )
        cors.response_vary = configuration["vary"]
        self.client.put_bucket_cors(cors)

    def get(self) -> Configuration:
        found = self.client.get_bucket_cors()
        rules = [
            {
                "origins": rule.allowed_origins,
                "methods": rule.allowed_methods,
                "headers": rule.allowed_headers,
                "expose": rule.expose_headers,
                "max_age": rule.max_age_seconds,
            }
            for rule in found.rules
        ]
        return {"rules": rules, "vary": found.response_vary}

    def delete(self) -> None:
        self.client.delete_bucket_cors()

    def close(self) -> None:
        self._session.session.close()


def read_error(error: Exception) -> tuple[int, str] | None:
    return (error.status, error.code) if isinstance(error, oss2.exceptions.ServerError) else None
