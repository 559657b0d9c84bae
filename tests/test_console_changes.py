"""What a change in the console changes is shown first; what the API refuses is refused."""

# The pages have dashes and a minus that look alike.
# ruff: noqa: RUF001

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from flask import Flask

from flask_bucketcors import (
    AddRule,
    DeleteRule,
    InvalidRules,
    MemoryStore,
    MoveRule,
    ReplaceRule,
    Rule,
    RuleEdit,
    RuleSet,
    SetResponseVary,
    Store,
    StoredRulesInvalid,
    console_app,
)
from flask_bucketcors.console.starting_rules import STARTING_RULES
from flask_bucketcors.console.typed_rule import TypedRule
from flask_bucketcors.stores.contract import StoredRules
from tests.support.console_apps import PREFIX, forms_of, text_of
from tests.support.console_editors import SAVE, SEE_CHANGES, EditedBucket, Editor

A = Rule(["https://a.example"], ["GET"], id="a")
B = Rule(["https://b.example"], ["GET", "PUT"], ["content-type"], ["ETag"], 600, "b")
C = Rule(["https://c.example"], ["GET"], id="c")
D = Rule(["https://d.example"], ["GET"], id="d")
ABC = RuleSet([A, B, C])


def b_with(**changed: Any) -> Rule:
    """Rule B with other fields."""
    return Rule(**{**B.as_dict(), **changed})


# What happens usually


def test_a_rule_is_added_seen_and_saved() -> None:
    bucket = EditedBucket(None)
    alice = bucket.editor("alice")
    alice.edit()
    typed: dict[str, Any] = {
        "origins": "https://a.example\r\nhttps://*.b.example",
        "methods": ["GET", "PUT"],
        "headers": "x-a",
        "exposed": "ETag",
        "max_age": "0",
        "id": "shop",
        "vary": ["off", "on"],
    }
    seen = (alice.send(SEE_CHANGES, **typed), alice.text)[1]
    assert seen.startswith(
        "Add a rule: what changes + Newly allowed: https://a.example; every https site below "
        "b.example GET, PUT – x-a; with cookies such as GET from https://www.b.example"
    )
    assert "off → on" in seen
    assert bucket.rules == []
    alice.send(SAVE)
    origins = ["https://a.example", "https://*.b.example"]
    rule = Rule(origins, ["GET", "PUT"], ["x-a"], ["ETag"], 0, "shop")
    assert bucket.rule_set == RuleSet([rule], True)
    assert [author for author, _ in bucket.history] == ["alice"]
    assert alice.page is not None
    assert (
        alice.page.request.full_path == f"{PREFIX}/b/{bucket.name}/?saved={bucket.store.revision}"
    )


EVERYONE = Rule(["*"], ["GET"])
KINDS: list[tuple[RuleEdit | dict[str, str], str, str, RuleSet | None]] = [
    (AddRule(D, 1), "Add a rule", SAVE, RuleSet([A, D, B, C])),
    (ReplaceRule(0, D, 2), "Change rule 1", SAVE, RuleSet([B, C, D])),
    (DeleteRule(1), "Delete rule 2", SAVE, RuleSet([A, C])),
    (MoveRule(2, 0), "Move rule 3 to place 1", SAVE, RuleSet([C, A, B])),
    (SetResponseVary(True), "Turn on Return Vary: Origin", SAVE, RuleSet([A, B, C], True)),
    (
        {"kind": "rules", "document": RuleSet([EVERYONE]).to_xml()},
        "Replace all rules",
        SAVE,
        RuleSet([EVERYONE]),
    ),
    ({"kind": "restore", "revision": "FIRST"}, "Restore revision FIRST", SAVE, RuleSet([A])),
    ({"kind": "clear"}, "Delete all rules", "Delete all rules", None),
]


def test_each_kind_says_what_changes_before_it_does_it() -> None:
    for edit, title, label, expected in KINDS:
        bucket = EditedBucket(RuleSet([A]))
        first = str(bucket.store.revision)
        bucket.store.put(bucket.name, ABC)
        alice = bucket.editor("alice")
        fields = {k: v.replace("FIRST", first) for k, v in bucket.fields(edit).items()}
        title = title.replace("FIRST", first)
        assert alice.propose(fields).startswith(f"{title}: what changes ")
        assert bucket.rules == [A, B, C]
        alice.send(label)
        assert bucket.rule_set == expected, title
        assert [author for author, _ in bucket.history[2:]] == ["alice"]


