"""Each value of a setting that the documents show can be set, as it is shown."""

import ast
import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, BucketCORSMiddleware, MemoryStore, RulesAPI
from flask_bucketcors.settings import SETTING_NAMES, Settings
from tests.support import ROOT
from tests.support.tables import in_one_test

CONFIGURATION = ROOT / "docs" / "configuration.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_NAME = r"\[?`BUCKETCORS_(?P<name>[A-Z0-9_]+)`(?:\]\([^)]*\))?"
#: How a sentence shows the value of a setting, and how the value is to be read.
IN_SENTENCES = (
    (rf"{_NAME} is `(?P<value>[^`]+)`", "{}"),
    (rf"`(?P<value>[^`]+)` as {_NAME}", "{}"),
    (rf"`(?P<value>[^`]+)` in {_NAME}", "[{!r}]"),
    (r"`BUCKETCORS_(?P<name>[A-Z0-9_]+) = (?P<value>[^`]+)`", "{}"),
)


def literals(text: str) -> Iterator[Any]:
    """The Python literals among what a text shows as code."""
    for code in re.findall(r"`([^`\n]+)`", text):
        try:
            yield ast.literal_eval(code)
        except (SyntaxError, ValueError):
            continue


def in_configuration() -> Iterator[tuple[str, Any]]:
    """The literals in the rows and in the sections of settings."""
    page = CONFIGURATION.read_text()
    for name, rest in re.findall(r"^\| `BUCKETCORS_(\w+)` \| (.+)$", page, re.M):
        yield from ((name, value) for value in literals(rest))
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        heading, _, text = section.partition("\n")
        found = re.fullmatch(r"`BUCKETCORS_(\w+)`", heading)
        if found:
            yield from ((found[1], value) for value in literals(text))


def in_sentences(page: Path) -> Iterator[tuple[str, Any]]:
    """The values that sentences of a page give to settings."""
    text = page.read_text()
    for pattern, form in IN_SENTENCES:
        for found in re.finditer(pattern, text):
            yield found["name"], ast.literal_eval(form.format(found["value"]))


def in_the_environment() -> list[tuple[str, str]]:
    """What the documents show as environment variables."""
    pattern = r"\b(FLASK_BUCKETCORS_[A-Z0-9_]+)=('[^'\n]*'|[^\s`]+)"
    return [
        (key, value.strip("'"))
        for page in PAGES
        for key, value in re.findall(pattern, page.read_text())
    ]


def shown() -> list[Any]:
    """Each value once, as a parameter named by its setting."""
    found = [*in_configuration(), *(each for page in PAGES for each in in_sentences(page))]
    values = dict.fromkeys((name, repr(value)) for name, value in found)
    return [pytest.param(name, value, id=f"{name} {value}") for name, value in values]


@in_one_test
@pytest.mark.parametrize("name, value", shown())
def test_a_value_that_is_shown_can_be_set(name: str, value: str) -> None:
    app = Flask("documented")
    # Some values need that something says which URLs are about buckets.
    app.config["BUCKETCORS_HOST_SUFFIXES"] = ["cos.example.com"]
    app.config[f"BUCKETCORS_{name}"] = ast.literal_eval(value)
    BucketCORS(app, store=MemoryStore())
    assert app.config[f"BUCKETCORS_{name}"] == ast.literal_eval(value)


@pytest.mark.parametrize("key, value", in_the_environment())
def test_a_variable_that_is_shown_can_be_set(
    key: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key, value)
    app = Flask("documented")
    app.config.from_prefixed_env()
    BucketCORS(app, store=MemoryStore())
    assert getattr(app.extensions["bucketcors"].settings, key.split("_", 2)[2].lower())


def test_values_are_found_of_every_kind() -> None:
    found = [(each.values[0], each.values[1]) for each in shown()]
    assert {name.lower() for name, _ in found} >= set(SETTING_NAMES)
    assert ("HOST_SUFFIXES", "['oss-{region}.aliyuncs.com']") in found
    assert ("PLAIN_OPTIONS", "'refuse'") in found
    assert len(in_the_environment()) >= 2


@pytest.mark.parametrize(
    "sentence, name, value",
    [
        ('if `BUCKETCORS_VARY` is `"vendor"`', "VARY", "vendor"),
        ('[`BUCKETCORS_VARY`](x.md#y) is `"vendor"`', "VARY", "vendor"),
        ('`BUCKETCORS_VARY = "vendor"`', "VARY", "vendor"),
        ('`["cos.test"]` as `BUCKETCORS_HOST_SUFFIXES`', "HOST_SUFFIXES", ["cos.test"]),
        ("`cos.test` in [`BUCKETCORS_HOST_SUFFIXES`](x.md)", "HOST_SUFFIXES", ["cos.test"]),
    ],
)
def test_how_sentences_show_values(sentence: str, name: str, value: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(sentence)
    assert [*in_sentences(page)] == [(name, value)]
    assert Settings(**{name.lower(): value})


def test_outside_flask_settings_are_arguments_as_the_page_says() -> None:
    page = (ROOT / "docs" / "wsgi.md").read_text()
    rows = re.findall(r"^\| (.*`[A-Z_]+`.*) \| (.+) \|$", page, re.M)
    said = {
        name.lower(): there for names, there in rows for name in re.findall("`([A-Z_]+)`", names)
    }
    for name in SETTING_NAMES:
        holders = [
            each.__name__
            for each in (BucketCORSMiddleware, RulesAPI)
            if name in signature(each).parameters
        ]
        # Examples stand for the others that the same two have.
        assert bool(holders) or name in said, name
        assert name not in said or not holders or f"`{holders[0]}`" in said[name], name
