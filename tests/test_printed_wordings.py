"""Every wording that browsers and libraries print is known for what it complains about."""

import json
from pathlib import Path

import pytest

from flask_bucketcors import Cause, explain, from_console
from flask_bucketcors.analysis.evidence import MAX_CONSOLE
from flask_bucketcors.analysis.evidence.browser_log import read_console
from flask_bucketcors.analysis.evidence.said import BEYOND_RULES, Said
from flask_bucketcors.analysis.explainer.console_meanings import MEANINGS
from tests.support.broken_setups import rule
from tests.support.printed_wordings import (
    CHROMIUM_HOLDS,
    CHROMIUM_PRINTS,
    FIREFOX,
    FIREFOX_BESIDE_CORS,
    LIBRARIES,
    PAGE,
    SAFARI,
    TABS,
)
from tests.support.tables import in_one_test

PRINTED = [*CHROMIUM_PRINTS, *CHROMIUM_HOLDS, *TABS, *SAFARI, *FIREFOX, *FIREFOX_BESIDE_CORS]
# What the rules have no part in, so that explain has no better word.
SAID_IN_WORDS = [row for row in PRINTED if row[0] in {said.name for said in BEYOND_RULES}]
VALUES = {"OTHER_ORIGIN": "https://b.test", "HEADER": "x-a"}


@in_one_test
@pytest.mark.parametrize("said, text", PRINTED)
def test_a_wording_is_known(said: str, text: str) -> None:
    assert {each.said.name for each in read_console(text).complaints} == {said}


@in_one_test
@pytest.mark.parametrize("said, text", [row for row in FIREFOX if row[0] in VALUES])
def test_what_a_translated_wording_names_is_read(said: str, text: str) -> None:
    assert [each.value for each in read_console(text).complaints] == [VALUES[said]]


# As the language packs of Firefox 153 spell the reasons.
REASONS = json.loads((Path(__file__).parent / "data" / "firefox_reasons.json").read_text())
SAID_BY = {
    "CORSDisabled": "NO_RESPONSE",
    "CORSDidNotSucceed2": "NO_RESPONSE",
    "CORSExternalRedirectNotAllowed": "REDIRECT",
    "CORSRequestNotHttp": "NOT_HTTP",
    "CORSMissingAllowOrigin2": "NO_ALLOW_ORIGIN",
    "CORSMultipleAllowOriginNotAllowed": "SEVERAL_ORIGINS",
    "CORSAllowOriginNotMatchingOrigin": "OTHER_ORIGIN",
    "CORSNotSupportingCredentials": "WILDCARD",
    "CORSMethodNotFound": "METHOD",
    "CORSMissingAllowCredentials": "NO_CREDENTIALS",
    "CORSPreflightDidNotSucceed3": "STATUS",
    "CORSInvalidAllowMethod": "BAD_LIST",
    "CORSInvalidAllowHeader": "BAD_LIST",
    "CORSMissingAllowHeaderFromPreflight2": "HEADER",
    "IneligibleResource": "INTEGRITY_WITHOUT_CORS",
}
# What names no header, so that only the words tell; and what looks like a header that is missing.
IN_WORDS = {"NO_RESPONSE", "REDIRECT", "NOT_HTTP", "STATUS", "INTEGRITY_WITHOUT_CORS"}
BY_WORDS = {"es-AR", "es-CL", "es-MX", "zh-CN", "zh-TW", "it"}


@in_one_test
@pytest.mark.parametrize("language", REASONS)
def test_reasons_of_firefox_are_read_in_many_languages(language: str) -> None:
    for key, text in REASONS[language].items():
        said = SAID_BY[key]
        value = {"OTHER_ORIGIN": "https://b.test", "BAD_LIST": "a b"}.get(said, "x-a")
        if text.endswith(("%2$S.", "%2$S。")):
            value = "403"
        mark = "\u201e" if text.startswith("\u201d") else ""
        console = read_console(f"{mark}https://b.example/k{text}".replace("%2$S", value))
        found = {each.said.name for each in console.complaints}
        if language in BY_WORDS or said not in IN_WORDS | {"SEVERAL_ORIGINS"}:
            assert found == {said}, text
        else:
            assert found == ({"NO_ALLOW_ORIGIN"} if said == "SEVERAL_ORIGINS" else set()), text
        assert all(each.value == value for each in console.complaints if said in VALUES)
        assert console.status == (403 if value == "403" else None)


@in_one_test
@pytest.mark.parametrize("library, text", LIBRARIES)
def test_a_library_that_hides_the_cause_is_known(library: str, text: str) -> None:
    assert {each.said for each in read_console(text).complaints} == {Said.UNNAMED}, library
    explanation = explain([rule(PAGE)], origin=PAGE, **from_console(text))
    assert not explanation.allowed
    assert "The browser's console has the cause" in explanation.text


@in_one_test
@pytest.mark.parametrize("said, text", SAID_IN_WORDS)
def test_what_rules_cannot_change_is_said_in_words(said: str, text: str) -> None:
    explanation = explain([rule("*")], **{"origin": PAGE, **from_console(text)})
    assert (explanation.cause, explanation.fixes) == (Cause.OTHER, ())
    assert MEANINGS[Said[said]] in explanation.text


