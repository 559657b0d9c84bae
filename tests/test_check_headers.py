"""What ``check`` says of each wrong form of each header: a row for each, as it is sent."""

import pytest

from flask_bucketcors import explain
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.response_mistakes import Level, ResponseMistake
from flask_bucketcors.cli.check.faults import Fault, actual_faults, preflight_faults
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.core.browser import BrowserRequest
from tests.support.tables import in_one_test

PAGE = "https://page.test"
VARY = ("Vary", "Origin")
ORIGIN = ("Access-Control-Allow-Origin", PAGE)


def simple(**changes: object) -> BrowserRequest:
    options = {"origin": PAGE, "method": "GET", "headers": [], "credentials": False, **changes}
    return BrowserRequest(**options)  # type: ignore[arg-type]


def with_preflight(**changes: object) -> BrowserRequest:
    return simple(**{"method": "PUT", "headers": [("X-A", "1")], **changes})


def actual(*pairs: tuple[str, str], **request: object) -> list[Fault]:
    return list(actual_faults(simple(**request), Response(200, pairs), is_lost=False))


def preflight(*pairs: tuple[str, str], status: int = 204, **request: object) -> list[Fault]:
    response = Response(status, [ORIGIN, VARY, *pairs])
    return list(preflight_faults(with_preflight(**request), response, is_lost=False))


@in_one_test
@pytest.mark.parametrize(
    "value, kind",
    [
        (f"{PAGE}, https://other.test", "origin_list"),
        (f"{PAGE} https://other.test", "origin_list"),
        (f"{PAGE},*", "origin_list"),
        ("", "origin_empty"),
        (f'"{PAGE}"', "origin_quoted"),
        (f"'{PAGE}'", "origin_quoted"),
        (f"<{PAGE}>", "origin_quoted"),
        (f"[{PAGE}]", "origin_quoted"),
        ('"*"', "origin_quoted"),
        ("https://*.page.test", "origin_star_inside"),
        ("https://*", "origin_star_inside"),
        ("**", "origin_star_inside"),
        ("*.page.test", "origin_star_inside"),
        ("null", "origin_sent_null"),
        ("$http_origin", "origin_placeholder"),
        ("${ORIGIN}", "origin_placeholder"),
        ("%{ORIGIN}e", "origin_placeholder"),
        ("{{ origin }}", "origin_placeholder"),
        ("undefined", "origin_placeholder"),
        ("None", "origin_placeholder"),
        ("true", "origin_placeholder"),
        ("[object Object]", "origin_placeholder"),
        (f"{PAGE}/", "origin_trailing_slash"),
        # UTF-8, as HTTP libraries read it.
        (f"{PAGE}\u00c2\u00a0", "origin_invisible_character"),
        ("https://p\u00d0\u00b0ge.test", "origin_lookalike"),
        (f"{PAGE}/index.html", "origin_path"),
        (f"{PAGE}?a=b", "origin_path"),
        ("https://user@page.test", "origin_path"),
        ("page.test", "origin_scheme"),
        ("//page.test", "origin_scheme"),
        ("http://page.test", "origin_scheme"),
        ("HTTPS://PAGE.TEST", "origin_case"),
        ("https://Page.test", "origin_case"),
        (f"{PAGE}:443", "origin_default_port"),
        (f"{PAGE}:8443", "origin_port"),
        ("https://www.page.test", "origin_apex"),
        ("https://a.page.test", "origin_subdomain_depth"),
        ("https://p\u0430ge.test", "origin_lookalike"),
        (f"{PAGE}\u200b", "origin_invisible_character"),
        ("https://other.test", "other_origin"),
        ("*", None),
        (f" {PAGE} ", None),
    ],
)
def test_allow_origin(value: str, kind: str | None) -> None:
    found = actual(("Access-Control-Allow-Origin", value), VARY)
    assert [each.kind for each in found] == ([kind] if kind else [])
    assert all(each.blocks and each.header == "Access-Control-Allow-Origin" for each in found)


@pytest.mark.parametrize("second", [PAGE, "https://other.test", "*"])
def test_allow_origin_twice(second: str) -> None:
    [fault] = actual(ORIGIN, ("access-control-allow-origin", second), VARY)
    assert fault.kind == "duplicate_headers"


