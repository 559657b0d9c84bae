"""The map for contributors is that of the tree."""

import re
from collections import Counter
from configparser import ConfigParser

from tests.support import ROOT

PACKAGE = ROOT / "flask_bucketcors"
PAGE = (ROOT / "docs" / "where-things-live.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_package_has_its_row() -> None:
    rows = re.findall(r"^\| `([\w/]+/)` \|", section("Packages"), re.M)
    folders = [path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("__init__.py")]
    assert sorted(rows) == sorted(f"{each}/" for each in folders if each.parts)


def test_every_module_is_found_by_its_name() -> None:
    """A name without a folder is that of one file alone."""
    for name in re.findall(r"`([\w/]+\.pyi?)`", PAGE):
        if not (ROOT / name).exists() and not (PACKAGE / name).exists():
            assert len(list(PACKAGE.rglob(name))) == 1, name


def test_every_folder_that_is_named_exists() -> None:
    for name in re.findall(r"`([\w/]+/)`", PAGE):
        assert (PACKAGE / name).is_dir() or (ROOT / name).is_dir(), name


def test_every_class_and_constant_that_is_named_exists() -> None:
    source = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    named = set(re.findall(r"`([A-Z]\w+)`", PAGE))
    assert {"Check", "SCHEMES", "Store"} <= named
    assert not {name for name in named if not re.search(rf"^(class )?{name}\b", source, re.M)}


def test_every_name_that_is_said_to_be_in_a_file_is_there() -> None:
    """As in: a row of `Check` in `mistakes.py`."""
    places = re.findall(r"`(\w+)` in `([\w/]+)(\.py)?/?`", PAGE)
    assert ("Check", "mistakes", ".py") in places
    for name, place, is_file in places:
        files = PACKAGE.rglob(place + is_file) if is_file else (PACKAGE / place).glob("*.py")
        source = "\n".join(path.read_text("utf-8") for path in files)
        assert re.search(rf"^(class |def )?{name}\b", source, re.M), (name, place)


def test_the_picture_shows_the_layers_that_are_checked() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    layers = config["importlinter:contract:layers"]["layers"].split("\n")[1:]
    lines = section("Layers").partition("```text\n")[2].partition("```")[0].splitlines()
    shown = [re.split(r" {2,}", line[:46].strip()) for line in lines]
    assert shown == [re.split(r" \| ", layer) for layer in layers]


def test_no_two_files_have_one_name_but_vendors_commands_and_stores() -> None:
    vendors = {"cos.py", "oss.py", "s3.py", "obs.py", "__init__.py"}
    names = Counter(
        path.name
        for path in PACKAGE.rglob("*.py")
        if path.name not in vendors
        and "cli" not in path.relative_to(PACKAGE).parts
        and not path.relative_to(PACKAGE).match("stores/*/store.py")
    )
    assert {name for name, count in names.items() if count > 1} == set()
