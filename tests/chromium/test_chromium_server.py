"""What a server has to know about Chromium, shown against this one.

The numbers are those of the sentences in the project's notes on Chromium. Whatever a page asks
for goes through the middleware, served by gunicorn; ``plain_url`` gives answers that it has not
touched, where a test shows what would happen without it.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from pages import STORAGE_HOST, WAIT_SECONDS, Page, Site
from served import ETAG, OBJECT, SIZE_HEADER

from flask_bucketcors import Rule, RuleSet
from tests.support.cos_signing import authorization

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

HOST = "a.app.test"
EVERY_METHOD = ["GET", "PUT", "POST", "DELETE", "HEAD"]

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
CREDENTIALS = {"credentials": "include"}
SIGNED = {"Authorization": "q-sign-algorithm=sha1"}

Visit = Callable[[str], Page]


@pytest.fixture
def origin(site: Site) -> str:
    """The origin of the page."""
    return site.origin(HOST)


@pytest.fixture
def page(visit: Visit, origin: str) -> Page:
    """A page of another origin than the storage's."""
    return visit(origin)


def asked(site: Site, url: str, name: str) -> list[str | None]:
    """Give a header of each preflight that was sent for a URL; None where it had none."""
    preflights = [request for request in site.seen(url) if request.method == "OPTIONS"]
    return [request.headers.get(name.lower()) for request in preflights]


def raw_headers(
    site: Site, url: str, name: str, headers: dict[str, str], method: str = "GET"
) -> list[str]:
    """Ask without a browser; give every header of that name in the answer."""
    parts = urlsplit(url)
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=WAIT_SECONDS)) as connection:
        target = f"{parts.path}?{parts.query}"
        connection.request(method, target, headers={"Host": parts.netloc, **headers})
        response = connection.getresponse()
        response.read()
    return response.headers.get_all(name) or []


# 1: Access-Control-Request-Headers


def test_names_are_asked_for_in_lower_case_sorted_and_without_spaces(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["x-zed", "Content-MD5", "AUTHORIZATION"])))
    assert page.fetch(url, method="PUT", headers={"X-Zed": "1", "Content-MD5": "a", **SIGNED})
    assert asked(site, url, "Access-Control-Request-Headers") == ["authorization,content-md5,x-zed"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_no_names_are_asked_for_and_none_are_needed(
    site: Site, page: Page, origin: str, method: str
) -> None:
    url = site.url(site.bucket(Rule([origin], [method])))
    assert page.fetch(url, method=method, body="text")
    assert asked(site, url, "Access-Control-Request-Headers") == [None]


# 2: the preflight is nobody's


def test_a_preflight_is_answered_before_the_application_asks_who_is_there(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["*"])), login=1)
    answer = page.fetch(url, method="PUT", headers=SIGNED)
    assert answer is not None
    assert answer.status == 200
    assert asked(site, url, "Authorization") == [None]


def test_without_the_middleware_the_login_would_refuse_the_preflight(
    site: Site, page: Page
) -> None:
    url = site.plain_url(f"{ALLOW_ORIGIN}: *", "Access-Control-Allow-Headers: *", login=1)
    assert page.fetch(url, headers=SIGNED) is None
    assert site.methods_seen(url) == ["OPTIONS"]


def test_a_preflight_has_no_cookie_and_the_request_has(
    site: Site, page: Page, origin: str, context: "BrowserContext"
) -> None:
    context.add_cookies([{"name": "a", "value": "1", "domain": STORAGE_HOST, "path": "/"}])
    url = site.url(site.bucket(Rule([origin], ["PUT"])))
    assert page.fetch(url, method="PUT", **CREDENTIALS)
    assert [request.headers.get("cookie") for request in site.seen(url)] == [None, "a=1"]


