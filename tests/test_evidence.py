# ruff: noqa: E501 - tables read best with a line for each row.
"""What people have at hand is read as what it says."""

import json
from functools import partial
from typing import Any

import pytest

from flask_bucketcors import Cause, explain
from flask_bucketcors.analysis.evidence import MAX_CURL, from_console, from_curl, from_har
from flask_bucketcors.analysis.evidence.browser_log import read_console
from flask_bucketcors.analysis.evidence.curl import _cut
from flask_bucketcors.analysis.evidence.har import MAX_HAR
from flask_bucketcors.analysis.evidence.response import read_response, wanted_headers
from flask_bucketcors.analysis.evidence.said import Said
from tests.support.broken_setups import NO_ALLOW_ORIGIN, PAGE, blocked, rule
from tests.support.call_counts import count_calls
from tests.support.tables import in_one_test

COPIED = f"""curl 'https://b.example/k?uploads' \\
  -X 'PUT' \\
  -H 'Accept: */*' \\
  -H 'Accept-Language: en-US,en;q=0.9' \\
  -H 'Authorization: q-sign-algorithm=sha1' \\
  -H 'Cache-Control: no-cache' \\
  -H 'Pragma: no-cache' \\
  -H 'Content-Type: text/plain' \\
  -H 'Origin: {PAGE}' \\
  -H 'Referer: {PAGE}/' \\
  -H 'Sec-Fetch-Mode: cors' \\
  -H 'User-Agent: Mozilla/5.0' \\
  -H 'X-Cos-Meta-Test: 1' \\
  --data-raw 'it is' --compressed"""


@in_one_test
@pytest.mark.parametrize(
    "text, expected",
    [
        (COPIED, {"method": "PUT", "kind": "preflight", "origin": PAGE, "credentials": False,
                  "headers": ["authorization", "x-cos-meta-test"]}),
        # The recipe of the COS FAQ.
        ('curl -Lvo /dev/null "https://b.example/test.png" -H "origin:https://www.baidu.com"',
         {"method": "GET", "kind": "actual", "origin": "https://www.baidu.com", "headers": []}),
        (f"curl -X OPTIONS -H 'Origin: {PAGE}' -H 'Access-Control-Request-Method: PUT' "
         "-H 'Access-Control-Request-Headers: x-a, x-b' https://b.example/",
         {"method": "PUT", "kind": "preflight", "headers": ["x-a", "x-b"]}),
        (f"curl -i -XOPTIONS -H'Origin: {PAGE}' https://b.example/",
         {"method": "", "kind": "preflight"}),
        (f'curl ^"https://b.example/^" ^\n  -H ^"Origin: {PAGE}^" ^\n  -H ^"x-a: 1^"',
         {"method": "GET", "kind": "preflight", "headers": ["x-a"]}),
        (f"curl -I -H 'Origin: {PAGE}' https://b.example/", {"method": "HEAD", "kind": "actual"}),
        (f"curl -T f -b a=b -e {PAGE}/x/y https://b.example/",
         {"method": "PUT", "origin": PAGE, "credentials": True}),
        (f"curl --json '{{}}' -H 'Origin: {PAGE}' https://b.example/",
         {"method": "POST", "kind": "preflight", "headers": ["content-type"]}),
        (f"curl -H 'Origin: {PAGE}' https://b.example/ --data-raw $'it\\'s \\u0021 -X PUT'",
         {"method": "POST", "kind": "actual"}),
        (f"curl -d a=b -H 'Origin: {PAGE}' https://b.example/",
         {"method": "POST", "kind": "actual", "headers": []}),
        # A body of several lines, as it stands in a file.
        (f"curl https://b.example/ -H 'Origin: {PAGE}' --data-raw '{{\n  \"a\": 1\n}}\n< x\n* y' "
         "-H 'x-a: 1'", {"method": "POST", "headers": ["x-a"]}),
        (f'curl ^"https://b.example/^" ^\n  -H ^"Origin: {PAGE}^" ^\n  --data-raw ^"^{{^\n\n  '
         '^\\^"a^\\^": 1^\n\n^}}^" -H ^"x-a: 1^"', {"method": "POST", "headers": ["x-a"]}),
        (f"curl -H 'Origin: {PAGE}' -H 'X-Empty;' -H 'Content-Type:' -d a https://b.example/",
         {"method": "POST", "headers": ["x-empty"]}),
        (f"curl -H 'Content-Type:' -H 'Origin: {PAGE}' --json a https://b.example/",
         {"method": "POST", "kind": "actual", "headers": []}),
        (f"curl -H 'Origin: {PAGE}' --oauth2-bearer abc https://b.example/",
         {"headers": ["authorization"]}),
        (f"curl https://b.example/\n  -H 'Origin: {PAGE}'\n  -X PUT\n", {"method": "PUT"}),
        (f"curl -v 'https://b.example/?a=1&b=;' -H 'Origin: {PAGE}' 2>&1 | grep -X PUT",
         {"method": "GET", "kind": "actual"}),
        (f"curl -H 'Origin: {PAGE}' -H 'Upgrade-Insecure-Requests: 1' https://b.example/",
         {"kind": "actual", "headers": []}),
    ],
)  # fmt: skip
def test_curl_commands(text: str, expected: dict[str, Any]) -> None:
    found = from_curl(text)
    assert {name: found[name] for name in expected} == expected
    wide = rule(found["origin"], methods="GET PUT POST HEAD", headers="*")
    assert explain([wide], **found).allowed is bool(found["method"])
    assert not explain([rule("https://else.example")], **found).allowed


