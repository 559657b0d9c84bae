"""What Playwright records and what Chromium prints of requests that fail, read by explain."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pages import Page, Site

from flask_bucketcors import Cause, Rule, explain, from_console, from_har
from flask_bucketcors.analysis.evidence.browser_log import read_console
from flask_bucketcors.analysis.evidence.said import Said

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

Visit = Callable[[str], Page]

PAGE_HOST = "a.app.test"
OTHER_HOST = "b.app.test"

HASH = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

# Of scripts that fail, which are told why: what they are told goes to the console, too.
TELL = "error => console.error(String(error))"
IMAGE = """url => new Promise(resolve => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.src = url;
})"""
DRAWN = f"""url => ({IMAGE})(url).then(image => {{
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return USE;
}}).catch({TELL})"""
ELEMENT = """url => new Promise(resolve => {
    const element = document.createElement("TAG");
    Object.assign(element, ATTRIBUTES);
    element.onload = element.onerror = () => resolve();
    element.src = element.href = url;
    document.head.append(element);
})"""
FETCH = f"url => fetch(url, INIT).catch({TELL})"
SCRIPT = ELEMENT.replace("TAG", "script")
SHEET = ELEMENT.replace("TAG", "link")

PRINTS = [
    # (complaint, what the page does with a URL, headers of the response)
    (Said.NO_ALLOW_ORIGIN, FETCH.replace("INIT", "{}"), []),
    (Said.NO_ALLOW_ORIGIN, FETCH.replace("INIT", "{method: 'PUT'}"), []),
    (Said.NO_ALLOW_ORIGIN, f"url => new FontFace('x', `url(${{url}})`).load().catch({TELL})", []),
    (Said.NO_ALLOW_ORIGIN, f"url => import(url).catch({TELL})", []),
    (Said.NO_ALLOW_ORIGIN, SHEET.replace("ATTRIBUTES", "{rel: 'stylesheet', crossOrigin: ''}"), []),
    (Said.WILDCARD, FETCH.replace("INIT", "{credentials: 'include'}"), ["*"]),
    (Said.OTHER_ORIGIN, FETCH.replace("INIT", "{}"), ["https://else.test"]),
    (Said.OTHER_ORIGIN, FETCH.replace("INIT", "{}"), ["else"]),
    (Said.SEVERAL_ORIGINS, FETCH.replace("INIT", "{}"), ["*", "*"]),
    (Said.METHOD, FETCH.replace("INIT", "{method: 'PUT'}"), ["*"]),
    (Said.HEADER, FETCH.replace("INIT", "{headers: {'x-a': '1'}}"), ["*"]),
    (Said.MODE, FETCH.replace("INIT", "{mode: 'same-origin'}"), []),
    (Said.MODE, FETCH.replace("INIT", "{mode: 'no-cors', method: 'PUT'}"), []),
    (Said.MODE, FETCH.replace("INIT", "{mode: 'no-cors', redirect: 'manual'}"), []),
    (
        Said.INTEGRITY_WITHOUT_CORS,
        SCRIPT.replace("ATTRIBUTES", f"{{integrity: '{HASH}'}}"),
        [],
    ),
    (
        Said.INTEGRITY,
        SCRIPT.replace("ATTRIBUTES", f"{{integrity: '{HASH}', crossOrigin: ''}}"),
        ["*"],
    ),
    (Said.TAINTED, DRAWN.replace("USE", "canvas.toDataURL()"), []),
    (Said.TAINTED, DRAWN.replace("USE", "context.getImageData(0, 0, 1, 1)"), []),
    (
        Said.SAME_ORIGIN_ONLY,
        f"url => {{ try {{ new Worker(url) }} catch (error) {{ ({TELL})(error) }} }}",
        [],
    ),
    (Said.BAD_FONT, f"url => new FontFace('x', `url(${{url}})`).load().catch({TELL})", ["*"]),
]


@pytest.mark.parametrize("said, script, allowed", PRINTS)
def test_what_chromium_prints_is_known(
    said: Said, script: str, allowed: list[str], site: Site, visit: Visit
) -> None:
    page = visit(site.origin(PAGE_HOST)).frame
    lines: list[str] = []
    page.page.on("console", lambda line: lines.append(line.text))
    url = site.plain_url(*(f"Access-Control-Allow-Origin: {each}" for each in allowed))
    page.evaluate(f"async url => {{ await ({script})(url); }}", url)
    if not _complaints(lines):
        page.page.wait_for_event("console", predicate=lambda line: _complaints([line.text]))
    assert _complaints(lines) == {said}


def _complaints(lines: list[str]) -> set[Said]:
    return {each.said for each in read_console("\n".join(lines)).complaints}


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