def test_a_cookie_that_the_application_sets_comes_back(site: Site, page: Page, origin: str) -> None:
    bucket = site.bucket(Rule([origin], ["GET"]))
    assert page.fetch(site.url(bucket, header="Set-Cookie: a=1; Path=/"), **CREDENTIALS)
    url = site.url(bucket)
    assert page.fetch(url, **CREDENTIALS)
    assert [request.headers.get("cookie") for request in site.seen(url)] == ["a=1"]


# 3: the very URL


def test_a_preflight_goes_to_the_very_url_with_its_query(
    site: Site, page: Page, origin: str
) -> None:
    bucket = site.bucket(Rule([origin], ["PUT"]))
    url = site.url(bucket, "dir/a%20b.txt", partNumber=1, uploadId="U/1")
    assert page.fetch(f"{url}#part", method="PUT")
    target = url.removeprefix(site.origin(STORAGE_HOST))
    assert [request.target for request in site.seen(url)] == [target, target]


def test_options_on_a_rules_url_is_a_preflight(site: Site, page: Page, origin: str) -> None:
    bucket = site.bucket(Rule([origin], ["PUT"], ["*"]))
    url = site.url(bucket, "", cors="")
    answer = page.fetch(url, method="PUT", body="", headers=SIGNED)
    assert answer is not None
    # The API's answer and not the application's, which is 200.
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/xml"
    assert site.methods_seen(url) == ["OPTIONS", "PUT"]


def test_a_page_deletes_the_rules_that_let_it_and_is_told_so(
    site: Site, page: Page, origin: str
) -> None:
    bucket = site.bucket(Rule([origin], ["DELETE"], ["authorization"]))
    assert delete_rules(site, page, bucket) == 204
    assert site.store.get(bucket) is None
    assert delete_rules(site, page, bucket) is None


def delete_rules(site: Site, page: Page, bucket: str) -> int | None:
    """Send a signed ``DELETE ?cors`` from a page; give the status, if the page may read it."""
    url = site.url(bucket, "", cors="")
    parts = urlsplit(url)
    signature = authorization(
        "DELETE", f"{parts.path}?{parts.query}", {"host": parts.netloc}, now=int(time.time())
    )
    answer = page.fetch(url, method="DELETE", headers={"Authorization": signature})
    return None if answer is None else answer.status


# 4, 5: methods


def test_lower_case_patch_stays_as_it_is_and_no_rule_can_allow_it(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], EVERY_METHOD, ["*"])))
    assert page.fetch(url, method="patch") is None
    assert asked(site, url, "Access-Control-Request-Method") == ["patch"]
    assert site.methods_seen(url) == ["OPTIONS"]


def test_lower_case_put_is_sent_in_upper_case(site: Site, page: Page, origin: str) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"])))
    assert page.fetch(url, method="put")
    assert asked(site, url, "Access-Control-Request-Method") == ["PUT"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_methods_that_chromium_would_let_pass_need_a_rule_here(
    site: Site, page: Page, origin: str, method: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["*"])))
    assert page.fetch(url, method=method, headers={"X-A": "1"}) is None
    assert site.methods_seen(url) == ["OPTIONS"]
    plain = site.plain_url(f"{ALLOW_ORIGIN}: *", "Access-Control-Allow-Headers: x-a")
    assert page.fetch(plain, method=method, headers={"X-A": "1"})


