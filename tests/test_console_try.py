"""The console's page "Try a request": what the rules say to a request, and how to let it pass."""

import json
from urllib.parse import urlencode

import pytest

from flask_bucketcors import (
    ConsoleAction,
    ConsoleOptions,
    MemoryStore,
    Rule,
    RuleSet,
    Store,
    StoredRulesInvalid,
    from_console,
)
from flask_bucketcors.stores.contract import StoredRules
from tests.support.console_apps import Person, console_application, forms_of, text_of

SHOP = "https://www.shop.example"
RULES = RuleSet(
    [
        Rule(["https://*.shop.example"], ["GET", "PUT"], ["content-type"]),
        Rule(["*"], ["GET"]),
    ]
)
PRINTED = (
    f"Access to fetch at 'https://cdn.test/photos/a' from origin '{SHOP}' has been blocked by CORS "
    "policy: Method DELETE is not allowed by Access-Control-Allow-Methods in preflight response."
)


@pytest.fixture
def store() -> Store:
    store = MemoryStore()
    store.put("photos", RULES, "alice")
    return store


@pytest.fixture
def person(store: Store) -> Person:
    return Person(console_application(store).test_client())


def tried(person: Person, bucket: str = "photos", **fields: str) -> str:
    """Open the page by a link; give its text."""
    return text_of(person.open(f"/b/{bucket}/try?{urlencode(fields)}"))


def fields_of_page(person: Person) -> dict[str, str]:
    assert person.page is not None
    return dict(forms_of(person.page.text)[0].fields)


ALLOWED = "Allowed by rule 1", f"Rule 1 allows PUT from '{SHOP}'.", "Access-Control-Allow-Methods"
REFUSED = (
    "Refused: Method not allowed method_missing",
    "No rule allows DELETE",
    "In rule 1, add 'DELETE'",
)
STOPPED = (
    "Stopped by the browser: Credentials, but the response allows * credentials_wildcard",
    "Browsers send no preflight",
)
LINKS = [
    ({"method": "PUT", "headers": "content-type"}, ALLOWED),
    ({"method": "put", "headers": "Content-Type: application/json"}, ALLOWED),
    ({"method": "DELETE"}, (*REFUSED, "does not get this far", "403 Forbidden", "lacks DELETE")),
    ({"origin": "https://b.test", "cookies": "on"}, STOPPED),
    (
        {"method": "PATCH"},
        (
            "Refused: Method not enabled in the settings method_not_enabled",
            "BUCKETCORS_EXTRA_METHODS",
        ),
    ),
    ({"headers": "accept: */*"}, ("Allowed by rule 1", "Browsers send no preflight")),
    ({"headers": "x-a, x-b\nx-c"}, ("lacks x-a lacks x-b lacks x-c", "x-a,x-b,x-c")),
    ({"origin": f"{SHOP}/cart"}, (f"Browsers do not send '{SHOP}/cart'",)),
    ({"origin": ""}, ("Write the page's origin.",)),
]


def test_a_link_describes_a_request(person: Person) -> None:
    for fields, expected in LINKS:
        text = tried(person, **{"origin": SHOP, **fields})
        assert [part for part in expected if part not in text] == [], (fields, text)


def test_without_a_request_the_page_asks_for_one(person: Person) -> None:
    assert "What is sent" not in tried(person)
    text = text_of(person.send("Try", origin=SHOP, method="DELETE"))
    assert "Refused" in text


def test_a_fix_becomes_a_proposal(person: Person) -> None:
    tried(person, origin=SHOP, method="DELETE")
    assert person.page is not None
    proposals = [
        dict(each.fields) for each in forms_of(person.page.text) if each.label[:3] == "See"
    ]
    assert [each["kind"] for each in proposals] == ["add", "replace"]
    assert proposals[0]["origins"] == SHOP
    assert proposals[1]["rule"] == "1"


def test_who_may_not_write_sees_no_button(store: Store) -> None:
    options = ConsoleOptions(
        authorize=lambda call: None if call.action is ConsoleAction.WRITE else "bob"
    )
    person = Person(console_application(store, options=options).test_client())
    text = tried(person, origin=SHOP, method="DELETE")
    assert "In rule 1, add 'DELETE'" in text
    assert "See what changes" not in text


def test_a_bucket_without_rules_is_offered_one(person: Person) -> None:
    text = tried(person, "new", origin=SHOP, method="PUT")
    assert "Refused: No CORS rules no_rules" in text
    assert "Add a rule for 'https://www.shop.example' with PUT" in text
    assert 'If BUCKETCORS_NO_RULES is "pass"' in text


