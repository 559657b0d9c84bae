"""esdk-obs-python. In virtual-host style it first asks, unsigned, what the server speaks."""

from typing import Any

from calls import Configuration, Keys, Refused, Where
from obs import CorsRule, ObsClient, Options

_NAMES = {
    "id": "id",
    "origins": "allowedOrigin",
    "methods": "allowedMethod",
    "headers": "allowedHeader",
    "expose": "exposeHeader",
    "max_age": "maxAgeSecond",
}


class Calls:
    def __init__(self, where: Where, keys: Keys) -> None:
        self.client = ObsClient(
            access_key_id=keys[0],
            secret_access_key=keys[1],
            server=where.endpoint,
            is_secure=False,
            path_style=not where.virtual,
            signature=where.version.lower(),
            region="region",
            max_retry_count=0,
        )
        self._bucket = where.bucket

    def put(self, configuration: Configuration) -> None:
        rules = [
            CorsRule(**{name: rule[key] for key, name in _NAMES.items()})
            for rule in configuration["rules"]
        ]
        checked(self.client.setBucketCors(self._bucket, rules))

    def get(self) -> Configuration:
        found = checked(self.client.getBucketCors(self._bucket))
        rules = [{key: rule.get(name) for key, name in _NAMES.items()} for rule in found.body]
        return {"rules": rules, "vary": None}

    def delete(self) -> None:
        checked(self.client.deleteBucketCors(self._bucket))

    def options(self, preflight: dict[str, Any]) -> str | None:
        # It sends each header to be asked for in a line of its own.
        asked = Options(
            origin=preflight["origin"],
            accessControlRequestMethods=[preflight["method"]],
            accessControlRequestHeaders=preflight["headers"],
        )
        answer = self.client.optionsObject(self._bucket, "key", asked)
        if answer.status == 403:
            return None
        allowed: str | None = checked(answer).body.accessContorlAllowOrigin
        return allowed

    def close(self) -> None:
        self.client.close()


def checked(answer: Any) -> Any:
    """It raises nothing."""
    if answer.status >= 300:
        raise Refused(answer.status, answer.errorCode)
    return answer


def read_error(error: Exception) -> tuple[int, str] | None:
    return None