# 6: refusals


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [(["http://b.test"], ["DELETE"], ["x-a"])],
        [(["http://*"], ["PUT"], ["x-a"])],
        [(["http://*"], ["DELETE"], ["x-b"])],
    ],
    ids=["no-rules", "other-origin", "other-method", "other-header"],
)
def test_a_refused_preflight_says_that_there_is_no_allow_origin(
    site: Site, page: Page, rules: list[tuple[list[str], list[str], list[str]]]
) -> None:
    bucket = site.bucket(*(Rule(*each) for each in rules)) if rules else "bucket-without-rules"
    said = page.why_blocked(site.url(bucket), method="DELETE", headers={"X-A": "1"})
    assert said.startswith(
        "Response to preflight request doesn't pass access control check: "
        "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    )


# 7: one Allow-Origin


@pytest.mark.parametrize("value", ["{origin}", "*"])
def test_two_allow_origins_never_leave(site: Site, page: Page, origin: str, value: str) -> None:
    own = f"{ALLOW_ORIGIN}: {value.format(origin=origin)}"
    url = site.url(site.bucket(Rule([origin], ["GET"])), header=[own, own])
    assert page.fetch(url)
    assert raw_headers(site, url, ALLOW_ORIGIN, {"Origin": origin}) == [origin]


def test_two_equal_allow_origins_would_be_blocked(site: Site, page: Page, origin: str) -> None:
    own = f"{ALLOW_ORIGIN}: {origin}"
    assert page.fetch(site.plain_url(own))
    assert page.fetch(site.plain_url(own, own)) is None


def test_an_allow_origin_of_the_application_does_not_outlive_a_refusal(
    site: Site, page: Page
) -> None:
    url = site.url(site.bucket(Rule(["http://b.test"], ["GET"])), header=f"{ALLOW_ORIGIN}: *")
    assert page.fetch(url) is None


@pytest.mark.parametrize(
    "pattern", ["http://*.app.test:{port}", "http://a.app.test:*", "*://a.app.test:{port}"]
)
def test_a_pattern_is_answered_with_the_origin(
    site: Site, page: Page, origin: str, pattern: str
) -> None:
    pattern = pattern.format(port=site.port)
    url = site.url(site.bucket(Rule([pattern], ["GET", "PUT"])))
    assert page.fetch(url, method="PUT", **CREDENTIALS)
    assert raw_headers(site, url, ALLOW_ORIGIN, {"Origin": origin}) == [origin]
    assert page.fetch(site.plain_url(f"{ALLOW_ORIGIN}: {pattern}")) is None


# 8: errors


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500, 503])
def test_errors_are_read_like_any_answer(site: Site, page: Page, origin: str, status: int) -> None:
    url = site.url(site.bucket(Rule([origin], ["GET", "PUT"], ["*"])), status=status)
    for method in ("GET", "PUT"):
        answer = page.fetch(url, method=method, headers={"X-A": "1"})
        assert answer is not None
        assert (answer.status, answer.size) == (status, len(OBJECT))


# 9, 10: lists


def test_a_header_pattern_is_answered_with_the_names_asked_for(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["x-cos-meta-*"])))
    assert page.fetch(url, method="PUT", headers={"X-Cos-Meta-B": "1", "x-cos-meta-a": "1"})
    own = [f"{ALLOW_ORIGIN}: *", "Access-Control-Allow-Methods: PUT"]
    pattern = site.plain_url(*own, "Access-Control-Allow-Headers: x-cos-meta-*")
    assert page.fetch(pattern, method="PUT", headers={"x-cos-meta-a": "1"}) is None


def test_a_star_of_headers_holds_with_credentials_too(site: Site, page: Page, origin: str) -> None:
    headers = {"X-A": "1", "Content-Type": "application/json", **SIGNED}
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["*"])))
    assert page.fetch(url, method="PUT", headers=headers, **CREDENTIALS)
    own = [f"{ALLOW_ORIGIN}: {origin}", "Access-Control-Allow-Credentials: true"]
    own += ["Access-Control-Allow-Methods: PUT", "Access-Control-Allow-Headers: *"]
    assert page.fetch(site.plain_url(*own), method="PUT", headers=headers, **CREDENTIALS) is None


def test_one_name_that_no_rule_allows_blocks_the_request(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["x-a"])))
    assert page.fetch(url, method="PUT", headers={"X-A": "1", "X-B": "1"}) is None
    assert site.methods_seen(url) == ["OPTIONS"]


def test_long_lists_can_be_parsed(site: Site, page: Page, origin: str) -> None:
    names = [f"x-{number}!#$%&'+.^`|~" for number in range(50)]
    url = site.url(site.bucket(Rule([origin], EVERY_METHOD, names, ["ETag", SIZE_HEADER], 60)))
    answer = page.fetch(url, method="DELETE", headers=dict.fromkeys(names, "1"), **CREDENTIALS)
    assert answer is not None
    assert answer.headers["etag"] == ETAG