def test_default_rules_become_rules_of_the_bucket(store: Store) -> None:
    app = console_application(store, default_rules=RuleSet([Rule(["https://a.test"], ["GET"])]))
    person = Person(app.test_client())
    assert "Allowed by default rule 1" in tried(person, "new", origin="https://a.test")
    text = tried(person, "new", origin="https://a.test", method="PUT")
    assert "the default rules decide" in text
    assert person.page is not None
    [first, *_] = [dict(each.fields) for each in forms_of(person.page.text) if "kind" in str(each)]
    assert first["kind"] == "rules"
    rules = json.loads(first["document"])["rules"]
    assert [each["allowed_origins"] for each in rules] == [["https://a.test"]] * len(rules)
    assert "PUT" in first["document"]


class Unreadable(MemoryStore):
    def read(self, bucket: str) -> StoredRules | None:
        def fail() -> RuleSet:
            raise StoredRulesInvalid("the text is no JSON")

        return StoredRules("1", 1, fail)


def test_unreadable_rules_are_said() -> None:
    text = tried(Person(console_application(Unreadable()).test_client()), origin=SHOP)
    assert "The stored rules are unreadable: the text is no JSON" in text
    assert "Restore earlier rules" in text


EVIDENCE = [
    (PRINTED, {"origin": SHOP, "method": "DELETE"}, "Refused: Method not allowed method_missing"),
    (
        f"curl 'https://cdn.test/photos/a' -X PUT \\\r\n -H 'Origin: {SHOP}' -H 'x-id: 1'",
        {"origin": SHOP, "method": "PUT", "headers": "x-id"},
        "Refused: Header not allowed header_missing",
    ),
    (
        f'fetch("https://cdn.test/photos/a", {{"headers": {{"origin": "{SHOP}"}}}});',
        {"origin": SHOP, "method": "GET"},
        "Allowed by rule 1",
    ),
    (
        json.dumps(
            {
                "log": {
                    "entries": [
                        {
                            "request": {
                                "url": f"https://cdn.test/photos/{number}",
                                "method": "DELETE",
                                "headers": [{"name": "Origin", "value": SHOP}],
                            },
                            "response": {"status": 0, "headers": []},
                        }
                        for number in range(3)
                    ]
                }
            }
        ),
        {"origin": SHOP, "method": "DELETE"},
        "2 more such requests",
    ),
]


def test_pasted_evidence_fills_in_the_fields(person: Person) -> None:
    for pasted, expected, told in EVIDENCE:
        person.open("/b/photos/try")
        text = text_of(person.send("Read and try", evidence=pasted))
        found = fields_of_page(person)
        assert {name: found[name] for name in expected} == expected, pasted
        assert told in text, pasted
        # What was pasted is still there, and the fields lead to the same by a link.
        assert person.page is not None
        assert dict(forms_of(person.page.text)[1].fields)["evidence"] == pasted
        person.send("Try")
        assert fields_of_page(person) == found


def test_a_text_that_does_not_name_the_page(person: Person) -> None:
    printed = (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
        "resource at https://cdn.test/a. (Reason: CORS header "
        "'Access-Control-Allow-Origin' missing). Status code: 403."
    )
    assert "origin" not in from_console(printed)
    person.open("/b/photos/try")
    text = text_of(person.send("Read and try", evidence=printed))
    assert "does not name the page's origin" in text
    text = text_of(person.send("Read and try", evidence=printed, origin="https://b.test"))
    assert "GET is a guess: give the method" in text
    assert "What is sent" not in text
    assert fields_of_page(person)["origin"] == "https://b.test"


def test_halves_of_characters_that_escapes_spell_are_replaced(person: Person) -> None:
    request = {
        "method": "P\ud800T",
        "url": "https://\udfff.test/",
        "headers": [
            {"name": "Origin", "value": "https://\ud800"},
            {"name": "x-\ud800", "value": "1"},
        ],
    }
    entry = {"request": request, "response": {"status": 0, "headers": []}}
    har = json.dumps({"log": {"entries": [entry]}})
    for pasted in (har, "curl $'https://a.test/\\ud800' -H $'Origin: https://\\ud800'"):
        person.open("/b/photos/try")
        person.send("Read and try", evidence=pasted)
        assert fields_of_page(person)["origin"] == "https://\ufffd"