def test_what_curl_printed_is_the_answer() -> None:
    printed = (
        "> GET / HTTP/1.1\n< HTTP/1.1 200 OK\n< ETag: 1\n< Vary: a\n< Vary: b\n<\n{ [5 bytes data]"
    )
    found = from_curl(f"{COPIED}\n* Connected\n{printed}")
    assert found["response"] == {"status": 200, "headers": {"ETag": ["1"], "Vary": ["a", "b"]}}


@pytest.mark.parametrize(
    "printed, status, headers",
    [
        ("HTTP/1.1 405 Not Allowed\nServer: x\n\n<p>it's not: allowed</p>", 405, {"Server": ["x"]}),
        ("HTTP/2 200\nAge: 1\n\ncurl is a tool", 200, {"Age": ["1"]}),
        ("HTTP/2 200\nVary: a\nVary: b", 200, {"Vary": ["a", "b"]}),
        ("HTTP/1.1 301 Moved\nLocation: /\n\nHTTP/1.1 200 OK\nAge: 1\n", 200, {"Age": ["1"]}),
        ("< HTTP/2 401\n< server: y\n<\n{it's: the body}\nHTTP/1.1 200 OK", 401, {"server": ["y"]}),
    ],
)
def test_what_curl_printed_with_its_headers_is_the_answer(
    printed: str, status: int, headers: dict[str, Any]
) -> None:
    found = from_curl(f"$ curl -i https://b.example/ -H 'Origin: {PAGE}'\n{printed}")
    assert (found["method"], found["response"]) == ("GET", {"status": status, "headers": headers})


@pytest.mark.parametrize(
    "text, problem",
    [
        ("wget https://b.example", "no curl command"),
        ("curl 'https://b.example", "cannot be read"),
        ("curl https://b.example/", "names no page"),
        ("curl " * MAX_CURL, "longer than"),
        (
            "curl https://b.example/ -H 'Origin: x'\ncurl https://c.example/",
            "several curl commands",
        ),
        (
            "curl https://b.example/ -H 'Origin: x'; curl https://c.example/",
            "several curl commands",
        ),
    ],
)
def test_commands_that_say_nothing_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_curl(text)


def test_a_har_file_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="export fewer requests"):
        from_har(b" " * (MAX_HAR + 1))


