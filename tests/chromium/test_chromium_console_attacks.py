"""What an HTML object on the console's own origin can do to the console: nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from console_site import ConsoleSite, served

from flask_bucketcors import MemoryStore, Rule, RuleSet

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

RULES = RuleSet([Rule(["https://www.example.com"], ["GET"])])

#: Each gives what the page got to see; ``url`` is a page of the console.
READS = {
    "fetch": "async (url) => (await fetch(url)).text()",
    "fetch with credentials": "async (url) => (await fetch(url, {credentials: 'include'})).text()",
    "fetch of a navigation's kind": """async (url) => {
        try { return await (await fetch(url, {mode: 'navigate'})).text() }
        catch (e) { return e + '' }
    }""",
    "XMLHttpRequest": """(url) => new Promise((done) => {
        const request = new XMLHttpRequest(); request.open('GET', url);
        request.onloadend = () => done(request.responseText); request.send();
    })""",
    "iframe": """(url) => new Promise((done) => {
        const frame = document.createElement('iframe'); frame.src = url;
        frame.onload = () => {
            try { done(frame.contentDocument?.documentElement.outerHTML ?? 'nothing') }
            catch (e) { done(e + '') }
        };
        document.body.append(frame);
    })""",
    "object": """(url) => new Promise((done) => {
        const element = document.createElement('object'); element.data = url;
        const read = () => {
            try { done(element.contentDocument?.documentElement.outerHTML ?? 'nothing') }
            catch (e) { done(e + '') }
        };
        element.onload = element.onerror = read; document.body.append(element);
    })""",
    "import": """async (url) => {
        try { return Object.keys(await import(url)) + '' } catch (e) { return e + '' }
    }""",
    "script": """(url) => new Promise((done) => {
        const element = document.createElement('script'); element.src = url;
        element.onload = () => done('loaded'); element.onerror = () => done('error');
        document.body.append(element);
    })""",
    "worker": """(url) => new Promise((done) => {
        try {
            const worker = new Worker(url);
            worker.onerror = () => done('error'); worker.onmessage = (m) => done(m.data);
        } catch (e) { done(e + '') }
    })""",
    "service worker": """async (url) => {
        try {
            await navigator.serviceWorker.register('/files/evil/worker.js', {scope: '/-/cors/'});
            return 'registered';
        } catch (e) { return e + '' }
    }""",
}

#: Opens a window, and tries to see into it until the window has loaded and gone.
OPENED_WINDOW = """(url) => new Promise((done) => {
    const opened = window.open(url, 'console');
    const started = Date.now();
    const look = () => {
        try {
            const seen = opened.document.documentElement.outerHTML;
            if (seen.includes('alice')) return done(seen);
        } catch (e) { return done(e + '') }
        if (opened.closed) return done('closed');
        if (Date.now() - started > 20000) return done('still open');
        setTimeout(look, 5);
    };
    look();
})"""

#: Sends a form from the page itself, as a navigation of the whole window.
BLIND_FORM = """(url) => {
    const form = document.createElement('form'); form.method = 'post'; form.action = url;
    for (const [name, value] of Object.entries({kind: 'clear', version: '', token: 'guessed'})) {
        const field = document.createElement('input');
        field.name = name; field.value = value; form.append(field);
    }
    document.body.append(form); form.submit();
}"""


@pytest.fixture
def console_site() -> Iterator[ConsoleSite]:
    store = MemoryStore()
    store.put("photos", RULES, "alice")
    with served(store) as site:
        site.upload("evil", "page.html", "<!doctype html><title>evil</title><body>")
        site.upload("evil", "worker.js", "onmessage = () => 0")
        yield site


@pytest.fixture
def evil_page(context: "BrowserContext", console_site: ConsoleSite) -> "Page":
    """An HTML object on the origin of the console, opened by somebody who has logged in."""
    page = context.new_page()
    page.goto(console_site.url("/login"))
    # The console itself works for this person.
    page.goto(console_site.console("/b/photos/text"))
    assert "alice" in page.content()
    page.goto(console_site.url("/files/evil/page.html"))
    console_site.responses.clear()
    return page


@pytest.mark.parametrize("way", READS)
def test_a_page_of_the_same_origin_cannot_read_the_console(
    console_site: ConsoleSite, evil_page: "Page", way: str
) -> None:
    seen = evil_page.evaluate(READS[way], console_site.console("/b/photos/text"))
    assert "token" not in seen
    assert "alice" not in seen
    assert {status for _, _, status in console_site.responses} <= {403}
    if way != "service worker" and "mode" not in way and "navigation" not in way:
        assert console_site.responses


def test_a_window_that_it_opens_is_closed_to_it(
    console_site: ConsoleSite, evil_page: "Page"
) -> None:
    seen = evil_page.evaluate(OPENED_WINDOW, console_site.console("/b/photos/text"))
    assert seen == "closed" or "SecurityError" in seen
    # The person sees the console in that window: it is a navigation like any other.
    assert ("GET", "/-/cors/b/photos/text", 200) in console_site.responses


@pytest.mark.parametrize("page_name", ["save", "changes"])
def test_a_form_without_the_token_changes_nothing(
    console_site: ConsoleSite, evil_page: "Page", page_name: str
) -> None:
    path = f"/-/cors/b/photos/{page_name}"
    with evil_page.expect_navigation():
        evil_page.evaluate(BLIND_FORM, console_site.url(path))
    assert console_site.responses == [("POST", path, 403)]
    assert console_site.store.get("photos") == RULES


def test_a_post_by_script_changes_nothing(console_site: ConsoleSite, evil_page: "Page") -> None:
    script = "async (url) => (await fetch(url, {method: 'POST', body: 'kind=clear'})).status"
    assert evil_page.evaluate(script, console_site.console("/b/photos/save")) == 403
    assert console_site.store.get("photos") == RULES


def test_no_page_shows_the_console_in_a_frame(
    context: "BrowserContext", console_site: ConsoleSite
) -> None:
    """Of another origin, that is, whatever cookies the frame gets."""
    page = context.new_page()
    page.goto(console_site.url("/login", "localhost"))
    frame = f'<iframe src="{console_site.console("/", "localhost")}"></iframe>'
    console_site.upload("evil", "frame.html", f"<!doctype html><body>{frame}")
    page.goto(console_site.url("/files/evil/frame.html"))
    page.wait_for_load_state("networkidle")
    assert {status for _, _, status in console_site.responses} == {403}
    assert "Buckets" not in page.frames[1].content()


def test_by_plain_http_on_another_name_there_is_no_console(
    context: "BrowserContext", console_site: ConsoleSite
) -> None:
    """There, the browser protects nothing."""
    page = context.new_page()
    page.goto(console_site.url("/login", "shop.test"))
    page.goto(console_site.console("/", "shop.test"))
    assert "BUCKETCORS_CONSOLE_INSECURE" in page.content()
    assert console_site.responses == [("GET", "/-/cors/", 403)]
