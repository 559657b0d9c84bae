"""What a release consists of: the floors of its dependencies, its files, and the checklist."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import ROOT

URL: Final = "https://code.example/project"
CHANGES: Final = "# Changes\n\n## 1.2.0\n\nReleased 2026-12-01.\n\n- A change.\n"
#: A release whose tests pass and whose build makes a file.
FILES: Final = {
    "setup.cfg": "[metadata]\nname = project\nversion = 1.2.0\n",
    "CHANGES.md": CHANGES,
    ".gitignore": "dist/\ndist-tag.txt\n",
    ".ci/run": "#!/bin/sh\necho the tests pass\n",
    ".ci/build": "import sys\nprint('built for', *sys.argv[2:])\n",
    "tools/build.py": "",
    "tools/twine.py": "",
    "tools/check_wheel_contents.py": "",
}
BUILD: Final[Any] = runpy.run_path(str(ROOT / ".ci" / "build"))
TRY_WHEEL: Final[Any] = runpy.run_path(str(ROOT / ".ci" / "try_wheel"))
Release = Callable[..., subprocess.CompletedProcess[str]]


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=carol", "-c", "user.email=carol@a.example"]
    command = ["git", *who, *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose release is in order."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, text in FILES.items():
        write(tmp_path, name, text)
    shutil.copy(ROOT / ".ci" / "release", tmp_path / ".ci")
    git(tmp_path, "init")
    git(tmp_path, "remote", "add", "origin", f"{URL}.git")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "Begin")
    return tmp_path


@pytest.fixture
def release(project: Path) -> Release:
    # -S: without what is installed beside the tests.
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-S", ".ci/release", *arguments],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(project / "tools")},
            capture_output=True,
            text=True,
            timeout=30,
        )

    return run


def test_a_release_in_order_is_built_and_tagged_by_hand(project: Path, release: Release) -> None:
    done = release()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.index("the tests pass") < done.stdout.index("built for")
    assert (project / "dist-tag.txt").read_text() == (
        "flask_bucketcors 1.2.0\n\nReleased 2026-12-01.\n\n- A change.\n"
    )
    commands = done.stdout.partition("To publish it:\n")[2].splitlines()
    assert [each.split()[:2] for each in commands] == [
        ["git", "tag"],
        ["git", "push"],
        ["twine", "upload"],
    ]
    git(project, *commands[0].split()[1:])
    refused = release()
    assert "version: v1.2.0 is tagged already: raise the version in setup.cfg" in refused.stderr


@pytest.mark.parametrize(
    "name, text, said",
    [
        (
            "setup.cfg",
            "[metadata]\nversion = 1.2.dev0\n",
            "version: setup.cfg has '1.2.dev0': write one such as 1.2.0 or 1.2.0rc1",
        ),
        (
            "CHANGES.md",
            CHANGES.replace("1.2.0", "1.1.0"),
            "changes: CHANGES.md begins with '1.1.0': add the heading '## 1.2.0'",
        ),
        (
            "CHANGES.md",
            "# Changes\n",
            "changes: CHANGES.md begins with '': add the heading '## 1.2.0'",
        ),
        (
            "CHANGES.md",
            CHANGES.replace("Released 2026-12-01.", "Not released yet."),
            "changes: write 'Released YYYY-MM-DD.' below '## 1.2.0', not 'Not released yet.'",
        ),
        (
            "CHANGES.md",
            CHANGES.replace("- A change.\n", ""),
            "changes: '## 1.2.0' has no entry: write what users notice",
        ),
        (
            "tools/twine.py",
            None,
            "tools: twine is missing: pip install '.[release]'",
        ),
        ("dist/old.whl", "", "build: dist is not empty: remove what is in it"),
    ],
)
def test_what_is_not_in_order_is_refused_by_name(
    project: Path, release: Release, name: str, text: str | None, said: str
) -> None:
    if text is None:
        (project / name).unlink()
    else:
        write(project, name, text)
    git(project, "add", ".")
    git(project, "commit", "--allow-empty", "--message", "Change")
    done = release()
    assert done.returncode == 1
    assert said in done.stderr.splitlines()
    assert "the tests pass" not in done.stdout


def test_a_release_needs_a_clean_tree_and_an_address(project: Path, release: Release) -> None:
    git(project, "remote", "set-url", "origin", str(project))
    write(project, "CHANGES.md", f"{CHANGES}- Another.\n")
    write(project, "new.py", "")
    assert release().stderr.splitlines() == [
        "tree: CHANGES.md is not committed",
        "tree: new.py is not committed",
        "address: the remote 'origin' has no address on the web: pass the repository's URL",
        "1.2.0 is not released",
    ]
    git(project, "add", ".")
    git(project, "commit", "--message", "Change")
    assert f"built for {URL}\n" in release(URL).stdout


@pytest.mark.parametrize("step", [".ci/run", ".ci/build"])
def test_a_step_that_fails_ends_the_release(project: Path, release: Release, step: str) -> None:
    write(project, step, "#!/bin/sh\nexit(1)\n" if step == ".ci/build" else "#!/bin/sh\nexit 1\n")
    git(project, "commit", "--all", "--message", "Break")
    done = release()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("failed: nothing is released")
    assert "To publish it" not in done.stdout


def pack(path: Path, names: list[str]) -> Path:
    """A wheel or an sdist with such files."""
    texts = {name: "[API](docs/api.md)" if name.endswith("METADATA") else "" for name in names}
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as wheel:
            for name, text in texts.items():
                wheel.writestr(name, text)
    else:
        with tarfile.open(path, "w:gz") as sdist:
            for name in names:
                sdist.addfile(tarfile.TarInfo(f"project-1.2.0/{name}"))
    return path


def test_what_is_built_has_the_committed_files_and_no_relative_link(tmp_path: Path) -> None:
    committed = {"setup.cfg", "flask_bucketcors/__init__.py", "flask_bucketcors/py.typed"}
    built = ["setup.cfg", "PKG-INFO", "flask_bucketcors/__init__.py", "flask_bucketcors/old.py"]
    sdist = pack(tmp_path / "project-1.2.0.tar.gz", built)
    assert BUILD["sdist_faults"](sdist, committed) == [
        "the sdist lacks flask_bucketcors/py.typed",
        "the sdist has flask_bucketcors/old.py, which is not committed",
    ]
    metadata = "project-1.2.0.dist-info/METADATA"
    wheel = pack(tmp_path / "project-1.2.0-py3-none-any.whl", [*built[2:], metadata])
    assert BUILD["wheel_faults"](wheel, committed) == [
        "the wheel lacks flask_bucketcors/py.typed",
        "the wheel has flask_bucketcors/old.py, which is not committed",
        "the README's link to docs/api.md is not absolute",
    ]


def floors() -> dict[str, str]:
    """The oldest release of each package that users install, as setup.cfg has it."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    names = [name for name in extras if name not in TRY_WHEEL["OF_DEVELOPERS"]]
    lines = [config["options"]["install_requires"], *(extras[name] for name in names)]
    found = re.findall(r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)$", "\n".join(lines), re.M)
    return {name.lower(): floor for name, floor in found}


def test_the_floors_that_are_tested_are_those_of_setup_cfg() -> None:
    lines = (ROOT / ".ci" / "floors.txt").read_text().lower().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    for name, floor in floors().items():
        assert f"{pinned[name]}.0.0".startswith(f"{floor}."), name