def test_the_last_rule_is_deleted_as_all_rules_are() -> None:
    bucket = EditedBucket(RuleSet([A]))
    alice = bucket.editor("alice")
    alice.propose(bucket.fields(DeleteRule(0)))
    alice.send("Delete all rules")
    assert bucket.rule_set is None


def test_what_changes_is_said_in_words() -> None:
    for edit, told in [
        (DeleteRule(0), "− No longer allowed: https://a.example GET – no extra header"),
        (
            ReplaceRule(1, b_with(max_age_seconds=60)),
            "~ Allowed on other terms: https://b.example GET, PUT – content-type; "
            "kept for: 600 seconds → 60 seconds",
        ),
        (
            ReplaceRule(1, b_with(expose_headers=[], max_age_seconds=None)),
            "readable headers: etag → none; kept for: 600 seconds → the browser decides",
        ),
        (
            ReplaceRule(0, Rule(["*"], ["GET"])),
            "https://a.example; https://c.example GET – no extra header; cookies: yes → no",
        ),
        (MoveRule(0, 1), "Every request is treated as before."),
        (MoveRule(0, 0), "The bucket has these rules already."),
        (ReplaceRule(0, Rule(["https://a.example"], ["GET"], id="z")), "treated as before"),
    ]:
        bucket = EditedBucket(ABC)
        assert told in bucket.editor("alice").propose(bucket.fields(edit)), edit


def test_without_credentials_it_matters_what_a_response_names() -> None:
    bucket = EditedBucket(RuleSet([Rule(["*"], ["GET"])]), allow_credentials=False)
    told = bucket.editor("alice").propose(bucket.fields(AddRule(A, 0)))
    assert "https://a.example GET – no extra header; the response names: * → the origin" in told


def test_new_dangers_are_on_the_button() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    seen = alice.propose(bucket.fields(AddRule(Rule(["https://*abc.com"], ["GET"]))))
    assert "Danger Open start: anyone can register a match BC201 rule 4" in seen
    assert "GET – no extra header; with cookies such as GET from https://evilabc.com" in seen
    alice.send("Save, with 1 danger")
    # It is there by now, so it is not new.
    assert "No new finding." in alice.propose(bucket.fields(MoveRule(3, 0)))
    alice.send(SAVE)
    assert bucket.rules[0].allowed_origins == ("https://*abc.com",)
    two_sites = Rule(["https://abc.com", "https://xyz.com"], ["GET"])
    assert "Hint Several sites in one rule" in alice.propose(bucket.fields(AddRule(two_sites)))


def test_a_rule_can_be_edited_again_with_all_that_was_typed() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    for number in (1, 2, 3):
        alice.edit(f"rules/{number}")
        alice.send(
            SEE_CHANGES, origins="https://x.example", max_age="7", to="1", vary=["off", "on"]
        )
        alice.send("Edit again")
        for name, value in {"origins": "https://x.example", "max_age": "7", "vary": "on"}.items():
            assert alice.value(name) == value
        alice.send(SEE_CHANGES)
    alice.send(SAVE)
    rules = bucket.rule_set
    assert rules is not None
    assert rules.response_vary
    assert rules.rules[0] == Rule(["https://x.example"], ["GET"], max_age_seconds=7, id="c")
    assert rules.rules[1:] == (A, B)


def test_a_document_can_be_edited_again() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    document = (
        '\n\n{"rules": [{"allowed_origins": ["https://x.example"], "allowed_methods": ["GET"]}]}'
    )
    alice.propose(bucket.fields({"kind": "rules", "document": document}))
    alice.send("Edit again")
    assert alice.value("document") == document
    alice.send(SEE_CHANGES)
    alice.send(SAVE)
    assert bucket.rules == [Rule(["https://x.example"], ["GET"])]


def test_a_fix_opens_the_form_filled_in() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    alice.propose(bucket.fields(ReplaceRule(1, b_with(allowed_methods=["GET", "PUT", "DELETE"]))))
    form = alice.send("Edit again")
    assert "Edit rule 2" in form
    assert form.count(" checked") == 3
    alice.send(SEE_CHANGES, max_age="60")
    alice.send(SAVE)
    assert bucket.rules[1] == b_with(allowed_methods=["GET", "PUT", "DELETE"], max_age_seconds=60)


