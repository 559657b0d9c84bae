"""The page "Rules": who may do what, the cards, the findings, and what a bucket may begin with."""

import sqlite3
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from flask_bucketcors import (
    Check,
    ConsoleAction,
    ConsoleCall,
    ConsoleOptions,
    MemoryStore,
    Rule,
    RuleSet,
    SQLiteStore,
    lint,
)
from flask_bucketcors.analysis.ready_made import READY_MADE
from flask_bucketcors.console import assets
from flask_bucketcors.console.paging import Paging
from flask_bucketcors.console.proposals import Proposal, ProposalKind
from flask_bucketcors.console.starting_rules import STARTING_RULES
from flask_bucketcors.core.rule_edits import DeleteRule, MoveRule, SetResponseVary
from tests.support.console_apps import (
    Person,
    console_application,
    forms_of,
    rows_of,
    tab_stops,
    text_of,
)

SHOP = RuleSet(
    [
        Rule(["*"], ["GET", "HEAD"], [], ["ETag"], 600, "public reads"),
        Rule(
            ["https://www.shop.example", "https://*.shop.example"],
            ["GET", "PUT", "POST"],
            ["content-type", "x-cos-meta-*"],
            ["ETag"],
            0,
        ),
        Rule(["https://*shop.com"], ["GET", "PUT"], ["*"], [], 86_400),
        Rule(["https://app.shop.example"], ["GET"], ["content-type"]),
        Rule(["null", "http://localhost:3000"], ["GET", "DELETE"], ["authorization"], ["ETag"]),
    ]
)

REFUSED = "\N{EN DASH}"


def visitor(rules: RuleSet | None = SHOP, bucket: str = "photos", **options: object) -> Person:
    """Somebody who looks at a bucket with these rules."""
    store = MemoryStore()
    if rules:
        store.put(bucket, rules, "bob")
    return Person(console_application(store, **options).test_client())  # type: ignore[arg-type]


def reads_only(call: ConsoleCall) -> str | None:
    return None if call.action is ConsoleAction.WRITE else "rita"


