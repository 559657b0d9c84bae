"""Codes in the error documents of storages, and web pages that stand in their place."""

import zlib

import pytest

from flask_bucketcors.analysis.evidence.error_codes import About, read_error_code
from flask_bucketcors.analysis.evidence.web_pages import (
    is_console_address,
    is_login_address,
    read_web_page,
)
from flask_bucketcors.analysis.response_mistakes import ResponseMistake
from flask_bucketcors.cli.check.faults import page_faults, sender_faults, source_faults
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.core.browser import BrowserRequest
from tests.support.call_counts import count_calls
from tests.support.tables import in_one_test


def xml(code: str, message: str = "") -> str:
    return f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"


NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
NOT_ALLOWED = "CORSResponse: This CORS request is not allowed. This is usually because ..."


@in_one_test
@pytest.mark.parametrize(
    "body, code, about, words",
    [
        (xml("AccessForbidden", NOT_ALLOWED), "AccessForbidden", About.CORS, "no CORS rule of"),
        (xml("AccessForbidden", NOT_ENABLED), "AccessForbidden", About.CORS, "has no CORS rules"),
        (xml("AccessForbidden"), "AccessForbidden", About.CORS, "or the permissions"),
        (xml("AccessForbidden", "Forbidden."), "AccessForbidden", About.CORS, "the permissions"),
        (xml("CORSResponse"), "CORSResponse", About.CORS, "no CORS rule of the bucket"),
        (xml("NoSuchCORSConfiguration"), "NoSuchCORSConfiguration", About.CORS, "no CORS rules"),
        (xml("CorsPreflightFailure"), "CorsPreflightFailure", About.CORS, "no CORS rules"),
        (xml("AccessDenied", NOT_ENABLED), "AccessDenied", About.WHO, "has no permission"),
        (xml("SignatureDoesNotMatch"), "SignatureDoesNotMatch", About.WHO, "signature does not"),
        (xml("RequestTimeTooSkewed"), "RequestTimeTooSkewed", About.WHO, "clock"),
        (xml("InvalidAccessKeyId"), "InvalidAccessKeyId", About.WHO, "access key"),
        (xml("ExpiredToken"), "ExpiredToken", About.WHO, "expired"),
        (xml("AuthenticationFailed"), "AuthenticationFailed", About.WHO, "signature"),
        (xml("NoSuchBucket"), "NoSuchBucket", About.WHERE, "no bucket of that name"),
        (xml("ContainerNotFound"), "ContainerNotFound", About.WHERE, "no bucket of that name"),
        (xml("NoSuchKey"), "NoSuchKey", About.WHERE, "no such object"),
        (xml("BlobNotFound"), "BlobNotFound", About.WHERE, "no such object"),
        (xml("MethodNotAllowed"), "MethodNotAllowed", About.WHERE, "does not take this method"),
        (xml("PermanentRedirect"), "PermanentRedirect", About.WHERE, "another address"),
        (xml("TemporaryRedirect"), "TemporaryRedirect", About.WHERE, "another address"),
        (xml("SecondLevelDomainForbidden"), "SecondLevelDomainForbidden", About.WHERE, "the host"),
        (xml("UserDisable"), "UserDisable", About.STATE, "in arrears"),
        (xml("AccountProblem"), "AccountProblem", About.STATE, "in arrears"),
        (xml("SlowDown"), "SlowDown", About.STATE, "limits the rate"),
        (xml("Brand.New-Code_1"), "Brand.New-Code_1", None, ""),
        ('{"error": {"code": "AuthenticationFailed"}}', "AuthenticationFailed", About.WHO, "sign"),
        ('{"code": "NoSuchKey", "message": "m"}', "NoSuchKey", About.WHERE, "no such object"),
        ('{"Code": "NoSuchKey"}', "NoSuchKey", About.WHERE, "no such object"),
        ('{"code": "unauthorized", "status": 401}', "unauthorized", About.WHO, "permission"),
        ('{"error": "authError"}', "authError", About.WHO, "not signed"),
        ('{"error": {"errors": [{"reason": "notFound"}]}}', "notFound", About.WHERE, ""),
        ('{"error": {"errors": [{"reason": "required"}], "code": 401}}', "required", About.WHO, ""),
    ],
)  # fmt: skip
def test_codes_are_read_and_explained(
    body: str, code: str, about: About | None, words: str
) -> None:
    found = read_error_code([], body.encode())
    assert found is not None
    assert (found.code, found.about) == (code, about)
    assert words in found.meaning or words in found.text
    assert bool(found.meaning) is (about is not None)


