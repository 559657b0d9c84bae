"""One cacheable URL and two readers: what Chromium's HTTP cache does with the answers.

The "two websites" of the vendors' FAQ share a browser's cache only where they are of one site in
the browser's sense: two host names below one registered domain, or two ports of one host. With
``BUCKETCORS_VARY = "vendor"`` (and rules that do not ask for ResponseVary) the second reader gets
the first one's answer, and is blocked; with ``"safe"`` both can read.
"""

from collections.abc import Callable

import pytest
from pages import Page, Site
from served import OBJECT

from flask_bucketcors import Rule

CACHEABLE = "Cache-Control: max-age=600"

NO_ALLOW_ORIGIN = "No 'Access-Control-Allow-Origin' header is present on the requested resource."

Visit = Callable[[str], Page]

only_safe_works = pytest.mark.parametrize("vary, works", [("vendor", False), ("safe", True)])
both_work = pytest.mark.parametrize("vary", ["vendor", "safe"])


@pytest.fixture
def storage(sites: dict[str, Site], vary: str) -> Site:
    """The application in the Vary mode of the test."""
    return sites[vary]


def origins_of_one_site(sites: dict[str, Site]) -> list[str]:
    """Two ports of one host, and another host below the same domain."""
    ports = [sites["safe"], sites["vendor"]]
    return [site.origin("a.app.test") for site in ports] + [ports[0].origin("b.app.test")]


def can_read(page: Page, url: str) -> bool:
    """Fetch as a script does that sends no cookies; say whether the whole answer came."""
    answer = page.fetch(url, credentials="omit")
    assert answer is None or (answer.status, answer.size) == (200, len(OBJECT))
    return answer is not None


@only_safe_works
def test_an_image_first_and_then_a_fetch(storage: Site, visit: Visit, works: bool) -> None:
    page = visit(storage.origin("a.app.test"))
    bucket = storage.bucket(Rule([storage.origin("a.app.test")], ["GET"]))
    url = storage.url(bucket, header=CACHEABLE)
    assert page.load_image(url)
    assert can_read(page, url) is works
    # The blocked one never asked: it was given the answer to the image.
    assert storage.methods_seen(url) == ["GET"] * (2 if works else 1)


@only_safe_works
def test_a_fetch_without_cors_first_and_then_one_with(
    storage: Site, visit: Visit, works: bool
) -> None:
    page = visit(storage.origin("a.app.test"))
    bucket = storage.bucket(Rule([storage.origin("a.app.test")], ["GET"]))
    url = storage.url(bucket, header=CACHEABLE)
    first = page.fetch(url, mode="no-cors", credentials="omit")
    assert first is not None
    assert first.type == "opaque"
    assert can_read(page, url) is works
    assert storage.methods_seen(url) == ["GET"] * (2 if works else 1)


@only_safe_works
def test_an_image_first_and_then_a_fetch_under_the_rule_for_any_origin(
    storage: Site, visit: Visit, works: bool
) -> None:
    page = visit(storage.origin("a.app.test"))
    url = storage.url(storage.bucket(Rule(["*"], ["GET"])), header=CACHEABLE)
    assert page.load_image(url)
    assert can_read(page, url) is works


@only_safe_works
@pytest.mark.parametrize("second", [1, 2], ids=["other-port", "other-name"])
def test_one_website_first_and_then_another(
    sites: dict[str, Site], storage: Site, visit: Visit, works: bool, second: int
) -> None:
    origins = origins_of_one_site(sites)
    url = storage.url(storage.bucket(Rule(origins, ["GET"])), header=CACHEABLE)
    assert can_read(visit(origins[0]), url)
    assert can_read(visit(origins[second]), url) is works


@only_safe_works
def test_an_image_on_one_website_first_and_then_a_fetch_on_another(
    sites: dict[str, Site], storage: Site, visit: Visit, works: bool
) -> None:
    allowed, refused, _ = origins_of_one_site(sites)
    url = storage.url(storage.bucket(Rule([allowed], ["GET"])), header=CACHEABLE)
    assert visit(refused).load_image(url)
    assert can_read(visit(allowed), url) is works