@in_one_test
@pytest.mark.parametrize("said, text", SAID_IN_WORDS)
def test_it_is_said_where_the_rules_refuse_too(said: str, text: str) -> None:
    explanation = explain([rule("https://else.example")], **{"origin": PAGE, **from_console(text)})
    assert MEANINGS[Said[said]] in explanation.text


def test_each_complaint_that_is_beyond_the_rules_has_a_meaning() -> None:
    assert MEANINGS.keys() >= BEYOND_RULES


@pytest.mark.parametrize(
    "text, status",
    [
        ("CORS-Anfrage schlug fehl). Statuscode: 403.", 403),
        ("échec de la requête CORS. Code d\u2019état\xa0: 404.", 404),
        ("CORS 要求が成功しなかった)。ステータスコード: 500", 500),
        ("Solicitud CORS sin éxito). Código de estado: 401.", 401),
        ("falha na requisição CORS). Código de status: 405.", 405),
        ("CORS request did not succeed). Status code: (null).", None),
    ],
)
def test_the_status_is_read_in_each_language(text: str, status: int | None) -> None:
    assert read_console(text).status == status


REDIRECTED = (
    "Access to fetch at '{}' (redirected from '{}') from origin '{}' has been blocked by CORS "
    "policy: No 'Access-Control-Allow-Origin' header is present on the requested resource."
)


@pytest.mark.parametrize(
    "last, first, origin",
    [
        ("https://bucket.example.net/a.png", "https://api.example.org/file/1", "null"),
        # Back to the page, through a foreign origin.
        (f"{PAGE}/a.png", "https://api.example.org/file/1", "null"),
        ("http://api.example.org/file/1", "https://api.example.org/file/1", "null"),
        ("https://api.example.org/a.png", "https://api.example.org/file/1", PAGE),
        ("https://bucket.example.net/a.png", f"{PAGE}/file/1", PAGE),
    ],
)
def test_a_redirect_from_one_foreign_origin_to_another_loses_the_origin(
    last: str, first: str, origin: str
) -> None:
    text = REDIRECTED.format(last, first, PAGE)
    assert from_console(text)["origin"] == origin
    explanation = explain([rule(PAGE)], origin=PAGE, response={"console": text})
    assert (explanation.cause is Cause.ORIGIN_NULL) is (origin == "null")
    assert ("sends `Origin: null`" in explanation.text) is (origin == "null")


def test_what_helps_after_a_redirect() -> None:
    found = from_console(REDIRECTED.format("https://c.test/a", "https://b.test/a", PAGE))
    explanation = explain([rule(PAGE)], **found)
    assert "hand out the final address" in explanation.help
    assert "`*`" in explanation.help


@in_one_test
@pytest.mark.parametrize(
    "text, guessed",
    [
        (CHROMIUM_PRINTS[0][1], ["method"]),
        (CHROMIUM_PRINTS[0][1] + "\nHEAD https://b.example/k net::ERR_FAILED", []),
        ("XHRPUThttps://b.example/k\nCORS Missing Allow Origin", []),
        (CHROMIUM_PRINTS[2][1], []),
        ("Method PUT is not allowed by Access-Control-Allow-Methods", []),
        ("TypeError: Failed to fetch", ["method"]),
        ("Could not read the ETag header.", []),
    ],
)
def test_a_method_that_is_not_told_is_called_a_guess(text: str, guessed: list[str]) -> None:
    found = from_console(text)
    assert found.get("guessed", []) == guessed
    explanation = explain([rule(PAGE)], **{"origin": PAGE, **found})
    assert ("is a guess" in explanation.text) is bool(guessed)


@pytest.mark.parametrize("text", ["hello", "Uncaught SyntaxError: Unexpected token '<'", "a.txt"])
def test_what_is_not_understood_is_said(text: str) -> None:
    response = {"console": text}
    explanation = explain([rule(PAGE)], origin=PAGE, response=response)
    assert (explanation.allowed, explanation.cause) == (False, Cause.OTHER)
    assert explanation.headline.startswith("Not explained: rule 1 allows GET")
    assert "was not understood" in explanation.text
    refused = explain([rule("https://else.example")], origin=PAGE, response=response)
    assert refused.cause is Cause.ORIGIN_NOT_LISTED
    assert "was not understood" in refused.text


@pytest.mark.parametrize(
    "text",
    [
        "AxiosError: Request failed with status code 403",
        "Failed to load resource: the server responded with a status of 403 (Forbidden)",
    ],
)
def test_a_status_says_that_the_page_got_the_response(text: str) -> None:
    explanation = explain([rule(PAGE)], origin=PAGE, kind="actual", response={"console": text})
    assert explanation.cause is Cause.APP_REFUSED
    assert "was not understood" not in explanation.text


def test_an_empty_text_says_nothing() -> None:
    assert explain([rule(PAGE)], origin=PAGE, response={"console": " \n"}).allowed


def _repeated(text: str) -> str:
    return (text * (MAX_CONSOLE // len(text) + 1))[:MAX_CONSOLE]


@pytest.mark.parametrize(
    "unit",
    [
        "Access to fetch at '",
        "GET https://b.example/",
        "tus: failed to create ",
        "Http failure response for ",
        "Kopfzeile '",
        "\xab ",
        " ",
        "'",
    ],
)
def test_a_long_text_is_read_in_bounded_time(unit: str) -> None:
    """The limit of the test run stops what takes more than linear time."""
    text = _repeated(unit)
    assert len(read_console(text).complaints) <= 32
