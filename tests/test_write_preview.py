"""A page shows what a write would do, says what the write would say, and writes nothing."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from flask_bucketcors import (
    InvalidBucketName,
    InvalidRules,
    MemoryStore,
    Rule,
    RulesChanged,
    RuleSet,
    StoredRulesInvalid,
    StoreUnavailable,
    lint,
)
from flask_bucketcors.api import put_review
from flask_bucketcors.api.rules_writer import NoSuchBucket, RulesWriter
from flask_bucketcors.api.write_preview import preview_write
from flask_bucketcors.core.dialects import COS, OSS
from flask_bucketcors.core.errors import BucketCORSError, RefusedByLint, ReservedBucketName
from flask_bucketcors.stores.contract import StoredRules
from tests.support.written_rules import DANGEROUS, MANY, ODD, OTHER, PLAIN

PATCH = RuleSet([Rule(["https://a.example"], ["GET", "PATCH"])])
MANY_PATCH = RuleSet([*MANY.rules, *PATCH.rules])
# They overlap in too many ways to be judged.
INTRICATE = RuleSet(
    [
        Rule(
            ["http://*abc.com"]
            + [f"https://{i:03}{'a' * 40}*" for i in range(300)]
            + [f"*{'a' * 40}{i:03}" for i in range(300)],
            ["GET"],
        )
    ]
)

Make = Callable[..., RulesWriter]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def make(store: MemoryStore) -> Make:
    """Make a writer with the options given; ``api`` is reserved, and ``gone`` is no bucket."""

    def make(**options: Any) -> RulesWriter:
        defaults = {
            "store": store,
            "dialect": COS,
            "reserved": {"api"},
            "bucket_exists": lambda name: name != "gone",
        }
        return RulesWriter(**{**defaults, **options})

    return make


REFUSALS: list[tuple[str, dict[str, Any], str, RuleSet, dict[str, Any], type[BucketCORSError]]] = [
    # what is wrong; options of the writer; bucket, rules and options of the put; the error
    ("no name", {}, "", PLAIN, {}, InvalidBucketName),
    ("invalid name", {}, "a/b", PLAIN, {}, InvalidBucketName),
    ("reserved name", {}, "api", PLAIN, {}, ReservedBucketName),
    ("no such bucket", {}, "gone", PLAIN, {}, NoSuchBucket),
    ("too many rules", {"dialect": OSS}, "photos", MANY, {}, InvalidRules),
    ("too many for the caller", {}, "photos", MANY, {"dialect": OSS}, InvalidRules),
    (
        "too many by a setting",
        {"dialect": replace(COS, max_rules=10)},
        "photos",
        MANY,
        {},
        InvalidRules,
    ),
    ("extra method", {}, "photos", PATCH, {}, InvalidRules),
    ("danger", {"strict": "dangers"}, "photos", DANGEROUS, {}, RefusedByLint),
    ("danger, at the higher level", {"strict": "warnings"}, "photos", DANGEROUS, {}, RefusedByLint),
    ("warning", {"strict": "warnings"}, "photos", ODD, {}, RefusedByLint),
    ("too intricate", {"strict": "dangers"}, "photos", INTRICATE, {}, RefusedByLint),
    ("changed", {}, "photos", PLAIN, {"expected": "seen by nobody"}, RulesChanged),
    ("put meanwhile", {}, "photos", PLAIN, {"expected": None}, RulesChanged),
    ("deleted meanwhile", {}, "new", PLAIN, {"expected": "seen by nobody"}, RulesChanged),
    # If several things are wrong, both name the same one.
    ("name, and rules", {"dialect": OSS}, "api", MANY, {}, ReservedBucketName),
    ("number, and method", {"dialect": OSS}, "photos", MANY_PATCH, {}, InvalidRules),
    (
        "danger, and changed",
        {"strict": "dangers"},
        "photos",
        DANGEROUS,
        {"expected": None},
        RefusedByLint,
    ),
    ("changed, and gone", {}, "gone", PLAIN, {"expected": "seen by nobody"}, RulesChanged),
    ("danger, and gone", {"strict": "dangers"}, "gone", DANGEROUS, {}, RefusedByLint),
]


@pytest.mark.parametrize("in_full", [True, False])
@pytest.mark.parametrize(
    ("options", "bucket", "rules", "how", "error"),
    [row[1:] for row in REFUSALS],
    ids=[row[0] for row in REFUSALS],
)
def test_what_a_put_would_refuse_is_said_before(
    make: Make, store: MemoryStore, options, bucket, rules, how, error, in_full: bool
) -> None:
    store.put("photos", OTHER)
    writer, before = make(**options), store.state()
    said = preview_write(writer, bucket, rules, **how)
    assert store.state() == before
    with pytest.raises(error) as caught:
        writer.put(bucket, rules, in_full=in_full, **how)
    assert (type(said.refusal), str(said.refusal)) == (type(caught.value), str(caught.value))


ACCEPTED: list[tuple[dict[str, Any], RuleSet, dict[str, Any]]] = [
    ({}, PLAIN, {}),
    ({}, DANGEROUS, {}),
    ({}, INTRICATE, {}),
    ({"strict": "dangers"}, ODD, {}),
    ({"strict": "warnings"}, PLAIN, {}),
    ({"dialect": replace(COS, extra_methods=("PATCH",))}, PATCH, {}),
    ({"dialect": OSS}, MANY, {"dialect": COS}),
]


@pytest.mark.parametrize(("options", "rules", "how"), ACCEPTED)
def test_what_a_put_would_accept_is_said_before(make: Make, store, options, rules, how) -> None:
    store.put("photos", OTHER)
    writer = make(**options)
    said = preview_write(writer, "photos", rules, **how)
    assert (said.refusal, store.get("photos")) == (None, OTHER)
    done = writer.put("photos", rules, expected=said.stored.version, in_full=True, **how)
    assert done.findings == said.findings
    assert store.get("photos") == rules


@pytest.mark.parametrize(
    ("options", "rules", "error"),
    [
        ({"dialect": OSS}, MANY, None),
        ({}, PATCH, InvalidRules),
        ({"strict": "dangers"}, DANGEROUS, RefusedByLint),
        ({"strict": "dangers"}, PLAIN, None),
    ],
)
def test_a_rollback_is_shown_as_it_would_be_done(make: Make, store, options, rules, error) -> None:
    first = store.put("photos", rules)
    store.put("photos", OTHER)
    writer = make(**options)
    said = preview_write(writer, "photos", rules, is_rollback=True)
    assert type(said.refusal) is (error or type(None))
    with pytest.raises(error) if error else nullcontext():
        writer.rollback("photos", first)
    assert store.get("photos") == (OTHER if error else rules)


def test_a_deletion_has_no_findings_and_compares_the_version(make: Make, store) -> None:
    store.put("photos", DANGEROUS)
    stored = store.read("photos")
    for bucket in ("photos", "api", "gone", "none", ""):
        said = preview_write(make(strict="dangers"), bucket, None)
        assert (said.refusal, said.findings, said.new_findings) == (None, (), ())
        assert (said.stored and said.stored.version) == (
            stored.version if bucket == "photos" else None
        )
    assert preview_write(make(), "photos", None, expected=stored.version).refusal is None
    assert type(preview_write(make(), "photos", None, expected=None).refusal) is RulesChanged
    assert store.get("photos") == DANGEROUS


def test_a_page_that_only_looks_is_refused_nothing(make: Make) -> None:
    for strict in ("off", "dangers", "warnings"):
        writer = make(strict=strict)
        for rules in (PLAIN, ODD, DANGEROUS, MANY, PATCH):
            assert writer.findings(rules) == lint(rules)
        assert writer.findings(INTRICATE) is None


def test_refused_rules_have_findings_too(make: Make) -> None:
    for rules, options in [(DANGEROUS, {"strict": "dangers"}), (PATCH, {})]:
        said = preview_write(make(**options), "photos", rules)
        assert said.refusal
        assert said.findings == said.new_findings == lint(rules)


def failing(host: str) -> str:
    raise LookupError(host)


def test_a_failing_function_for_public_suffixes_stops_no_page(make: Make, caplog) -> None:
    rules = RuleSet([Rule(["https://*.com"], ["GET"])])
    said = preview_write(make(public_suffix=failing), "photos", rules)
    assert (said.refusal, said.findings, said.new_findings) == (None, None, None)
    assert "LookupError" in caplog.text
    strict = make(public_suffix=failing, strict="dangers")
    assert strict.findings(rules) is None
    # The put fails in the same way.
    for write in (
        lambda: preview_write(strict, "photos", rules),
        lambda: strict.put("photos", rules),
    ):
        with pytest.raises(LookupError):
            write()


@pytest.fixture
def lintings(monkeypatch: pytest.MonkeyPatch) -> list[RuleSet]:
    """The rules that are linted from now on."""
    linted: list[RuleSet] = []

    def noted(rules: RuleSet, *arguments: Any, **named: Any) -> Any:
        linted.append(rules)
        return lint(rules, *arguments, **named)

    monkeypatch.setattr(put_review, "lint", noted)
    return linted


@pytest.mark.parametrize("strict", ["off", "dangers", "warnings"])
def test_page_preview_and_write_lint_rules_once(make: Make, store, lintings, strict: str) -> None:
    store.put("photos", OTHER)
    writer = make(strict=strict)
    for _ in range(3):
        writer.findings(store.get("photos"))
        preview_write(writer, "photos", PLAIN)
    writer.put("photos", PLAIN, in_full=True)
    writer.findings(store.get("photos"))
    assert lintings == [OTHER, PLAIN]


def test_rules_that_cannot_be_judged_are_not_linted_again_either(make: Make, lintings) -> None:
    writer = make()
    assert [writer.findings(INTRICATE) for _ in range(3)] == [None] * 3
    assert len(lintings) == 1


NULL = Rule(["null"], ["GET"])
ANY = Rule(["*"], ["GET"])
A = Rule(["https://a.example"], ["GET"])
B = Rule(["https://b.example"], ["GET"])
UPPER = Rule(["https://A.example"], ["HEAD"])
SLOW = {"max_age_seconds": 10}
NEW_FINDINGS: list[tuple[str, list[Rule], list[Rule], list[str]]] = [
    # what is done, rules before and after, and the new findings with their places
    ("nothing", [NULL, A], [NULL, A], []),
    ("a rule without a finding is added", [NULL], [A, NULL], []),
    ("a rule with a finding is added", [A], [A, NULL], ["BC206 rule 2"]),
    ("a rule with a finding is added above", [UPPER], [NULL, UPPER], ["BC206 rule 1"]),
    ("a second one of a kind is added", [NULL], [Rule(["null"], ["HEAD"]), NULL], ["BC206 rule 1"]),
    ("a rule is deleted", [A, NULL], [NULL], []),
    ("rules change places", [NULL, UPPER], [UPPER, NULL], []),
    (
        "a value without a finding is added",
        [NULL],
        [Rule(["null", "https://a.example"], ["GET"])],
        [],
    ),
    ("a value is added", [NULL], [Rule(["null", "https://A.example"], ["GET"])], ["BC301 rule 1"]),
    ("another number", [UPPER], [Rule(["https://A.example"], ["HEAD"], **SLOW)], []),
    ("another ID", [ANY, A], [ANY, Rule(["https://a.example"], ["GET"], id="x")], []),
    ("a useless rule is edited", [ANY, A], [ANY, Rule(["https://a.example"], ["GET"], **SLOW)], []),
    ("a useless rule is added", [ANY, A], [ANY, A, B], ["BC101 rule 3", "BC107 rule 3"]),
    (
        "one rule becomes useless, and another one useful",
        [ANY, A],
        [A, ANY, B],
        ["BC102 rule 2", "BC101 rule 3", "BC107 rule 3"],
    ),
    ("nothing, and a rule is there twice", [NULL, NULL], [NULL, NULL], []),
    ("a rule is copied", [NULL], [NULL, NULL], ["BC101 rule 2", "BC206 rule 2"]),
    ("a rule is moved to the top", [ANY, NULL], [NULL, ANY], ["BC206 rule 1", "BC102 rule 2"]),
    (
        "another rule becomes useless",
        [B, ANY, A],
        [ANY, A, B],
        ["BC101 rule 3", "BC107 rule 3"],
    ),
]


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [row[1:] for row in NEW_FINDINGS],
    ids=[row[0] for row in NEW_FINDINGS],
)
def test_new_findings_are_those_that_the_stored_rules_lack(
    make: Make, store, before: list[Rule], after: list[Rule], new: list[str]
) -> None:
    store.put("photos", RuleSet(before))
    said = preview_write(make(), "photos", RuleSet(after))
    assert [f"{each.id} {each.place}" for each in said.new_findings] == new


class Unreadable(MemoryStore):
    """A store whose rules another tool has damaged."""

    def read(self, bucket: str) -> StoredRules | None:
        stored = super().read(bucket)
        return stored and stored._replace(parse=refuse)


def refuse() -> RuleSet:
    raise StoredRulesInvalid("no rule set")


def test_all_findings_are_new_if_there_is_nothing_to_compare_them_with(make: Make, store) -> None:
    store.put("intricate", INTRICATE)
    unreadable = Unreadable()
    unreadable.put("photos", DANGEROUS)
    for writer, bucket in [
        (make(), "new"),
        (make(), "intricate"),
        (make(store=unreadable), "photos"),
    ]:
        said = preview_write(writer, bucket, DANGEROUS)
        assert (said.refusal, said.new_findings) == (None, lint(DANGEROUS))


class Unavailable(MemoryStore):
    def read(self, bucket: str) -> StoredRules | None:
        raise StoreUnavailable("the disk is gone")


def test_a_store_that_cannot_be_reached_is_an_error_and_no_refusal(make: Make) -> None:
    with pytest.raises(StoreUnavailable):
        preview_write(make(store=Unavailable()), "photos", PLAIN)
