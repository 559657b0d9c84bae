"""The documents say what is so: their code runs, their tables name everything."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import flask_bucketcors
from flask_bucketcors.core.bucket_names import MAX_BUCKET_NAME_BYTES
from flask_bucketcors.core.dialects import COS, DIALECTS
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal
from flask_bucketcors.core.fields import MAX_AGE_LIMIT, MAX_ID_LENGTH
from flask_bucketcors.core.headers import MAX_REQUESTED_HEADERS, MAX_REQUESTED_HEADERS_BYTES
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES
from flask_bucketcors.settings import SETTING_NAMES, Settings
from tests.support import ROOT
from tests.support.broken_setups import BROKEN
from tests.support.dialect_facts import FACTS

PAGES = [
    page for folder in (".", "docs", "benchmarks") for page in sorted((ROOT / folder).glob("*.md"))
]

# Shown for a server that is running; `sdks/test_readme.py` runs them at one.
NEEDS_A_SERVER = "# sdk:"


def code_blocks() -> list[Any]:
    """The Python in the documents, as parameters named by page and order."""
    return [
        pytest.param(code, id=f"{page.name} {number}")
        for page in PAGES
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
        if not code.startswith(NEEDS_A_SERVER)
    ]


@pytest.mark.parametrize("code", code_blocks())
def test_python_in_the_documents_runs(code: str, tmp_path: Path) -> None:
    def make_app(name: str) -> Flask:
        return Flask("documented", instance_path=str(tmp_path))

    app = make_app("documented")
    if "BucketCORS(app" not in code:
        # A block that goes on where another one on its page has ended.
        flask_bucketcors.BucketCORS(app)
    public = {name: getattr(flask_bucketcors, name) for name in flask_bucketcors.__all__}
    names = {"app": app, "Flask": make_app, **public, "__name__": "documented"}
    exec(code.replace("from flask import Flask\n", ""), names)
    names["app"].extensions["bucketcors"].store.close()  # type: ignore[attr-defined]


def test_the_recipe_for_deleting_buckets_lets_no_bucket_inherit_rules() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    [recipe] = re.findall(r"## Deleting buckets.*?```python\n(.*?)```", page, re.S)
    app, store = Flask("documented"), flask_bucketcors.MemoryStore()
    flask_bucketcors.BucketCORS(app, store=store)
    names: dict[str, Any] = {"app": app}
    exec(recipe, names)
    rules = flask_bucketcors.RuleSet([flask_bucketcors.Rule(["*"], ["GET"])])
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE buckets (name TEXT PRIMARY KEY)")
        names["create_bucket"](db, "photos")
        store.put("photos", rules)
        names["delete_bucket"](db, "photos")
        assert (names["bucket_exists"](db, "photos"), store.get("photos")) == (False, None)
        store.put("photos", rules)
        names["create_bucket"](db, "photos")
        assert (names["bucket_exists"](db, "photos"), store.get("photos")) == (True, None)


def test_every_setting_is_described_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    for setting in SETTING_NAMES:
        name, default = setting.upper(), getattr(Settings(), setting)
        shown = f'"{default}"' if isinstance(default, str) else str(default)
        assert f"| `BUCKETCORS_{name}` | `{shown}` |" in page
        explained = f"## `BUCKETCORS_{name}`" in page
        assert explained or name == "DIALECT"


def test_every_argument_of_the_extension_is_named() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    [line] = [line for line in page.splitlines() if "is an argument of `BucketCORS`" in line]
    arguments = set(signature(flask_bucketcors.BucketCORS).parameters) - {"app"}
    assert arguments == set(re.findall(r"`(\w+)`", line)) - {"BucketCORS"}


def test_every_error_of_the_api_is_described() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    # What answers preflights has its place among the decisions.
    for refusal, error in COS.errors.items():
        if refusal not in PREFLIGHT_REFUSALS:
            assert f"| `{error.code}` | {error.status[:3]} |" in page


def test_where_dialects_differ_is_described() -> None:
    api = (ROOT / "docs" / "api.md").read_text().partition("## Dialects")[2].partition("\n## ")[0]
    for dialect in DIALECTS.values():
        assert f"{dialect.max_rules} rules, {dialect.max_body_bytes // 1024} KiB" in api
        assert all(f"`{each.header}`" in api for each in dialect.ids)
        facts = FACTS[dialect.name]
        for refused in (*facts.preflights.values(), facts.no_rules, facts.no_bucket):
            assert all(f"`{element}`" in api for element in refused.elements)
    codes = set()
    for refusal in Refusal:
        answers = [dialect.errors[refusal] for dialect in DIALECTS.values()]
        if refusal not in PREFLIGHT_REFUSALS and len({each.code for each in answers}) > 1:
            codes |= {each.code for each in answers}
    assert codes
    assert not {code for code in codes if f"`{code}`" not in api}


def test_bounds_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "matching.md").read_text()
    requested = f"{MAX_REQUESTED_HEADERS_BYTES // 1024} KiB, {MAX_REQUESTED_HEADERS} names"
    for what, bound in {
        "Origin": f"{MAX_ORIGIN_BYTES} bytes",
        "Access-Control-Request-Headers": requested,
        "document": f"{COS.max_body_bytes // 1024} KiB, {COS.max_rules} rules",
        "MaxAgeSeconds": f"{MAX_AGE_LIMIT}",
        "ID": f"{MAX_ID_LENGTH} characters",
        "bucket name": f"{MAX_BUCKET_NAME_BYTES} bytes of UTF-8",
    }.items():
        assert f"| {what} | {bound} |" in page


def test_links_between_the_documents_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^):]+)\)", page.read_text()):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_has_its_place_on_the_site_and_in_the_readme() -> None:
    on_the_site = re.findall(r"^([\w-]+)$", (ROOT / "docs" / "index.md").read_text(), re.M)
    in_the_readme = re.findall(r"\]\(docs/([\w-]+)\.md", (ROOT / "README.md").read_text())
    pages = [page.stem for page in PAGES if page.parent.name == "docs" and page.stem != "index"]
    assert sorted(on_the_site) == pages
    assert set(in_the_readme) == set(pages)


def test_the_glossary_is_in_alphabetical_order() -> None:
    words = re.findall(r"^## (.+)$", (ROOT / "docs" / "glossary.md").read_text(), re.M)
    assert words == sorted(words, key=str.lower)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and MyST give the headings of a page."""
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.M):
        seen[re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")] += 1
    return set(seen) | {f"{slug}-{n}" for slug, count in seen.items() for n in range(1, count)}


def test_every_cause_is_described_in_its_own_words() -> None:
    page = (ROOT / "docs" / "explain.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \| (.+?) \|$", page, re.M)
    assert rows == [(str(each), each.meaning, each.help) for each in flask_bucketcors.Cause]


def cause_examples() -> list[tuple[str, ...]]:
    """Of the table of causes: the cause, an origin in a rule, and the page's, if it has them."""
    page = (ROOT / "docs" / "explain.md").read_text()
    row = r"^\| `(\w+)` \| .+? \| `(.+?)` for a page (?:on|that sends) `(.+?)` \|"
    return re.findall(row, page, re.M)


@pytest.mark.parametrize("cause, held, origin", cause_examples())
def test_examples_of_causes_have_them(cause: str, held: str, origin: str) -> None:
    rules = [{"allowed_origins": [unescaped(held)], "allowed_methods": ["GET"]}]
    explanation = flask_bucketcors.explain(rules, origin=origin)
    assert explanation.cause == cause
    assert explanation.fixes
    for fix in explanation.fixes:
        assert flask_bucketcors.explain(fix.rules, origin=origin).allowed


def test_every_cause_has_an_example_or_a_broken_setup() -> None:
    examples = {cause for cause, _, _ in cause_examples()}
    assert examples >= {each for each in flask_bucketcors.Cause if each.startswith("origin_")}
    assert examples | {setup.cause for setup in BROKEN} == set(flask_bucketcors.Cause)


def check_rows() -> list[tuple[str, ...]]:
    """The rows of the table of checks: id, severity, meaning, example, what to do."""
    page = (ROOT / "docs" / "lint.md").read_text()
    row = r"^\| (BC\d+) \| (\w+) \| (.+?) \| (.+?) \| (.+) \|$"
    return re.findall(row, page, re.M)


def test_every_check_is_described_in_its_own_words() -> None:
    expected = [
        (each.id, str(each.severity), each.meaning, each.help) for each in flask_bucketcors.Check
    ]
    assert [(*row[:3], row[4]) for row in check_rows()] == expected


@pytest.mark.parametrize("row", check_rows(), ids=lambda row: row[0])
def test_examples_of_checks_are_found(row: tuple[str, ...]) -> None:
    assert row[0] in {each.id for each in flask_bucketcors.lint(example_rules(row[3]))}


FIELDS = {
    "origin": "allowed_origins",
    "from": "allowed_origins",
    "AllowedHeader": "allowed_headers",
    "ExposeHeader": "expose_headers",
}


def example_rules(text: str) -> list[dict[str, Any]]:
    """The rules of an example, from the top; what it does not name is usual."""
    rules = []
    for part in text.split(" above "):
        methods = re.findall("[A-Z]{3,}", re.sub("`.+?`", "", part))
        rule = {"allowed_origins": ["https://a.example"], "allowed_methods": methods or ["GET"]}
        for name, values in re.findall("([A-Za-z]+) (`.+?`(?: and `.+?`)*)", part):
            texts = [unescaped(each) for each in re.findall("`(.+?)`", values)]
            if name == "MaxAgeSeconds":
                rule["max_age_seconds"] = int(texts[0])  # type: ignore[assignment]
            else:
                rule[FIELDS[name]] = texts
        rules.append(rule)
    return rules


def unescaped(text: str) -> str:
    """What is written for it in the documents, where it cannot be seen or looks like another."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
