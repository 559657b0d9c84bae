"""``export --history`` and ``import``: rules that move from one store to another."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, PastChange, Rule, RuleSet, SQLiteStore, Store
from flask_bucketcors.cli import bucket_lines, line_import
from flask_bucketcors.cli.line_import import BATCH
from tests.support import ROOT
from tests.support.command_line import invoke
from tests.support.other_tools import run_sql
from tests.support.processes import children
from tests.test_stores import open_store

ALL = ("memory", "sqlite", "documented")


def rules(seconds: int = 0, count: int = 1) -> RuleSet:
    """A rule set that differs by its number from others."""
    rule = Rule(["https://a.example"], ["GET"], max_age_seconds=seconds, id="\u4e2d")
    return RuleSet([rule] * count, True)


NULL_ORIGIN = RuleSet([Rule(["null"], ["GET"])])

PHOTOS = [
    PastChange(100.25, "alice", rules(1)),
    PastChange(200.0, None, None),
    PastChange(1764529200.1234567, "\u4e2d\u202e", rules(2)),
]
GONE = [PastChange(150.5, "carol", rules(3)), PastChange(250.0, None, None)]


class Place:
    """A store, with the commands on an application that has it."""

    def __init__(self, store: Store, folder: Path, **options: Any) -> None:
        self.store = store
        self.app = Flask("storage", instance_path=str(folder), static_folder=None)
        settings = {name: options.pop(name) for name in [*options] if name.isupper()}
        self.app.config.update(settings)
        BucketCORS(self.app, store=store, **options)

    def export(self, *options: str, code: int = 0) -> str:
        return invoke("export", "--history", *options, app=self.app, code=code).stdout

    def take(self, lines: str, *options: str, code: int = 0) -> str:
        """Import lines; give what is printed."""
        return invoke("import", "-", *options, app=self.app, code=code, input=lines).output

    def changes(self, bucket: str) -> list[PastChange]:
        """The history of a bucket, the oldest first."""
        return [PastChange.of(entry) for entry in reversed(self.store.history(bucket))]


Make = Callable[..., Place]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a place with a new store of a kind; other options are those of BucketCORS."""
    opened: list[Store] = []

    def make_place(kind: str = "memory", *, history_limit: int = 50, **options: Any) -> Place:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(open_store(kind, folder, history_limit=history_limit))
        return Place(opened[-1], folder, **options)

    yield make_place
    for store in opened:
        store.close()


@pytest.fixture
def source(make: Make) -> Place:
    place = make()
    place.store.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    return place


def summary(stored: int = 0, equal: int = 0, refused: str = "0 lines", rest: str = "") -> str:
    return f"{stored} stored, {equal} had these rules already, {refused} refused{rest}\n"


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("of", ALL)
def test_rules_move_with_their_history(make: Make, of: str, to: str) -> None:
    source, target = make(of), make(to)
    source.store.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    source.store.put("new", rules(9), author="dave")
    target.store.put("other", rules())
    lines = source.export()
    assert target.take(lines).endswith(summary(stored=3))
    assert target.store.list() == ["new", "other", "photos"]
    assert target.store.list(with_deleted=True) == ["gone", "new", "other", "photos"]
    for bucket in ("photos", "gone", "new"):
        assert target.changes(bucket) == source.changes(bucket)
    target.store.rollback("gone", target.store.history("gone")[-1].revision)
    assert target.store.get("gone") == rules(3)


@pytest.mark.parametrize("to", ALL)
def test_an_import_that_is_run_again_stores_nothing_twice(
    make: Make, source: Place, to: str
) -> None:
    target = make(to)
    target.take(source.export())
    seen = (target.store.state(), target.changes("photos"))
    assert target.take(source.export()) == summary(equal=2)
    assert (target.store.state(), target.changes("photos")) == seen


@pytest.mark.parametrize("to", ALL)
def test_a_later_export_adds_what_has_changed_since(make: Make, source: Place, to: str) -> None:
    """So most of it moves while the application runs."""
    target = make(to)
    target.take(source.export())
    source.store.put("photos", rules(7), author="erin")
    source.store.delete("photos", author="erin")
    source.store.rollback("gone", source.store.history("gone")[-1].revision)
    source.store.put("new", rules(8))
    assert target.take(source.export()).endswith(summary(stored=3))
    for bucket in ("photos", "gone", "new"):
        assert target.changes(bucket) == source.changes(bucket)
    assert target.take(source.export()) == summary(equal=3)