@only_safe_works
def test_the_console_blames_a_server_that_gave_the_header(
    storage: Site, visit: Visit, works: bool
) -> None:
    page = visit(storage.origin("a.app.test"))
    url = storage.url(storage.bucket(Rule(["*"], ["GET"])), header=CACHEABLE)
    page.load_image(url)
    if works:
        assert can_read(page, url)
    else:
        assert page.why_blocked(url, credentials="omit").startswith(NO_ALLOW_ORIGIN)


@only_safe_works
def test_an_error_that_is_kept_first_and_then_a_fetch(
    storage: Site, visit: Visit, works: bool
) -> None:
    page = visit(storage.origin("a.app.test"))
    url = storage.url(storage.bucket(Rule(["*"], ["GET"])), status=404, header=CACHEABLE)
    page.load_image(url)
    answer = page.fetch(url, credentials="omit")
    assert (answer is not None) is works


@only_safe_works
def test_an_image_with_crossorigin_is_asked_for_like_a_fetch(
    sites: dict[str, Site], storage: Site, visit: Visit, works: bool
) -> None:
    first, second, _ = origins_of_one_site(sites)
    url = storage.url(storage.bucket(Rule([first, second], ["GET"])), header=CACHEABLE)
    assert visit(first).load_image(url, cross_origin="anonymous")
    assert visit(second).load_image(url, cross_origin="anonymous") is works


@both_work
def test_an_old_copy_is_asked_about_and_the_304_is_for_its_reader(
    sites: dict[str, Site], storage: Site, visit: Visit
) -> None:
    # RFC 9111, 4.3.4: the headers of a 304 replace those of the copy; without Vary too.
    first, second, _ = origins_of_one_site(sites)
    url = storage.url(
        storage.bucket(Rule([first, second], ["GET"])), header="Cache-Control: no-cache"
    )
    assert can_read(visit(first), url)
    assert can_read(visit(second), url)
    assert "if-none-match" in storage.seen(url)[1].headers


@both_work
def test_websites_that_are_none_of_one_site_share_no_cache(storage: Site, visit: Visit) -> None:
    origins = [storage.origin("a.app.test"), storage.origin("www.other.test")]
    url = storage.url(storage.bucket(Rule(origins, ["GET"])), header=CACHEABLE)
    assert [can_read(visit(origin), url) for origin in origins] == [True, True]
    assert len(storage.seen(url)) == 2


@both_work
def test_response_vary_does_for_a_bucket_what_safe_does_for_all(
    sites: dict[str, Site], storage: Site, visit: Visit
) -> None:
    first, second, _ = origins_of_one_site(sites)
    bucket = storage.bucket(Rule([first, second], ["GET"]), response_vary=True)
    url = storage.url(bucket, header=CACHEABLE)
    page = visit(first)
    assert page.load_image(url)
    assert can_read(page, url)
    assert can_read(visit(second), url)


@only_safe_works
def test_the_application_names_the_origin_itself_and_other_headers_too(
    storage: Site, visit: Visit, works: bool
) -> None:
    page = visit(storage.origin("a.app.test"))
    bucket = storage.bucket(Rule([storage.origin("a.app.test")], ["GET"]))
    url = storage.url(bucket, header=[CACHEABLE, "Vary: Accept-Encoding"])
    assert page.load_image(url)
    assert can_read(page, url) is works


@both_work
def test_the_cache_still_serves_who_has_read_before(storage: Site, visit: Visit) -> None:
    page = visit(storage.origin("a.app.test"))
    bucket = storage.bucket(Rule([storage.origin("a.app.test")], ["GET"]))
    url = storage.url(bucket, header=CACHEABLE)
    assert can_read(page, url)
    assert can_read(page, url)
    assert len(storage.seen(url)) == 1


@both_work
def test_an_answer_that_was_blocked_is_not_kept(
    sites: dict[str, Site], storage: Site, visit: Visit
) -> None:
    # Chromium closes it before the end of the body, and keeps no part of it.
    allowed, refused, _ = origins_of_one_site(sites)
    url = storage.url(storage.bucket(Rule([allowed], ["GET"])), header=CACHEABLE)
    assert not can_read(visit(refused), url)
    assert can_read(visit(allowed), url)
    assert len(storage.seen(url)) == 2
