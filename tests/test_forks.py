"""Forks lose nothing: each program of ``forking_programs`` runs, and the disk holds what it says.

They fork in processes of their own, because Python warns of forks in a process with threads,
and because the tests' own process has more open than a server.
"""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import ROOT
from tests.support.processes import early_locks, forking_programs
from tests.support.processes.children import CHILD_SECONDS, running
from tests.support.processes.forking_programs import CHILDREN, PUTS, stored_in

LIMIT_SECONDS = 120

if not hasattr(os, "fork"):
    pytest.skip("there are no forks on this system", allow_module_level=True)


class Told(NamedTuple):
    """What the processes of a program were told."""

    stored: dict[str, set[str]]
    refused: dict[str, str]
    did: set[str]


def run(case: object, path: Path) -> Told:
    """Run a program, and wait until all of its processes have ended."""
    name = case.__name__  # type: ignore[attr-defined]
    # Python 3.12 and later warn of the very thing that is shown here.
    warnings = "ignore:This process:DeprecationWarning"
    command = [sys.executable, "-W", warnings, "-m", forking_programs.__name__]
    with running(
        [*command, name, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            output, errors = program.communicate(timeout=LIMIT_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
    assert (program.returncode, errors) == (0, "")
    stored, refused, did = defaultdict(set), {}, set()
    for line in output.splitlines():
        kind, who, text = line.split(" ", 2)
        if kind == "stored":
            stored[who].add(text)
        elif kind == "refused":
            refused[who] = text
        else:
            did.add(f"{who} {text}")
    return Told(stored, refused, did)


def children(names: int = CHILDREN, puts: int = PUTS) -> set[str]:
    return {f"child{number}-{put}" for number in range(names) for put in range(puts)}


@pytest.mark.parametrize(
    "case",
    [
        forking_programs.the_parent_closes,
        forking_programs.the_parent_closes_before_the_children_begin,
        forking_programs.the_parent_ends,
        forking_programs.another_program_comes_and_goes,
        forking_programs.another_program_comes_and_goes_and_the_parent_writes,
        forking_programs.children_have_children,
        forking_programs.threads_write,
        forking_programs.a_thread_waits_for_another_program,
        forking_programs.two_stores,
        forking_programs.stores_are_made_meanwhile,
        forking_programs.two_threads_fork,
        forking_programs.multiprocessing_forks,
        forking_programs.gevent_forks,
        forking_programs.gevent_waits_for_another_program,
        forking_programs.a_server_forks_in_c_before_anything_is_open,
    ],
    ids=lambda case: case.__name__.replace("_", " "),
)
def test_what_was_acknowledged_is_on_the_disk(case: object, path: Path) -> None:
    """Every child can write, and nothing that it was told is lost."""
    told = run(case, path)
    assert told.refused == {}
    assert str(path) in told.stored
    for file, stored in told.stored.items():
        assert stored - stored_in(Path(file)) == set()
        assert children() - stored == set()


@pytest.mark.parametrize(
    "case", [forking_programs.the_locks_cannot_be_had, forking_programs.a_server_forks_in_c]
)
def test_a_child_whose_parent_had_the_database_open_says_what_to_do(
    case: object, path: Path
) -> None:
    """It neither writes nor reads, and leaves alone what it inherited, also when it ends."""
    told = run(case, path)
    assert set(told.refused) == {"child", "child-reading"}
    for text in told.refused.values():
        assert "was forked while its parent had the database open" in text
        assert "Restart the workers" in text
        assert "lazy-apps = true" in text
    assert told.stored[str(path)] == {"parent", "parent-later"} == stored_in(path)
    assert told.did == {"parent keeps its log"}


def test_a_thread_that_holds_the_lock_itself_can_fork(path: Path) -> None:
    told = run(forking_programs.the_thread_that_forks_holds_the_lock, path)
    assert set(told.refused) == {"child"}
    assert told.stored[str(path)] == {"parent", "parent-later"} == stored_in(path)


def test_greenlets_share_locks_that_are_older_than_the_patches_of_gevent(path: Path) -> None:
    """Such a lock blocks the thread, and with it the greenlet that would release it."""
    command = [sys.executable, "-m", early_locks.__name__, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_SECONDS)
    assert (done.stdout.splitlines(), done.stderr) == (
        [
            *("asks what changed", "opens the database", "writes", "counts refusals"),
            "makes a store while another forks",
        ],
        "",
    )


def test_stores_in_memory_are_copied(path: Path) -> None:
    """Though another thread holds their lock when the fork begins."""
    told = run(forking_programs.memory_is_copied, path)
    assert told.did == {
        f"{who} {kind} {names}"
        for kind in ("SQLiteStore", "MemoryStore")
        for who, names in (("parent", ["parent"]), ("child", ["child", "parent"]))
    }


def test_a_database_in_memory_is_copied_without_hooks(path: Path) -> None:
    told = run(forking_programs.a_server_forks_in_c_with_a_database_in_memory, path)
    assert told.did == {"parent ['parent']", "child ['child', 'parent']"}


def test_a_lock_in_memory_that_cannot_be_had_is_a_new_one_in_the_child(path: Path) -> None:
    told = run(forking_programs.locks_of_memory_cannot_be_had, path)
    assert told.did == {"parent ['b']", "child ['b']"}


def test_the_cache_can_be_filled_in_parent_and_child(path: Path) -> None:
    told = run(forking_programs.a_cache_is_filled, path)
    assert told.did == {"parent True", "child True"}


def test_what_lint_found_is_kept_in_parent_and_child(path: Path) -> None:
    told = run(forking_programs.a_memo_is_asked, path)
    assert told.did == {"parent 1", "child 1"}


def test_a_fork_does_not_wait_for_a_cache_that_may_wait_for_the_fork(path: Path) -> None:
    told = run(forking_programs.a_cache_asks_its_store_during_the_fork, path)
    assert told.did == {"parent waited True", "parent True", "child True"}