@pytest.mark.parametrize("name", ["x-ms-error-code", "X-OBS-Error-Code"])
def test_codes_in_headers_are_read_as_head_has_no_body(name: str) -> None:
    found = read_error_code([(name, "NoSuchKey")], b"")
    assert found is not None
    assert found.code == "NoSuchKey"


BOMB = '<!DOCTYPE a [<!ENTITY b "NoSuchKey"><!ENTITY c "&b;&b;">]><Error><Code>&c;</Code></Error>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Error><Code>&b;</Code></Error>'


@in_one_test
@pytest.mark.parametrize(
    "body",
    [
        "", "<", "{", "[]", "null", "<Error>", "<Error/>", "hello", '{"error": []}', '{"code": {}}',
        '{"error": {"errors": [1]}}', '{"code": 404}', "{" * 40_000, "<a>" * 10_000,
        xml("a b"), xml("\u202eevil"), xml("&#27;[31m"), xml("a" * 65), xml("1a"), xml(""),
        xml("NoSuchKey").replace("Error", "Rules"), xml("NoSuchKey")[:-4], BOMB, OUTSIDE,
        '{"code": "\\u001b[31mred"}',
    ],
)  # fmt: skip
def test_what_is_no_code_is_not_passed_on(body: str) -> None:
    assert read_error_code([("x-ms-error-code", "\x1b[31m")], body.encode()) is None
    assert read_error_code([], body.encode()) is None


def test_a_document_in_another_encoding_is_read() -> None:
    document = "<?xml version='1.0' encoding='utf-16'?><Error><Code>NoSuchKey</Code></Error>"
    assert read_error_code([], document.encode("utf-16")) is None
    named = read_error_code([], ("\ufeff" + xml("NoSuchKey")).encode())
    assert named is not None
    assert named.code == "NoSuchKey"


@in_one_test
@pytest.mark.parametrize(
    "status, body, is_said",
    [
        (403, xml("SignatureDoesNotMatch"), True),
        (403, xml("AccessDenied"), True),
        (400, xml("InvalidAccessKeyId"), True),
        (401, "", True),
        (401, "<html>", True),
        (403, "", False),
        (403, xml("AccessForbidden"), False),
        (401, xml("NoSuchBucket"), False),
        (500, xml("AccessDenied"), False),
        (200, xml("AccessDenied"), False),
    ],
)
def test_preflights_that_are_asked_for_a_signature(status: int, body: str, is_said: bool) -> None:
    found = list(sender_faults(Response(status, [], body.encode())))
    assert [each.kind for each in found] == [ResponseMistake.AUTH_BEFORE_CORS] * is_said


# Web pages


@in_one_test
@pytest.mark.parametrize(
    "url",
    [
        "https://console.cloud.tencent.com/cos/bucket?bucket=a",
        "https://oss.console.aliyun.com/bucket/oss-cn-beijing/a/object",
        "https://s3.console.aws.amazon.com/s3/object/a",
        "https://eu-west-1.console.aws.amazon.com/s3/",
        "https://console.huaweicloud.com/console/",
        "https://storage.cloud.google.com/bucket/key",
        "https://portal.azure.com/#blade",
    ],
)
def test_addresses_of_consoles(url: str) -> None:
    assert is_console_address(url)


@in_one_test
@pytest.mark.parametrize(
    "url, is_login",
    [
        ("https://cloud.tencent.com/login?s_url=x", True),
        ("https://signin.aws.amazon.com/oauth", True),
        ("https://accounts.google.com/ServiceLogin", True),
        ("https://app.test/login", True),
        ("https://app.test/users/sign_in", True),
        ("https://app.test/accounts/log-in/", True),
        ("https://app.test/wp-login.php", True),
        ("https://sso.test/oauth2/authorize?x", True),
        ("https://cloud.tencent.com/document", False),
        ("https://notconsole.cloud.tencent.com.evil.test/", False),
        ("https://photos.test/logins/cat.png", False),
        ("https://photos.test/blog/in.png", False),
        ("https://photos.test/a.png?next=/login", False),
        ("", False),
        ("https://[", False),
    ],
)
def test_addresses_of_login_pages(url: str, is_login: bool) -> None:
    assert is_login_address(url) is is_login
    assert not is_console_address(url)