# What is refused


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    alice.edit("rules/2")
    typed: dict[str, Any] = {
        "origins": "https://ok.example\n\nhttps://a b\nhttps://*.*.example\nhttps://a b",
        "headers": "x a\ncontent-type",
        "max_age": "ten",
        "methods": [],
    }
    page = alice.send(SEE_CHANGES, **typed)
    seen = alice.text
    assert seen.startswith(
        "Edit rule 2 Not saved: 6 things are wrong. Origins, line 3: https://a b contains a "
    )
    summary = seen.partition(" Origins required")[0]
    for told in ("Origins, line 4: https://*.*.example contains", "Methods: Choose at least one"):
        assert told in summary
    assert summary.endswith("Max-age, in seconds: ten is not a whole number of seconds.")
    for told in (
        "Line 3: https://a b contains a character that no origin can have;",
        "Line 4: https://*.*.example contains more than one *; write at most one.",
        "Line 5: https://a b contains a character",
        "Choose at least one method.",
        "Line 1: x a is not one header name;",
        "ten is not a whole number of seconds.",
    ):
        assert told in seen
    for name in ("origins", "headers", "max_age"):
        assert alice.value(name) == typed[name]
        assert f'aria-describedby="{name}-help {name}-wrong" aria-invalid="true"' in page
        assert f'href="#{name}"' in page
    assert bucket.rules == [A, B, C]


HOSTILE = (
    "\nhttps://first.example",
    "</textarea><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "https://a\u200b.example",
    "\u202ehttps://a.example",
    "{{ 7 * 7 }}{% raw %}",
    "https://a.example\u00a0",
    "\u2028",
    "x" * 5_000,
)


def test_hostile_values_stay_as_they_were_typed_and_do_nothing() -> None:
    bucket = EditedBucket(None)
    alice = bucket.editor("alice")
    for value in HOSTILE:
        alice.edit()
        names = ("origins", "headers", "exposed", "max_age", "id")
        page = alice.send(SEE_CHANGES, methods=["<b>\u202e"], **dict.fromkeys(names, value))
        assert [tag for tag in ("<script>", "<img", "<b>") if tag in page] == []
        assert "\u202e" not in page.split("<ul", 2)[1].split("</ul>")[0]
        for name in names:
            assert alice.value(name) == value, name
        assert alice.value("methods") == "<b>\u202e"
    alice.propose({"kind": "add", "origins": "https://a\u200b.example"})
    assert "https://a⟨U+200B⟩.example contains a non-ASCII character" in alice.text
    assert bucket.rules == []


PATCH = Rule(["https://a.example"], ["PATCH"])
STRANGERS = Rule(["https://*abc.com"], ["GET"])
MANY = [Rule([f"https://{number}.example"], ["GET"]) for number in range(3)]
LONG = Rule([f"https://{'a' * 250}{number}.example" for number in range(10)], ["GET"])


def test_the_console_refuses_what_the_api_refuses() -> None:
    limits = {"cos": (3, 2_000)}
    for config, rule, told in [
        ({"limits": limits}, D, "4 is more rules than allowed; combine or remove some."),
        ({}, PATCH, "PATCH is a method that the settings do not allow;"),
        ({"strict": "dangers"}, STRANGERS, "'https://*abc.com' matches 'https://evilabc.com'"),
        ({"limits": {"cos": (9, 2_000)}}, LONG, "bytes as XML, and may have 2,000:"),
    ]:
        bucket = EditedBucket(ABC, **cast(dict[str, Any], config))
        alice = bucket.editor("alice")
        seen = alice.propose(bucket.fields(AddRule(rule)))
        assert seen.startswith("Add a rule Not saved: 1 thing is wrong."), told
        assert told in seen
        assert SAVE not in alice.buttons
        assert bucket.rules == [A, B, C]


def test_boxes_are_those_of_the_methods_that_rules_can_have() -> None:
    bucket = EditedBucket(RuleSet([PATCH]), extra_methods=["PATCH", "COPY"])
    alice = bucket.editor("alice")
    alice.edit("rules/1")
    assert "DELETE delete PATCH change in part COPY WebDAV Allowed" in alice.text
    assert alice.value("methods") == "PATCH"
    # The settings may have changed since the rule was stored; then it can be taken away.
    bucket = EditedBucket(RuleSet([PATCH]))
    alice = bucket.editor("alice")
    alice.edit("rules/1")
    assert "DELETE delete PATCH Allowed" in alice.text
    alice.send(SEE_CHANGES)
    assert "PATCH is a method that the settings do not allow" in alice.text


