"""A page that works on the files of WsgiDAV, an application that others wrote."""

from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from apps import APPLICATIONS
from wsgi_calls import environ_of, run, skip_unless_asked_for

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support.fetch_model import PageRequest
from tests.support.visits import Visit, visit

skip_unless_asked_for()

PAGE = "https://page.example"
METHODS = ["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"]
RULES = RuleSet([Rule([PAGE], ["PUT", "DELETE", *METHODS], ["*"], ["DAV", "Lock-Token"])])
LOCKINFO = (
    b'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
)
XML = {"Content-Type": "application/xml"}


@pytest.fixture
def served(folder: Path) -> BucketCORSMiddleware:
    """WsgiDAV, with the rules that its user put."""
    store = MemoryStore()
    api = RulesAPI(store, authorize=lambda call: True, extra_methods=METHODS)
    application = APPLICATIONS["WsgiDAV"].build(folder, lambda chunk: None)
    app = BucketCORSMiddleware(application, store=store, api=api)
    put = environ_of("PUT", "/photos?cors", body=format_xml(RULES, COS))
    assert run(app, put).code == 200
    return app


def test_a_page_works_on_files(served: BucketCORSMiddleware, folder: Path) -> None:
    def ask(method: str, key: str, body: bytes = b"", **headers: str) -> Visit:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        seen = visit(served, f"/photos/{key}", PageRequest(PAGE, method, named), body)
        assert seen is not None, method
        return seen

    assert ask("MKCOL", "new").status == 201
    assert ask("PUT", "new/a.txt", b"hello").status == 201
    assert ask("COPY", "new/a.txt", Destination="/photos/new/b.txt").status == 201
    assert ask("MOVE", "new/b.txt", Destination="/photos/new/c.txt").status == 201
    listed = ask("PROPFIND", "new", Depth="1")
    assert listed.status == 207
    hrefs = [each.text for each in fromstring(listed.body).iter("{DAV:}href")]
    assert sorted(map(str, hrefs)) == ["/photos/new/", "/photos/new/a.txt", "/photos/new/c.txt"]

    locked = ask("LOCK", "new/a.txt", LOCKINFO, Timeout="Second-60", **XML)
    token = locked.headers["lock-token"]
    # An error is a response like any other.
    assert ask("PUT", "new/a.txt", b"!").status == 423
    assert ask("UNLOCK", "new/a.txt", Lock_Token=token).status == 204
    assert ask("DELETE", "new").status == 204
    assert not (folder / "photos" / "new").exists()


@pytest.mark.parametrize("origin, method", [("https://other.example", "PROPFIND"), (PAGE, "REPORT"),
                                            (PAGE, "propfind")])  # fmt: skip
def test_other_pages_and_other_methods_do_not_get_there(
    served: BucketCORSMiddleware, origin: str, method: str
) -> None:
    assert visit(served, "/photos/", PageRequest(origin, method, {"Depth": "1"})) is None
