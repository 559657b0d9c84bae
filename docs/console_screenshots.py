"""Take the screenshots of the console for the documentation.

You need the extra ``browser`` and Debian's Chromium. Run ``python docs/console_screenshots.py`` in
the project's folder. ``--all FOLDER`` takes each page in both schemes and widths instead, for
somebody who looks at them after a change.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from flask_bucketcors import MemoryStore, Rule, RuleSet, console_app

IMAGES = Path(__file__).parent / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS, SCHEMES = (360, 1280), ("light", "dark")
# The beginning of a page is enough to show what it is. In pixels.
MOST_HEIGHT = 1150

FIRST = RuleSet([Rule(["https://www.shop.example"], ["GET"], expose_headers=["ETag"])])
RULES = RuleSet(
    [
        Rule(["*"], ["GET", "HEAD"], expose_headers=["ETag"], max_age_seconds=600, id="public"),
        Rule(
            ["https://www.shop.example", "https://*.shop.example"],
            ["GET", "PUT", "POST"],
            ["content-type", "x-cos-meta-*"],
            ["ETag"],
            600,
            "shop front",
        ),
        Rule(["https://*shop.com"], ["GET", "PUT"], ["*"], max_age_seconds=86400, id="partner"),
        Rule(["https://app.shop.example"], ["GET"], ["content-type"], id="never reached"),
        Rule(["http://localhost:3000", "null"], ["GET", "PUT", "DELETE"], ["authorization"]),
    ]
)
REFUSED = "/b/shop-assets/try?origin=https://app.example.org&method=PUT&headers=content-type"


def buckets(page: Page) -> None:
    page.click("text=CORS console")


def rules(page: Page) -> None:
    """Nothing but the page."""


def form(page: Page) -> None:
    page.click("text=Add a rule")


def errors(page: Page) -> None:
    page.click("text=Add a rule")
    page.fill("[name=origins]", "https://www.example.com\nhttps://a b\nwww.example.com/")
    page.fill("[name=max_age]", "ten")
    page.click("text=See what changes")


def changes(page: Page) -> None:
    page.click("text=Add a rule")
    page.fill("[name=origins]", "https://*abc.com")
    page.check("[name=methods][value=PUT]")
    page.click("text=See what changes")


def try_it(page: Page) -> None:
    page.goto(page.url.partition("/b/")[0] + REFUSED)


def history(page: Page) -> None:
    page.click("text=History")


def text(page: Page) -> None:
    page.click("text=XML and JSON")


#: The names of pages, each with what leads there from the rules of a bucket.
PAGES = {
    "buckets": buckets,
    "rules": rules,
    "form": form,
    "errors": errors,
    "changes": changes,
    "try": try_it,
    "history": history,
    "text": text,
}
#: Of these, the pages that the documentation shows. It shows the form with errors.
SHOWN = [name for name in PAGES if name != "form"]


class _Quiet(WSGIRequestHandler):
    def log_request(self, *arguments: Any) -> None:
        """Log nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve a console with some buckets; give its URL."""
    store = MemoryStore()
    store.put("shop-assets", FIRST, "bob")
    store.put("shop-assets", RULES, "alice")
    store.put("invoices", FIRST, "alice")
    store.put("press", RuleSet([Rule(["https://press.example"], ["GET", "PUT"])]), "carol")
    app = console_app(store, authorize=lambda call: "alice", secret_key="of the screenshots")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def take(
    browser: Browser, url: str, name: str, width: int, scheme: Any, path: Path, most: int
) -> None:
    """Take one page.

    :param most: of its height, in pixels.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 700}, color_scheme=scheme, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"{url}/b/shop-assets/")
    PAGES[name](page)
    page.wait_for_load_state("networkidle")
    # A locator waits for a page that is on its way.
    box = page.locator("html").bounding_box()
    height = box["height"] if box else most
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, most)}
    page.screenshot(path=path, full_page=True, clip=clip)
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    folder = parser.parse_args().all
    wanted = (
        [(name, width, scheme) for name in PAGES for width in WIDTHS for scheme in SCHEMES]
        if folder
        else [(name, 1280, "light") for name in SHOWN] + [("rules", 360, "dark")]
    )
    most = 20_000 if folder else MOST_HEIGHT
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        for name, width, scheme in wanted:
            ending = "" if width == 1280 and not folder else f"-{width}-{scheme}"
            target = (folder or IMAGES) / f"console-{name}{ending}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            take(browser, url, name, width, scheme, target, most)
        browser.close()


if __name__ == "__main__":
    main()
