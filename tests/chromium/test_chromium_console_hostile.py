"""Texts of others on the pages of the console: nothing runs, nothing is injected, nothing hides."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from console_person import Person, person
from console_site import ConsoleSite, served
from hostile_names import BUCKETS, HOSTILE_NAMES, HOSTILE_TEXTS

from flask_bucketcors import MemoryStore, Rule, RuleSet
from flask_bucketcors.console.shown_text import shortened_middle, visible

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SEE = "See what changes"
NARROW = {"viewport": {"width": 360, "height": 740}}
PAGES = ("", "add", "rules/1", "try", "refused", "history", "text", "?rule=1")
RULES = RuleSet([Rule(["https://a.example"], ["GET"])])


@pytest.fixture(scope="module")
def site() -> Iterator[ConsoleSite]:
    with served(MemoryStore(), refusals=":memory:") as site:
        for kind, bucket in BUCKETS.items():
            name = HOSTILE_NAMES[kind]
            rules = [Rule(["https://a.example"], ["GET"], id=name.strip())]
            site.store.put(bucket, RuleSet(rules), name)
        site.store.put("all", RULES, "bob")
        site.store.put("readable", RULES, "bob")
        for name in HOSTILE_NAMES.values():
            send_preflight(site, "all", f"https://{name}", name)
            send_preflight(site, "all", f"https://{name}", "PUT")
            send_preflight(site, "all", "https://a.example", "GET", headers=name)
        yield site


def send_preflight(
    site: ConsoleSite, bucket: str, origin: str, method: str, headers: str = ""
) -> None:
    """Send what no browser would."""
    sent = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=60)) as connection:
        # http.client takes U+2028 and U+0085 in Latin-1 for ends of lines, but not their bytes.
        encoded = {name: value.encode() for name, value in sent.items() if value}
        connection.request("OPTIONS", f"/files/{quote(bucket)}/key", headers=encoded)
        assert connection.getresponse().status == 403


def faults(who: Person) -> list[str]:
    """Whatever is wrong with a page, if a text of others is on it."""
    found = [f"injected {each}" for each in who.injected()]
    found += [f"hides in {each[:200]}" for each in who.hidden()]
    found += [f"wider by {who.overflow()}"] if who.overflow() > 0 else []
    found += [f"trouble: {each}" for each in who.trouble]
    who.trouble.clear()
    return [f"{who.page.url}: {each}" for each in found]


def shows(who: Person, text: str) -> bool:
    """Whether a text is on the page, with what hides in it spelt out, and its middle left out."""
    body = who.page.text_content("body") or ""
    return visible(shortened_middle(text.strip(), 60)) in body


@pytest.mark.parametrize("kind", HOSTILE_NAMES)
def test_names_of_buckets_rules_and_people(
    browser: "Browser", site: ConsoleSite, kind: str
) -> None:
    name, bucket = HOSTILE_NAMES[kind], BUCKETS[kind]
    found = []
    with person(browser, site, name, **NARROW) as who:
        for path in PAGES:
            who.open(f"/b/{quote(bucket, safe='')}/{path}")
            assert who.page.locator("nav.crumbs").count() == 1, path
            assert shows(who, name), path
            found += faults(who)
        who.open(f"/b/{quote(bucket, safe='')}/rules/1")
        assert who.page.get_by_label("Name", exact=True).input_value() == name.strip()
        who.type("Origins", "https://*b.example")
        who.click(SEE)
        found += faults(who)
        who.click("Save, with 1 danger")
        found += faults(who)
        for query in ({"prefix": name}, {"prefix": bucket}):
            who.open(f"/?{urlencode(query)}")
            found += faults(who)
        assert shows(who, name)
        who.open(f"/open?{urlencode({'bucket': name})}")
        found += faults(who)
    assert found == []
    [last, first] = site.store.history(bucket)
    assert (first.author or "").strip() == (last.author or "").strip() == name.strip()
    assert last.rule_set is not None
    assert [each.id for each in last.rule_set.rules] == [name.strip()]


def test_what_others_sent(browser: "Browser", site: ConsoleSite) -> None:
    with person(browser, site, **NARROW) as who:
        who.open("/b/all/refused")
        rows = who.page.locator("tbody tr").count()
        assert rows >= len(HOSTILE_NAMES)
        found = faults(who)
        links = who.page.get_by_role("link", name="Why?")
        for path in [each.get_attribute("href") for each in links.all()]:
            who.page.goto(site.url(path or ""))
            assert who.heading == "Try a request"
            found += faults(who)
    assert found == []


@pytest.mark.parametrize("kind", HOSTILE_TEXTS)
def test_what_is_pasted_or_typed(browser: "Browser", site: ConsoleSite, kind: str) -> None:
    text = HOSTILE_TEXTS[kind]
    found = []
    with person(browser, site, **NARROW) as who:
        query = {"origin": f"https://{text}", "method": text, "headers": text}
        who.open(f"/b/readable/try?{urlencode(query)}")
        found += faults(who)
        for pasted in (
            text,
            f"curl 'https://shop.example/{text}' -H 'Origin: {text}' -X '{text}'",
            f"Access to fetch at '{text}' from origin '{text}' has been blocked by CORS policy: "
            f"Request header field {text} is not allowed by Access-Control-Allow-Headers",
        ):
            who.open("/b/readable/try")
            who.unfold()
            who.type("Message or request", pasted)
            who.click("Read and try")
            found += faults(who)
        who.open("/b/readable/add")
        for label in ("Origins", "Allowed request headers", "Exposed response headers"):
            who.type(label, text)
        who.type("Max-age, in seconds", text)
        who.type("Name", text)
        who.click(SEE)
        assert "Not saved" in who.text
        found += faults(who)
        who.open("/b/readable/text")
        who.type("All rules", text)
        who.click(SEE)
        assert "Not saved" in who.text
        found += faults(who)
    assert found == []