def test_findings_that_refuse_stand_at_their_value() -> None:
    bucket = EditedBucket(ABC, strict="dangers")
    alice = bucket.editor("alice")
    alice.edit()
    page = alice.send(SEE_CHANGES, origins="https://x.example\n\nhttps://*abc.com", methods=["GET"])
    assert "Origins required" in alice.text
    assert "Line 3: 'https://*abc.com' matches" in alice.text
    assert 'href="#origins"' in page


def test_a_finding_about_another_rule_names_that_rule() -> None:
    bucket = EditedBucket(RuleSet([A]), strict="warnings")
    told = bucket.editor("alice").propose(bucket.fields(AddRule(A, 0)))
    assert "Rule 2: No request reaches this rule: rule 1 above it matches" in told


def test_a_document_says_each_problem_as_its_reader_does() -> None:
    for document, told in [
        ("", "The rules are empty."),
        ("<html>", "The rules are not accepted as XML"),
        ('{"rules": [{"allowed_origins": ["https://a b"], "allowed_methods": []}]}', "Rule 1: "),
        ("</textarea><script>", "The rules are not accepted as XML"),
        ("x: [", "The rules are "),
    ]:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        seen = alice.propose(bucket.fields({"kind": "rules", "document": document}))
        assert seen.startswith("Replace all rules Not saved:")
        assert told in seen
        assert "<script>" not in alice.html.split("<main")[1]
        assert alice.value("document") == document


class Unreadable(MemoryStore):
    """A store whose rules nobody can read."""

    def read(self, bucket: str) -> StoredRules | None:
        """Give the rules with a text that is none."""
        stored = super().read(bucket)
        return stored and stored._replace(parse=self._refuse)

    def _refuse(self) -> RuleSet:
        raise StoredRulesInvalid("the stored text is no rule set")


def test_unreadable_rules_can_be_replaced_or_deleted_but_not_edited() -> None:
    store = Unreadable()
    bucket = EditedBucket(ABC, store)
    alice = bucket.editor("alice")
    for edit, label in [(KINDS[5][0], SAVE), ({"kind": "clear"}, "Delete all rules")]:
        stored = store.read(bucket.name)
        assert stored
        alice.propose({**cast(dict[str, str], edit), "version": stored.version, "seen": "1"})
        assert "cannot be shown, because the stored rules are unreadable" in alice.text
        alice.send(label)
    assert bucket.history[1:] == [("alice", [EVERYONE]), ("alice", [])]
    store.put(bucket.name, ABC)
    alice.propose({"kind": "add", "origins": "*", "methods": "GET"})
    assert "Add a rule Not saved: 1 thing is wrong. The stored text is no rule set." in alice.text
    assert alice.value("origins") == "*"


def test_the_text_of_unreadable_rules_is_replaced_or_deleted() -> None:
    bucket = EditedBucket(ABC, Unreadable())
    alice = bucket.editor("alice")
    said = text_of(alice.open(f"/b/{bucket.name}/text"))
    assert "the stored text is no rule set" in said
    assert {"See what changes", "Delete all rules"} <= {each.label for each in forms_of(alice.html)}


# Where a bucket has no rules of its own, or is gone


def test_a_first_rule_is_compared_with_the_default_rules() -> None:
    bucket = EditedBucket(None, default_rules=RuleSet([A]).as_dict())
    alice = bucket.editor("alice")
    alice.edit()
    assert "none of them apply to it any more." in alice.text
    alice.send(SEE_CHANGES, origins="https://b.example", methods=["GET"])
    assert "Newly allowed: https://b.example" in alice.text
    assert "No longer allowed: https://a.example" in alice.text
    alice.send(SAVE)
    assert "replaces all of them" not in alice.edit()
    alice.propose(bucket.fields({"kind": "clear"}))
    assert "Newly allowed: https://a.example" in alice.text


