"""What the log says about changes of rules, and what that costs a write."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from flask_bucketcors import (
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RulesChanged,
    RuleSet,
)
from flask_bucketcors.api import change_summary
from flask_bucketcors.api.rules_writer import NoSuchBucket, RulesWriter
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.core.errors import StoredRulesInvalid, TooIntricate
from tests.support.cos_signing import KEYS, NOW, signed
from tests.support.intricate_rules import largest
from tests.support.loggers import FORGED, LONG, Lines, watch

A, B = "https://a.example", "https://b.example"
RULES = RuleSet([Rule([A], ["GET"], ["x-a"]), Rule([A, B], ["PUT"])])
OTHER = RuleSet([Rule([A], ["GET"], ["x-a"])])

Write = Callable[[RulesWriter], Any]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    return watch(caplog)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put("photos", RULES)
    return store


def writer(store: MemoryStore, **options: Any) -> RulesWriter:
    return RulesWriter(store=store, dialect=COS, **options)


def changes(lines: Lines) -> list[str]:
    """The lines about changes."""
    return [text for name, _, text in lines() if name == "flask_bucketcors.changes"]


CHANGES: dict[str, tuple[Write, str | None]] = {
    "put": (
        lambda each: each.put("photos", OTHER, "alice"),
        "rules of bucket 'photos': revision 2 by 'alice', 1 rule (2 before); "
        "no longer allowed: PUT from https://a.example, https://b.example, with no header",
    ),
    "put, without rules before": (
        lambda each: each.put("albums", OTHER, "alice"),
        "rules of bucket 'albums': revision 2 by 'alice', 1 rule (none before); "
        "newly allowed: GET from https://a.example, with no header, or headers out of x-a",
    ),
    "put, the same": (
        lambda each: each.put("photos", RULES),
        "rules of bucket 'photos': revision 2 by None, 2 rules (2 before); "
        "every request is treated as before",
    ),
    "put, all kinds of changes": (
        lambda each: each.put("photos", RuleSet([Rule(["*"], ["GET"], ["x-a"], [], 5)])),
        "rules of bucket 'photos': revision 2 by None, 1 rule (2 before); newly allowed: GET from "
        "any origin (but not https://a.example), with no header, or headers out of x-a; no longer "
        "allowed: PUT from https://a.example, https://b.example, with no header; on other terms "
        "(any_origin, credentials, max_age): GET from https://a.example, with no header, or "
        "headers out of x-a",
    ),
    "delete": (
        lambda each: each.delete("photos", "alice"),
        "rules of bucket 'photos': revision 2 by 'alice', no rules (2 before); "
        "no longer allowed: GET from https://a.example, with no header, or headers out of x-a; "
        "and 1 more",
    ),
    "delete, nothing": (lambda each: each.delete("albums"), None),
    "rollback": (
        lambda each: each.rollback("photos", 1, "bob"),
        "rules of bucket 'photos': revision 2 by 'bob', 2 rules (2 before); "
        "every request is treated as before",
    ),
    "many": (
        lambda each: each.put_many({"photos": (RULES, ())}, "alice"),
        "rules of bucket 'photos': revision 2 by 'alice', 2 rules (2 before); "
        "every request is treated as before",
    ),
}


@pytest.mark.parametrize("write, line", CHANGES.values(), ids=CHANGES)
def test_a_change(store: MemoryStore, lines: Lines, write: Write, line: str | None) -> None:
    write(writer(store))
    assert changes(lines) == ([line] if line else [])


BODY = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://b.example</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
AUTHORS = {
    "access key": ({"access_keys": KEYS, "clock": lambda: NOW}, "AKIDEXAMPLE"),
    "name from the hook": ({"authorize": lambda call: "alice"}, "alice"),
    "hook without a name": ({"authorize": lambda call: True}, None),
}


@pytest.mark.parametrize("options, author", AUTHORS.values(), ids=AUTHORS)
def test_a_call_with_its_author(
    store: MemoryStore, lines: Lines, options: dict[str, Any], author: str | None
) -> None:
    api = RulesAPI(store, **options)
    app = TestApp(BucketCORSMiddleware(lambda e, s: [b""], store=store, api=api))
    assert signed(app, "PUT", "/photos?cors", BODY).status_int == 200
    assert signed(app, "DELETE", "/photos?cors").status_int == 204
    put, deleted = changes(lines)
    assert f"revision 2 by {author!r}, 1 rule (2 before); newly allowed: GET from" in put
    assert f"revision 3 by {author!r}, no rules (1 before); no longer allowed: GET" in deleted


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_the_rules_before_are_read_only_if_a_line_is_written(
    store: MemoryStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    level: int,
) -> None:
    caplog.set_level(level, logger="flask_bucketcors.changes")
    reads: list[str] = []
    read = store.read

    def counted(bucket: str) -> Any:
        reads.append(bucket)
        return read(bucket)

    monkeypatch.setattr(store, "read", counted)
    done = writer(store).put("photos", OTHER)
    assert bool(reads) is bool(done.change) is (level == logging.INFO)


class Interfering(MemoryStore):
    """A store to which somebody else writes right behind the next read."""

    interfere: Callable[[], Any] | None = None

    def read(self, bucket: str) -> Any:
        found = super().read(bucket)
        interfere, self.interfere = self.interfere, None
        if interfere:
            interfere()
        return found


@pytest.fixture
def interfering() -> Interfering:
    store = Interfering()
    store.put("photos", RULES)
    store.interfere = lambda: store.put("photos", OTHER)
    return store


WRITES: dict[str, Write] = {
    "put": lambda each: each.put("photos", RULES),
    "delete": lambda each: each.delete("photos"),
    "many": lambda each: each.put_many({"photos": (RULES, ())}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_line_compares_with_rules_that_the_write_did_not_replace(
    interfering: Interfering, lines: Lines, write: Write
) -> None:
    write(writer(interfering))
    (line,) = changes(lines)
    assert line.endswith(
        "(unknown before); not compared: somebody else changed them at the same moment"
    )
    assert interfering.revision == 3


@pytest.mark.parametrize("expects_rules", [True, False])
def test_a_write_that_expects_other_rules_is_refused(
    interfering: Interfering, lines: Lines, expects_rules: bool
) -> None:
    interfere, interfering.interfere = interfering.interfere, None
    stored = interfering.read("photos")
    interfering.interfere = interfere
    expected = stored.version if expects_rules else None
    with pytest.raises(RulesChanged):
        writer(interfering).put("photos", RULES, expected=expected)
    assert changes(lines) == []


def test_rules_that_are_deleted_meanwhile_are_not_those_before(
    interfering: Interfering, lines: Lines
) -> None:
    interfering.interfere = lambda: interfering.delete("photos")
    writer(interfering).put("photos", OTHER, expected=None)
    assert "1 rule (none before); newly allowed: " in changes(lines)[0]


def test_unreadable_rules_before_are_not_compared(
    store: MemoryStore, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> RuleSet:
        raise StoredRulesInvalid("forged\nline")

    stored = store.read("photos")
    assert stored is not None
    broken = stored._replace(parse=unreadable)
    monkeypatch.setattr(store, "read", lambda bucket: broken)
    writer(store).put("photos", OTHER)
    assert changes(lines)[0].endswith("not compared: the rules before cannot be read")


@pytest.mark.parametrize(
    "error, said",
    [
        (TooIntricate("kinds", 5), "not compared: it takes more than 5 kinds"),
        (RecursionError("forged\nline"), "not compared: comparing them failed"),
    ],
)
def test_no_write_fails_because_of_its_line(
    store: MemoryStore, lines: Lines, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(change_summary, "diff", fail)
    assert writer(store).put("photos", OTHER).revision == 2
    assert changes(lines)[-1].endswith(f"(2 before); {said}")


def test_intricate_rules_are_not_compared_for_long(store: MemoryStore, lines: Lines) -> None:
    """``diff`` would take seconds."""
    intricate = RuleSet(largest("prefixes that cross suffixes"))
    writer(store).put("photos", intricate)
    assert changes(lines)[0].endswith("not compared: it takes more than 40,000 kinds")


def test_rules_that_are_taken_back_from_a_missing_bucket(store: MemoryStore, lines: Lines) -> None:
    with pytest.raises(NoSuchBucket):
        writer(store, bucket_exists=lambda bucket: False).put("photos", OTHER, "alice")
    assert [re.findall(r"\w+ rules? \(\w+ before\)", each) for each in changes(lines)] == [
        ["1 rule (2 before)"],
        ["no rules (1 before)"],
    ]


def test_rules_are_compared_once_the_bucket_is_known_to_exist(
    store: MemoryStore, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing takes time, in which the next bucket of that name would have these rules."""
    steps: list[str] = []
    diff = change_summary.diff

    def compared(*arguments: Any, **named: Any) -> Any:
        steps.append("compared")
        return diff(*arguments, **named)

    monkeypatch.setattr(change_summary, "diff", compared)
    write = writer(store, bucket_exists=lambda bucket: steps.append("asked") or True)
    write.put("photos", OTHER)
    assert steps == ["asked", "compared"]


@pytest.mark.parametrize("author", [FORGED, LONG[:256], ""])
def test_no_author_forges_a_line(store: MemoryStore, lines: Lines, author: str) -> None:
    writer(store).put("photos", OTHER, author)
    assert len(changes(lines)) == 1


@pytest.mark.parametrize("bucket", ["a\u202eb", "\u2066" * 85, "b\xfccher", "a'b\"%s"])
def test_no_bucket_forges_a_line(store: MemoryStore, lines: Lines, bucket: str) -> None:
    writer(store).put(bucket, RuleSet([Rule(["null"], ["PUT"])]), in_full=True)
    assert {name for name, *_ in lines()} == {"flask_bucketcors.changes", "flask_bucketcors.lint"}


def test_long_rules_make_no_long_line(store: MemoryStore, lines: Lines) -> None:
    labels = f"{'a' * 50}.{'b' * 50}.{'c' * 50}"
    names = ["x-" + "y" * 500]
    rules = [Rule([f"https://{labels}.{i}.example"], ["GET"], names, [], i) for i in range(90)]
    writer(store).put("photos", RuleSet(rules))
    assert "; and 89 more" in changes(lines)[0]
