"""What every write of rules goes through, whoever makes it: the API, the command line, a page."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from flask_bucketcors import (
    InvalidBucketName,
    InvalidRules,
    MemoryStore,
    RulesChanged,
    RuleSet,
    UnknownRevision,
)
from flask_bucketcors.api.rules_writer import NoSuchBucket, RulesWriter
from flask_bucketcors.core.dialects import COS, OSS
from flask_bucketcors.core.errors import BucketCORSError, RefusedByLint, ReservedBucketName
from tests.support.written_rules import DANGEROUS, MANY, ODD, OTHER, PLAIN

Make = Callable[..., RulesWriter]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def make(store: MemoryStore) -> Make:
    """Make a writer with the options given."""

    def make(**options: Any) -> RulesWriter:
        return RulesWriter(**{"store": store, "dialect": COS, **options})

    return make


WRITES: dict[str, Callable[..., Any]] = {
    "put": lambda writer, rules, **options: writer.put("photos", rules, "alice", **options),
    "rollback": lambda writer, rules, **options: writer.rollback(
        "photos", writer.store.put("photos", rules), "alice", **options
    ),
}
a_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@a_write
def test_a_write_gives_revision_and_findings(make: Make, store: MemoryStore, write) -> None:
    done = write(make(), DANGEROUS, in_full=True)
    assert done.revision == store.revision
    assert {each.id for each in done.findings} == {"BC201", "BC206"}
    latest = store.history("photos")[0]
    assert (latest.author, latest.rule_set) == ("alice", DANGEROUS)


FINDINGS = [
    # rules, asked for all findings: their ids
    (PLAIN, True, []),
    (ODD, True, ["BC301"]),
    (ODD, False, []),
    (DANGEROUS, False, ["BC201", "BC206"]),
]


@a_write
@pytest.mark.parametrize("rules, in_full, ids", FINDINGS)
def test_advice_is_given_on_request_and_dangers_always(make, write, rules, in_full, ids) -> None:
    assert sorted(each.id for each in write(make(), rules, in_full=in_full).findings) == ids


@a_write
def test_a_strict_writer_refuses_dangerous_rules(make: Make, store: MemoryStore, write) -> None:
    with pytest.raises(RefusedByLint, match="BC201 rule 1"):
        write(make(strict="dangers"), DANGEROUS)
    assert all(each.author is None for each in store.history("photos"))


@a_write
def test_a_strict_writer_takes_other_rules(make: Make, write) -> None:
    assert write(make(strict="dangers"), ODD).revision


@pytest.mark.parametrize(
    "strict, refused",
    [("off", []), ("dangers", [DANGEROUS]), ("warnings", [DANGEROUS, ODD])],
)
def test_rules_are_refused_before_a_write_where_that_is_asked_for(make, strict, refused) -> None:
    for rules in (PLAIN, ODD, DANGEROUS):
        with pytest.raises(RefusedByLint) if rules in refused else nullcontext():
            make(strict=strict).review(rules)


@a_write
def test_dangers_are_logged(make: Make, write, caplog: pytest.LogCaptureFixture) -> None:
    write(make(), DANGEROUS)
    (line,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert line.getMessage().startswith("rules of bucket 'photos', danger: BC201 rule 1")


def test_a_put_takes_as_many_rules_as_the_dialect_does(make: Make, store: MemoryStore) -> None:
    with pytest.raises(InvalidRules, match="rules 11 is more rules than allowed"):
        make(dialect=OSS).put("photos", MANY)
    with pytest.raises(InvalidRules):
        make().put("photos", MANY, dialect=OSS)
    with pytest.raises(InvalidRules):
        make(dialect=replace(COS, max_rules=10)).put("photos", MANY)
    assert store.revision == 0
    make(dialect=OSS).put("photos", MANY, dialect=COS)
    assert store.get("photos") == MANY


def test_a_rollback_takes_rules_that_were_within_the_limits_once(make: Make, store) -> None:
    first = store.put("photos", MANY)
    store.put("photos", PLAIN)
    make(dialect=OSS).rollback("photos", first)
    assert store.get("photos") == MANY


@a_write
def test_a_write_compares_the_expected_version(make: Make, store: MemoryStore, write) -> None:
    store.put("photos", PLAIN)
    stored = store.read("photos")
    store.put("photos", OTHER)
    with pytest.raises(RulesChanged):
        write(make(), PLAIN, expected=stored.version)
    assert all(each.author is None for each in store.history("photos"))


def test_a_deletion_compares_it_too(make: Make, store: MemoryStore) -> None:
    store.put("photos", PLAIN)
    with pytest.raises(RulesChanged):
        make().delete("photos", expected=None)
    assert make().delete("photos", "alice", expected=store.read("photos").version).revision == 2
    assert make().delete("photos") is None


def test_a_rollback_needs_a_revision_of_the_bucket(make: Make, store: MemoryStore) -> None:
    store.put("other", PLAIN)
    with pytest.raises(UnknownRevision):
        make().rollback("photos", 1)


REFUSED_NAMES = [
    ("", InvalidBucketName),
    ("a/b", InvalidBucketName),
    ("api", ReservedBucketName),
    ("gone", NoSuchBucket),
]


@pytest.mark.parametrize("bucket, error", REFUSED_NAMES)
def test_names_that_get_no_rules(
    make: Make, store: MemoryStore, bucket: str, error: type[BucketCORSError]
) -> None:
    writer = make(reserved={"api"}, bucket_exists=lambda name: name != "gone")
    with pytest.raises(error):
        writer.check_bucket(bucket)
    with pytest.raises(error):
        writer.put(bucket, PLAIN)
    assert store.list() == []
    writer.check_bucket("photos")
    assert writer.put("photos", PLAIN).revision


def test_a_reserved_name_is_an_invalid_one(make: Make) -> None:
    with pytest.raises(InvalidBucketName, match=r"'api' cannot name a bucket: .* use another"):
        make(reserved={"api"}).check_bucket("api")


def test_rules_that_are_left_under_a_reserved_name_can_be_deleted(make: Make, store) -> None:
    store.put("api", PLAIN)
    assert make(reserved={"api"}, bucket_exists=lambda name: False).delete("api").revision == 2


@a_write
def test_a_bucket_that_is_deleted_meanwhile_leaves_no_rules(
    make: Make, store: MemoryStore, write, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NoSuchBucket, match="no bucket 'photos'"):
        write(make(bucket_exists=lambda name: False), DANGEROUS)
    latest = store.history("photos")[0]
    assert (latest.rule_set, latest.author) == (None, "alice")
    assert not caplog.records


LATER = {
    "put": (lambda store: store.put("photos", OTHER), OTHER),
    "deleted": (lambda store: store.delete("photos"), None),
    "deleted, and put": (lambda store: (store.delete("photos"), store.put("photos", PLAIN)), PLAIN),
}


@a_write
@pytest.mark.parametrize("later, left", LATER.values(), ids=LATER)
def test_only_what_was_put_is_taken_back(
    make: Make, store: MemoryStore, write, later: Callable[..., Any], left: RuleSet | None
) -> None:
    """Also if the next owner of the name has put equal rules."""

    def bucket_exists(name: str) -> bool:
        later(store)
        return False

    with pytest.raises(NoSuchBucket):
        write(make(bucket_exists=bucket_exists), PLAIN)
    assert store.get("photos") == left


class ChangedWhileRead(MemoryStore):
    """A store to which somebody writes right behind each read."""

    def read(self, bucket: str) -> Any:
        found = super().read(bucket)
        if found is not None and found.parse() == PLAIN:
            self.put(bucket, OTHER)
        return found


def test_rules_that_are_put_while_others_are_taken_back_stay(make: Make) -> None:
    store = ChangedWhileRead()
    with pytest.raises(NoSuchBucket):
        make(store=store, bucket_exists=lambda name: False).put("photos", PLAIN)
    assert store.get("photos") == OTHER