def test_localhost_and_its_address_are_two_origins() -> None:
    pairs = ("Access-Control-Allow-Origin", "http://127.0.0.1:3000"), VARY
    [fault] = actual(*pairs, origin="http://localhost:3000")
    assert fault.kind == "origin_ip_localhost"
    assert fault.text == (
        "`localhost`, `127.0.0.1` and `[::1]` are different origins; Access-Control-Allow-Origin "
        "names another one: send the page's origin, exactly as its request has it"
    )


@in_one_test
@pytest.mark.parametrize(
    "values, credentials, kind, level",
    [
        ([], True, "credentials_missing", "blocks"),
        (["True"], True, "credentials_value", "blocks"),
        (["TRUE"], True, "credentials_value", "blocks"),
        (["1"], True, "credentials_value", "blocks"),
        (['"true"'], True, "credentials_value", "blocks"),
        (["yes"], True, "credentials_value", "blocks"),
        (["false"], True, "credentials_value", "blocks"),
        (["true", "true"], True, "credentials_value", "blocks"),
        (["true, true"], True, "credentials_value", "blocks"),
        (["True"], False, "credentials_value", "warning"),
        (["1"], False, "credentials_value", "warning"),
        (["true"], True, None, None),
        (["true"], False, None, None),
        (["false"], False, None, None),
    ],
)
def test_allow_credentials(
    values: list[str], credentials: bool, kind: str | None, level: str | None
) -> None:
    pairs = [("Access-Control-Allow-Credentials", value) for value in values]
    found = actual(ORIGIN, VARY, *pairs, credentials=credentials)
    assert [(each.kind, each.level) for each in found] == ([(kind, level)] if kind else [])


def test_a_method_in_another_case_is_named() -> None:
    [fault] = preflight(("Access-Control-Allow-Methods", "put, get"), headers=[])
    assert fault.header == "Access-Control-Allow-Methods"
    assert fault.text == (
        "The method is written in the wrong case; methods are case-sensitive (PUT): write the "
        "method in upper case"
    )


def test_a_star_with_credentials() -> None:
    pairs = ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true")
    assert [each.kind for each in actual(*pairs, credentials=True)] == ["credentials_wildcard"]
    assert actual(*pairs) == []


@in_one_test
@pytest.mark.parametrize(
    "value, credentials, kind",
    [
        (None, False, "method_missing"),
        ("GET", False, "method_missing"),
        ("put", False, "method_case"),
        ("Get, Put", False, "method_case"),
        ('"PUT"', False, "methods_quoted"),
        ("'GET', 'PUT'", False, "methods_quoted"),
        ("[GET, PUT]", False, "methods_quoted"),
        ("GET PUT", False, "methods_separated"),
        ("GET;PUT", False, "methods_separated"),
        ("GET|PUT", False, "methods_separated"),
        ("GET/PUT", False, "methods_separated"),
        ("*", True, "methods_star"),
        ("GET, (PUT", False, "methods_quoted"),
        ("GET DELETE", False, "methods_separated"),
        ("GET, HEAD@", False, "methods_no_list"),
        ("PUT, G@T", False, "methods_no_list"),
        ("*", False, None),
        ("GET,,PUT,", False, None),
    ],
)
def test_allow_methods(value: str | None, credentials: bool, kind: str | None) -> None:
    pairs = [("Access-Control-Allow-Headers", "x-a"), ("Access-Control-Allow-Credentials", "true")]
    pairs += [("Access-Control-Allow-Methods", value)] if value is not None else []
    found = preflight(*pairs, credentials=credentials)
    assert [each.kind for each in found] == ([kind] if kind else [])


@in_one_test
@pytest.mark.parametrize(
    "value, name, credentials, kind",
    [
        (None, "x-a", False, "header_missing"),
        ("x-b", "x-a", False, "header_missing"),
        ("x_a", "x-a", False, "header_underscore"),
        ('"x-a"', "x-a", False, "headers_quoted"),
        ("[x-a]", "x-a", False, "headers_quoted"),
        ("x-b x-a", "x-a", False, "headers_separated"),
        ("x-b;x-a", "x-a", False, "headers_separated"),
        ("x-b|x-a", "x-a", False, "headers_separated"),
        ("x-*", "x-a", False, "headers_pattern"),
        ("x-(a", "x-a", False, "headers_no_list"),
        ("x-b, x-(a", "x-a", False, "headers_no_list"),
        ("x-b; x-c", "x-a", False, "headers_separated"),
        ("*", "authorization", False, "headers_star_authorization"),
        ("*", "x-a", True, "headers_star"),
        ("*", "authorization", True, "headers_star"),
        ("*, authorization", "authorization", False, None),
        ("*", "x-a", False, None),
        ("X-A", "x-a", False, None),
    ],
)
def test_allow_headers(value: str | None, name: str, credentials: bool, kind: str | None) -> None:
    pairs = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Credentials", "true")]
    pairs += [("Access-Control-Allow-Headers", value)] if value is not None else []
    found = preflight(*pairs, credentials=credentials, headers=[(name, "1")])
    assert [each.kind for each in found] == ([kind] if kind else [])