def many(count: int, origins: int, pattern: str = "https://{}.site{}.example") -> RuleSet:
    return RuleSet(
        [
            Rule(
                [pattern.format(chr(ord("a") + each % 26) * (1 + each // 26), number)
                 for each in range(origins)],
                ["GET", "HEAD", "PUT", "POST", "DELETE"][: 1 + number % 5],
                ["content-type", "authorization", "x-cos-*"],
                ["ETag"],
                600,
                f"rule number {number}",
            )
            for number in range(count)
        ]
    )  # fmt: skip


# Who may do what


def test_the_table_names_the_rule_that_decides() -> None:
    page = visitor().open("/b/photos/")
    assert rows_of(page) == [
        ["Pages from", "GET", "HEAD", "PUT", "POST", "DELETE"],
        [
            "https://*.shop.example every https site below shop.example",
            "1 no extra header 2 only with one of content-type, x-cos-meta-*; cookies",
            "1 no extra header",
            "2 content-type, x-cos-meta-*; cookies",
            "2 content-type, x-cos-meta-*; cookies",
            REFUSED,
        ],
        [
            "https://*shop.com every https site whose name ends in shop.com",
            "1 no extra header 3 only with a header; cookies",
            "1 no extra header",
            "3 any header; cookies",
            REFUSED,
            REFUSED,
        ],
        [
            "http://localhost:3000",
            "1 no extra header 5 only with authorization; cookies",
            "1 no extra header",
            REFUSED,
            REFUSED,
            "5 authorization; cookies",
        ],
        [
            "null any sandboxed page",
            "1 no extra header 5 only with authorization; cookies",
            "1 no extra header",
            REFUSED,
            REFUSED,
            "5 authorization; cookies",
        ],
        ["any other site", "1 no extra header", "1 no extra header", REFUSED, REFUSED, REFUSED],
    ]


def test_a_row_names_three_origins_and_counts_the_others() -> None:
    [_, row, others] = rows_of(visitor(many(1, 1_000)).open("/b/photos/"))
    assert row[0].startswith("https://a.site0.example https://b.site0.example")
    assert row[0].endswith("and 997 more")
    assert others[0] == "any other site"


def test_a_pattern_says_what_within_it_is_in_other_rows() -> None:
    rules = RuleSet(
        [Rule(["https://www.a.example"], ["GET"]), Rule(["https://*.a.example"], ["PUT"])]
    )
    names = [row[0] for row in rows_of(visitor(rules).open("/b/photos/"))]
    assert names[2].endswith(", but not https://www.a.example")


def test_methods_that_the_settings_add_have_columns_of_their_own() -> None:
    rules = RuleSet([Rule(["https://dav.example"], ["GET", "PROPFIND"])])
    page = visitor(rules, extra_methods=["PROPFIND"]).open("/b/photos/")
    assert rows_of(page)[0] == ["Pages from", "GET", "HEAD", "PUT", "POST", "DELETE", "PROPFIND"]
    assert '<div class="wide" tabindex="0" role="region" aria-labelledby="who">' in page


def test_rules_that_are_too_intricate_are_shown_without_the_table() -> None:
    rules = RuleSet(
        [
            Rule([f"https://{'a' * i}*" for i in range(1, 150)], ["GET"]),
            Rule([f"https://*{'b' * i}" for i in range(1, 150)], ["PUT"]),
        ]
    )
    page = visitor(rules).open("/b/photos/")
    assert "This table cannot be shown: not decided within" in text_of(page)
    assert "2 rules" in text_of(page)
    assert 'id="rule-2"' in page


# Cards


def test_the_cards_show_each_rule_in_order() -> None:
    text = text_of(visitor().open("/b/photos/"))
    for shown in (
        "5 rules",
        "The first rule that matches a request decides. Last change just now by bob",
        "Rule 1 public reads",
        "Methods GET, HEAD Allowed request headers none "
        "Exposed response headers ETag Max-age 600 seconds",
        "Allowed request headers content-type x-cos-meta-* "
        "Exposed response headers ETag Max-age 0 seconds, asked again",
        "Exposed response headers none",
        "Max-age the browser decides",
    ):
        assert shown in text
    numbers = [text.index(f"Rule {number} ") for number in range(1, 6)]
    assert numbers == sorted(numbers)


def test_a_tag_stands_beside_its_value_and_a_doubled_value_has_its_own() -> None:
    doubled = Rule(["https://a.example", "https://b.example", "https://a.example"], ["GET"])
    text = text_of(visitor(RuleSet([doubled])).open("/b/photos/"))
    title = Check.VALUE_REPEATED.title
    assert f"https://a.example https://b.example https://a.example {title}" in text


def test_a_card_shows_ten_values_and_those_with_tags() -> None:
    origins = [f"https://s{number}.example" for number in range(40)]
    origins[30] = "https://*evil.com"
    page = visitor(RuleSet([Rule(origins, ["GET"])])).open("/b/photos/")
    card = page[page.index('id="rule-1"') :]
    assert text_of(card).count("https://s") - text_of(card).count("from https://s") == 10
    assert "https://*evil.com" in text_of(card)
    assert "and 29 more" in text_of(card)


def test_the_page_of_a_rule_shows_all_its_values() -> None:
    person = visitor(many(3, 40))
    page = person.open("/b/photos/?rule=3")
    assert all(f">{each}<" in page for each in many(3, 40).rules[2].allowed_origins)
    assert "Rule 3" in text_of(page)
    assert "rule number 1" not in page
    for number in ("0", "4", "-1", "x"):
        person.open(f"/b/photos/?rule={number}")
        assert person.page is not None
        assert person.page.status_code == 404


def test_a_rule_that_never_decides_is_marked() -> None:
    page = visitor().open("/b/photos/")
    assert 'class="card unreached" id="rule-4"' in page
    assert page.count("unreached") == 1


# What can be done with a rule


def test_each_button_proposes_its_edit() -> None:
    page = visitor().open("/b/photos/")
    found = {
        form.label: Proposal.from_form(MultiDict(form.fields))
        for form in forms_of(page)
        if form.method == "post"
    }
    expected = {
        "Down rule 1": MoveRule(0, 1),
        "Delete rule 1": DeleteRule(0),
        "Up rule 3": MoveRule(2, 1),
        "Down rule 3": MoveRule(2, 3),
        "Up rule 5": MoveRule(4, 3),
        "Delete rule 5": DeleteRule(4),
        "Turn on Return Vary: Origin": SetResponseVary(True),
    }
    assert {label: [*found[label].edits(SHOP)] for label in expected} == {
        label: [edit] for label, edit in expected.items()
    }
    assert "Up rule 1" not in found
    assert "Down rule 5" not in found


def test_deleting_the_only_rule_deletes_all_rules() -> None:
    page = visitor(many(1, 1)).open("/b/photos/")
    [form] = [each for each in forms_of(page) if each.label == "Delete rule 1"]
    assert Proposal.from_form(MultiDict(form.fields)).kind is ProposalKind.CLEAR


def test_who_may_not_write_gets_no_button() -> None:
    options = ConsoleOptions(authorize=reads_only)
    for rules, path in ((SHOP, ""), (None, ""), (SHOP, "?rule=2")):
        page = visitor(rules, options=options).open(f"/b/photos/{path}")
        assert [each for each in forms_of(page) if each.method == "post"] == []
        for word in ("Edit", "Add a rule", "Start from a template"):
            assert word not in text_of(page)


@pytest.mark.parametrize("vary", [True, False])
def test_response_vary_is_said_and_can_be_turned(vary: bool) -> None:
    page = visitor(RuleSet(SHOP.rules, vary)).open("/b/photos/")
    assert f"Return Vary: Origin is {'on' if vary else 'off'}" in text_of(page)
    assert f"Turn {'off' if vary else 'on'} Return Vary: Origin" in text_of(page)


# Findings


def test_each_check_has_one_entry_with_all_its_rules() -> None:
    page = visitor().open("/b/photos/")
    found = lint(SHOP)
    for check in {each.check for each in found}:
        rules = sorted({each.rule + 1 for each in found if each.check is check and each.rule})
        entry = text_of(page.split('id="findings"')[1]).split(f"{check.id} ")
        assert len(entry) == 2, check
        if len(rules) > 1:
            listed = entry[1].replace(" ,", ",")
            assert listed.startswith(f"rules {', '.join(map(str, rules))} ")
    assert "2 dangers" in text_of(page)
    assert "See the findings" in text_of(page)


def test_a_finding_can_be_tried() -> None:
    page = visitor().open("/b/photos/")
    urls = [unescape(each.partition('"')[0]) for each in page.split('href="')]
    queries = [urlsplit(each).query for each in urls if "/try?" in each]
    tried = [{name: value for name, [value] in parse_qs(each).items()} for each in queries]
    first = next(each for each in lint(SHOP) if each.check is Check.OPEN_START).witnesses[0]
    headers = ", ".join(first.headers)
    assert tried[0] == {"origin": first.origin, "method": first.method, "headers": headers}


def test_rules_without_findings_say_so() -> None:
    text = text_of(
        visitor(READY_MADE["cos-sdk"].rules_for(["https://a.example"])).open("/b/photos/")
    )
    assert "No finding" in text
    assert "Nothing is dangerous, useless or misspelled." in text


def test_a_strict_setting_does_not_hide_what_is_stored() -> None:
    assert "2 dangers" in text_of(visitor(strict="warnings").open("/b/photos/"))


# Long lists


def test_a_page_shows_twenty_rules_and_twenty_rows() -> None:
    person = visitor(many(45, 2))
    for query, rules, rows in (
        ("", (1, 20), 0),
        ("?page=2", (21, 40), 0),
        ("?page=3&rows=2", (41, 45), 20),
        ("?page=99&rows=99", (41, 45), 40),
        ("?page=-1&rows=x", (1, 20), 0),
    ):
        page = person.open(f"/b/photos/{query}")
        shown = [number for number in range(1, 46) if f'id="rule-{number}"' in page]
        assert shown == [*range(rules[0], rules[1] + 1)], query
        [_, *found, others] = rows_of(page)
        assert len(found) == min(20, 45 - rows)
        assert found[0][0].startswith(f"https://a.site{rows}.example")
        assert others[0] == "any other site"
        assert "Which origin?" in text_of(page)


def test_rules_are_linked_where_there_are_few() -> None:
    few, all_ = visitor().open("/b/photos/"), visitor(many(60, 40)).open("/b/photos/")
    assert '<a href="#rule-2">2</a>' in few
    assert "Move or delete" not in few
    assert 'href="#rule-2"' not in all_
    assert text_of(all_).count("Move or delete") == 20


def test_pages_keep_the_place_in_the_other_list() -> None:
    page = visitor(many(45, 2)).open("/b/photos/?page=2&rows=3")
    links = [unescape(each.partition('"')[0]) for each in page.split('href="')]
    assert "/-/cors/b/photos/?rows=3&page=3#rules" in links
    assert "/-/cors/b/photos/?page=2&rows=1#who" in links


def test_few_pages_of_many_are_linked() -> None:
    paging = Paging(10_000, 20, 250)
    assert paging.linked == [1, 248, 249, 250, 251, 252, 500]
    assert paging.label(250) == "4981\N{EN DASH}5000"
    assert Paging(140, 20, 1).linked == [1, 2, 3, 4, 5, 6, 7]
    assert Paging(41, 20, 3).label(3) == "41"
    assert list(Paging(0, 20, 7).indexes) == []


#: Rules, and how many bytes their page may have with its stylesheet and script.
LARGE = {
    "usual": (many(10, 5), 60_000),
    "many rules": (many(100, 10), 100_000),
    "many findings": (many(100, 10, "https://*{}{}shop.com"), 100_000),
    "many values": (many(60, 40), 100_000),
    "many origins": (many(1, 1_000), 100_000),
    "long values": (
        RuleSet(
            [
                Rule(
                    [
                        f"https://{'a' * 290}{number}.example",
                        f"https://*.{'b' * 200}{number}.com",
                    ],
                    ["GET", "PUT"],
                    [f"x-{'c' * 200}{number}"],
                    [],
                    id=f"{number}{'d' * 250}",
                )
                for number in range(20)
            ]
        ),
        150_000,
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_pages_stay_short(name: str) -> None:
    rules, most = LARGE[name]
    static = [each for each in assets._read().values() if not each[0].endswith("svg")]
    weight = sum(len(content) for _, content in static)
    person = visitor(rules)
    for query in ("", "?page=3&rows=3"):
        page = person.open(f"/b/photos/{query}")
        assert weight + len(page.encode()) <= most
        assert tab_stops(page) <= 120


# No rules, default rules, unreadable rules


def test_a_bucket_without_rules_says_what_to_begin_with() -> None:
    person = visitor(None)
    page = person.open("/b/photos/")
    assert "No rules yet" in text_of(page)
    assert "No rule allows pages of other sites to use this bucket." in text_of(page)
    [form] = [each for each in forms_of(page) if each.action.endswith("/add")]
    names = {each.field[1] for each in form.buttons if each.field}
    assert names == STARTING_RULES.keys() - {"least-restrictive"}
    assert [each.label for each in form.buttons[:3]] == [
        "Most restrictive",
        "Read only",
        "Uploads with the COS SDK",
    ]


def test_a_first_rule_is_three_clicks_away() -> None:
    store = MemoryStore()
    person = Person(console_application(store).test_client())
    person.open("/b/photos/")
    person.send("Read only", origin="https://www.example.com")
    person.send("See what changes")
    page = person.send("Save")
    assert "Saved as revision 1." in text_of(page)
    [rule] = store.get("photos").rules  # type: ignore[union-attr]
    assert rule.allowed_origins == ("https://www.example.com",)


def test_the_least_restrictive_rule_allows_every_site() -> None:
    person = visitor(None)
    page = person.open("/b/photos/")
    assert "/-/cors/b/photos/add?template=least-restrictive" in page
    person.open("/b/photos/add?template=least-restrictive")
    person.send("See what changes")
    rows = rows_of(person.send("Save"))
    assert rows[1:] == [["any site", *["1 any header"] * 5]]


def test_deleted_rules_are_said_to_be_deleted() -> None:
    store = MemoryStore()
    store.put("photos", SHOP)
    revision = store.delete("photos", "eve")
    person = Person(console_application(store).test_client())
    text = text_of(person.open(f"/b/photos/?saved={revision}"))
    assert f"All rules are deleted. Saved as revision {revision}." in text
    assert "Last change just now by eve" in text


def test_default_rules_are_shown_and_cannot_be_edited() -> None:
    person = visitor(None, default_rules=SHOP)
    text = text_of(person.open("/b/photos/"))
    assert "This bucket has no rules of its own, so the default rules" in text
    assert "1 no extra header" in text
    assert "Give the bucket rules of its own" in text
    assert "Edit" not in text
    assert "Turn on" not in text


def test_unreadable_rules_say_why_and_what_to_do(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "cors.sqlite")
    store.put("photos", SHOP, "bob")
    with sqlite3.connect(tmp_path / "cors.sqlite") as connection:
        connection.execute("UPDATE bucketcors_rules SET document = '<b>' WHERE bucket = 'photos'")
    connection.close()
    person = Person(console_application(store).test_client())
    text = text_of(person.open("/b/photos/"))
    store.close()
    assert "The rules are unreadable" in text
    assert "Until you replace them, preflights fail with 503" in text
    assert "Restore earlier rules" in text
    assert "Replace the rules" in text


# After a save


def test_the_notice_after_a_save_is_about_the_last_change_alone() -> None:
    store = MemoryStore()
    first = store.put("photos", SHOP)
    last = store.put("photos", many(1, 1))
    person = Person(console_application(store).test_client())
    for saved, is_said in ((last, True), (first, False), ("", False), ("<b>", False)):
        page = text_of(person.open(f"/b/photos/?saved={saved}"))
        assert (f"Saved as revision {last}." in page) is is_said, saved
        assert ("Saved" in page) is is_said, saved


# Hostile values


def test_nothing_hides_and_nothing_runs() -> None:
    bucket, hostile = '"><script>x', "a\u202e<script>alert(1)</script>\u200b"
    rules = RuleSet(
        [Rule(["https://*", "http://A.example/"], ["GET"], ["x_y"], id=f"{hostile} rule")]
    )
    store = MemoryStore()
    store.put(bucket, rules, hostile)
    person = Person(console_application(store, author=hostile).test_client())
    page = person.open("/b/%22%3E%3Cscript%3Ex/")
    assert "<script>alert" not in page
    assert '"><script>x' not in page
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert "⟨U+202E⟩" in page
