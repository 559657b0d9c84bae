"""A slice of each fuzz target: its seeds, and the same few hundred mutants each time."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.catalogue import TARGETS
from tests.fuzz.mutants import mutants
from tests.fuzz.target import Target
from tests.support import ROOT

MUTANTS = 200
SEED = 20_261_122
# It begins to run within seconds; this only keeps a child from staying for ever.
CHILD_SECONDS = 60


@pytest.mark.parametrize("target", [pytest.param(each, id=name) for name, each in TARGETS.items()])
def test_slice(target: Target) -> None:
    seeds = list(target.seeds())
    assert seeds
    for data in [b"", *seeds, *islice(mutants(seeds, target.words, SEED), MUTANTS)]:
        try:
            target.check(data)
        except Exception as error:
            error.add_note(f"input: {data!r}")
            raise


def test_mutants_are_the_same_each_time() -> None:
    first, second = (list(islice(mutants([b"abc"], [b"x"], 1), 50)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 25


def test_the_command_runs_targets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "host", "--plain", "--minutes", "0.01"]
    done = subprocess.run(
        [*command, "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "host:" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_command_names_the_targets_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hots"]) == 2
    assert "no target is called hots: write one of xml," in capsys.readouterr().out


def test_the_command_keeps_an_input_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(data: bytes) -> None:
        assert b"a" not in data

    monkeypatch.setitem(TARGETS, "host", Target("host", check, lambda: [b"b", b"a"]))
    assert main(["host", "--plain", "--minutes", "1", "--keep", str(tmp_path)]) == 1
    [kept] = tmp_path.iterdir()
    assert kept.read_bytes() == b"a"
    with pytest.raises(AssertionError):
        main(["host", "--input", str(kept)])
    assert str(kept) in capsys.readouterr().out


def test_the_documents_name_every_target() -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    assert all(f"| `{name}` |" in page for name in TARGETS)