def test_a_line_has_the_last_change_and_the_earlier_ones_newest_first(source: Place) -> None:
    gone, photos = map(json.loads, source.export().splitlines())
    assert gone == {
        "bucket": "gone",
        "time": 250.0,
        "author": None,
        "rules": None,
        "history": [{"time": 150.5, "author": "carol", **rules(3).as_dict()}],
    }
    assert [photos["time"], *(each["time"] for each in photos["history"])] == [
        change.time for change in reversed(PHOTOS)
    ]
    assert list(photos)[:5] == ["bucket", "time", "author", "rules", "response_vary"]


def test_a_prefix_selects_deleted_buckets_as_well(source: Place) -> None:
    [line] = source.export("--prefix", "go").splitlines()
    assert json.loads(line)["bucket"] == "gone"


def test_a_history_is_in_the_form_that_loses_nothing(source: Place) -> None:
    output = invoke("export", "--history", "--as", "aws", app=source.app, code=2).output
    assert "--history is for the form json: leave out --as" in output


# What has changed in both


AHEAD = (
    "photos is left alone: it has all changes of the file, and later ones up to revision 4; "
    "--overwrite restores the rules of the file\n"
)
IN_BOTH = (
    "photos is left alone: it has changed here, up to revision 4, and in the file; --overwrite "
    "stores the changes of the file after those\n"
)


@pytest.fixture
def changed(make: Make, source: Place) -> Place:
    """A target that has got everything, and has changed since."""
    target = make()
    target.take(source.export())
    target.store.put("photos", rules(5), author="frank")
    return target


@pytest.mark.parametrize("is_changed_in_both", [True, False])
def test_a_bucket_that_has_changed_here_is_left_alone(
    source: Place, changed: Place, is_changed_in_both: bool
) -> None:
    if is_changed_in_both:
        source.store.put("photos", rules(6), author="grace")
    seen = changed.changes("photos")
    output = changed.take(source.export(), code=1)
    conflict = IN_BOTH if is_changed_in_both else AHEAD
    assert output == conflict + summary(equal=1, rest=", 1 bucket left alone")
    assert changed.changes("photos") == seen


@pytest.mark.parametrize("is_changed_in_both", [True, False])
def test_overwrite_appends_what_is_in_the_file(
    source: Place, changed: Place, is_changed_in_both: bool
) -> None:
    """Once, however often it is run; what was here is in the history."""
    if is_changed_in_both:
        source.store.put("photos", rules(6), author="grace")
    seen = changed.changes("photos")
    assert changed.take(source.export(), "--overwrite").endswith(summary(stored=1, equal=1))
    assert changed.changes("photos") == [*seen, source.changes("photos")[-1]]
    assert changed.take(source.export(), "--overwrite") == summary(equal=2)
    assert changed.take(source.export()) == summary(equal=2)


def test_overwrite_appends_everything_to_a_bucket_of_the_same_name(
    make: Make, source: Place
) -> None:
    target = make()
    target.store.put("photos", rules(5))
    first = target.changes("photos")
    assert "photos is left alone" in target.take(source.export(), code=1)
    target.take(source.export(), "--overwrite")
    assert target.changes("photos") == [*first, *PHOTOS]


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_who_writes_during_an_import_is_not_overwritten_unseen(
    make: Make, source: Place, monkeypatch: pytest.MonkeyPatch, options: Sequence[str]
) -> None:
    target = make()
    put_with_history = MemoryStore.put_with_history

    def late(store: MemoryStore, *arguments: Any, **expected: Any) -> int:
        monkeypatch.undo()
        store.put("photos", rules(5), author="frank")
        return put_with_history(store, *arguments, **expected)

    monkeypatch.setattr(MemoryStore, "put_with_history", late)
    target.take(source.export(), *options, code=0 if options else 1)
    [first, *others] = target.changes("photos")
    assert first.rules == rules(5)
    assert others == (PHOTOS if options else [])
    assert target.changes("gone") == GONE


# What is left out


