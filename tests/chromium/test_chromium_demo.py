"""The demo page in Chromium: what fails before there are rules works after, in the page's words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server

from example_app import DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, create_app
from example_app.demo import create_demo
from example_app.demo.client import StoreClient
from example_app.example_bucket import SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES
from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support.processes.children import STOP_SECONDS

PLAIN_CARDS = ["head", "get", "put", "delete", "upload"]
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
SIZE = 3 * 1024 * 1024


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application from a thread; give its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(STOP_SECONDS)
        server.server_close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    """The example application, as its client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXAMPLE_DATA", str(tmp_path_factory.mktemp("data")))
        app = create_app()
    with serving(app) as url:
        yield StoreClient(url, DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY)
    app.extensions["bucketcors"].store.close()


@pytest.fixture(scope="module")
def demo_url(store: StoreClient) -> Iterator[str]:
    with serving(create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES)) as url:
        yield url


@pytest.fixture
def page(browser: Any, demo_url: str) -> Iterator[Any]:
    """The demo page, in a profile of its own."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(demo_url)
        page.wait_for_selector("body[data-rules]")
        yield page


@pytest.fixture
def sdk_page(page: Any) -> Any:
    """The page with the vendor's SDK, which npm installs and CI demands."""
    if not page.query_selector("#sdk"):
        message = "cos-js-sdk-v5 is not where EXAMPLE_COS_JS_SDK says"
        if os.environ.get("BUCKETCORS_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return page


def switch(page: Any, name: str) -> None:
    page.click(f"[data-rules={name}]")
    page.wait_for_selector(f"body[data-rules={name}]")


def press(page: Any, card: str, button: str = ".controls button") -> tuple[str, str]:
    """Press a card's button; give the outcome and what the card says then."""
    if chooser := page.query_selector(f"#{card} input[type=file]"):
        file = {"name": "zeros", "mimeType": "application/octet-stream", "buffer": bytes(SIZE)}
        chooser.set_input_files(file)
    # The outcome of the last request is to be gone when this one is awaited.
    page.evaluate("card => delete document.getElementById(card).dataset.outcome", card)
    page.click(f"#{card} {button}")
    page.wait_for_selector(f"#{card}[data-outcome]")
    return page.get_attribute(f"#{card}", "data-outcome"), page.inner_text(f"#{card} .result")


@pytest.mark.parametrize("card", PLAIN_CARDS)
def test_without_rules_every_request_fails_and_says_why(page: Any, card: str) -> None:
    switch(page, "none")
    outcome, said = press(page, card)
    assert outcome == "failed"
    assert "Refused: no rule allows" in said
    assert "not understood" not in said
    assert "403 to OPTIONS" in said


@pytest.mark.parametrize("rules", ["least", "most"])
@pytest.mark.parametrize("card", PLAIN_CARDS)
def test_with_rules_every_request_works(page: Any, rules: str, card: str) -> None:
    switch(page, "none")
    press(page, card)
    switch(page, rules)
    outcome, said = press(page, card)
    assert (outcome, said[:1]) == ("succeeded", "2"), said


def test_test_cors_shows_what_script_can_read(page: Any) -> None:
    switch(page, "least")
    press(page, "head")
    shown = page.text_content("#head pre")
    assert "etag: " in shown
    assert "x-cos-request-id: " in shown
    switch(page, "most")
    press(page, "head")
    assert "x-cos-request-id" not in page.text_content("#head pre")


def test_the_page_shows_the_rules_as_the_store_gives_them(page: Any) -> None:
    switch(page, "most")
    origin = page.inner_text("#origin")
    assert f"<AllowedOrigin>{origin}</AllowedOrigin>" in page.input_value("#rules")
    page.reload()
    page.wait_for_selector("body[data-rules=most]")
    assert page.get_attribute("[data-rules=most][aria-pressed]", "aria-pressed") == "true"
    switch(page, "none")
    assert page.input_value("#rules") == ""
    assert page.inner_text("#outcome") == "The bucket has no rules."


def save(page: Any, document: str) -> str:
    """Save rules; give what the page says then."""
    page.fill("#rules", document)
    page.evaluate("document.getElementById('outcome').replaceChildren()")
    page.click("#save")
    page.wait_for_selector("#outcome :text-matches('.')")
    return str(page.inner_text("#outcome"))


def test_rules_are_edited_in_the_page(page: Any) -> None:
    """What is wrong with them is said, and so is what lint finds; the first ones come back."""
    switch(page, "initial")
    initial = page.input_value("#rules")
    said = save(page, '[{"allowed_origins": ["https://a.test/b"], "allowed_methods": ["GET"]}]')
    assert "allowed_origins 'https://a.test/b' contains a path" in said
    # Nothing that was written is lost.
    assert "https://a.test/b" in page.input_value("#rules")
    said = save(page, '[{"allowed_origins": ["https://a.test/"], "allowed_methods": ["GET"]}]')
    assert said.startswith("Saved.")
    assert "<AllowedOrigin>https://a.test/</AllowedOrigin>" in page.input_value("#rules")
    assert "remove the trailing slash" in page.inner_text("#findings")
    switch(page, "initial")
    assert page.input_value("#rules") == initial
    assert page.inner_text("#findings") == ""


@pytest.mark.parametrize("rules", ["initial", "none"])
@pytest.mark.parametrize("card", PLAIN_CARDS)
def test_a_refused_request_works_once_its_fix_is_applied(page: Any, rules: str, card: str) -> None:
    switch(page, rules)
    outcome, said = press(page, card)
    assert outcome == "failed"
    # What the fix newly allows is said before it is applied.
    assert "\nFix: Add a rule for 'http://127.0.0.1:" in said
    assert " It allows nothing else." in said
    outcome, said = press(page, card, ".fix")
    assert (outcome, said[:1]) == ("succeeded", "2"), said
    assert page.inner_text("#origin") in page.input_value("#rules")


def test_a_fix_of_rules_that_have_changed_since_is_not_applied(
    page: Any, store: StoreClient
) -> None:
    switch(page, "initial")
    press(page, "delete")
    put_rules(store, expose_headers=["ETag"])
    page.click("#delete .fix")
    page.wait_for_selector("#delete :text('The rules have changed since')")
    # The page shows what is stored.
    page.wait_for_selector("body[data-rules=edited]")
    assert "<AllowedOrigin>*</AllowedOrigin>" in page.input_value("#rules")


def test_an_upload_without_a_file_says_so(page: Any) -> None:
    page.click("#upload button")
    page.wait_for_selector("#upload[data-outcome=unsent]")
    assert page.inner_text("#upload .result") == "Choose a file first."


def test_a_page_of_another_origin_cannot_edit_the_rules(
    page: Any, store: StoreClient, demo_url: str
) -> None:
    """Also if it is on the same host, as objects of the store are, and if it needs no preflight."""
    switch(page, "most")
    before = page.input_value("#rules")
    origin = page.inner_text("#origin")
    page.goto(f"{store.url}/{SEEDED_BUCKET}/{SEEDED_OBJECT}")
    tries = [
        ("PUT", "/rules/none", {}),
        ("PUT", "/rules", {"Content-Type": "application/json"}),
        ("POST", "/fix", {"Content-Type": "text/plain"}),
        ("POST", "/sign", {}),
    ]
    for method, path, headers in tries:
        for mode in ("cors", "no-cors"):
            page.evaluate(FETCH_BLINDLY, [f"{demo_url}{path}", method, headers, mode])
    page.goto(origin)
    page.wait_for_selector("body[data-rules=most]")
    assert page.input_value("#rules") == before


FETCH_BLINDLY = """async ([url, method, headers, mode]) => {
    try { await fetch(url, { method, headers, mode, body: "{}" }); } catch (error) { /* blocked */ }
}"""


def test_the_address_that_flask_prints_is_for_people_too(page: Any, store: StoreClient) -> None:
    page.goto(f"{store.url}/")
    assert "Send a preflight as a browser does" in page.inner_text("body")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360


def test_the_page_is_readable_on_a_narrow_screen(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    switch(page, "none")
    press(page, "head")
    assert page.evaluate("document.scrollingElement.scrollWidth") == 360


def put_rules(store: StoreClient, expose_headers: list[str]) -> None:
    rule = Rule(["*"], METHODS, ["*"], expose_headers, max_age_seconds=0)
    answer = store.call("PUT", f"/{SEEDED_BUCKET}/?cors", format_xml(RuleSet([rule]), COS))
    assert answer.status == 200


def test_the_vendors_multipart_upload_needs_etag_exposed(sdk_page: Any, store: StoreClient) -> None:
    put_rules(store, expose_headers=[])
    outcome, said = press(sdk_page, "sdk")
    assert outcome == "failed"
    assert 'get ETag error, please add "ETag" to CORS ExposeHeader setting.' in said
    assert "Fix: In rule 1, add 'ETag' to ExposeHeader." in said
    outcome, said = press(sdk_page, "sdk", ".fix")
    assert (outcome, said[:3]) == ("succeeded", "200"), said
    assert sdk_page.get_attribute("#sdk progress", "value") is not None
    assert sdk_page.evaluate("document.querySelector('#sdk progress').value") == 1
    stored = store.call("GET", f"/{SEEDED_BUCKET}/demo/multipart")
    assert stored.body == bytes(SIZE)


def test_the_vendors_multipart_upload_works_by_the_narrowest_rules(sdk_page: Any) -> None:
    switch(sdk_page, "most")
    outcome, said = press(sdk_page, "sdk")
    assert (outcome, said[:3]) == ("succeeded", "200"), said


CALL = """async ([method, options]) => {
    try {
        const { CORSRules, statusCode } = await cos[method](
            { Bucket: settings.bucket, Region: "local", ...options });
        return { CORSRules, statusCode };
    } catch (error) {
        return { error: error.error || String(error) };
    }
}"""


def test_the_vendors_sdk_edits_rules_from_the_page(sdk_page: Any) -> None:
    """Cross-origin itself, by the rules in force when each call arrives."""
    switch(sdk_page, "least")
    rule = {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "PUT", "DELETE"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": "0",
    }
    put = sdk_page.evaluate(CALL, ["putBucketCors", {"CORSRules": [rule]}])
    assert put.get("statusCode") == 200, put
    got = sdk_page.evaluate(CALL, ["getBucketCors", {}])
    assert got.get("CORSRules") == [rule], got
    deleted = sdk_page.evaluate(CALL, ["deleteBucketCors", {}])
    assert deleted.get("statusCode") == 204, deleted
    assert "error" in sdk_page.evaluate(CALL, ["getBucketCors", {}])