@in_one_test
@pytest.mark.parametrize(
    "text, expected",
    [
        (blocked("Method DELETE is not allowed by Access-Control-Allow-Methods in preflight "
                 "response.")["console"], {"origin": PAGE, "method": "DELETE", "kind": "preflight"}),
        (blocked("Request header field x-a is not allowed by Access-Control-Allow-Headers in "
                 "preflight response.")["console"], {"headers": ["x-a"], "kind": "preflight"}),
        (blocked(NO_ALLOW_ORIGIN)["console"], {"kind": "actual", "method": "GET"}),
        ("Could not read the ETag header. This likely means CORS is not configured correctly",
         {"method": "PUT"}),
        (blocked(NO_ALLOW_ORIGIN, preflight=True)["console"], {"kind": "preflight"}),
        (blocked(NO_ALLOW_ORIGIN, origin="null")["console"], {"origin": "null"}),
        # As Alibaba's page has it.
        ("XMLHttpRequest cannot load http://bucket.oss-cn-beijing.aliyuncs.com/. Response to "
         "preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' "
         f"header is present on the requested resource. Origin '{PAGE}' is therefore not allowed "
         "access. The response had HTTP status code 403.", {"origin": PAGE, "kind": "preflight"}),
        ("Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote "
         "resource at https://b.example/k. (Reason: header \u2018x-a\u2019 is not allowed "
         "according to header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight "
         "response).", {"headers": ["x-a"], "kind": "preflight"}),
        ("(Reason: Credential is not supported if the CORS header "
         "\u2018Access-Control-Allow-Origin\u2019 is \u2018*\u2019).", {"credentials": True}),
        (f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200",
         {"origin": PAGE}),
        ("Cross-Origin Request Blocked: (Reason: CORS request not HTTP).", {"origin": "null"}),
        ("get ETag error, please add \"ETag\" to CORS ExposeHeader setting.", {"method": "PUT"}),
    ],
)  # fmt: skip
def test_console_texts(text: str, expected: dict[str, Any]) -> None:
    found = from_console(text)
    assert {name: found[name] for name in expected} == expected
    assert explain([rule("https://b.example")], **found).cause


def test_a_console_that_speaks_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="no CORS failure"):
        from_console("Uncaught TypeError: undefined is not a function")


def entry(method: str, status: int, headers: dict[str, str], **answered: str) -> dict[str, Any]:
    def pairs(values: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in values.items()]

    return {
        "request": {"method": method, "url": "https://b.example/k", "headers": pairs(headers)},
        "response": {
            "status": status,
            "headers": pairs({name.replace("_", "-"): text for name, text in answered.items()}),
        },
    }


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"entries": entries}})


ASKED = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}


def test_a_har_file_gives_what_failed_once() -> None:
    text = har(
        entry("GET", 200, {}),
        entry("GET", 200, {"Origin": PAGE}, access_control_allow_origin=PAGE),
        entry("OPTIONS", 403, {**ASKED, "Access-Control-Request-Headers": "x-a"}, server="x"),
        entry("PUT", 0, {"Origin": PAGE, "x-a": "1"}),
    )
    (found,) = from_har(text)
    assert found == {
        "origin": PAGE,
        "credentials": False,
        "kind": "preflight",
        "method": "PUT",
        "headers": ["x-a"],
        "response": {"status": 403, "headers": {"server": ["x"]}},
    }
    assert explain([rule(PAGE)], **found).also == ()
    assert from_har(text.encode()) == [found]


@pytest.mark.parametrize("status", [True, -1, 200.5, "200", None])
def test_an_entry_of_a_har_file_whose_status_is_no_number_got_no_response(status: Any) -> None:
    (found,) = from_har(har(entry("GET", status, {"Origin": PAGE})))
    assert found["response"] == {"status": 0}


REFERER = {"Referer": f"{PAGE}/a/b"}
PAGES = [{"id": "page_1", "title": f"{PAGE}/a/b"}]