def test_unreadable_rules_are_kept_out_and_the_other_changes_kept(make: Make) -> None:
    source, target = make("sqlite"), make()
    source.store.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert isinstance(source.store, SQLiteStore)
    path = source.store.place
    assert path is not None
    broken = "UPDATE bucketcors_{} SET document = '{{}}' WHERE bucket = ?"
    # As damage does it. The trigger that marks an edit of another tool is for the next test.
    run_sql(path, "UPDATE bucketcors_state SET own_write = 1")
    run_sql(path, broken.format("rules"), "photos")
    run_sql(path, broken.format("history") + " AND document IS NOT NULL", "gone")
    run_sql(path, "UPDATE bucketcors_state SET own_write = 0")
    result = invoke("export", "--history", app=source.app, code=1)
    for revision, bucket in [(3, "photos"), (2, "gone")]:
        start = f"left out: revision {revision}, a deletion stands in its place: the stored rules"
        assert f"{start} of bucket '{bucket}'" in result.stderr
    assert target.take(result.stdout).endswith(summary(stored=2))
    assert target.changes("photos") == [*PHOTOS[:-1], PHOTOS[-1]._replace(rules=None)]
    assert target.changes("gone") == [GONE[0]._replace(rules=None), GONE[1]]
    # Somebody has corrected it.
    source.store.put("photos", rules(4))
    target.take(source.export(code=1))
    assert target.store.get("photos") == rules(4)
    assert len(target.changes("photos")) == 4


def test_what_other_tools_wrote_as_times_and_authors_can_be_stored(make: Make) -> None:
    source, target = make("sqlite"), make()
    source.store.put_with_history([("photos", PHOTOS)])
    assert isinstance(source.store, SQLiteStore)
    assert source.store.place is not None
    edit = "UPDATE bucketcors_history SET time = ?, author = ? WHERE revision = ?"
    run_sql(source.store.place, edit, "yesterday", b"\xff" * 300, 1)
    run_sql(source.store.place, edit, float("inf"), "a\0b", 2)
    target.take(source.export())
    first, second, _ = target.changes("photos")
    assert (first.time, first.rules) == (0.0, rules(1))
    assert first.author is not None
    assert first.author.startswith("b'\\xff")
    # PostgreSQL has no NUL.
    assert second == PastChange(0.0, "a\ufffdb", None)


def test_a_name_that_no_bucket_has_is_left_out(make: Make) -> None:
    source = make("sqlite")
    source.store.put_with_history([("photos", PHOTOS), ("gone", GONE)])
    assert isinstance(source.store, SQLiteStore)
    assert source.store.place is not None
    edit = "UPDATE bucketcors_history SET bucket = 'a/b' WHERE bucket = 'gone'"
    run_sql(source.store.place, edit)
    result = invoke("export", "--history", app=source.app, code=1)
    assert "left out: 'a/b' is not a bucket name" in result.stderr
    assert json.loads(result.stdout)["bucket"] == "photos"


def test_the_target_keeps_as_much_history_as_it_does(make: Make, source: Place) -> None:
    target = make(history_limit=1)
    rest = "; 3 old changes left out, as this database keeps 1 of each bucket"
    assert target.take(source.export()).endswith(summary(stored=2, rest=rest))
    assert target.changes("photos") == PHOTOS[-1:]
    assert target.take(source.export()) == summary(equal=2)
    source.store.put("photos", rules(9))
    assert target.take(source.export()).endswith(summary(stored=1, equal=1))


