"""Rules move between SQLite, PostgreSQL and MariaDB, with their history, times and authors."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import PastChange, Rule, RuleSet, SQLiteStore, SQLStore, Store
from flask_bucketcors.cli.line_import import BATCH
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.hosts.server import Server
from tests.support.hosts.waiting import STOP_SECONDS, wait_until
from tests.support.processes import children

SQLITE = "SQLite"
KINDS = (SQLITE, "PostgreSQL", "MariaDB")
COMMAND = [sys.executable, "-m", "flask_bucketcors"]


def rules(number: int) -> RuleSet:
    """A rule set that differs by its number from others."""
    return RuleSet(
        [Rule(["https://a.example"], ["GET"], max_age_seconds=number, id="\u4e2d")], True
    )


HISTORIES = {
    "photos": [
        PastChange(100.25, "alice", rules(1)),
        PastChange(200.0, None, None),
        PastChange(1764529200.1234567, "\u4e2d\u202e\U0001f600 ", rules(2)),
    ],
    "photos ": [PastChange(-1.5, "", rules(4))],
    "gone\u00e9": [PastChange(1e-9, "carol", rules(3)), PastChange(250.0, None, None)],
}

Find = Callable[[str], str]


@pytest.fixture
def find_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Find]:
    """Give the name of a new database of a kind: a path, or a URL."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def find(kind: str) -> str:
            if kind == SQLITE:
                return str(tmp_path / f"{next(numbers)}.sqlite")
            server: Server = request.getfixturevalue(f"shared_{kind.lower()}")
            return stack.enter_context(server.database()).url

        yield find


@contextmanager
def opened(name: str, **options: int) -> Iterator[Store]:
    make = SQLStore if "://" in name else SQLiteStore
    with closing(make(name, **options)) as store:
        yield store


def histories(name: str) -> dict[str, list[PastChange]]:
    """All that a database has, the oldest change first."""
    with opened(name) as store:
        found = store.histories(store.list(with_deleted=True))
    return {
        bucket: [PastChange.of(entry) for entry in reversed(entries)]
        for bucket, entries in found.items()
    }


def fill(name: str, found: dict[str, list[PastChange]]) -> None:
    with opened(name) as store:
        store.put_with_history(found.items())


def move(of: str, to: str, *options: str) -> str:
    """Export and import; give what is printed at the end."""
    lines = invoke("export", "--history", "--database", of).stdout
    arguments = ("import", "-", "--quiet", "--create", "--database", to, *options)
    return invoke(*arguments, input=lines).stdout


@pytest.mark.parametrize(("of", "to"), [*itertools.product(KINDS, KINDS)])
def test_rules_move_with_their_history(find_database: Find, of: str, to: str) -> None:
    source, target = find_database(of), find_database(to)
    fill(source, HISTORIES)
    assert move(source, target).startswith("3 stored, 0 had")
    assert histories(target) == HISTORIES
    with opened(source) as store:
        store.put("photos", rules(5), author="dave")
        store.delete("photos ")
    assert move(source, target).startswith("2 stored, 1 had")
    assert histories(target) == histories(source)
    assert move(source, target).startswith("0 stored, 3 had")
    with opened(target) as store:
        store.rollback("gone\u00e9", store.history("gone\u00e9")[-1].revision)
        assert store.get("gone\u00e9") == rules(3)
        assert store.list() == ["gone\u00e9", "photos"]


@pytest.mark.parametrize("to", KINDS)
def test_an_import_that_is_killed_is_continued_by_the_same_command(
    find_database: Find, tmp_path: Path, to: str
) -> None:
    source, target = find_database(SQLITE), find_database(to)
    found = {f"bucket-{number:05}": HISTORIES["photos"] for number in range(3 * BATCH)}
    fill(source, found)
    path = tmp_path / "buckets.jsonl"
    invoke("export", "--history", path, "--database", source)
    command = [*COMMAND, "import", "--quiet", "--create"]
    # A password is not for the list of processes.
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "BUCKETCORS_DATABASE": target}
    with (
        opened(target) as store,
        children.running([*command, "-"], stdin=subprocess.PIPE, env=environ, text=True) as process,
    ):
        assert process.stdin is not None
        # The first two batches, and what the third one has when it is killed.
        process.stdin.write("".join(first_lines(path, 2 * BATCH + 7)))
        process.stdin.flush()
        wait_until(lambda: len(store.list()) >= BATCH, "a batch is stored")
        process.kill()
        process.wait(timeout=STOP_SECONDS)
        killed_at = len(store.list())
    assert killed_at % BATCH == 0
    done = invoke(*command[len(COMMAND) :], path, "--database", target)
    assert done.stdout == (
        f"{3 * BATCH - killed_at} stored, {killed_at} had these rules already, 0 lines refused\n"
    )
    assert histories(target) == found


