"""The bucket that the application begins with, and a preflight to try on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import NamedTuple

from example_app.errors import StorageError
from example_app.storage import Storage
from flask_bucketcors import CompiledRules, Rule, RuleSet, Store

SEEDED_BUCKET = "examplebucket-1250000000"
SEEDED_OBJECT = "exampleobject"
SEEDED_ORIGIN = "https://www.example.com"
SEEDED_RULES = RuleSet(
    [
        Rule(
            allowed_origins=[SEEDED_ORIGIN],
            allowed_methods=["GET", "HEAD", "PUT"],
            allowed_headers=["*"],
            expose_headers=["ETag", "x-cos-request-id"],
            max_age_seconds=600,
        )
    ]
)


def seed(storage: Storage, store: Store) -> None:
    """Create the bucket with its object and rules, unless an earlier run or a worker has."""
    try:
        storage.create_bucket(SEEDED_BUCKET, public=True)
    except StorageError:
        return
    storage.put_object(SEEDED_BUCKET, SEEDED_OBJECT, [b"hello"], {"content-type": "text/plain"})
    store.put(SEEDED_BUCKET, SEEDED_RULES)


class Asked(NamedTuple):
    """What a preflight asks for; the header may be ``""``."""

    origin: str
    method: str
    header: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A preflight to send with curl.

    :param outcome: what the response will be.
    """

    asked: Asked
    outcome: str

    def command(self, url: str) -> str:
        """Give the command.

        :param url: that of the store, without a slash at the end.
        """
        headers = [
            f"Origin: {self.asked.origin}",
            f"Access-Control-Request-Method: {self.asked.method}",
        ]
        if self.asked.header:
            headers.append(f"Access-Control-Request-Headers: {self.asked.header}")
        target = quote(f"{url}/{SEEDED_BUCKET}/{SEEDED_OBJECT}")
        return " ".join(["curl -i -X OPTIONS", target, *(f"-H {quote(each)}" for each in headers)])


def find_trial(rules: RuleSet | None) -> Trial:
    """Find a preflight that the bucket's rules allow; any, if there is none."""
    if rules is None:
        return Trial(next(_asked(SEEDED_RULES)), "403, because the bucket has no rules")
    compiled = CompiledRules(rules)
    for asked in _asked(rules):
        if compiled.preflight(*asked).allowed:
            return Trial(asked, "200 with Access-Control-Allow-Origin")
    return Trial(next(_asked(rules)), "403, because no rule allows it")


def _asked(rules: RuleSet) -> Iterator[Asked]:
    for rule in rules.rules:
        method = "PUT" if "PUT" in rule.allowed_methods else rule.allowed_methods[0]
        for pattern in rule.allowed_origins:
            origin = SEEDED_ORIGIN if pattern == "*" else pattern.replace("*", "www")
            yield Asked(origin, method, "content-type")
            yield Asked(origin, method, "")