# 11: credentials


def test_credentials_go_with_a_named_origin_and_never_with_any_origin(
    site: Site, page: Page, origin: str
) -> None:
    named = site.url(site.bucket(Rule([origin], ["GET", "PUT"])))
    any_origin = site.url(site.bucket(Rule(["*", origin], ["GET", "PUT"])))
    for method in ("GET", "PUT"):
        assert page.fetch(named, method=method, **CREDENTIALS)
        assert page.fetch(any_origin, method=method, credentials="omit")
        assert page.fetch(any_origin, method=method, **CREDENTIALS) is None


# 12: exposed headers


@pytest.mark.parametrize(
    "expose, readable", [([], set()), (["ETag"], {"etag"}), (["X-COS-META-SIZE"], {SIZE_HEADER})]
)
def test_exposed_headers_are_read_on_the_actual_answer(
    site: Site, page: Page, origin: str, expose: Sequence[str], readable: set[str]
) -> None:
    url = site.url(site.bucket(Rule([origin], ["GET", "PUT"], ["x-a"], expose)))
    for init in ({}, {"method": "PUT", "headers": {"X-A": "1"}}, CREDENTIALS):
        answer = page.fetch(url, **init)
        assert answer is not None
        assert answer.headers.keys() & {"etag", SIZE_HEADER} == readable


# 13: kept preflights


def test_max_age_0_is_a_preflight_each_time(site: Site, page: Page, origin: str) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], max_age_seconds=0)))
    put_twice(page, url)
    assert site.methods_seen(url) == ["OPTIONS", "PUT", "OPTIONS", "PUT"]


@pytest.mark.parametrize("max_age", [None, 60], ids=["five-seconds-if-absent", "60"])
def test_a_preflight_is_kept(site: Site, page: Page, origin: str, max_age: int | None) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], max_age_seconds=max_age)))
    put_twice(page, url)
    assert site.methods_seen(url) == ["OPTIONS", "PUT", "PUT"]


def test_a_kept_preflight_is_for_one_url_and_one_credentials_mode(
    site: Site, page: Page, origin: str
) -> None:
    bucket = site.bucket(Rule([origin], ["PUT"], max_age_seconds=60))
    url, other = site.url(bucket), site.url(bucket)
    put_twice(page, url)
    assert page.fetch(other, method="PUT")
    assert page.fetch(url, method="PUT", **CREDENTIALS)
    assert site.methods_seen(other) == ["OPTIONS", "PUT"]
    assert site.methods_seen(url) == ["OPTIONS", "PUT", "PUT", "OPTIONS", "PUT"]


def test_a_kept_preflight_serves_what_its_rule_allows_and_asks_for_what_it_does_not_say(
    site: Site, page: Page, origin: str
) -> None:
    rule = Rule([origin], ["PUT", "DELETE"], ["x-a", "x-cos-meta-*"], max_age_seconds=60)
    url = site.url(site.bucket(rule))
    assert page.fetch(url, method="PUT", headers={"x-a": "1"})
    assert page.fetch(url, method="DELETE")
    assert site.methods_seen(url) == ["OPTIONS", "PUT", "DELETE"]
    # The pattern was not named in the answer, as nobody asked for a name that fits it.
    assert page.fetch(url, method="PUT", headers={"x-cos-meta-a": "1"})
    assert site.methods_seen(url)[3:] == ["OPTIONS", "PUT"]


