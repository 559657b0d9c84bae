"""The rules of a bucket as cards, each with the tags of its findings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.console.finding_groups import Tag, TagsOfRule, tags_by_rule
from flask_bucketcors.console.proposals import ProposalKind, fields_for, fields_of
from flask_bucketcors.console.shown_text import counted
from flask_bucketcors.console.typed_rule import RULE_FIELDS
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.rule_edits import DeleteRule, MoveRule
from flask_bucketcors.core.rules import Rule, RuleSet

_LISTS: Final = ("origins", "methods", "headers", "exposed")
_MAX_AGE: Final = "max_age_seconds"
# Where a finding is about the rule as a whole, or about nothing that a card lists.
_PLACELESS: Final = (None, "id")


class Value(NamedTuple):
    """A value of a list, with its tags."""

    text: str
    tags: Sequence[Tag]


class ListedField(NamedTuple):
    """A list of a rule.

    :param field: its name in forms.
    :param values: those that the card shows.
    :param hidden: how many others there are.
    :param tags: those of the list as a whole.
    """

    field: str
    values: Sequence[Value]
    hidden: int
    tags: Sequence[Tag]

    @property
    def is_short(self) -> bool:
        """Whether the values stand on one line: methods without tags."""
        return self.field == "methods" and not any(each.tags for each in self.values)


class Button(NamedTuple):
    """A button that proposes a change.

    :param fields: those of its form.
    """

    label: str
    fields: Mapping[str, str]


class RuleCard(NamedTuple):
    """What a card shows.

    :param number: that of the rule, from 1.
    :param tags: those of the rule as a whole.
    :param lists: origins, methods and headers.
    :param max_age: in words.
    :param is_unreached: whether no request reaches the rule.
    :param buttons: what somebody may do with it.
    """

    number: int
    id: str | None
    tags: Sequence[Tag]
    lists: Sequence[ListedField]
    max_age: str
    max_age_tags: Sequence[Tag]
    is_unreached: bool
    buttons: Sequence[Button]

    @property
    def hidden(self) -> int:
        """The number of values that the card does not show."""
        return sum(each.hidden for each in self.lists)


def make_cards(
    rule_set: RuleSet,
    findings: Sequence[Finding],
    indexes: Iterable[int],
    most_values: int,
    editor: Visit | None,
) -> list[RuleCard]:
    """Make the cards of some rules.

    :param indexes: those of the rules, from 0.
    :param most_values: how many values of a list a card shows, apart from those with tags.
    :param editor: the visit of somebody who may change these rules; None for others.
    """
    tags = tags_by_rule(findings)
    unreached = {each.rule for each in findings if each.check is Check.RULE_UNREACHABLE}
    return [
        _card(
            index,
            rule_set.rules[index],
            tags.get(index, {}),
            most_values,
            index in unreached,
            _buttons(index, len(rule_set.rules), editor) if editor else (),
        )
        for index in indexes
    ]


def _card(
    index: int,
    rule: Rule,
    tags: TagsOfRule,
    most_values: int,
    is_unreached: bool,
    buttons: Sequence[Button],
) -> RuleCard:
    lists = [_list(name, rule, tags, most_values) for name in _LISTS]
    of_rule = [tag for (field, _), some in tags.items() if field in _PLACELESS for tag in some]
    of_max_age = [tag for (field, _), some in tags.items() if field == _MAX_AGE for tag in some]
    max_age = _max_age(rule.max_age_seconds)
    return RuleCard(index + 1, rule.id, of_rule, lists, max_age, of_max_age, is_unreached, buttons)


def _list(name: str, rule: Rule, tags: TagsOfRule, most: int) -> ListedField:
    """Show the first values, and those further down that have tags."""
    field = RULE_FIELDS[name]
    texts: Sequence[str] = getattr(rule, field)
    of_values = {
        index: tags[place, index]
        for place, index in tags
        if place == field and index is not None and index < len(texts)
    }
    shared = _shared(of_values, len(texts))
    own = {index: [tag for tag in some if tag not in shared] for index, some in of_values.items()}
    tagged = sorted(index for index, some in own.items() if some and index >= most)
    values = [
        Value(texts[index], own.get(index, ()))
        for index in (*range(min(most, len(texts))), *tagged[:most])
    ]
    of_list = [*tags.get((field, None), ()), *shared]
    return ListedField(name, values, len(texts) - len(values), of_list)


def _shared(of_values: Mapping[int, Sequence[Tag]], count: int) -> list[Tag]:
    """Give the tags that each of several values has; they stand once, below the list."""
    if len(of_values) < max(count, 2):
        return []
    first, *others = of_values.values()
    return [tag for tag in first if all(tag in some for some in others)]


def _max_age(seconds: int | None) -> str:
    if seconds is None:
        return "the browser decides"
    return counted(seconds, "second") if seconds else "0 seconds, asked again each time"


def _buttons(index: int, count: int, visit: Visit) -> list[Button]:
    if count == 1:
        # A bucket has at least one rule, or none are stored.
        return [Button("Delete", fields_for(ProposalKind.CLEAR, visit))]
    edits: dict[str, Any] = {}
    if index > 0:
        edits["Up"] = MoveRule(index, index - 1)
    if index < count - 1:
        edits["Down"] = MoveRule(index, index + 1)
    edits["Delete"] = DeleteRule(index)
    return [Button(label, fields_of(edit, visit)) for label, edit in edits.items()]