def page(title: str = "", body: str = "") -> str:
    return f"<!-- a --><!DOCTYPE html><html><head><title>{title}</title></head>{body}</html>"


PREFLIGHT = BrowserRequest("https://page.test", "PUT", [], False)
CORS_META = "<meta http-equiv='Access-Control-Allow-Origin' content='*'>"


@in_one_test
@pytest.mark.parametrize(
    "url, status, headers, body, kinds",
    [
        ("http://a.test:9001/photos", 200, {}, page("MinIO Console"), ["web_console"]),
        ("http://a.test:9001/photos", 200, {"Server": "MinIO Console"}, page(), ["web_console"]),
        ("http://a.test:9001/api/v1", 403, {"Server": "MinIO Console"}, "", ["web_console"]),
        ("https://a.test/", 200, {}, page("Object Storage Console"), ["web_console"]),
        ("https://a.test/", 200, {}, page("COS\u63a7\u5236\u53f0"), ["web_console"]),
        ("https://oss.console.aliyun.com/a", 200, {}, "", ["web_console"]),
        ("https://a.test/", 200, {}, page("Log in - App"), ["login_page"]),
        ("https://a.test/", 401, {}, page("\u7528\u6237\u767b\u5f55"), ["login_page"]),
        ("https://a.test/", 200, {}, page("App", "<input type=PASSWORD>"), ["login_page"]),
        ("https://signin.aws.amazon.com/", 200, {}, page("App"), ["login_page"]),
        ("https://a.test/login/cat.png", 403, {}, "", ["in_front"]),
        ("https://a.test/", 200, {}, page("My shop"), ["web_page"]),
        ("https://a.test/", 200, {}, page("", "<p>Log in</p>"), ["web_page"]),
        ("https://a.test/", 200, {}, page("Blogging in spring"), ["web_page"]),
        ("https://a.test/", 404, {}, page("Not Found"), ["in_front"]),
        ("https://a.test/", 200, {"x-cos-request-id": "1"}, page("Log in"), []),
        ("https://a.test/", 200, {"x-cos-request-id": "1"}, page("a", CORS_META), ["meta_element"]),
        ("https://a.test/", 200, {}, page("a", CORS_META), ["meta_element", "web_page"]),
        ("https://a.test/", 200, {"CF-Ray": "1"}, page("My shop"), ["in_front"]),
        ("https://a.test/", 200, {"Content-Type": "text/plain"}, page("Log in"), ["in_front"]),
        ("https://a.test/", 200, {}, "plain", ["in_front"]),
    ],
)  # fmt: skip
def test_pages_for_people_are_told_from_objects(
    url: str, status: int, headers: dict[str, str], body: str, kinds: list[str]
) -> None:
    pairs = list({"Content-Type": "text/html; charset=utf-8", **headers}.items())
    response = Response(status, pairs, body.encode())
    found = list(page_faults(url, response, ""))
    if not any(each.blocks for each in found):
        found += source_faults(PREFLIGHT, response, None)
    assert [each.kind for each in found] == kinds


@pytest.mark.parametrize(
    "location, kinds",
    [
        ("https://signin.aws.amazon.com/oauth?x", ["login_page"]),
        ("https://a.test/login", ["login_page"]),
        ("https://console.cloud.tencent.com/cos", ["web_console"]),
        ("https://a.test/cat.png", []),
    ],
)
def test_redirects_to_pages_for_people(location: str, kinds: list[str]) -> None:
    found = page_faults("https://a.test/cat.png", Response(302, []), location)
    assert [each.kind for each in found] == kinds


@pytest.mark.parametrize(
    "part, begin", [("<html", ""), ("<!--", ""), ("<a ", "<html><title>")], ids=["tag", "note", "a"]
)
def test_a_page_that_never_ends_is_read(part: str, begin: str) -> None:
    """What takes longer for more of it takes no more than that."""

    def calls(times: int) -> int:
        body = (begin + part * times).encode()
        return count_calls(lambda: read_web_page([("Content-Type", "text/html")], body))

    assert calls(8_000) <= 5 * calls(2_000)


def test_a_page_is_read_whatever_its_bytes() -> None:
    found = read_web_page([], b"<html><title>\xff\x00log in</title>" + zlib.compress(b"a"))
    assert found is not None
    assert found.title
