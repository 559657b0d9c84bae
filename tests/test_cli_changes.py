"""What the commands that write rules say about the change, and about the new rules."""

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_bucketcors import Bounds, BucketCORS, Rule, RuleSet, SQLiteStore, lint
from flask_bucketcors.api import change_summary, put_review
from tests.support.command_line import invoke

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])
WARNED = RuleSet([Rule(["https://a.example"], ["GET"]), Rule(["https://B.example"], ["HEAD"])])
DANGEROUS = RuleSet([Rule(["null"], ["GET"])])
ADVISED = RuleSet([Rule(["https://a.example", "https://b.example"], ["GET"])])
MANY = RuleSet([Rule([f"https://A{i}.example"], ["GET"]) for i in range(25)])

Run = Callable[..., Result]

CHILD_SECONDS = 60
WARNING = (
    "photos: warning[BC301] rule 2: 'https://B.example' contains capital letters; browsers send "
    "lower case, and case counts. help: write it in lower case\n"
)
DANGER = "photos: danger[BC206] rule 1: 'null' "


@pytest.fixture
def run(tmp_path: Path, store: SQLiteStore) -> Run:
    app = Flask("storage", instance_path=str(tmp_path), static_folder=None)
    BucketCORS(app, store=store)
    return partial(invoke, app=app)


def put(run: Run, rules: RuleSet, *options: str) -> Result:
    return run("put", "photos", "-", *options, input=json.dumps(rules.as_dict()))


def line_of(bucket: str, rules: RuleSet) -> str:
    return json.dumps({"bucket": bucket, **rules.as_dict()}) + "\n"


NEWLY = "  newly allowed: GET from https://a.example, with no header\n"


def test_put(run: Run) -> None:
    result = put(run, RULES)
    assert result.stdout == f"photos: revision 1, 1 rule (none before)\n{NEWLY}"
    assert result.stderr == ""
    assert put(run, RULES).stdout == (
        "photos: revision 2, 1 rule (1 before)\n  every request is treated as before\n"
    )


def test_rollback(run: Run, store: SQLiteStore) -> None:
    store.put("photos", WARNED)
    store.put("photos", RULES)
    result = run("rollback", "photos", 1)
    assert result.stdout == (
        "photos: revision 3, with the rules of revision 1, 2 rules (1 before)\n"
        "  newly allowed: HEAD from https://B.example, with no header\n"
    )
    assert result.stderr == WARNING


def test_delete(run: Run, store: SQLiteStore) -> None:
    store.put("photos", RULES)
    assert run("delete", "photos", "--yes").output == (
        "photos: revision 2, no rules (1 before)\n"
        "  no longer allowed: GET from https://a.example, with no header\n"
    )


def test_import(run: Run, store: SQLiteStore) -> None:
    """Each bucket that has other rules than before, and no other one."""
    store.put("equal", RULES)
    lines = [line_of("equal", RULES), line_of("photos", DANGEROUS), line_of("albums", RULES)]
    result = run("import", "-", input="".join(lines))
    assert result.stdout == (
        "photos: revision 2, 1 rule (none before)\n"
        "  newly allowed: GET from null, with no header\n"
        f"albums: revision 2, 1 rule (none before)\n{NEWLY}"
        "2 stored, 1 had these rules already, 0 lines refused\n"
    )
    assert result.stderr.startswith(DANGER)
    assert result.stderr.count("\n") == 1


def test_a_quiet_import_compares_and_lints_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    dangers_only: list[bool] = []
    lint = put_review.lint

    def counted(*arguments: object, **named: bool) -> object:
        dangers_only.append(named["dangers_only"])
        return lint(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(put_review, "lint", counted)
    result = run("import", "-", "--quiet", input=line_of("photos", DANGEROUS))
    assert result.output == "1 stored, 0 had these rules already, 0 lines refused\n"
    assert dangers_only == [True]


def test_an_import_lints_and_compares_equal_rules_once(
    run: Run, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for module, name in [(put_review, "lint"), (change_summary, "diff")]:
        function = getattr(module, name)

        def counted(*arguments: Any, name=name, function=function, **named: Any) -> Any:
            done.append(name)
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, counted)
    store.put("b4", RULES)
    sets = [WARNED, WARNED, RULES, WARNED, WARNED]
    lines = [line_of(f"b{number}", rules) for number, rules in enumerate(sets)]
    result = run("import", "-", input="".join(lines))
    # RULES and WARNED; for b4, WARNED is compared with RULES.
    assert Counter(done) == {"lint": 2, "diff": 3}
    by_itself = run("put", "b0", "-", input=json.dumps(WARNED.as_dict())).stderr
    assert result.stderr == "".join(
        by_itself.replace("b0:", f"b{number}:") for number in (0, 1, 3, 4)
    )
    shown = result.stdout.splitlines()
    assert [line.split(":")[0] for line in shown if line.startswith("b")] == [
        *("b0", "b1", "b2", "b3", "b4")
    ]


FOUND = [
    (RULES, [], []),
    (ADVISED, [], []),
    (WARNED, [], ["warning[BC301]"]),
    (DANGEROUS, [], ["danger[BC206]"]),
    (DANGEROUS, ["--diff", "--yes"], []),
    (WARNED, ["--diff", "--yes"], ["warning[BC301]"]),
]


@pytest.mark.parametrize("rules, options, found", FOUND)
def test_dangers_and_warnings_go_to_standard_error(run: Run, rules, options, found) -> None:
    lines = put(run, rules, *options).stderr.splitlines()
    assert [line.split()[1] for line in lines] == found


def test_after_many_findings_comes_their_number(run: Run) -> None:
    lines = put(run, MANY).stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "photos: and 5 more; see flask bucketcors lint --bucket photos"


def test_rules_that_lint_cannot_judge(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = partial(lint, bounds=Bounds(comparisons=0, kinds=0))
    monkeypatch.setattr(put_review, "lint", bounded)
    rules = RuleSet([Rule(["https://*.a.example"], ["GET"])] * 2)
    assert put(run, rules).stderr == "photos: lint could not judge the rules\n"


def test_nothing_is_told_twice_where_no_log_is_configured(tmp_path: Path) -> None:
    """Python would print the warning in the log to standard error as well."""
    Path(tmp_path, "app.py").write_text(
        "from flask import Flask\n"
        "from flask_bucketcors import BucketCORS\n"
        f"app = Flask('storage', instance_path={str(tmp_path)!r})\n"
        "BucketCORS(app)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "flask", "bucketcors", "put", "photos", "-"],
        cwd=tmp_path,
        input=json.dumps(DANGEROUS.as_dict()),
        capture_output=True,
        text=True,
        check=True,
        timeout=CHILD_SECONDS,
    )
    assert done.stderr.startswith(DANGER)
    assert done.stderr.count("\n") == 1


def test_a_configured_log_has_them_too(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="flask_bucketcors")
    put(run, DANGEROUS, "--author", "alice")
    change, danger = caplog.records
    assert change.getMessage().startswith("rules of bucket 'photos': revision 1 by 'alice', 1 rule")
    assert (danger.name, danger.levelname) == ("flask_bucketcors.lint", "WARNING")


def test_no_bucket_name_reaches_the_terminal_as_it_is(run: Run) -> None:
    result = run("import", "-", input=line_of("a\u202eb", DANGEROUS))
    assert result.stdout.startswith("a\\u202eb: revision 1, ")
    assert result.stderr.startswith("a\\u202eb: danger[BC206] ")