HOSTILE = [
    ("", "This text is not understood"),
    ("nothing", "This text is not understood"),
    ("curl a; curl b", "several curl commands"),
    ("{", "not a HAR file"),
    ('{"log": {"entries": []}}', "No request in the HAR file"),
    ("curl 'x", "No closing quotation"),
    ("a" * 100_000, "This text is longer than 65,536 characters"),
    ("[" * 10_000, "This text is not understood"),
    ('{"log":' * 10_000, "not a HAR file"),
    ("\u202e<script>alert(1)</script>\x00", "This text is not understood"),
]


def test_a_text_that_is_not_understood_stays_as_it_was_pasted(person: Person) -> None:
    for pasted, told in HOSTILE:
        person.open("/b/photos/try")
        text = text_of(person.send("Read and try", evidence=pasted))
        assert person.page is not None
        # Proxies may replace a page with another status.
        assert person.page.status_code == 200
        assert told in text, pasted[:80]
        assert "<script>" not in person.page.text
        assert dict(forms_of(person.page.text)[1].fields)["evidence"] == pasted


def test_more_than_a_form_may_hold_is_refused(person: Person) -> None:
    person.open("/b/photos/try")
    person.send("Read and try", evidence="a" * 400_000)
    assert person.page is not None
    assert person.page.status_code == 413


HOSTILE_FIELDS = [
    {"origin": "https://\u202eevil.test"},
    {"origin": "https://a.test\r\nX: y", "headers": "x\r\n\u200b: z"},
    {"origin": "<script>alert(1)</script>", "method": "<script>"},
    {"origin": "a" * 20_000, "method": "b" * 5_000, "headers": "c\n" * 5_000},
    {"origin": SHOP, "method": "GET", "step": "99999999999999999999"},
    {"origin": SHOP, "step": "-1"},
    {"origin": "null", "cookies": "on", "step": "5"},
    {"origin": "file://", "method": "DELETE", "step": "5"},
]


def test_hostile_fields_are_shown_and_do_nothing(person: Person) -> None:
    for fields in HOSTILE_FIELDS:
        for bucket in ("photos", "new"):
            tried(person, bucket, **fields)
            assert person.page is not None
            assert person.page.status_code == 200, fields
            assert "<script>" not in person.page.text
            assert "\u202eevil" not in text_of(person.page.text)


def taken(person: Person, count: int, bucket: str = "photos", **fields: str) -> str:
    text = tried(person, bucket, step=str(count), **fields)
    return text.partition("Step by step ")[2].partition("How the rules compare")[0]


STEPS = [
    # The method is the reason, and it is said at its step alone.
    ({"method": "DELETE"}, 1, "So the rules of the bucket are the reason", "a reason"),
    ({"method": "DELETE"}, 2, "So the origin is not the reason", "a reason"),
    ({"method": "DELETE"}, 3, "With all methods the request passes, and with the methods of rule 1 "
     "it does not. So the method is a reason.", "headers of rule 1"),
    ({"method": "DELETE"}, 5, "What the rules have to change is the method.", "Next step"),
    ({"method": "PUT", "headers": "x-a", "origin": "https://b.test"}, 5,
     "the method and the headers", "Next step"),
    # A browser does not accept "*" with cookies.
    ({"origin": "https://b.test", "cookies": "on"}, 2, "So the origin is a reason. "
     "Browsers do not accept * with cookies.", "the method"),
    # No rule helps: there is nothing further to try.
    ({"method": "PATCH"}, 5, "A rule that allows everything does not help.", "Next step"),
]  # fmt: skip


def test_step_by_step_each_step_proves_one_thing(person: Person) -> None:
    for fields, count, told, untold in STEPS:
        text = taken(person, count, **{"origin": SHOP, **fields})
        assert told in text, (fields, text)
        assert untold not in text, (fields, text)


def test_step_by_step_a_change_is_offered_at_the_end(person: Person, store: Store) -> None:
    text = tried(person, origin=SHOP, method="DELETE")
    assert "Find the reason step by step" in text
    for count in range(1, 6):
        text = taken(person, count, origin=SHOP, method="DELETE")
        assert ("See what changes" in text) is (count == 5)
        assert ("Next step" in text) is (count < 5)
    assert store.get("photos") == RULES


def test_step_by_step_is_for_what_fails(person: Person) -> None:
    for fields in ({}, {"step": "0"}, {"step": "5"}):
        assert "Step by step" not in tried(person, origin=SHOP, **fields)
        assert "step by step" not in tried(person, origin=SHOP, **fields)


def test_step_by_step_without_rules(person: Person) -> None:
    text = taken(person, 5, "new", origin=SHOP, method="PUT", headers="x-a")
    assert "So that the bucket has no rules is the reason" in text
    assert "refused" not in text
    assert "Add a rule for 'https://www.shop.example' with PUT and the headers 'x-a'" in text
