"""The documents say what is so: their code runs, their tables name everything."""

import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

import flask_bucketcors
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.core.bucket_names import MAX_BUCKET_NAME_BYTES
from flask_bucketcors.core.dialects import COS, DIALECTS
from flask_bucketcors.core.errors import PREFLIGHT_REFUSALS, Refusal
from flask_bucketcors.core.fields import MAX_AGE_LIMIT, MAX_ID_LENGTH
from flask_bucketcors.core.headers import MAX_REQUESTED_HEADERS, MAX_REQUESTED_HEADERS_BYTES
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES
from flask_bucketcors.settings import SETTING_NAMES, Settings
from flask_bucketcors.testing import memory_store
from tests.support import ROOT
from tests.support.broken_setups import BROKEN
from tests.support.dialect_facts import FACTS
from tests.support.tables import in_one_test

RULES = flask_bucketcors.RuleSet([flask_bucketcors.Rule(["*"], ["GET"])])
PAGES = [
    page for folder in (".", "docs", "benchmarks") for page in sorted((ROOT / folder).glob("*.md"))
]

# How blocks begin that need more than the extra `test`: a server that is running, for
# `sdks/test_documented_sdks.py`, and frameworks, for `applications/test_documented_frameworks.py`.
RUN_BY_OTHER_TESTS = ("# sdk:", "# with ")
# Pages whose commands another test runs, one after the other, with what they need.
COMMANDS_RUN_BY = {
    "check.md": "test_check_page.py",
    "cli.md": "test_cli.py",
    "from-azure.md": "test_from_vendors.py",
    "from-gcs.md": "test_from_vendors.py",
    "from-r2.md": "test_from_vendors.py",
    "from-s3.md": "test_from_s3.py",
    "troubleshooting.md": "test_troubleshooting_page.py",
}
# Commands for a server elsewhere, and for what is in a shell's environment.
NOT_RUN = re.compile(
    r"\bpip install\b|\bflask --app example_app run\b|bucketcors check https://|bucketcors console "
)

# Pages with other commands, which are not run as they stand, each with the reason.
NOT_RUN_AS_THEY_STAND = {
    "CONTRIBUTING.md": "they install packages, and a hook in the repository",
    "metrics.md": "test_metrics_served.py runs gunicorn so, in a folder of its own",
    "README.md": ".ci/run runs the tests by its command; the other one starts a server",
    "testing.md": "they take minutes; test_fuzz.py and test_mutants.py run parts of them",
    "where-things-live.md": "they are steps of .ci/run",
}

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.M | re.S)
FILE = re.compile(r"# (\w+\.py)\n")


class Block(NamedTuple):
    """A block of code of a page.

    :param output: what the page says that it prints; None if it says nothing.
    :param line: where its code begins, from 1.
    """

    language: str
    code: str
    output: str | None
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(found[1], found[2], found[3], text.count("\n", 0, found.start(2)) + 1)
        for found in BLOCK.finditer(text)
        if not found[2].startswith(RUN_BY_OTHER_TESTS)
    ]


def pages_with(language: str, needs: str = "") -> list[Any]:
    """The pages that have such a block, as parameters."""
    return [
        pytest.param(page, id=page.name)
        for page in PAGES
        if any(each.language == language and needs in each.code for each in blocks_of(page))
    ]


def write_python(page: Path, folder: Path) -> list[str]:
    """Write the Python of a page as it stands, and give the names of the modules.

    A block that begins with a comment such as ``# shop.py`` is that file. The others are one
    module, because who reads a page has read what is above; it has the lines of the page, for
    errors. The first of them that makes an application is also the file ``app.py``.
    """
    lines: list[str] = []
    files: dict[str, str] = {}
    for block in blocks_of(page):
        if block.language != "python":
            continue
        named = FILE.match(block.code)
        if named:
            files[named[1]] = block.code
            continue
        if "\napp = Flask(" in block.code:
            files.setdefault("app.py", block.code)
        lines += [""] * (block.line - 1 - len(lines)) + block.code.splitlines()
    files["page.py"] = "\n".join(lines) + "\n"
    for name, code in files.items():
        (folder / name).write_text(code)
    return [name.removesuffix(".py") for name in files]