def first_lines(path: Path, count: int) -> Sequence[str]:
    with path.open() as lines:
        return [*itertools.islice(lines, count)]


@pytest.mark.parametrize("to", KINDS[1:])
def test_a_host_that_follows_obeys_no_rules_of_the_past(
    find_database: Find, tmp_path: Path, to: str
) -> None:
    """Each bucket of the import has its last rules or, until they come, none."""
    source, target = find_database(SQLITE), find_database(to)
    found = {f"bucket-{number:05}": HISTORIES["photos"] for number in range(2 * BATCH)}
    fill(source, {**found, "gone": HISTORIES["gone\u00e9"]})
    seen: set[Any] = set()
    with (
        opened(target) as server,
        closing(ReplicaStore(SQLStore(target), tmp_path / "copy.sqlite")) as host,
    ):
        server.put("gone", rules(9))
        host.signal()
        wait_until(lambda: host.get("gone") == rules(9), "the host follows")

        def look() -> bool:
            seen.update(host.get(bucket) for bucket in (*found, "none"))
            return len(host.list("bucket-")) == len(found)

        lines = invoke("export", "--history", "--database", source).stdout
        with children.running(
            [*COMMAND, "import", "-", "--quiet", "--overwrite", "--database", target],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        ) as process:
            process.communicate(lines, timeout=60)
            wait_until(look, "the host has all")
        assert seen <= {None, rules(2)}
        assert host.get("gone") is None
        assert host.history("bucket-00000") == server.history("bucket-00000")
        assert host.list(with_deleted=True) == server.list(with_deleted=True)


@pytest.mark.parametrize("to", KINDS[1:])
def test_a_host_that_imports_obeys_when_the_command_ends(
    find_database: Find, tmp_path: Path, to: str
) -> None:
    with closing(ReplicaStore(SQLStore(find_database(to)), tmp_path / "copy.sqlite")) as host:
        revision = host.put_with_history(HISTORIES.items())
        assert host.revision == revision
        assert host.get("photos") == HISTORIES["photos"][-1].rules
        assert host.list() == ["photos", "photos "]
        assert host.list(with_deleted=True) == ["gone\u00e9", "photos", "photos "]
        assert host.history_limit == 50
        writes = host.last_writes(["photos", "gone\u00e9", "none", "a/b"])
        assert [bucket for bucket, each in writes.items() if each.version] == ["photos"]
        assert [bucket for bucket, each in writes.items() if each.change] == [
            "photos",
            "gone\u00e9",
        ]
        assert host.put("photos", rules(7), expected=writes["photos"].version) == revision + 1


@pytest.mark.parametrize("to", KINDS)
def test_the_target_keeps_as_much_history_as_it_does(find_database: Find, to: str) -> None:
    source, target = find_database(SQLITE), find_database(to)
    fill(source, HISTORIES)
    with opened(target, history_limit=2) as store:
        store.put_many([("photos", rules(8)), ("gone\u00e9", rules(8))])
    printed = move(source, target, "--overwrite")
    assert "3 stored, 0 had" in printed
    assert "; 1 old change left out, as this database keeps 2 of each bucket" in printed
    expected = {bucket: changes[-2:] for bucket, changes in HISTORIES.items()}
    assert histories(target) == expected
    with opened(target) as store:
        kept = store.histories(["photos"])["photos"]
        assert store.history("photos", before=kept[0].revision) == kept[1:]
        store.put("photos", rules(9))
        assert [each.rule_set for each in store.history("photos")] == [rules(9), rules(2)]


@pytest.mark.parametrize("to", KINDS)
def test_large_changes_move(find_database: Find, to: str) -> None:
    """Fifty changes of one bucket, of about 64 KiB each."""
    source, target = find_database(SQLITE), find_database(to)
    many = [Rule([f"https://{number:03}.example.com"] * 30, ["GET"]) for number in range(60)]
    found = {"large": [PastChange(float(n), None, RuleSet(many[n:] + many[:n])) for n in range(50)]}
    fill(source, found)
    assert move(source, target).startswith("1 stored")
    assert histories(target) == found


def test_an_author_that_postgresql_cannot_store_is_no_conflict(find_database: Find) -> None:
    source, target = find_database(SQLITE), find_database("PostgreSQL")
    fill(source, {"photos": [PastChange(1.0, "a\0b", rules(1))]})
    assert move(source, target).startswith("1 stored")
    assert move(source, target).startswith("0 stored, 1 had")
    assert [change.author for change in histories(target)["photos"]] == ["a\ufffdb"]
