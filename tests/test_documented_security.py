"""docs/security.md: what lint is said to report is a danger, which strict mode refuses."""

import pytest

from flask_bucketcors import Severity, lint
from tests.support import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
POLICY = (ROOT / "SECURITY.md").read_text()


@pytest.mark.parametrize("origin", ["https://*.github.io", "http://www.example.com"])
def test_what_attackers_can_register_or_replace_is_a_danger(origin: str) -> None:
    assert origin in PAGE or origin.startswith("http://")
    rules = [{"allowed_origins": [origin], "allowed_methods": ["GET"]}]
    assert Severity.DANGER in {finding.severity for finding in lint(rules)}


def test_the_page_and_the_policy_lead_to_each_other() -> None:
    assert "](../SECURITY.md)" in PAGE
    assert "](docs/security.md)" in POLICY
