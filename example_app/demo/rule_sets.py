"""The three rule sets that the page switches between."""

from flask_bucketcors import Rule, RuleSet

# What the page and the vendor's SDK send beyond what a browser always may.
REQUEST_HEADERS = (
    "authorization",
    "cache-control",
    "content-md5",
    "content-type",
    "x-cos-meta-demo",
)
EXPOSED_HEADERS = ("ETag", "Content-Length", "x-cos-meta-demo", "x-cos-request-id")


def rule_sets(origin: str) -> dict[str, RuleSet | None]:
    """The rule sets by name; None stands for no rules. ``origin`` is the page's own."""
    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    # No preflight is kept by the browser, so that a switch is seen at once.
    least = Rule(["*"], methods, ["*"], EXPOSED_HEADERS, max_age_seconds=0)
    most = Rule([origin], methods, REQUEST_HEADERS, ["ETag"], max_age_seconds=0)
    return {"none": None, "least": RuleSet([least]), "most": RuleSet([most])}