def test_a_kept_preflight_outlives_its_rule_until_it_runs_out(
    site: Site, page: Page, origin: str
) -> None:
    bucket = site.bucket(Rule([origin], ["PUT"], max_age_seconds=3))
    url = site.url(bucket)
    assert page.fetch(url, method="PUT")
    site.store.put(bucket, RuleSet([Rule([origin], ["GET"])]))
    # It is sent, and does its work; but its answer goes by the rules that are in force.
    assert page.fetch(url, method="PUT") is None
    assert site.methods_seen(url) == ["OPTIONS", "PUT", "PUT"]
    put_until_preflight(site, page, url)
    assert site.methods_seen(url)[-1] == "OPTIONS"


def put_twice(page: Page, url: str) -> None:
    """Send the same request once, and when it is answered again."""
    for _ in range(2):
        assert page.fetch(url, method="PUT")


def put_until_preflight(site: Site, page: Page, url: str) -> None:
    """Send requests until Chromium asks again whether it may."""
    deadline = time.monotonic() + WAIT_SECONDS
    while site.methods_seen(url).count("OPTIONS") < 2:
        assert time.monotonic() < deadline, "Chromium still keeps the preflight"
        page.fetch(url, method="PUT")


# 14: caches have a module of their own; here is what is asked again


def test_a_304_is_readable_as_what_was_kept(site: Site, page: Page, origin: str) -> None:
    bucket = site.bucket(Rule([origin], ["GET"], expose_headers=["ETag"]))
    url = site.url(bucket, header="Cache-Control: no-cache")
    answers = [page.fetch(url), page.fetch(url)]
    assert [answer and (answer.status, answer.size) for answer in answers] == [
        (200, len(OBJECT))
    ] * 2
    assert [request.headers.get("if-none-match") for request in site.seen(url)] == [None, ETAG]


def test_a_304_that_the_script_asked_for_is_readable_as_such(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["GET"], ["if-none-match"], ["ETag"])))
    answer = page.fetch(url, headers={"If-None-Match": ETAG})
    assert answer is not None
    assert (answer.status, answer.headers["etag"]) == (304, ETAG)


# 15: origins that are null


@pytest.mark.parametrize("source", ["/", "data:text/html,page"])
@pytest.mark.parametrize("allowed, works", [("null", True), ("*", True), ("{origin}", False)])
def test_a_page_without_an_origin(
    site: Site, page: Page, origin: str, source: str, allowed: str, works: bool
) -> None:
    frame = page.open_frame(source, sandbox="allow-scripts")
    url = site.url(site.bucket(Rule([allowed.format(origin=origin)], ["PUT"], ["x-a"])))
    answer = frame.fetch(url, method="PUT", headers={"X-A": "1"}, credentials="omit")
    assert (answer is not None) is works
    assert {request.headers["origin"] for request in site.seen(url)} == {"null"}


def test_a_literal_null_allows_credentials_and_a_star_does_not(site: Site, page: Page) -> None:
    frame = page.open_frame()
    literal = site.url(site.bucket(Rule(["null"], ["PUT"])))
    star = site.url(site.bucket(Rule(["*"], ["PUT"])))
    assert frame.fetch(literal, method="PUT", **CREDENTIALS)
    assert frame.fetch(star, method="PUT", **CREDENTIALS) is None


def test_a_pattern_with_a_scheme_does_not_mean_null(site: Site, page: Page) -> None:
    url = site.url(site.bucket(Rule(["http://*", "n*", "*l"], ["GET"])))
    assert page.open_frame().fetch(url) is None


