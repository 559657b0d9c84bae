"""Two people edit the rules of one bucket: nothing typed and nothing saved is lost."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import (
    AddRule,
    DeleteRule,
    HistoryEntry,
    MemoryStore,
    MoveRule,
    ReplaceRule,
    Rule,
    RuleSet,
    SetResponseVary,
    SQLiteStore,
    Store,
)
from tests.support.console_apps import text_of
from tests.support.console_editors import SAVE, SEE_CHANGES, EditedBucket, Editor
from tests.support.rounds import MANY

A = Rule(["https://a.example"], ["GET"], id="a")
B = Rule(["https://b.example"], ["GET", "PUT"], ["content-type"], ["ETag"], 600, "b")
C = Rule(["https://c.example"], ["GET"], id="c")
D = Rule(["https://d.example"], ["GET"], id="d")
ABC = RuleSet([A, B, C])
EVERYONE = Rule(["*"], ["GET"])

WHILE_YOU_WORKED = "Somebody else changed these rules while you worked: yve, just now"
ON_TOP = f"{WHILE_YOU_WORKED}. Your change was put on top of those."
REPLACED = f"{WHILE_YOU_WORKED}. If you save, you replace those rules, too. They stay in"
USE_MINE, ADD_MINE = "Use my version", "Add my version as a new rule"


def b_with(**changed: Any) -> Rule:
    """Rule B with other fields."""
    return Rule(**{**B.as_dict(), **changed})


SLOW = b_with(max_age_seconds=60)
YVES = b_with(expose_headers=["ETag", "x-yve"])

Steps = Callable[[Editor], object]


def to_form(editor: Editor) -> None:
    """Open the form of rule B."""
    editor.edit("rules/2")


def to_preview(editor: Editor) -> None:
    """Propose another max-age for rule B, and look at what changes."""
    editor.edit("rules/2")
    editor.send(SEE_CHANGES, max_age="60")


def from_form(editor: Editor) -> None:
    """Propose it from the form."""
    editor.send(SEE_CHANGES, max_age="60")


def save(editor: Editor) -> None:
    """Save what was looked at."""
    editor.send(SAVE)


#: What alice does before and after yve changes the rules: the second meets the change.
MOMENTS: list[tuple[Steps, Steps]] = [(to_form, from_form), (to_preview, save)]


def test_if_nothing_changed_the_edit_is_saved() -> None:
    for before, after in MOMENTS:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        before(alice)
        after(alice)
        if after is from_form:
            assert "while you worked" not in alice.text
            alice.send(SAVE)
        assert bucket.history == [("mallory", [A, B, C]), ("alice", [A, SLOW, C])]


#: What yve saves, where rule B is then, and what remains when alice has saved, too.
OTHER_RULES = [
    ([A, B, C, D], "rule 2", [A, SLOW, C, D]),
    ([D, A, B, C], "rule 3", [D, A, SLOW, C]),
    ([B], "rule 1", [SLOW]),
    ([C, B, A], "rule 2", [C, SLOW, A]),
    ([b_with(id="copy"), B], "rule 2", [b_with(id="copy"), SLOW]),
    ([EVERYONE, b_with(), A, B], "rule 2", [EVERYONE, SLOW, A, B]),
]


def test_if_other_rules_changed_the_edit_is_put_on_top() -> None:
    for yves, where, expected in OTHER_RULES:
        for before, after in MOMENTS:
            bucket = EditedBucket(ABC)
            alice = bucket.editor("alice")
            before(alice)
            bucket.store.put(bucket.name, RuleSet(yves), "yve")
            after(alice)
            assert alice.text.startswith(f"Change {where}: what changes {ON_TOP}")
            assert bucket.rules == yves
            alice.send(SAVE)
            assert bucket.history[1:] == [("yve", yves), ("alice", expected)]


#: What yve saves: rule B is another one now, or gone; its number then, if it is there; and what
#: remains if alice goes on with hers.
SAME_RULE = [
    ([A, YVES, C], 2, [A, SLOW, C]),
    ([D, A, YVES, C], 3, [D, A, SLOW, C]),
    ([YVES, A, C], 1, [SLOW, A, C]),
    ([A, Rule(["https://x.example"], ["GET"], id="b"), C], 2, [A, SLOW, C]),
    ([A, Rule(["https://x.example"], ["GET"], id="x"), C], 2, [A, SLOW, C]),
    ([A, C], None, [A, SLOW, C]),
    ([A], None, [A, SLOW]),
    ([A, C, D, EVERYONE], None, [A, SLOW, C, D, EVERYONE]),
    ([], None, [SLOW]),
]


def test_if_the_same_rule_changed_both_are_shown_and_nothing_is_lost() -> None:
    for yves, number, expected in SAME_RULE:
        for before, after in MOMENTS:
            bucket = EditedBucket(ABC)
            alice = bucket.editor("alice")
            before(alice)
            put(bucket, yves)
            after(alice)
            what = "was changed" if number else "was deleted"
            assert alice.text.startswith(f"Rule 2 {what} while you worked"), yves
            assert (
                "yve changed the rules last, just now. Nothing of yours is lost, and nothing is"
                in alice.text
            )
            assert "What you typed Origins https://b.example Methods GET PUT" in alice.text
            assert "Max-age, in seconds 60 Name b" in alice.text
            assert bucket.rules == yves
            alice.send(USE_MINE if number else ADD_MINE)
            assert "while you worked" not in alice.text
            assert bucket.rules == yves
            alice.send(SAVE)
            assert bucket.history[1:] == [("yve", yves), ("alice", expected)]


def put(bucket: EditedBucket, rules: list[Rule]) -> None:
    """Let yve save rules, or delete them."""
    if rules:
        bucket.store.put(bucket.name, RuleSet(rules), "yve")
    else:
        bucket.store.delete(bucket.name, "yve")


def test_one_can_edit_the_version_of_the_other() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    to_form(alice)
    put(bucket, [D, A, YVES])
    from_form(alice)
    assert "As it is now It is rule 3 now." in alice.text
    assert "ETag x-yve" in alice.text
    assert f'href="/-/cors/b/{bucket.name}/rules/3">Edit their version</a>' in alice.html
    alice.edit("rules/3")
    alice.send(SEE_CHANGES, max_age="60")
    alice.send(SAVE)
    both = b_with(expose_headers=["ETag", "x-yve"], max_age_seconds=60)
    assert bucket.history[1:] == [("yve", [D, A, YVES]), ("alice", [D, A, both])]


def test_a_rule_that_is_gone_is_no_other_rule_if_the_history_is_gone_too() -> None:
    bucket = EditedBucket(ABC, MemoryStore(history_limit=1))
    alice = bucket.editor("alice")
    to_form(alice)
    put(bucket, [A, YVES, C])
    from_form(alice)
    assert alice.text.startswith("Rule 2 was deleted while you worked")
    alice.send(ADD_MINE)
    alice.send(SAVE)
    # Yve's rule is still there.
    assert bucket.rules == [A, SLOW, YVES, C]


#: An edit by a button, what yve saves, and what remains.
BUTTONS: list[tuple[Any, list[Rule], list[Rule]]] = [
    (AddRule(D), [A, B], [A, B, D]),
    (AddRule(D, 2), [A], [A, D]),
    (AddRule(D), [], [D]),
    (DeleteRule(1), [D, A, B, C], [D, A, C]),
    (DeleteRule(1), [B, A], [A]),
    (MoveRule(1, 0), [D, A, B, C], [D, B, A, C]),
    (MoveRule(1, 2), [A, B], [A, B]),
    (SetResponseVary(True), [D], [D]),
    (ReplaceRule(1, SLOW, 0), [D, A, B, C], [SLOW, D, A, C]),
]


def test_edits_by_a_button_are_put_on_top() -> None:
    for edit, yves, expected in BUTTONS:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        fields = bucket.fields(edit)
        put(bucket, yves)
        alice.propose(fields)
        assert ON_TOP in alice.text, edit
        if SAVE in alice.buttons:
            alice.send(SAVE)
        assert bucket.rules == expected, edit
        assert bucket.history[1] == ("yve", yves)


def test_an_edit_of_rules_that_are_gone_says_so() -> None:
    bucket = EditedBucket(ABC)
    alice = bucket.editor("alice")
    fields = bucket.fields(SetResponseVary(True))
    put(bucket, [])
    assert "Not saved: 1 thing is wrong. The bucket has no rules any more." in alice.propose(fields)
    assert alice.buttons == []


def test_the_first_rule_of_the_other_keeps_its_response_vary() -> None:
    bucket = EditedBucket(None)
    alice = bucket.editor("alice")
    fields = bucket.fields(AddRule(D, response_vary=True))
    put(bucket, [A])
    alice.propose(fields)
    alice.send(SAVE)
    assert bucket.rule_set == RuleSet([A, D])


def test_buttons_about_a_rule_that_changed_ask_first() -> None:
    for edit, yves, wanted, expected in [
        (DeleteRule(1), [A, YVES], "To delete it.", [A]),
        (MoveRule(1, 0), [A, YVES], "To move it to place 1.", [YVES, A]),
        (DeleteRule(1), [A], "To delete it.", None),
        (MoveRule(1, 0), [A], "To move it to place 1.", None),
    ]:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        fields = bucket.fields(edit)
        put(bucket, yves)
        alice.propose(fields)
        assert f"What you wanted {wanted}" in alice.text
        if expected is None:
            assert alice.buttons == []
        else:
            [label] = alice.buttons
            assert label == ("Delete" if edit == DeleteRule(1) else "Move") + " it anyway"
            alice.send(label)
            alice.send(SAVE)
        assert bucket.rules == (yves if expected is None else expected)


def test_what_replaces_all_rules_says_that_it_replaces_theirs() -> None:
    document = RuleSet([D]).to_json()
    for kind, label, expected in [
        ({"kind": "rules", "document": document}, SAVE, [D]),
        ({"kind": "clear"}, "Delete all rules", []),
    ]:
        for yves in ([A, SLOW, C], []):
            bucket = EditedBucket(ABC)
            alice = bucket.editor("alice")
            fields = bucket.fields(kind)
            put(bucket, yves)
            alice.propose(fields, "save")
            assert REPLACED in alice.text
            assert bucket.rules == yves
            if label in alice.buttons:
                alice.send(label)
            assert bucket.rules == expected
            assert bucket.history[1] == ("yve", yves)


def test_response_vary_of_the_other_stays_unless_one_touched_it() -> None:
    for typed, expected in [(None, True), (["off", "on"], True), (["off"], True)]:
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        to_form(alice)
        bucket.store.put(bucket.name, RuleSet([A, B, C], True), "yve")
        alice.send(SEE_CHANGES, max_age="60", **({} if typed is None else {"vary": typed}))
        alice.send(SAVE)
        assert bucket.rule_set == RuleSet([A, SLOW, C], expected)


def test_a_change_at_the_very_moment_of_saving_is_noticed() -> None:
    class Overtaken(MemoryStore):
        """Another store writes between the last look and the write."""

        def _put_all(self, *arguments: Any) -> int:
            if self.is_next:
                self.is_next = False
                self.put(bucket.name, RuleSet([A, B, C, D]), "yve")
            return super()._put_all(*arguments)

        is_next = False

    store = Overtaken()
    bucket = EditedBucket(ABC, store)
    alice = bucket.editor("alice")
    to_preview(alice)
    store.is_next = True
    save(alice)
    assert ON_TOP in alice.text
    assert bucket.rules == [A, B, C, D]
    save(alice)
    assert bucket.history[1:] == [("yve", [A, B, C, D]), ("alice", [A, SLOW, C, D])]


def test_authors_that_another_tool_has_stored_are_shown_whatever_they_are() -> None:
    class Foreign(MemoryStore):
        """Its authors are no texts."""

        author: Any = 5

        def last_change(self, bucket: str) -> HistoryEntry | None:
            found = super().last_change(bucket)
            return found and HistoryEntry(found.revision, found.time, self.author, ABC)

    for author, told in [
        (5, "worked: 5, just now."),
        (b"\xff", "xff"),
        (None, "worked, just now."),
    ]:
        store = Foreign()
        store.author = author
        bucket = EditedBucket(ABC, store)
        alice = bucket.editor("alice")
        to_form(alice)
        put(bucket, [A, B])
        from_form(alice)
        assert told in alice.text


def test_all_pages_show_authors_that_another_tool_has_stored(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "rules.sqlite")) as store:
        bucket = EditedBucket(ABC, store)
        with closing(sqlite3.connect(tmp_path / "rules.sqlite")) as connection, connection:
            for table in ("rules", "history"):
                connection.execute(f"UPDATE bucketcors_{table} SET author = x'ff00'")
        alice = bucket.editor("alice")
        for path in ("/", f"/b/{bucket.name}/", f"/b/{bucket.name}/history"):
            assert r"by b'\xff\x00'" in text_of(alice.open(path)), path


def test_a_form_that_is_sent_twice_is_saved_once() -> None:
    for edit in (AddRule(D), ReplaceRule(1, SLOW), DeleteRule(1), MoveRule(0, 2)):
        bucket = EditedBucket(ABC)
        alice = bucket.editor("alice")
        fields = bucket.fields(edit)
        for _ in range(2):
            alice.propose(fields, "save")
            assert alice.page is not None
            assert alice.page.request.args["saved"] == str(bucket.store.revision)
        assert len(bucket.history) == 2


@pytest.mark.parametrize("make_store", [MemoryStore, SQLiteStore])
def test_each_save_of_many_threads_saw_the_version_before_it(
    make_store: type[Store], tmp_path: Path
) -> None:
    editors, saves = 8, 50 if MANY else 3
    first = [Rule([f"https://{number}.example"], ["GET"]) for number in range(editors)]
    where = [tmp_path / "rules.sqlite"] if make_store is SQLiteStore else []
    store = make_store(*where, history_limit=editors * saves + 1)
    bucket = EditedBucket(RuleSet(first), store)

    def work(number: int) -> None:
        editor = bucket.editor(f"editor {number}")
        for age in range(saves):
            editor.edit(f"rules/{number + 1}")
            editor.send(SEE_CHANGES, max_age=str(age))
            while SAVE in editor.buttons:
                editor.send(SAVE)

    with ThreadPoolExecutor(editors) as pool:
        list(pool.map(work, range(editors)))
    ages = [-1] * editors
    for author, rules in bucket.history[1:]:
        assert author is not None
        ages[int(author.removeprefix("editor "))] += 1
        assert [
            -1 if each.max_age_seconds is None else each.max_age_seconds for each in rules
        ] == ages
    assert ages == [saves - 1] * editors
    store.close()