def run_in(
    folder: Path, *command: str, input: str = "", programs: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with its output and its errors in one text."""
    places = [programs, Path(sys.executable).parent, os.environ["PATH"]]
    return subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "PATH": os.pathsep.join(str(place) for place in places if place),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "NO_COLOR": "1",
            # Plugins of this run take longer to load than the tests of a page.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        input=input,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_in_the_documents_runs(page: Path, tmp_path: Path) -> None:
    """Imports included, in a process of its own; tests among it are run by pytest."""
    modules = write_python(page, tmp_path)
    tests = [f"{name}.py" for name in modules if name.startswith("test_")]
    imported = [name for name in modules if not name.startswith(("test_", "conftest"))]
    done = run_in(tmp_path, sys.executable, "-c", f"import {', '.join(imported)}")
    assert done.returncode == 0, done.stdout
    if tests:
        options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
        done = run_in(tmp_path, sys.executable, "-m", "pytest", *options, *tests)
        assert done.returncode == 0, done.stdout
        assert "passed" in done.stdout


@pytest.mark.parametrize("page", pages_with("sh", "bucketcors "))
def test_commands_in_the_documents_run(page: Path, forked_commands: Path, tmp_path: Path) -> None:
    """One after the other, on the application of the page, and they print what the page says."""
    if page.name in COMMANDS_RUN_BY:
        assert page.stem in (ROOT / "tests" / COMMANDS_RUN_BY[page.name]).read_text()
        return
    write_python(page, tmp_path)
    for name in ("rules.xml", "new.xml"):
        (tmp_path / name).write_text(RULES.to_xml())
    for block in blocks_of(page):
        lines = [each for each in block.code.splitlines(True) if not NOT_RUN.search(each)]
        if block.language != "sh" or "bucketcors " not in "".join(lines):
            continue
        done = run_in(
            tmp_path, "bash", "-euo", "pipefail", input="".join(lines), programs=forked_commands
        )
        # 1 says that something is refused or found, as the examples show it.
        assert done.returncode in (0, 1), (page.name, block.line, done.stdout)
        assert block.output in (None, done.stdout), (page.name, block.line)


@pytest.mark.parametrize("page", pages_with("sh"))
def test_no_block_of_commands_is_left_out(page: Path) -> None:
    """Blocks without a command of this package only install something, or have their reason."""
    if page.name in {*COMMANDS_RUN_BY, *NOT_RUN_AS_THEY_STAND}:
        return
    codes = [each.code for each in blocks_of(page) if each.language == "sh"]
    lines = [line for code in codes if "bucketcors " not in code for line in code.splitlines()]
    assert [line for line in lines if "pip install" not in line] == []


def test_every_block_says_in_which_language_it_is() -> None:
    """Because `python` and `sh` are run."""
    for page in PAGES:
        fences = re.findall(r"^```(\S*)$", page.read_text(), re.M)
        assert "" not in fences[::2], page.name


def documented_commands() -> list[tuple[str, str]]:
    """The commands that the text of a page names, each with the page."""
    pattern = r"`(?:flask(?: --app \w+)? |python -m flask_)?bucketcors ([^`-][^`]*)`"
    return [
        (page.name, command) for page in PAGES for command in re.findall(pattern, page.read_text())
    ]


@in_one_test
@pytest.mark.parametrize("page, command", documented_commands())
def test_commands_that_the_text_names_exist(page: str, command: str) -> None:
    """With these options; what stands for a value, such as NAME, is not looked at."""
    name, *rest = command.split()
    found = bucketcors.get_command(click.Context(bucketcors), name)
    assert found is not None
    known = {option for parameter in found.params for option in parameter.opts}
    assert {each.partition("=")[0] for each in rest if each.startswith("--")} <= known


def test_the_recipe_for_deleting_buckets_lets_no_bucket_inherit_rules() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    [recipe] = re.findall(r"## Deleting buckets.*?```python\n(.*?)```", page, re.S)
    with memory_store() as store:
        names: dict[str, Any] = {"__name__": "documented"}
        exec(recipe, names)
    rules = RULES
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
        assert f"## `BUCKETCORS_{name}`" in page


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
    api += (ROOT / "docs" / "signatures.md").read_text()
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
    in_the_readme = re.findall(r"\]\([^)#]*?docs/([\w-]+)\.md", (ROOT / "README.md").read_text())
    pages = [page.stem for page in PAGES if page.parent == ROOT / "docs" and page.stem != "index"]
    assert sorted(on_the_site) == pages
    # The README links to the changes themselves, which are beside it.
    assert set(in_the_readme) == set(pages) - {"changes"}


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


@in_one_test
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


@in_one_test
@pytest.mark.parametrize("row", check_rows(), ids=lambda row: row[0])
def test_examples_of_checks_are_found(row: tuple[str, ...]) -> None:
    assert row[0] in {each.id for each in flask_bucketcors.lint(example_rules(row[3]))}


FIELDS = {
    "origin": "allowed_origins",
    "from": "allowed_origins",
    "AllowedHeader": "allowed_headers",
    "ExposeHeader": "expose_headers",
    "AllowHeader": "AllowHeader",
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
