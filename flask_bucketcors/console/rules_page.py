"""The page "Rules" of a bucket: who may do what, the rules in order, and what lint finds."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.console.finding_groups import count_findings, group_findings
from flask_bucketcors.console.paging import Paging
from flask_bucketcors.console.permission_table import (
    PermissionTable,
    find_permissions,
    make_table,
)
from flask_bucketcors.console.proposals import fields_of
from flask_bucketcors.console.rule_cards import make_cards
from flask_bucketcors.console.starting_rules import STARTING_RULES, StartingRule
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.errors import StoredRulesInvalid, TooIntricate
from flask_bucketcors.core.rule_edits import SetResponseVary
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.history_entry import HistoryEntry

#: How many rules a page shows.
RULES_PER_PAGE: Final = 20
# How many values of a list a card shows, and how many the page of one rule.
_VALUES_OF_CARD: Final = 10
_VALUES_OF_PAGE: Final = 500
# A person with a keyboard passes each link and button: at most this many on a page. Some belong to
# the page itself: to the frame 8, to this page 5, and to the pages of both lists 14.
_MOST_STOPS: Final = 120
_STOPS_OF_PAGE: Final = 27
_STOPS_OF_CARD: Final = 4


class Beginnings(NamedTuple):
    """What a bucket without rules may begin with, by the name of the template.

    :param usual: for pages of one site, what most people need.
    :param others: for pages of one site, and other clients.
    :param any_site: for pages of any site.
    """

    usual: Mapping[str, StartingRule]
    others: Mapping[str, StartingRule]
    any_site: Mapping[str, StartingRule]


class Found(NamedTuple):
    """What is known about rules.

    :param table: who may do what; None if that cannot be said.
    :param too_intricate: why it cannot.
    :param findings: of lint; None if it cannot judge the rules.
    """

    table: PermissionTable | None
    too_intricate: TooIntricate | None
    findings: tuple[Finding, ...] | None


def show(visit: Visit) -> Response:
    """Show the page."""
    values: dict[str, Any] = {
        "tab": "rules",
        "last_change": visit.last_change,
        "saved": _saved(visit.last_change),
    }
    try:
        own = visit.rule_set
    except StoredRulesInvalid as error:
        return visit.page("unreadable.html", error=str(error), **values)
    rule_set = own or visit.default_rules
    beginnings = _beginnings(visit) if own is None and visit.may_write else None
    if rule_set is None:
        return visit.page("no_rules.html", beginnings=beginnings, **values)
    editor = visit if own and visit.may_write else None
    if "rule" in request.args:
        return _show_rule(visit, rule_set, editor)
    values.update(_described(visit, rule_set, editor), beginnings=beginnings)
    return visit.page("rules.html", is_default=own is None, editor=editor, **values)


def _described(visit: Visit, rule_set: RuleSet, editor: Visit | None) -> dict[str, Any]:
    """Give what the page says about rules."""
    paging = Paging(len(rule_set.rules), RULES_PER_PAGE, _number("page"))
    found = _find(visit, rule_set)
    findings = found.findings or ()
    cards = make_cards(rule_set, findings, paging.indexes, _VALUES_OF_CARD, editor)
    groups = group_findings(findings)
    stops = _STOPS_OF_PAGE + _STOPS_OF_CARD * len(cards) + len(groups)
    stops += sum(each.hidden > 0 for each in cards)
    numbers = found.table.numbers if found.table else 0
    numbers += sum(len(each.rules) for each in groups)
    return {
        "rule_set": rule_set,
        "paging": paging,
        "found": found,
        "cards": cards,
        "groups": groups,
        "counts": count_findings(findings),
        "is_folded": stops > _MOST_STOPS,
        "has_links": stops + numbers <= _MOST_STOPS,
        "vary_fields": editor and _vary_fields(editor, rule_set),
        "rows_page": found.table.paging.current if found.table else 1,
    }


def _show_rule(visit: Visit, rule_set: RuleSet, editor: Visit | None) -> Response:
    """Show one rule with its values, more than its card among others does."""
    index = _number("rule", 0) - 1
    if not 0 <= index < len(rule_set.rules):
        raise NotFound("The bucket has no rule of this number.")
    findings = visit.console.writer.findings(rule_set) or ()
    [card] = make_cards(rule_set, findings, [index], _VALUES_OF_PAGE, editor)
    return visit.page("rule.html", tab="rules", card=card, editor=editor)


def _find(visit: Visit, rule_set: RuleSet) -> Found:
    findings = visit.console.writer.findings(rule_set)
    try:
        table = make_table(find_permissions(visit, rule_set), _number("rows"))
    except TooIntricate as error:
        return Found(None, error, findings)
    return Found(table, None, findings)


def _beginnings(visit: Visit) -> Beginnings:
    usual = ("most-restrictive", "read-only", f"{visit.console.writer.dialect.name}-sdk")
    of_a_site = {name: each for name, each in STARTING_RULES.items() if not each.origin}
    return Beginnings(
        {name: of_a_site.pop(name) for name in usual},
        of_a_site,
        {name: each for name, each in STARTING_RULES.items() if each.origin},
    )


def _saved(last_change: HistoryEntry | None) -> int | None:
    """Give the revision that was just saved, if it is what the address says."""
    revision = last_change.revision if last_change else None
    return revision if request.args.get("saved") == str(revision) else None


def _vary_fields(visit: Visit, rule_set: RuleSet) -> dict[str, str]:
    return fields_of(SetResponseVary(not rule_set.response_vary), visit)


def _number(name: str, default: int = 1) -> int:
    """Read a number of the address."""
    return request.args.get(name, default, type=int)
