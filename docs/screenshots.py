"""Take the screenshots of the demo page for the documentation.

You need the extra ``browser`` and Debian's Chromium. Run ``python docs/screenshots.py`` in the
project's folder. To show the card of the vendor's SDK, run ``npm install cos-js-sdk-v5`` first.
"""

import os
import shutil
import tempfile
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

IMAGES = Path(__file__).parent / "images"
PORT = 5080
# In pixels.
WIDTH, HEIGHT, MARGIN = 1100, 900, 20
PICTURE = bytes(3 * 1024 * 1024)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        os.environ["EXAMPLE_DATA"] = data
        os.environ["EXAMPLE_URL"] = f"http://127.0.0.1:{PORT}"
        os.environ["EXAMPLE_DEMO_PORT"] = str(PORT + 1)
        serve()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
            take(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
            browser.close()


def serve() -> None:
    from example_app import create_app

    server = make_server("127.0.0.1", PORT, create_app(), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()


def take(page: Page) -> None:
    IMAGES.mkdir(exist_ok=True)
    page.goto(f"http://127.0.0.1:{PORT + 1}/")
    page.wait_for_selector("body[data-rules=initial]")
    press(page, ["head", "get", "put"])
    # The cards below have nothing to show yet.
    bottom = page.evaluate(
        "document.getElementById('put').getBoundingClientRect().bottom + scrollY"
    )
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": bottom + MARGIN}
    page.screenshot(path=IMAGES / "demo-refused.png", full_page=True, clip=clip)
    page.click("[data-rules=most]")
    page.wait_for_selector("body[data-rules=most]")
    for chooser in page.query_selector_all("input[type=file]"):
        chooser.set_input_files({"name": "cat.png", "mimeType": "image/png", "buffer": PICTURE})
    press(page, ["head", "get", "put", "delete", "upload", "sdk"])
    page.screenshot(path=IMAGES / "demo.png", full_page=True)


def press(page: Page, cards: list[str]) -> None:
    for card in cards:
        if page.query_selector(f"#{card}"):
            page.click(f"#{card} button")
            page.wait_for_selector(f"#{card}[data-outcome]")


if __name__ == "__main__":
    main()