def test_a_frame_without_sandbox_has_the_origin_of_its_page(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"])))
    assert page.open_frame("about:srcdoc", sandbox=None).fetch(url, method="PUT")


# 16: redirects


def test_a_redirect_to_a_third_origin_arrives_there_without_an_origin(
    sites: dict[str, Site], site: Site, page: Page, origin: str
) -> None:
    third = sites["vendor"]
    for allowed, works in [("null", True), ("*", True), (origin, False)]:
        target = third.url(third.bucket(Rule([allowed], ["GET"])))
        url = redirecting(site, origin, target)
        assert (page.fetch(url, credentials="omit") is not None) is works
        assert [request.headers["origin"] for request in site.seen(url)] == [origin]
        assert [request.headers["origin"] for request in third.seen(target)] == ["null"]


def test_a_redirected_put_asks_the_third_origin_again(
    sites: dict[str, Site], site: Site, page: Page, origin: str
) -> None:
    third = sites["vendor"]
    target = third.url(third.bucket(Rule(["null"], ["PUT"], ["x-a"])))
    url = redirecting(site, origin, target, status=307)
    answer = page.fetch(url, method="PUT", headers={"X-A": "1"})
    assert answer is not None
    assert answer.url == target
    assert site.methods_seen(url) == third.methods_seen(target) == ["OPTIONS", "PUT"]


def test_a_redirect_within_the_storage_keeps_the_origin(
    site: Site, page: Page, origin: str
) -> None:
    target = site.url(site.bucket(Rule([origin], ["GET"])))
    assert page.fetch(redirecting(site, origin, target))
    assert [request.headers["origin"] for request in site.seen(target)] == [origin]


def test_a_redirect_that_no_rule_allows_is_not_followed(
    site: Site, page: Page, origin: str
) -> None:
    target = site.url(site.bucket(Rule(["*"], ["GET"])))
    assert page.fetch(redirecting(site, "http://b.test", target)) is None
    assert site.seen(target) == []


def test_a_preflight_is_not_redirected_though_the_application_would(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"])), slash=1)
    answer = page.fetch(url, method="PUT")
    assert answer is not None
    assert urlsplit(answer.url).path == f"{urlsplit(url).path}/"
    assert [(request.method, request.target.count("/?")) for request in site.seen(url)] == [
        ("OPTIONS", 0),
        ("PUT", 0),
        ("OPTIONS", 1),
        ("PUT", 1),
    ]


def test_a_redirected_preflight_would_be_blocked(site: Site, page: Page) -> None:
    url = site.plain_url(f"{ALLOW_ORIGIN}: *", "Access-Control-Allow-Methods: PUT", slash=1)
    said = page.why_blocked(url, method="PUT")
    assert "Redirect is not allowed for a preflight request." in said


def redirecting(site: Site, origin: str, target: str, *, status: int = 302) -> str:
    """Give the URL of an object that an origin may read, and that redirects."""
    bucket = site.bucket(Rule([origin], ["GET", "PUT"], ["x-a"]))
    return site.url(bucket, status=status, header=f"Location: {target}")


# 18, 19: headers of requests


def test_a_header_with_an_underscore_is_asked_for_but_never_reaches_the_application(
    site: Site, page: Page, origin: str
) -> None:
    url = site.url(site.bucket(Rule([origin], ["PUT"], ["x_under", "x-over"])))
    assert page.fetch(url, method="PUT", headers={"x_under": "1", "x-over": "1"})
    assert asked(site, url, "Access-Control-Request-Headers") == ["x-over,x_under"]
    assert {"x-over", "x-under"} & site.seen(url)[1].headers.keys() == {"x-over"}


@pytest.mark.parametrize(
    "headers, sent",
    [
        ({"Range": "bytes=0-4"}, ["GET"]),
        ({"Range": "bytes=-4"}, ["OPTIONS", "GET"]),
        ({"If-None-Match": ETAG}, ["OPTIONS", "GET"]),
        ({"Cache-Control": "no-cache"}, ["OPTIONS", "GET"]),
        ({"Accept": "a" * 128}, ["GET"]),
        ({"Accept": "a" * 129}, ["OPTIONS", "GET"]),
    ],
    ids=["range", "last-bytes", "if-none-match", "cache-control", "accept", "long-accept"],
)
def test_what_goes_without_a_preflight(
    site: Site, page: Page, origin: str, headers: dict[str, str], sent: list[str]
) -> None:
    names = ["range", "if-none-match", "cache-control", "accept"]
    url = site.url(site.bucket(Rule([origin], ["GET"], names)))
    assert page.fetch(url, headers=headers)
    assert site.methods_seen(url) == sent
