"""What docstrings, comments and documents refer to exists: modules, their parts, and files."""

import ast
import builtins
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.loggers import LOGGERS
from tests.support.prose import prose

FOLDERS = [
    ROOT / name for name in ("benchmarks", "docs", "example_app", "flask_bucketcors", "tests")
]
FILES = [path for folder in FOLDERS for path in sorted(folder.rglob("*")) if path.is_file()]
FILES += sorted(ROOT.glob("*.*"))
PATHS = [f"/{path.relative_to(ROOT).as_posix()}" for path in FILES]
MODULES = [path for path in FILES if path.suffix in {".py", ".pyi"}]
PAGES = [path for path in FILES if path.suffix == ".md"]
SCRIPTS = [path for path in FILES if path.suffix == ".js"]

PYTHON_NAME = re.compile(r"(?<![\w./-])(?:flask_bucketcors|example_app)(?:\.[A-Za-z_]\w*)+")
ROLE = re.compile(r":(?:attr|class|const|data|exc|func|meth|mod|obj):`~?([\w.]+)`")
FILE_NAME = re.compile(r"(?<![\w./<{-])(?:[\w-]+/)*[\w-]+\.(?:pyi?|js|json|md|toml)(?![\w/])")

#: What looks like a part of a module and is a key of the WSGI environ.
# Keys of the environ, and loggers.
OTHER_NAMES = {"flask_bucketcors.bucket", "flask_bucketcors.decision", *LOGGERS}
#: In a block of code of a page: a file that it is, or that a command writes.
BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.M | re.S)
SHOWN_FILE = re.compile(r"^(?:# (?:with )?|.*> ?)([\w-]+\.(?:js|json|py))\b", re.M)
#: Files of other projects, or of people who use this one.
FOREIGN_FILES = {
    "manage.py",
    "obs/const.py",
    "oss2/auth.py",
    "page.py",
    "wsgi.py",
    # Libraries that have the names of files.
    "PDF.js",
    "dash.js",
    "hls.js",
    "video.js",
}


def shown_files() -> set[str]:
    """The files that the pages tell their readers to write."""
    blocks = [block for page in PAGES for block in BLOCK.findall(page.read_text())]
    return {name for block in blocks for name in SHOWN_FILE.findall(block)}


def found_in(paths: list[Path], pattern: re.Pattern[str]) -> list[tuple[Path, str]]:
    """What a pattern finds in the prose of files, each with its file."""
    return [(path, name) for path in paths for name in set(pattern.findall(prose(path)))]


@cache
def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one or in its classes."""
    module, _, name = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        return bool(module) and exists(module) and name in parts_of(module)
    return True


def parts_of(dotted: str) -> set[str]:
    """The names in a module or class, fields that only objects have included."""
    module, _, name = dotted.rpartition(".")
    try:
        holder = importlib.import_module(dotted)
    except ModuleNotFoundError:
        holder = getattr(importlib.import_module(module), name)
    return {*dir(holder), *getattr(holder, "__annotations__", {})}


@cache
def own_names(path: Path) -> set[str]:
    """All names that a module defines or imports, those of its classes and functions included."""
    names = set(dir(builtins))
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add(other or name)
            case ast.ImportFrom(module=str(module)):
                names.add(module)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def is_known(name: str, path: Path) -> bool:
    """Whether a name is one of the module that has it or of one beside it, or can be imported."""
    first, *parts = name.split(".")
    beside = path.with_name(f"{first}.py")
    return (
        {first, *parts} <= own_names(path)
        or (beside.exists() and set(parts) <= own_names(beside))
        or exists(name)
    )


def is_a_file(name: str) -> bool:
    """Whether a file has this name, its folders as far as they are given."""
    return any(path.endswith(f"/{name}") for path in PATHS)


def test_dotted_names_exist() -> None:
    found = found_in([*MODULES, *PAGES], PYTHON_NAME)
    missing = [(str(path), name) for path, name in found if name not in OTHER_NAMES]
    assert found
    assert [(path, name) for path, name in missing if not exists(name)] == []


def test_roles_name_something_that_their_module_knows() -> None:
    found = found_in(MODULES, ROLE)
    assert found
    assert [(str(path), name) for path, name in found if not is_known(name, path)] == []


def test_named_files_exist() -> None:
    found = found_in([*MODULES, *PAGES, *SCRIPTS], FILE_NAME)
    others = FOREIGN_FILES | shown_files()
    named = [(str(path), name) for path, name in found if name not in others]
    assert found
    assert [(path, name) for path, name in named if not is_a_file(name)] == []


@pytest.mark.parametrize(
    "name, there",
    [
        ("flask_bucketcors.wsgi.hot_path", True),
        ("flask_bucketcors.RuleSet.as_dict", True),
        ("flask_bucketcors.core.dialects.record.Dialect.max_rules", True),
        ("flask_bucketcors.core.algebra", False),
        ("flask_bucketcors.RuleSet.to_dict", False),
        ("flask_bucketcors.no_module.Name", False),
    ],
)
def test_a_stale_name_is_noticed(name: str, there: bool) -> None:
    assert exists(name) is there
    assert PYTHON_NAME.findall(f"# See :func:`~{name}`.") == [name]