@in_one_test
@pytest.mark.parametrize(
    "headers, more, origin, guessed",
    [
        # As Playwright and Chromium write a request that CORS stopped.
        (REFERER, {"_resourceType": "fetch"}, PAGE, ["origin"]),
        ({}, {"pageref": "page_1", "_resourceType": "xhr"}, PAGE, ["origin"]),
        (REFERER, {"pageref": "page_2"}, PAGE, ["origin"]),
        ({"Origin": "null"}, {"pageref": "page_1"}, "null", []),
        ({"Origin": PAGE, "Referer": "https://c.example/"}, {}, PAGE, []),
        # A page that is loaded, one of the same origin, and one that nothing is known of.
        (REFERER, {"_resourceType": "document"}, None, []),
        ({**REFERER, "Sec-Fetch-Mode": "navigate"}, {}, None, []),
        ({"Referer": "https://b.example/"}, {}, None, []),
        ({"Referer": "about:blank"}, {}, None, []),
        ({}, {"pageref": "page_2"}, None, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [-1, 0])
def test_the_origin_of_a_request_that_was_stopped_is_that_of_its_page(
    headers: dict[str, str],
    more: dict[str, str],
    origin: str | None,
    guessed: list[str],
    status: int,
) -> None:
    good = entry("GET", 200, {"Origin": PAGE}, access_control_allow_origin=PAGE)
    stopped = {**entry("PUT", status, headers), **more}
    found = from_har(json.dumps({"log": {"entries": [good, stopped], "pages": PAGES}}))[0]
    assert found["origin"] == (origin or PAGE)
    assert found["method"] == ("PUT" if origin else "GET")
    assert found.get("guessed", []) == guessed
    explanation = explain([rule(PAGE, methods="GET")], **found)
    assert explanation.allowed is (origin is None)
    assert ("is a guess, from the page's address" in explanation.text) is bool(guessed)


def test_a_response_that_came_without_an_origin_is_none_of_cors() -> None:
    with pytest.raises(ValueError, match="crosses origins"):
        from_har(har(entry("GET", 200, REFERER)))


@pytest.mark.parametrize("name", ["_failureText", "_error"])
def test_the_reason_in_a_har_file_is_read(name: str) -> None:
    stopped = entry("GET", 0, {"Origin": PAGE})
    stopped["response"][name] = "net::ERR_CERT_AUTHORITY_INVALID"
    (found,) = from_har(har(stopped))
    assert found["response"]["console"] == "net::ERR_CERT_AUTHORITY_INVALID"
    assert "the certificate" in explain([rule(PAGE)], **found).text
    stopped["response"][name] = "net::ERR_FAILED"
    assert from_har(har(stopped))[0]["response"] == {"status": 0}


def test_a_har_file_without_failures_gives_what_crossed_origins() -> None:
    fine = {"access_control_allow_origin": PAGE}
    text = har(entry("OPTIONS", 200, ASKED, **fine), entry("PUT", 200, {"Origin": PAGE}, **fine))
    # The request was sent, so that nothing is to be said of its preflight.
    assert [each["kind"] for each in from_har(text)] == ["actual"]


def test_a_request_that_failed_in_the_browser_is_no_success() -> None:
    (found,) = from_har(har(entry("PUT", 0, {"Origin": PAGE})))
    explanation = explain([rule(PAGE)], **found)
    assert explanation.cause is Cause.OTHER
    assert "The browser got no response" in explanation.text
    assert explain([rule("https://b.example")], **found).cause is Cause.ORIGIN_NOT_LISTED


@pytest.mark.parametrize(
    "text, said",
    [
        ("<!doctype html>", "this is XML or HTML, and no JSON"),
        ('{"log": {"entries": [', "the text ends too early"),
        ('{"log": {"entries": [{},]}}', "a comma before ]: remove it"),
        ('[{"AllowedOrigins": ["*"]}]', "it has no log with entries"),
        (b"\xff\x8b", "it is not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_har_file_is_said(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"This is not a HAR file: {said}"):
        from_har(text)


def test_a_har_file_may_begin_with_a_byte_order_mark() -> None:
    text = har(entry("GET", 0, {"Origin": PAGE}))
    assert from_har("\ufeff" + text) == from_har(text) == from_har(b"\xef\xbb\xbf" + text.encode())


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"log": {"entries": 1}}', har(), "[" * 65 + "]" * 65]
)
def test_files_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HAR"):
        from_har(text)


def test_console_text_and_rules_are_enough() -> None:
    found = from_console(blocked(NO_ALLOW_ORIGIN, preflight=True)["console"])
    assert explain([rule(PAGE + "/")], **found).cause is Cause.ORIGIN_TRAILING_SLASH


def test_a_console_that_is_about_a_put_is_about_one_with_a_preflight() -> None:
    assert from_console("Could not read the ETag header.")["kind"] == "preflight"


def test_the_status_is_read_from_the_line_of_the_request() -> None:
    line = "PUT https://b.example/k net::ERR_FAILED 403 (Forbidden)"
    assert read_console(line).status == 403
    assert read_console("OPTIONS https://b.example/ 405 (Method Not Allowed)").status == 405


def test_what_names_no_reason_counts_only_alone() -> None:
    told = blocked(NO_ALLOW_ORIGIN)["console"] + "\nUncaught TypeError: Failed to fetch"
    assert [each.said for each in read_console(told).complaints] == [Said.NO_ALLOW_ORIGIN]
    assert [each.said for each in read_console("Network Error").complaints] == [Said.UNNAMED]


def test_blank_lines_in_a_command_are_looked_at_once() -> None:
    """Steps are counted: 200,000 lines once took a minute."""

    def command(lines: int) -> str:
        return "curl https://b.example/" + "\n" * lines + " -X PUT"

    few, many = (count_calls(partial(_cut, command(lines))) for lines in (20, 2000))
    assert many == few
    assert _cut(command(2000))[0].endswith("-X PUT")


def test_a_referrer_that_is_no_address_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="names no page"):
        from_curl("curl -e https://[ https://b.example/")


@pytest.mark.parametrize("count, kept", [(1, 1), (32, 32), (33, 32), (400, 32)])
def test_so_many_complaints_of_a_console_are_read(count: int, kept: int) -> None:
    line = 'Refused to get unsafe header "ETag"\n'
    other = "CORS Missing Allow Header\n"
    assert len(read_console(line * count).complaints) == kept
    assert len(read_console(line * 20 + other * 20).complaints) == 32


@pytest.mark.parametrize(
    "code, said",
    [
        ("PreflightDisallowedRedirect", "REDIRECT"),
        ("PreflightInvalidStatus", "STATUS"),
        ("HeaderDisallowedByPreflightResponse", "HEADER"),
        ("MethodDisallowedByPreflightResponse", "METHOD"),
        ("InvalidAllowMethodsPreflightResponse", "BAD_LIST"),
        ("InvalidAllowHeadersPreflightResponse", "BAD_LIST"),
    ],
)
def test_the_codes_that_chromium_shows(code: str, said: str) -> None:
    assert [each.said.name for each in read_console(f"CORS error: {code}").complaints] == [said]


@pytest.mark.parametrize(
    "headers, wanted",
    [
        ({"ETag": "1", "Access-Control-Allow-Origin": PAGE}, ("ETag",)),
        ({"etag": "1", "x-a": "1", "Access-Control-Allow-Origin": "*"}, ("ETag",)),
        ({"ETag": "1", "Access-Control-Allow-Origin": "*", "Set-Cookie": "a"}, ("ETag",)),
        ({"ETag": "1"}, ()),
        ({"x-a": "1", "Access-Control-Allow-Origin": "*"}, ()),
    ],
)
def test_headers_that_a_page_wants_if_it_got_the_response(
    headers: dict[str, str], wanted: tuple[str, ...]
) -> None:
    assert wanted_headers(read_response({"status": 200, "headers": headers})) == wanted


@in_one_test
@pytest.mark.parametrize(
    "option, method",
    [
        ("--data", "POST"),
        ("--data-raw", "POST"),
        ("--data-binary", "POST"),
        ("--data-ascii", "POST"),
        ("--data-urlencode", "POST"),
        ("--json", "POST"),
        ("--form", "POST"),
        ("--form-string", "POST"),
        ("--upload-file", "PUT"),
        ("--get --data", "GET"),
        ("--head --url", "HEAD"),
        ("--head --user-agent", "HEAD"),
    ],
)
def test_the_method_that_an_option_stands_for(option: str, method: str) -> None:
    assert from_curl(f"curl -H 'Origin: {PAGE}' {option} a=b")["method"] == method


@pytest.mark.parametrize("line", ["< ETag: 1", "<  ETag: 1", "< ETag: 1 ", "< ETag:\t1\t"])
def test_blanks_around_a_field_are_not_its_value(line: str) -> None:
    found = from_curl(f"{COPIED}\n< HTTP/1.1 200 OK\n{line}\n<")
    assert found["response"]["headers"] == {"ETag": ["1"]}


def test_a_har_file_tells_requests_apart_by_address_method_and_page() -> None:
    other = "https://c.example"
    asked = [("GET", PAGE), ("HEAD", PAGE), ("GET", other), ("GET", PAGE)]
    entries = [entry(method, 200, {"Origin": origin}) for method, origin in asked]
    found = from_har(har(*entries))
    assert [(each["method"], each["origin"]) for each in found] == asked[:3]
    entries[3]["request"]["url"] += "2"
    assert len(from_har(har(*entries))) == 4


@pytest.mark.parametrize(
    "url, crosses",
    [
        (f"{PAGE}/k", False),
        (f"{PAGE}:8443/k", True),
        (PAGE.replace("https", "http"), True),
        ("https://[", True),
    ],
)
def test_a_request_to_its_own_origin_crosses_none(url: str, crosses: bool) -> None:
    entries = [entry("GET", 200, {"Origin": PAGE}) for _ in range(2)]
    entries[1]["request"]["url"] = url
    assert len(from_har(har(*entries))) == 1 + crosses


REFUSED_HEADER = 'Refused to get unsafe header "ETag"'


@pytest.mark.parametrize(
    "lines",
    [
        ("CORS Missing Allow Header", REFUSED_HEADER),
        (REFUSED_HEADER, "CORS Missing Allow Header"),
    ],
)
def test_complaints_stand_in_the_order_of_the_console(lines: tuple[str, str]) -> None:
    alone = [read_console(line).complaints[0].said for line in lines]
    assert [each.said for each in read_console("\n".join(lines)).complaints] == alone


@pytest.mark.parametrize(
    "text, preflight",
    [
        (blocked(NO_ALLOW_ORIGIN, preflight=True)["console"], True),
        (blocked(NO_ALLOW_ORIGIN)["console"], False),
        (f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin.", None),
    ],
)
def test_whether_a_complaint_is_about_a_preflight(text: str, preflight: bool | None) -> None:
    assert [each.preflight for each in read_console(text).complaints] == [preflight]


_BLOCKED = (
    "Access to fetch at '{}' from origin '{}' has been blocked by CORS policy: No "
    "'Access-Control-Allow-Origin' header is present on the requested resource."
)
_FIREFOX = (
    "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
    "{}. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 missing). Status code: 200."
)


@pytest.mark.parametrize(
    "lines, others",
    [
        ([_BLOCKED.format("https://a.example/1", PAGE)], 0),
        ([_BLOCKED.format("https://a.example/1", PAGE)] * 3, 0),
        ([_BLOCKED.format(f"https://a.example/{number}", PAGE) for number in range(3)], 2),
        ([_BLOCKED.format("https://a.example/1", f"https://{each}.example") for each in "ab"], 1),
        ([_FIREFOX.format("https://a.example/1")], 0),
        ([_FIREFOX.format(f"https://{each}.example/1") for each in "abc"], 2),
    ],
    ids=["one", "one, repeated", "three URLs", "two pages", "Firefox", "Firefox, three URLs"],
)
def test_a_text_about_several_requests_is_said_to_be_one(lines: list[str], others: int) -> None:
    text = "\n".join(lines)
    assert read_console(text).others == others
    said = str(explain([], **from_console(text)))
    assert (f"The text is about {others + 1} requests" in said) is bool(others)
