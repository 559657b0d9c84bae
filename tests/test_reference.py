"""The border between what is public and what is not, and the page that describes it."""

import ast
import builtins
import importlib
import re
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import flask_bucketcors
from flask_bucketcors.core.dialects import DIALECTS
from tests.support import ROOT
from tests.support.loggers import LOGGERS
from tests.support.tables import in_one_test

PACKAGE = ROOT / "flask_bucketcors"
MAKER: Any = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))
ENTRIES: dict[str, Any] = MAKER["entries"]()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Parameters that a docstring leaves to another place, which it names.
DESCRIBED_ELSEWHERE = {
    "Settings": "docs/configuration.md",
    "console_app": "RulesAPI",
    "create_blueprint": "RulesAPI",
    "assert_browser_refuses": "assert_browser_allows",
}
#: What pages name beside the public names: keys of the environ, loggers, and a module that has
#: some of these names.
NOT_NAMES = {
    "flask_bucketcors.bucket",
    "flask_bucketcors.decision",
    *LOGGERS,
    "flask_bucketcors.testing",
}


def docs_of(name: str) -> Iterator[tuple[str, Any]]:
    """The docstrings of a public name and of its members, taken apart."""
    entry = ENTRIES[name]
    yield name, entry.doc
    for member in entry.members:
        yield f"{name}.{member.name}", member.doc


def is_error(name: str) -> bool:
    return isinstance(getattr(builtins, name, None), type)


def test_the_page_is_what_the_docstrings_say() -> None:
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert page == MAKER["page"](), "run python docs/make_reference.py"


def test_each_public_name_is_listed_once_and_is_there() -> None:
    listed = [name for topic in MAKER["topics"]() for name in topic.names]
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8"))
    imported = [
        name for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names
    ]
    assert len(listed) == len(imported)
    assert flask_bucketcors.__all__ == sorted(listed)
    assert set(listed) <= set(dir(flask_bucketcors))
    assert not hasattr(flask_bucketcors, "Everything")


def test_a_public_name_is_what_its_module_defines() -> None:
    for name, entry in ENTRIES.items():
        module = importlib.import_module(entry.module)
        assert getattr(flask_bucketcors, name) is getattr(module, name)


def test_a_public_name_has_a_docstring_that_names_its_parameters() -> None:
    for name, entry in ENTRIES.items():
        assert entry.doc.text, name
        parameters = {name for name, _, _ in entry.parameters} - {"*"}
        assert set(entry.doc.parameters) <= parameters, name
        if name in DESCRIBED_ELSEWHERE:
            assert DESCRIBED_ELSEWHERE[name] in entry.doc.text, name
        else:
            assert set(entry.doc.parameters) == parameters, name


def test_every_method_and_property_has_a_docstring_or_overrides_one_that_has() -> None:
    for name, entry in ENTRIES.items():
        bases = [ENTRIES[base] for base in entry.bases if base in ENTRIES]
        inherited = {each.name for base in bases for each in base.members if each.doc.text}
        assert {each.name for each in entry.members if not each.doc.text} <= inherited, name


def test_docstrings_refer_to_public_names() -> None:
    for name, entry in ENTRIES.items():
        own = {each.name for each in entry.members} | {each[0] for each in entry.parameters}
        for where, doc in docs_of(name):
            told = [doc.text, doc.returns, *doc.parameters.values(), *doc.errors.values()]
            for role in re.findall(r":[a-z]+:`~?([\w.]+)`", "\n".join(told)):
                first, *rest = role.removeprefix("flask_bucketcors.").split(".")
                assert first in (own if not rest and first not in ENTRIES else ENTRIES), where


def test_errors_that_are_raised_are_public() -> None:
    for name in ENTRIES:
        for where, doc in docs_of(name):
            assert all(each in ENTRIES or is_error(each) for each in doc.errors), where


def private_types(name: str) -> set[str]:
    """The types of this package in the signatures of a name that are not public."""
    entry = ENTRIES[name]
    parameters = [*entry.parameters, *(each for one in entry.members for each in one.parameters)]
    types = [type_ for _, type_, _ in parameters] + [each.returns for each in entry.members]
    if not isinstance(entry.node, ast.ClassDef | ast.AnnAssign):
        types.append(ast.unparse(getattr(entry.node, "returns", None) or entry.node.value))
    tree = ast.parse(Path(importlib.import_module(entry.module).__file__ or "").read_text())
    foreign = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not str(getattr(node, "module", "")).startswith("flask_bucketcors")
        for alias in node.names
    }
    named = re.findall(r"(?<![\w.])[A-Za-z_]\w*", " ".join(types))
    return {each for each in named if each not in {*ENTRIES, *foreign, *dir(builtins)}}


def test_types_in_signatures_are_public_or_explained() -> None:
    assert set().union(*map(private_types, ENTRIES)) == set(MAKER["PRIVATE_TYPES"])


@cache
def private_classes() -> set[str]:
    """The classes that the package defines and does not make public."""
    trees = [ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")]
    classes = {each.name for tree in trees for each in tree.body if isinstance(each, ast.ClassDef)}
    return classes - set(ENTRIES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_speak_of_public_names_alone(page: Path) -> None:
    """But for the map of the house, which is for those who change it."""
    text = page.read_text("utf-8")
    dotted = set(re.findall(r"\bflask_bucketcors(?:\.\w+)+", text)) - NOT_NAMES
    classes = set(re.findall(r"`([A-Z]\w*)(?:\([^`]*\))?`", text)) & private_classes()
    if page.name == "where-things-live.md":
        return
    assert {each.split(".")[1] for each in dotted} <= set(ENTRIES)
    codes = {error.code for each in DIALECTS.values() for error in each.errors.values()}
    assert classes <= {*codes, *MAKER["PRIVATE_TYPES"]}


@in_one_test
@pytest.mark.parametrize(
    "folder",
    [path.parent for path in sorted(PACKAGE.rglob("__init__.py")) if path.parent != PACKAGE],
    ids=lambda folder: folder.relative_to(PACKAGE).as_posix(),
)
def test_every_other_package_says_what_it_is_and_that_it_is_private(folder: Path) -> None:
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    first, _, rest = docstring.partition("\n\n")
    assert re.fullmatch(r"[^.]+\.", first.replace("`?cors`", ""), re.S)
    if f"flask_bucketcors.{folder.name}" in {*NOT_NAMES} - LOGGERS:
        public = importlib.import_module(f"flask_bucketcors.{folder.name}").__all__
        assert {*public} == {n for n, each in ENTRIES.items() if each.module.endswith(folder.name)}
    else:
        assert rest.startswith("This package is private: it may change without notice.")