def test_a_mistake_of_a_whole_list_is_said_once() -> None:
    pairs = [
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "'x-a','x-b'"),
    ]
    found = preflight(*pairs, headers=[("x-a", "1"), ("x-b", "1")])
    assert [each.kind for each in found] == ["headers_quoted"]


@in_one_test
@pytest.mark.parametrize(
    "value, credentials, kind",
    [
        ("*", True, "expose_star"),
        ('"ETag"', False, "expose_quoted"),
        ("'ETag', 'x-a'", False, "expose_quoted"),
        ("ETag x-a", False, "expose_separated"),
        ("ETag; x-a", False, "expose_separated"),
        ("ETag|x-a", False, "expose_separated"),
        ("ET@g", False, "expose_no_list"),
        ("x-a, ET@g", False, "expose_no_list"),
        ("*", False, None),
        ("ETag, x-a", False, None),
        ("", False, None),
    ],
)
def test_expose_headers(value: str, credentials: bool, kind: str | None) -> None:
    pairs = ("Access-Control-Expose-Headers", value), ("Access-Control-Allow-Credentials", "true")
    found = actual(ORIGIN, VARY, *pairs, credentials=credentials)
    assert [(each.kind, each.level) for each in found] == ([(kind, "warning")] if kind else [])


@in_one_test
@pytest.mark.parametrize(
    "values, kind, level",
    [
        (["600s"], "max_age_no_number", "warning"),
        (["10 minutes"], "max_age_no_number", "warning"),
        (["1.5"], "max_age_no_number", "warning"),
        (["1e3"], "max_age_no_number", "warning"),
        (['"600"'], "max_age_no_number", "warning"),
        (["+600"], "max_age_no_number", "warning"),
        (["\u0661"], "max_age_no_number", "warning"),
        ([""], "max_age_no_number", "warning"),
        (["600", "600"], "max_age_no_number", "warning"),
        (["-1"], "max_age_negative", "warning"),
        (["7201"], "max_age_long", "advice"),
        (["9" * 5000], "max_age_long", "advice"),
        (["7200"], None, None),
        (["0"], None, None),
    ],
)
def test_max_age(values: list[str], kind: str | None, level: str | None) -> None:
    pairs = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "x-a")]
    found = preflight(*pairs, *(("Access-Control-Max-Age", each) for each in values))
    assert [(each.kind, each.level) for each in found] == ([(kind, level)] if kind else [])


