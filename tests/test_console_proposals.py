"""Proposed changes keep what was typed on their way through forms."""

from collections.abc import Callable

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from flask_bucketcors import (
    AddRule,
    DeleteRule,
    InvalidRules,
    MoveRule,
    ReplaceRule,
    Rule,
    RuleEdit,
    RuleSet,
    SetResponseVary,
)
from flask_bucketcors.console.form_errors import errors_of_typed
from flask_bucketcors.console.proposals import Proposal, ProposalKind, digest_of, proposal_of
from flask_bucketcors.console.typed_rule import TypedRule

FULL = Rule(
    ["https://a.example", "https://*.b.example"],
    ["GET", "PUT"],
    ["content-type", "x-cos-meta-*"],
    ["ETag"],
    0,
    "shop front",
)
PLAIN = Rule(["*"], ["GET"])
RULES = RuleSet([PLAIN, FULL, PLAIN])

EDITS: list[RuleEdit] = [
    AddRule(FULL),
    AddRule(FULL, 0),
    ReplaceRule(1, PLAIN),
    ReplaceRule(1, FULL, 2),
    DeleteRule(2),
    MoveRule(0, 2),
    SetResponseVary(True),
    SetResponseVary(False),
    SetResponseVary(None),
]


def sent(fields: dict[str, str]) -> MultiDict[str, str]:
    """Fields as browsers send them: each line ends in CRLF."""
    return MultiDict({name: value.replace("\n", "\r\n") for name, value in fields.items()})


def test_an_edit_is_the_same_after_it_travelled_through_a_form() -> None:
    for edit in EDITS:
        proposal = proposal_of(edit, RULES)
        assert Proposal.from_form(sent(proposal.as_fields())) == proposal, edit
        result = RULES
        for each in proposal.edits(RULES):
            result = each.apply(result)
        assert result == edit.apply(RULES), edit


def test_a_first_rule_brings_response_vary_along() -> None:
    edit = AddRule(FULL, response_vary=True)
    first = Proposal.from_form(sent(proposal_of(edit, None).as_fields()))
    result: RuleSet | None = None
    for each in first.edits(None):
        result = each.apply(result)
    assert result == edit.apply(None)


def test_response_vary_that_the_author_did_not_touch_stays() -> None:
    fields = {"kind": "replace", "rule": "1", **TypedRule.of(FULL).as_fields()}
    for seen, typed, expected in [
        ("on", ["off", "on"], None),
        ("off", ["off"], None),
        ("on", ["off"], SetResponseVary(False)),
        ("off", ["off", "on"], SetResponseVary(True)),
    ]:
        form = MultiDict(
            [*fields.items(), ("vary_seen", seen), *(("vary", each) for each in typed)]
        )
        [_, *others] = Proposal.from_form(form).edits(RULES)
        assert others == ([] if expected is None else [expected])


def test_a_place_below_the_last_rule_is_the_last_one() -> None:
    for proposal in (
        Proposal(kind=ProposalKind.ADD, typed=TypedRule.of(FULL), to=9),
        Proposal(kind=ProposalKind.REPLACE, typed=TypedRule.of(FULL), index=0, to=9),
        Proposal(kind=ProposalKind.MOVE, index=1, to=9),
    ):
        [edit] = proposal.edits(RULES)
        assert edit.apply(RULES).rules[-1] == FULL


def test_digests_tell_rules_apart() -> None:
    others = [
        Rule(["*"], ["GET"], id="1"),
        Rule(["*"], ["GET"], max_age_seconds=0),
        Rule(["*"], ["GET", "GET"]),
        Rule(["*"], ["HEAD"]),
    ]
    assert len({digest_of(each) for each in (PLAIN, FULL, *others)}) == 6
    assert digest_of(PLAIN) == digest_of(Rule(("*",), ("GET",)))


@pytest.mark.parametrize("kind", ["", "Add", "drop\u202e"])
def test_unknown_kinds_are_refused(kind: str) -> None:
    with pytest.raises(BadRequest):
        Proposal.from_form(MultiDict({"kind": kind}))


def test_fields_that_no_page_writes_are_refused() -> None:
    for fields in (
        {"kind": "delete"},
        {"kind": "delete", "rule": "0"},
        {"kind": "delete", "rule": "-1"},
        {"kind": "delete", "rule": "²"},
        {"kind": "delete", "rule": "9" * 5_000},
        {"kind": "move", "rule": "1"},
        {"kind": "restore"},
        {"kind": "restore", "revision": "1.5"},
        {"kind": "vary", "vary": "perhaps"},
        {"kind": "add", "vary_seen": "perhaps"},
    ):
        with pytest.raises(BadRequest):
            Proposal.from_form(MultiDict(fields))


TYPED: list[tuple[str, str, Callable[[Rule], object], object]] = [
    (
        "origins",
        " https://a.example \r\n\r\n\t*\t",
        lambda rule: rule.allowed_origins,
        ("https://a.example", "*"),
    ),
    ("headers", "\nx-a\n", lambda rule: rule.allowed_headers, ("x-a",)),
    ("max_age", " 0 ", lambda rule: rule.max_age_seconds, 0),
    ("max_age", "", lambda rule: rule.max_age_seconds, None),
    ("id", " shop ", lambda rule: rule.id, "shop"),
    ("id", "", lambda rule: rule.id, None),
]


def test_blanks_around_values_and_empty_lines_do_not_count() -> None:
    for name, text, read, expected in TYPED:
        fields = {"origins": "*", "methods": "GET", name: text}
        assert read(TypedRule.from_form(MultiDict(fields)).parse()) == expected, (name, text)


def test_each_problem_has_the_line_that_was_typed() -> None:
    origins = "https://a.example\n\nhttps://a b\nhttps://a\u200bb.example\nhttps://a b\n*"
    typed = TypedRule(origins, "GET", "x\nx y", max_age="1 day", id="\u2028\x07")
    with pytest.raises(InvalidRules) as refused:
        typed.parse()
    errors = errors_of_typed(typed, refused.value.problems)
    assert [(each.field, each.line) for each in errors] == [
        ("origins", 3),
        ("origins", 4),
        ("origins", 5),
        ("headers", 2),
        ("max_age", None),
        ("id", None),
    ]


def test_hostile_texts_are_refused_and_kept() -> None:
    hostile = [
        "\u202ea",
        "a\u00a0",
        "\ufeffa",
        "a\x0bb",
        "\u2028",
        "\u0663",
        "\ud800",
        "a" * 9_000 + "\x00",
    ]
    for text in hostile:
        for name in ("origins", "methods", "headers", "exposed", "max_age"):
            typed = TypedRule.from_form(MultiDict({"origins": "*", "methods": "GET", name: text}))
            assert getattr(typed, name) == text
            with pytest.raises(InvalidRules):
                typed.parse()


def test_numbers_that_no_rule_can_have_are_refused() -> None:
    for text in ("-1", "2147483648", "1_0", "1.5", "600 s", "9" * 9_000):
        with pytest.raises(InvalidRules):
            TypedRule("*", "GET", max_age=text).parse()