def test_a_line_has_an_end(make: Make, source: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = source.export("--prefix", "photos")
    limit = len(whole) - 1
    monkeypatch.setattr(bucket_lines, "MAX_HISTORY_LINE_BYTES", limit)
    output = make().take(whole, code=1)
    assert f"line 1 is longer than {limit} bytes" in output
    result = invoke("export", "--history", "--prefix", "photos", app=source.app, code=1)
    assert "left out: 1 old change of bucket 'photos': a line may have" in result.stderr
    target = make()
    target.take(result.stdout)
    assert target.changes("photos") == PHOTOS[1:]


def test_long_lines_are_stored_before_the_next_ones_come(
    make: Make, source: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, put = make(), []
    put_with_history = MemoryStore.put_with_history

    def noted(store: MemoryStore, pairs: Any, **expected: Any) -> int:
        put.append([*pairs])
        return put_with_history(store, put[-1], **expected)

    monkeypatch.setattr(MemoryStore, "put_with_history", noted)
    monkeypatch.setattr(line_import, "BATCH_BYTES", 100)
    target.take(source.export())
    assert [[bucket for bucket, _ in pairs] for pairs in put if pairs] == [["gone"], ["photos"]]


# Which rules are checked


def test_limits_are_those_of_the_present_rules(make: Make) -> None:
    many, few = rules(1, 200), rules(2, 1)
    patch = RuleSet([Rule(["https://a.example"], ["PATCH"])])
    source, target = make(), make()
    source.store.put_with_history(
        [
            (
                "past",
                [PastChange(1, "a", many), PastChange(2, "a", patch), PastChange(3, "a", few)],
            ),
            ("many", [PastChange(1, "a", few), PastChange(2, "a", many)]),
            ("patch", [PastChange(1, "a", patch)]),
        ]
    )
    output = target.take(source.export(), code=1)
    assert "line 1 (many) is refused:\n  rules 200 " in output
    assert "line 3 (patch) is refused:\n  rule 1: allowed_methods 'PATCH'" in output
    assert target.store.list(with_deleted=True) == ["past"]
    assert target.changes("past") == source.changes("past")
    assert "line 1 (many)" in target.take(source.export(), "--limits", "1", "65536", code=1)


def test_strict_is_about_the_present_rules(make: Make) -> None:
    source, target = make(), make(BUCKETCORS_STRICT="dangers")
    past = [PastChange(1, "a", NULL_ORIGIN), PastChange(2, "a", rules(1))]
    source.store.put_with_history([("past", past), ("present", past[:1])])
    output = target.take(source.export(), code=1)
    assert "line 2 (present) is refused: " in output
    assert target.store.list(with_deleted=True) == ["past"]
    # What is there already stays.
    target.store.put_with_history([("present", past[:1])])
    assert target.take(source.export()) == summary(equal=2)


def test_a_bucket_must_exist_unless_it_is_deleted(make: Make, source: Place) -> None:
    target = make(bucket_exists=lambda bucket: False)
    output = target.take(source.export(), code=1)
    assert "line 2 (photos) is refused: there is no bucket 'photos': create it first" in output
    assert target.store.list(with_deleted=True) == ["gone"]


CHANGE = '{"time": 1, "author": null, "rules": null}'
FORM = 'write {"time": 1700000000.5, "author": null, "rules": [...]}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"bucket": "a", "history": {}}', f"without a list of changes as its history: {FORM}"),
        (
            '{"bucket": "a", "rules": null, "history": []}',
            f"without what a change has: time is None: write seconds since 1970: {FORM}",
        ),
        *(
            (
                f'{{"bucket": "a", "time": {time}, "history": []}}',
                f"without what a change has: time is {shown}: write seconds since 1970: {FORM}",
            )
            for time, shown in [
                ("true", "True"),
                ("1e999", "inf"),
                ('"1"', "'1'"),
                ("1" * 5000, "1" * 80 + "..."),
            ]
        ),
        (
            '{"bucket": "a", "time": 1, "author": 7, "history": []}',
            "without what a change has: author is 7: write a name as text, or None",
        ),
        ('{"bucket": "a", "time": 1, "history": []}', "refused:\n  rules "),
        ('{"bucket": "a", "time": 1, "rules": {}, "history": []}', "refused:\n  rules "),
        ('{"bucket": "a", "time": 1, "rules": [], "history": []}', "refused:\n  rules is missing"),
        (
            '{"bucket": "a", "time": 1, "CORSRules": [], "history": []}',
            "refused:\n  rules ",
        ),
        (
            f'{{"bucket": "a", "time": 1, "rules": null, "history": [{CHANGE}, 7]}}',
            f"wrong in change 2 of its history: the rules are no change: {FORM}",
        ),
        (
            '{"bucket": "a", "time": 1, "rules": null, "history": [{"time": 1}]}',
            "wrong in change 1 of its history: rules ",
        ),
        (
            '{"bucket": "a", "time": 1, "rules": null, "history": [{"time": 1, "rules": [7]}]}',
            "wrong in change 1 of its history: rule 1",
        ),
        (
            f'{{"bucket": "a", "time": 1, "rules": null, "history": [{CHANGE[:-1]}, "more": 1}}]}}',
            "wrong in change 1 of its history: ",
        ),
        (f'{{"bucket": "a/b", {CHANGE[1:-1]}, "history": []}}', "refused: 'a/b' is not a bucket"),
        ('{"bucket": "a", "time": 1, "rules": null, "history": [', "not accepted as JSON"),
    ],
)
def test_a_wrong_history_is_reported_and_its_bucket_left(
    make: Make, line: str, reason: str
) -> None:
    target = make()
    output = target.take(line, code=1)
    where = output.partition(" is ")[2]
    assert where.startswith(reason), output
    assert target.store.list(with_deleted=True) == []


