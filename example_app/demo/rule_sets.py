"""The rule sets that the page switches between."""

from collections.abc import Sequence

from flask_bucketcors import Rule, RuleSet

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
# The headers of the page and the vendor's SDK that need a preflight.
REQUEST_HEADERS = (
    "authorization",
    "cache-control",
    "content-md5",
    "content-type",
    "x-cos-meta-demo",
)
EXPOSED_HEADERS = ("ETag", "Content-Length", "x-cos-meta-demo", "x-cos-request-id")


def rule_sets(origin: str, initial: RuleSet) -> dict[str, RuleSet | None]:
    """The rule sets by name; None for no rules.

    :param origin: the origin of the page.
    :param initial: the rules that the bucket had first.
    """
    return {
        "initial": initial,
        "none": None,
        "least": _rules("*", ["*"], EXPOSED_HEADERS),
        "most": _rules(origin, REQUEST_HEADERS, ["ETag"]),
    }


def _rules(origin: str, headers: Sequence[str], exposed: Sequence[str]) -> RuleSet:
    # The browser caches no preflight response, so a switch has an effect at once.
    return RuleSet([Rule([origin], METHODS, headers, exposed, max_age_seconds=0)])