def editor_of(store: Store, bucket: EditedBucket, exists: Callable[[str], bool]) -> Editor:
    """Alice, in a console of its own that knows which buckets exist."""
    app = console_app(
        store, authorize=lambda call: "alice", secret_key="of the test", bucket_exists=exists
    )
    alice = Editor(cast(Flask, app).test_client(), prefix="")
    alice.bucket = bucket.name
    return alice


def test_rules_that_outlive_their_bucket_can_only_be_deleted() -> None:
    store = MemoryStore()
    bucket = EditedBucket(ABC, store)
    alice = editor_of(store, bucket, lambda name: False)
    assert "there is no bucket" in alice.propose(bucket.fields(MoveRule(0, 1))).lower()
    assert SAVE not in alice.buttons
    alice.propose(bucket.fields({"kind": "clear"}))
    alice.send("Delete all rules")
    assert bucket.rule_set is None


def test_a_bucket_that_goes_while_rules_are_saved_gets_none() -> None:
    store = MemoryStore()
    bucket = EditedBucket(None, store)
    alice = editor_of(store, bucket, lambda name: store.get(name) is None)
    alice.edit()
    alice.send(SEE_CHANGES, origins="https://a.example", methods=["GET"])
    alice.send(SAVE)
    assert "Add a rule Not saved: 1 thing is wrong. There is no bucket" in alice.text
    assert alice.value("origins") == "https://a.example"
    assert bucket.rule_set is None


def test_revisions_and_rules_that_are_not_there_are_refused() -> None:
    for fields, told in [
        (
            {"kind": "restore", "revision": "999999"},
            "The history has no rules of revision 999999 any more.",
        ),
        ({"kind": "delete", "rule": "9", "was": "x"}, "There is no rule 9: write a number from 1"),
    ]:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        alice.propose(bucket.fields(fields))
        assert told in alice.text
        assert alice.buttons == []
    bucket = EditedBucket(ABC)
    for path in ("rules/0", "rules/4", "rules/99999999999999999999"):
        alice = bucket.editor("alice")
        alice.edit(path)
        assert alice.page is not None
        assert alice.page.status_code == 404


def test_many_wrong_lines_are_read_once() -> None:
    class Text(str):
        times_read = 0

        def split(self, *arguments: Any) -> list[str]:
            Text.times_read += 1
            return super().split(*arguments)

    typed = TypedRule(origins=Text("\n".join(f"é{i}" for i in range(50))), methods="GET")
    with suppress(InvalidRules):
        typed.parse()
    assert [typed.line_of("origins", index) for index in range(50)] == [*range(1, 51)]
    assert Text.times_read == 1


def test_many_typed_lines_of_a_conflict_are_shown_in_part() -> None:
    bucket = EditedBucket(ABC)
    origins = "\n".join(f"https://{i}.example" for i in range(300))
    fields = {
        **bucket.fields(DeleteRule(0)),
        "kind": "replace",
        "methods": "GET",
        "origins": origins,
    }
    bucket.store.put(bucket.name, RuleSet([B, C]))
    alice = bucket.editor("alice")
    assert "And 100 more." in alice.propose(fields)
    assert alice.value("origins", "Add my version as a new rule") == origins


def test_a_field_that_a_kind_does_not_have_does_nothing() -> None:
    others = {
        "rule": "1",
        "to": "2",
        "revision": "1",
        "document": "[]",
        "origins": "https://d.example",
    }
    for rules in (ABC, RuleSet([A])):
        bucket = EditedBucket(rules)
        alice = bucket.editor("alice")
        text = alice.propose({**bucket.fields({"kind": "vary", "vary": "on"}), **others})
        assert "Every request is treated as before." in text
        alice.send(SAVE)
        assert bucket.rule_set == RuleSet(rules.rules, response_vary=True)


def test_forms_begin_with_rules_of_a_name() -> None:
    bucket = EditedBucket(None)
    alice = bucket.editor("alice")
    for name, starting in STARTING_RULES.items():
        alice.edit(f"add?template={name}&origin=https://shop.example")
        assert starting.title in alice.text
        alice.send(SEE_CHANGES)
        assert "Newly allowed: https://shop.example" in alice.text, name
    alice.edit("add?template=least-restrictive")
    alice.send(SEE_CHANGES)
    assert "Newly allowed: any site" in alice.text
    for path in ("add?template=%3Cscript%3E&origin=%0A%22%3E%3Cscript%3E", "add"):
        assert "<script>" not in alice.edit(path)
    assert alice.value("origins") == ""
