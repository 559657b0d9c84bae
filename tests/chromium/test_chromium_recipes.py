"""The scripts of docs/recipes.md, run in pages."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from pages import Page, Site
from werkzeug.serving import make_server

from example_app import create_app
from example_app.example_bucket import SEEDED_BUCKET
from flask_bucketcors import BucketCORSState, RuleSet
from flask_bucketcors.analysis.ready_made import READY_MADE
from tests.support import ROOT
from tests.support.processes.children import STOP_SECONDS

PAGE = (ROOT / "docs" / "recipes.md").read_text()
[UPLOAD, WITH_SDK] = re.findall(r"```js\n(.*?)```", PAGE, re.S)
[RULES] = re.findall(r"cat > upload\.json <<'END'\n(.*?)END\n", PAGE, re.S)
SDK = "EXAMPLE_COS_JS_SDK"
#: Larger than a part.
SIZE = 3 * 1024 * 1024


def test_a_page_uploads_a_file_and_reads_its_etag(site: Site, visit: Callable[[str], Page]) -> None:
    origin = site.origin("shop.test")
    [rule] = RuleSet.parse(json.loads(RULES)).rules
    bucket = site.bucket(replace(rule, allowed_origins=(origin,)))
    script = (
        "url => {" + UPLOAD + "return upload(url, new File(['x'], 'a.png', {type: 'image/png'}));}"
    )
    assert visit(origin).frame.evaluate(script, site.url(bucket)) == '"object"'


@contextmanager
def example_on_hosts(folder: Path, origin: str) -> Iterator[int]:
    """Serve the example application, whose bucket has the rules for an SDK; give its port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXAMPLE_DATA", str(folder))
        app = create_app()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    with closing(BucketCORSState.of(app).store) as store:
        store.put(SEEDED_BUCKET, READY_MADE["cos-sdk"].rules_for([origin]))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(STOP_SECONDS)
            server.server_close()


def test_the_sdk_uploads_in_parts(site: Site, visit: Callable[[str], Page], tmp_path: Path) -> None:
    sdk = os.environ.get(SDK)
    if not sdk:
        message = f"cos-js-sdk-v5 is not where {SDK} says"
        if os.environ.get("BUCKETCORS_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    origin = site.origin("shop.test")
    page = visit(origin)
    page.frame.page.add_script_tag(path=sdk)
    with example_on_hosts(tmp_path, origin) as port:
        code = WITH_SDK.replace(":5000", f":{port}")
        file = f"new File([new Uint8Array({SIZE})], 'a.bin')"
        etag = page.frame.evaluate("() => {" + code + f"return uploadInParts({file});}}")
    # Of an object in parts, as the vendors write it: a digest, and the number of parts.
    assert re.fullmatch(r'"[0-9a-f]{32}-\d+"', etag)