@in_one_test
@pytest.mark.parametrize("status", [100, 199, 301, 304, 400, 401, 403, 404, 405, 500, 503])
def test_the_status_of_a_preflight_is_one_of_success(status: int) -> None:
    pairs = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "x-a")]
    [fault] = preflight(*pairs, status=status)
    assert fault.kind == ("redirected" if 300 <= status < 400 else "status")


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299])
def test_each_status_of_success_will_do(status: int) -> None:
    pairs = [("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "x-a")]
    assert preflight(*pairs, status=status) == []


@in_one_test
@pytest.mark.parametrize(
    "name, meant",
    [
        ("Access-Control-Allow-Header", "Access-Control-Allow-Headers"),
        ("Access-Control-Allowed-Headers", "Access-Control-Allow-Headers"),
        ("Access-Control-Allow-Origins", "Access-Control-Allow-Origin"),
        ("Access-Control-Allowed-Origin", "Access-Control-Allow-Origin"),
        ("Acces-Control-Allow-Origin", "Access-Control-Allow-Origin"),
        ("Access_Control_Allow_Origin", "Access-Control-Allow-Origin"),
        ("X-Access-Control-Allow-Origin", "Access-Control-Allow-Origin"),
        ("Allow-Origin", "Access-Control-Allow-Origin"),
        ("Allow-Methods", "Access-Control-Allow-Methods"),
        ("Access-Control-Allow-Method", "Access-Control-Allow-Methods"),
        ("Access-Control-Expose-Header", "Access-Control-Expose-Headers"),
        ("Access-Control-Exposed-Headers", "Access-Control-Expose-Headers"),
        ("Expose-Headers", "Access-Control-Expose-Headers"),
        ("Access-Control-Allow-Credential", "Access-Control-Allow-Credentials"),
        ("Access-Control-MaxAge", "Access-Control-Max-Age"),
        ("Access-Control-Allow-Max-Age", "Access-Control-Max-Age"),
        ("Access-Control-Request-Headers", "Access-Control-Allow-Headers"),
        ("Access-Control-Request-Method", "Access-Control-Allow-Methods"),
        ("access-control-allow-origin", None),
        ("Access-Control-Allow-Private-Network", None),
        ("Access-Control-Allow-Local-Network", None),
        ("Allow", None),
        ("Origin-Agent-Cluster", None),
        ("Timing-Allow-Origin", None),
        ("X-Max-Age", None),
        ("Cross-Origin-Resource-Policy", None),
    ],
)
def test_names_that_browsers_do_not_know(name: str, meant: str | None) -> None:
    found = actual(*([] if name == ORIGIN[0].lower() else [ORIGIN]), VARY, (name, PAGE))
    said = [f"browsers ignore {name}, which may stand for {meant}: "] if meant else []
    assert [each.text[: len(start)] for each, start in zip(found, said, strict=True)] == said


@pytest.mark.parametrize(
    "vary, kinds",
    [
        ([], ["vary_missing"]),
        (["Accept-Encoding"], ["vary_missing"]),
        (["Accept-Encoding, ORIGIN"], []),
        (["Accept-Encoding", "Origin"], []),
        (["*"], []),
    ],
)
def test_vary(vary: list[str], kinds: list[str]) -> None:
    assert [each.kind for each in actual(ORIGIN, *(("Vary", each) for each in vary))] == kinds


def test_every_mistake_has_words_of_its_own() -> None:
    assert len({each.text() for each in ResponseMistake}) == len(ResponseMistake)


def test_a_mistake_that_is_also_a_cause_has_its_name() -> None:
    assert {str(each) for each in ResponseMistake} & {str(each) for each in Cause} == {
        "credentials_wildcard",
        "duplicate_headers",
        "header_missing",
        "method_missing",
        "vary_missing",
    }


def test_only_mistakes_of_level_blocks_keep_a_response_from_a_page() -> None:
    assert {each.level for each in ResponseMistake} == set(Level)


@in_one_test
@pytest.mark.parametrize(
    "pairs, credentials, kind",
    [
        ([("Access-Control-Allow-Origin", "https://*.test")], False, "origin_star_inside"),
        ([("Access-Control-Allow-Origin", f'"{PAGE}"')], False, "origin_quoted"),
        ([("Access-Control-Allow-Origin", "null")], False, "origin_sent_null"),
        ([ORIGIN, ("Access-Control-Allow-Credentials", "True")], True, "credentials_value"),
        ([("Access-Control-Allow-Origin", f"{PAGE}/")], False, None),
        ([("Access-Control-Allow-Origin", "https://other.test")], False, None),
        ([ORIGIN, ORIGIN], False, None),
        ([ORIGIN], True, None),
        ([ORIGIN], False, None),
        ([], False, None),
    ],
)
def test_explain_says_how_a_header_that_was_seen_is_written(
    pairs: list[tuple[str, str]], credentials: bool, kind: str | None
) -> None:
    """What has a cause of its own is named by that alone."""
    rules = [{"allowed_origins": [PAGE], "allowed_methods": ["GET"]}]
    response = {"status": 200, "headers": pairs}
    options = {"origin": PAGE, "kind": "actual", "credentials": credentials}
    explanation = explain(rules, response=response, **options)  # type: ignore[arg-type]
    said = [each for each in explanation.details if each.startswith("In Access-Control-Allow-")]
    texts = [each.text() for each in ResponseMistake if each == kind]
    assert [each.partition(", ")[2] for each in said] == [f"{text}." for text in texts]