def test_of_a_bucket_that_comes_twice_the_last_line_counts(make: Make, source: Place) -> None:
    with_history = source.export("--prefix", "photos")
    alone = json.dumps({"bucket": "photos", **rules(4).as_dict()}) + "\n"
    first, second = make(), make()
    first.take(with_history + alone)
    assert [change.rules for change in first.changes("photos")] == [rules(4)]
    second.take(alone + with_history)
    assert second.changes("photos") == PHOTOS


def test_a_store_without_the_method_says_so(tmp_path: Path, source: Place) -> None:
    class OtherStore(MemoryStore):
        def _put_all(self, *arguments: Any) -> int:
            return super()._put_all(*arguments)

    target = Place(OtherStore(), tmp_path)
    output = target.take(source.export(), code=1)
    assert output.startswith("Error: OtherStore cannot take a history: write its method _put_")


# What is said


def test_an_import_says_what_changed_and_who_changed_it(
    make: Make, source: Place, caplog: pytest.LogCaptureFixture
) -> None:
    target = make()
    caplog.set_level("INFO", "flask_bucketcors.changes")
    output = target.take(source.export(), "--author", "importer")
    assert "gone: revision 3, no rules (none before)\n" in output
    assert "photos: revision 3, 1 rule (none before)\n  newly allowed: GET" in output
    logged = [record.getMessage() for record in caplog.records]
    assert any("'photos': revision 3 by '\u4e2d\\u202e', 1 rule" in each for each in logged)
    assert not any("importer" in each for each in logged)
    assert make().take(source.export(), "--quiet") == summary(stored=2)


def test_a_change_of_unreadable_rules_is_said_to_be_one(make: Make, source: Place) -> None:
    target = make("sqlite")
    target.take(source.export())
    assert isinstance(target.store, SQLiteStore)
    assert target.store.place is not None
    run_sql(target.store.place, "UPDATE bucketcors_rules SET document = '{}'")
    output = target.take(source.export(), "--overwrite")
    assert "1 rule (unknown before)\n  not compared: the rules before cannot be read" in output


# Two databases


def test_a_killed_import_is_continued_by_the_same_command(tmp_path: Path) -> None:
    buckets = [f"bucket-{number:05}" for number in range(3 * BATCH)]
    with closing(SQLiteStore(tmp_path / "old.sqlite")) as store:
        store.put_with_history((bucket, PHOTOS) for bucket in buckets)
    run = [sys.executable, "-m", "flask_bucketcors"]
    old, new = (["--database", f"{name}.sqlite"] for name in ("old", "new"))
    options: Any = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "text": True}
    exported = [*run, "export", "--history", "lines.jsonl", *old]
    subprocess.run(exported, check=True, timeout=60, **options)
    lines = Path(tmp_path, "lines.jsonl").read_text().splitlines(keepends=True)
    command = [*run, "import", "--quiet", "--create", *new]
    with children.running([*command, "-"], stdin=subprocess.PIPE, **options) as process:
        assert process.stdin is not None
        process.stdin.write("".join(lines[: 2 * BATCH + 7]))
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while count_buckets(tmp_path / "new.sqlite") < BATCH and time.monotonic() < deadline:
            # Another process's work has no event to wait for.
            time.sleep(0.01)
        process.kill()
    killed_at = count_buckets(tmp_path / "new.sqlite")
    assert killed_at >= BATCH
    done = subprocess.run(
        [*command, "lines.jsonl"], check=True, timeout=60, capture_output=True, **options
    )
    assert done.stdout == summary(stored=3 * BATCH - killed_at, equal=killed_at)
    with closing(SQLiteStore(tmp_path / "new.sqlite")) as store:
        assert store.list() == buckets
        for bucket in buckets:
            assert [PastChange.of(entry) for entry in store.history(bucket)] == PHOTOS[::-1]


def count_buckets(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(SQLiteStore(path)) as store:
        return len(store.list())
