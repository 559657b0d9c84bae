"""docs/matching.md: the middleware decides the worked examples as the page says."""

import os
import re
from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, explain
from tests.support import ROOT
from tests.support.page_tables import Row, read_tables, unquoted
from tests.support.tables import in_one_test

PAGE = ROOT / "docs" / "matching.md"
EXAMPLES = "Worked examples"


def rules_of_the_page() -> Any:
    [code] = re.findall(rf"## {EXAMPLES}.*?```python\n(.*?)```", PAGE.read_text(), re.S)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["rules"]


RULES = rules_of_the_page()


def storage(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"an object"]


@pytest.fixture(scope="module")
def client() -> Client:
    """A client of an application whose bucket has the rules of the page."""
    store = MemoryStore()
    store.put("photos", RULES)
    return Client(BucketCORSMiddleware(storage, store=store, url_prefix="/files"))


@in_one_test
@pytest.mark.parametrize("row", read_tables(PAGE, EXAMPLES)[0])
def test_the_examples_are_decided_so(row: Row, client: Client) -> None:
    origin, method, names, decides, allow_origin, _ = row
    headers = [unquoted(name) for name in names.split(", ") if name]
    decision = explain(RULES, origin=unquoted(origin), method=method, headers=headers).decision
    rule = None if decides == "none" else int(decides.removeprefix("rule "))
    assert decision.rule == (None if rule is None else rule - 1)
    asked = {"Access-Control-Request-Headers": ",".join(headers)} if headers else {}
    response = client.options(
        "/files/photos/cat.png",
        headers={"Origin": unquoted(origin), "Access-Control-Request-Method": method, **asked},
    )
    assert response.status_code == (403 if rule is None else 200)
    assert response.headers.get("Access-Control-Allow-Origin", "") == unquoted(allow_origin)
    has_credentials = "Access-Control-Allow-Credentials" in response.headers
    assert has_credentials is (allow_origin not in ("", "`*`"))


def test_the_responses_of_the_examples_are_these(client: Client) -> None:
    """With WRITE_DOCS=1 in the environment they are written into the page."""
    text = page = PAGE.read_text()
    exchanges = re.findall(r"```text\n(\w+ /.*?)```\n(.*?)```text\n(.*?)```", page, re.S)
    assert len(exchanges) == 2
    for sent, between, shown in exchanges:
        line, *fields = sent.splitlines()
        method, path = line.split(" ")
        headers = [tuple(field.split(": ")) for field in fields]
        response = client.open(path, method=method, headers=headers)
        pairs = [f"{name}: {value}\n" for name, value in response.headers if is_of_cors(name)]
        printed = f"{response.status}\n{''.join(pairs)}"
        text = text.replace(
            f"{sent}```\n{between}```text\n{shown}```", f"{sent}```\n{between}```text\n{printed}```"
        )
    if os.environ.get("WRITE_DOCS") == "1":
        PAGE.write_text(text)
    assert text == page, "the responses are others: run this with WRITE_DOCS=1, and read the page"


def test_the_actual_request_of_a_preflight_for_headers_may_have_another_rule(
    client: Client,
) -> None:
    headers = {"Origin": "https://www.example.com", "Authorization": "token"}
    response = client.get("/files/photos/cat.png", headers=headers)
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def is_of_cors(name: str) -> bool:
    return name == "Vary" or name.startswith("Access-Control-")
