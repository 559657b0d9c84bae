"""What a browser sends as Origin is one thing to ``check``, to ``explain`` and to evidence."""

from collections.abc import Callable

import click
import pytest

from flask_bucketcors import Rule, RuleSet, explain
from flask_bucketcors.analysis.evidence import from_curl, from_har
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable, sent_host
from flask_bucketcors.cli.check.arguments import read_origin, read_url
from tests.support.tables import in_one_test

# What a person writes, and what a browser sends.
SENT = {
    "https://page.test": "https://page.test",
    "https://page.test/": "https://page.test",
    "https://page.test/a?b#c": "https://page.test",
    "HTTPS://Page.Test": "https://page.test",
    "https://stra\xdfe.example": "https://xn--strae-oqa.example",
    "https://B\xdcCHER.test:8443": "https://xn--bcher-kva.test:8443",
    "https://\u03b2\u03cc\u03bb\u03bf\u03c2.test": "https://xn--nxasmm1c.test",
    "https://www\u3002page.test": "https://www.page.test",
    "https://page.test:443": "https://page.test",
    "http://page.test:80": "http://page.test",
    "http://page.test:080": "http://page.test",
    "http://page.test:443": "http://page.test:443",
    "http://page.test:08080": "http://page.test:8080",
    "http://page.test:": "http://page.test",
    "https://user@page.test": "https://page.test",
    "https://user:password@page.test:8443/": "https://page.test:8443",
    "https://page.test.": "https://page.test.",
    "http://localhost:5000": "http://localhost:5000",
    "http://127.0.0.1": "http://127.0.0.1",
    "http://[::1]:5000": "http://[::1]:5000",
    "http://[::1]:80": "http://[::1]",
    "http://[0:0:0:0:0:0:0:1]": "http://[::1]",
    "http://[2001:DB8::0001]": "http://[2001:db8::1]",
    "http://[::ffff:127.0.0.1]": "http://[::ffff:7f00:1]",
    "app://local": "app://local",
    "http://127.1:3000": "http://127.0.0.1:3000",
    "http://2130706433": "http://127.0.0.1",
    "http://0x7F.0.01": "http://127.0.0.1",
    "http://127.0.0.1.": "http://127.0.0.1",
    "app://local:80": "app://local:80",
    "capacitor://localhost": "capacitor://localhost",
    "chrome-extension://abcdefghijklmnop": "chrome-extension://abcdefghijklmnop",
    "null": "null",
    "file://": "file://",
    "file:///home/me/page.html": "null",
    "data:text/html,page": "null",
    "about:blank": "null",
    "blob:https://page.test/0c5a": "https://page.test",
    "BLOB:https://page.test/0c5a": "https://page.test",
}
# Not even corrected would a browser send these.
NEVER_SENT = [
    "",
    "page.test",
    "https://",
    "https://[page",
    "https://a..b",
    "https://page.test:0",
    "https://page.test:65536",
    "https://" + "a" * 64 + ".test",
    "https://" + "a." * 127 + "test",
    "http://[fe80::1%25lo]",
    "http://256.1.1.1",
    "http://1.2.3.4.5",
    "http://127.0.0.08",
    "http://page.1",
]


def option(read: Callable[..., object], text: str) -> object:
    """What a callback of an option makes of a text."""
    command = click.Command("check")
    return read(click.Context(command), click.Option(["--origin"]), text)


@in_one_test
@pytest.mark.parametrize(("written", "sent"), SENT.items())
def test_check_and_explain_agree_on_what_a_browser_sends(written: str, sent: str) -> None:
    assert is_sendable(sent)
    assert browser_form(written) == sent
    explanation = explain(RuleSet([Rule([sent], ["GET"])]), origin=written)
    if written == sent:
        assert option(read_origin, written) == sent
        assert explanation.allowed
        return
    with pytest.raises(click.BadParameter, match="a browser sends ") as refused:
        option(read_origin, written)
    assert f"a browser sends {sent}: write that" in refused.value.message
    assert not explanation.allowed
    assert f"but '{sent}'" in explanation.text


@in_one_test
@pytest.mark.parametrize("written", NEVER_SENT)
def test_check_and_explain_agree_on_what_no_browser_sends(written: str) -> None:
    assert not is_sendable(browser_form(written))
    with pytest.raises(click.BadParameter, match="write scheme://host"):
        option(read_origin, written)


@in_one_test
@pytest.mark.parametrize(
    ("written", "sent"),
    [each for each in SENT.items() if each[1] not in ("null", "file://")],
)
def test_the_address_of_a_page_gives_the_same_origin(written: str, sent: str) -> None:
    assert from_curl(f"curl https://photos.test/ -e '{written}'")["origin"] == sent
    entry = {
        "request": {
            "method": "GET",
            "url": written,
            "headers": [{"name": "Origin", "value": sent}],
        },
        "response": {"status": 200, "headers": []},
    }
    with pytest.raises(ValueError, match="crosses origins"):
        from_har(f'{{"log": {{"entries": [{entry}]}}}}'.replace("'", '"'))


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://stra\xdfe.example/a", "https://xn--strae-oqa.example/a"),
        ("http://Photos.Test:8000/a?b", "http://photos.test:8000/a?b"),
        ("http://[0::1]:5000/", "http://[::1]:5000/"),
        # What browsers leave out, as UTS 46 has it.
        ("http://photos\xad.te\u200bst/", "http://photos.test/"),
        ("http://\ufeffb\u2060\xfccher.test/", "http://xn--bcher-kva.test/"),
    ],
)
def test_check_asks_the_host_that_a_browser_asks(url: str, asked: str) -> None:
    found = option(read_url, url)
    assert found.geturl() == asked  # type: ignore[attr-defined]


def test_what_is_no_address_stays_as_it_is_written() -> None:
    assert sent_host("[::zz]") == "[::zz]"
    assert sent_host("[0:0::1]") == "[::1]"
    # As hexadecimal, whatever Python prints.
    assert sent_host("[::ffff:1.2.3.4]") == "[::ffff:102:304]"
