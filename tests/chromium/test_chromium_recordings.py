"""What Playwright records and what Chromium prints of requests that fail, read by explain."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pages import Page, Site

from flask_bucketcors import Cause, Rule, explain, from_console, from_har
from flask_bucketcors.analysis.evidence.browser_log import read_console
from flask_bucketcors.analysis.evidence.said import Said

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

Visit = Callable[[str], Page]

PAGE_HOST = "a.app.test"
OTHER_HOST = "b.app.test"

LOAD_SCRIPT = """([url, attributes]) => new Promise(resolve => {
    const script = document.createElement("script");
    for (const name in attributes) script.setAttribute(name, attributes[name]);
    script.onload = script.onerror = () => resolve();
    script.src = url;
    document.head.append(script);
})"""
TAINT = """url => new Promise(resolve => {
    const image = new Image();
    image.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.getContext("2d").drawImage(image, 0, 0);
        try { canvas.toDataURL(); resolve(""); } catch (error) { resolve(String(error)); }
    };
    image.src = url;
})"""
HASH = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_recording_of_playwright_tells_what_failed(
    browser: "Browser", site: Site, tmp_path: Path
) -> None:
    page_origin = site.origin(PAGE_HOST)
    rules = [Rule([page_origin], ["GET"])]
    bucket = site.bucket(*rules)
    recording = tmp_path / "page.har"
    with browser.new_context(record_har_path=recording) as context:
        page = context.new_page()
        page.goto(f"{page_origin}/")
        read = Page(page.main_frame)
        assert read.fetch(site.url(bucket)) is not None
        assert read.fetch(site.url(bucket), method="PUT", body="a") is None
        context.close()
    (found,) = from_har(recording.read_bytes())
    assert (found["origin"], found["method"]) == (page_origin, "PUT")
    assert found["guessed"] == ["origin"]
    assert explain([rule.as_dict() for rule in rules], **found).cause is Cause.METHOD_MISSING


def test_the_origin_that_a_redirect_loses(site: Site, context: "BrowserContext") -> None:
    page_origin = site.origin(PAGE_HOST)
    end = site.plain_url()
    start = end.replace("cos.app.test", OTHER_HOST)
    start += f"&status=302&header=Access-Control-Allow-Origin: {page_origin}&header=Location: "
    page = context.new_page()
    page.goto(f"{page_origin}/")
    with page.expect_console_message(lambda line: "blocked by CORS" in line.text) as message:
        assert Page(page.main_frame).fetch(start + end.replace("?", "%3F")) is None
    assert "(redirected from '" in message.value.text
    assert from_console(message.value.text)["origin"] == "null"
    (request,) = [each for each in site.seen(end) if each.host.startswith("cos.")]
    assert request.headers["origin"] == "null"


def test_an_integrity_check_without_crossorigin(site: Site, visit: Visit) -> None:
    page = visit(site.origin(PAGE_HOST))
    with page.frame.page.expect_console_message() as message:
        page.frame.evaluate(LOAD_SCRIPT, [site.plain_url(), {"integrity": HASH}])
    complaints = read_console(message.value.text).complaints
    assert [each.said for each in complaints] == [Said.INTEGRITY_WITHOUT_CORS]


def test_a_canvas_with_an_image_that_was_loaded_without_cors(site: Site, visit: Visit) -> None:
    text = visit(site.origin(PAGE_HOST)).frame.evaluate(TAINT, site.plain_url())
    assert [each.said for each in read_console(text).complaints] == [Said.TAINTED]
