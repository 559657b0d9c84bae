"""What browsers' tools copy for scripts is read as the request that it makes."""

from typing import Any

import pytest

from flask_bucketcors import Cause, explain, from_copy
from flask_bucketcors.analysis.evidence import MAX_CURL
from tests.support.broken_setups import PAGE, rule
from tests.support.tables import in_one_test

# As Chromium copies it.
FETCH = f"""fetch("https://b.example/k?uploads", {{
  "headers": {{
    "accept": "*/*",
    "accept-language": "en-US,en;q=0.9",
    "authorization": "q-sign-algorithm=sha1",
    "content-type": "application/octet-stream",
    "sec-ch-ua": "\\"Chromium\\";v=\\"156\\"",
    "x-cos-meta-a": "1"
  }},
  "referrer": "{PAGE}/",
  "body": "it's \\"-Method\\": fetch(",
  "method": "PUT",
  "mode": "cors",
  "credentials": "omit"
}});"""
# As Chromium copies it for Node, and as Firefox copies it.
NODE = FETCH.replace(f'"referrer": "{PAGE}/",', "").replace(
    '"x-cos-meta-a": "1"', f'"x-cos-meta-a": "1",\n    "cookie": "a=b",\n    "Referer": "{PAGE}/"'
)
FIREFOX = "await " + FETCH.replace('"omit"', '"include"')
POWERSHELL = f"""$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession
$session.UserAgent = "Mozilla/5.0 (X11; Linux x86_64)"
Invoke-WebRequest -UseBasicParsing -Uri "https://b.example/k?uploads" `
-Method "PUT" `
-WebSession $session `
-Headers @{{
"Accept"="*/*"
  "Authorization"="q-sign-algorithm=sha1"
  "Origin"="{PAGE}"
  "Referer"="{PAGE}/"
  "Sec-Fetch-Mode"="cors"
  "X-Cos-Meta-A"="say `"-Method GET`" and ""}}"""
POWERSHELL += """"
} `
-ContentType "application/octet-stream" `
-Body ([System.Text.Encoding]::UTF8.GetBytes("-Method DELETE $([char]228)"))"""
COOKIE = '$session.Cookies.Add((New-Object System.Net.Cookie("a", "b", "/", "b.example")))\n'
ASKED = ["authorization", "content-type", "x-cos-meta-a"]


@in_one_test
@pytest.mark.parametrize(
    "text, expected",
    [
        (FETCH, {"method": "PUT", "headers": ASKED, "credentials": False}),
        (NODE, {"method": "PUT", "headers": ASKED, "credentials": True}),
        (FIREFOX, {"method": "PUT", "headers": ASKED, "credentials": True}),
        (POWERSHELL, {"method": "PUT", "headers": ASKED, "credentials": False}),
        (COOKIE + POWERSHELL, {"method": "PUT", "headers": ASKED, "credentials": True}),
        (f'fetch("https://b.example/", {{"referrer": "{PAGE}/a"}})',
         {"method": "GET", "headers": [], "kind": "actual"}),
        (f"iwr -Uri https://b.example/ -Headers @{{'Origin'='{PAGE}'; 'x-a'='it''s'}}",
         {"method": "GET", "headers": ["x-a"], "kind": "preflight"}),
        (f"irm -Method Delete -Uri 'https://b.example/' -Headers @{{Origin = '{PAGE}'}}",
         {"method": "DELETE"}),
        (f"curl 'https://b.example/' -X PUT -H 'Origin: {PAGE}'", {"method": "PUT"}),
        (f'curl ^"https://b.example/^" ^\n  -H ^"Origin: {PAGE}^" ^\n  -H ^"x-a: 1^"',
         {"method": "GET", "headers": ["x-a"]}),
        # A command of curl may hold the other two.
        (f"curl https://b.example/ -H 'Origin: {PAGE}' --data-raw 'fetch(1) Invoke-WebRequest'",
         {"method": "POST"}),
    ],
)  # fmt: skip
def test_a_copy_is_read(text: str, expected: dict[str, Any]) -> None:
    found = from_copy(text)
    expected = {"origin": PAGE, **expected}
    assert {name: found.get(name) for name in expected} == expected
    assert not explain([rule("https://else.example")], **found).allowed


def test_a_copy_and_rules_are_enough() -> None:
    assert explain([rule(PAGE + "/")], **from_copy(FETCH)).cause is Cause.ORIGIN_TRAILING_SLASH


@pytest.mark.parametrize("text", ['fetch("https://b.example/")', "iwr -Uri https://b.example/"])
def test_a_copy_may_name_no_page(text: str) -> None:
    assert "origin" not in from_copy(text)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("fetch('https://b.example/', {method: 'PUT'})", "Copy as fetch"),
        ("fetch(1)", "no address"),
        ('fetch("https://b.example/", 1)', "no address"),
        ("fetch(" + "[" * 100_000, "Copy as fetch"),
        ("wget https://b.example/", "no curl command"),
        ("a" * (MAX_CURL + 1), "longer than"),
    ],
)
def test_what_is_no_copy_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_copy(text)


@pytest.mark.parametrize("unit", ['"', "`", "-a", "@{", "'", 'iwr "`', "-Uri ", "fetch( "])
def test_a_long_copy_is_read_in_bounded_time(unit: str) -> None:
    """The limit of the test run stops what takes more than linear time."""
    text = "iwr " + unit * ((MAX_CURL - 4) // len(unit))
    assert from_copy(text)["method"] == "GET"
