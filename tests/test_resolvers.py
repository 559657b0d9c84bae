"""Which bucket a request is about: by path, by host, or as the application says."""

import re

import pytest

from flask_bucketcors import Request
from flask_bucketcors.core.bucket_paths import BucketPaths
from flask_bucketcors.core.resolvers import URLKind, make_resolver
from tests.support.tables import in_one_test

PHOTOS = ("photos", True)
IN_PHOTOS = ("photos", False)
NO_BUCKET = None
CLOSED = URLKind.DOT_SEGMENT
RESERVED = URLKind.RESERVED

SUFFIXES = ["cos.test", "cos.{region}.example.com", "example.com"]


def resolve(resolver, path="/", host="", method="OPTIONS"):
    return said(resolver(Request(method, path, host)))


def said(resolved):
    """Name and root of a bucket; the kind of what is none; None."""
    if resolved is None or resolved.kind is URLKind.BUCKET:
        return resolved and resolved[:2]
    return resolved.kind


@in_one_test
@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/photos", PHOTOS, id="root without slash"),
        pytest.param("/photos/", PHOTOS, id="root with slash"),
        pytest.param("/photos/cat.png", IN_PHOTOS, id="object"),
        pytest.param("/photos/2026/cat.png", IN_PHOTOS, id="object with slashes"),
        pytest.param("/photos/2026/", IN_PHOTOS, id="folder object"),
        pytest.param("/photos//", PHOTOS, id="root with slashes"),
        pytest.param("/photos//cat.png", IN_PHOTOS, id="object that begins with a slash"),
        pytest.param("/photos/.", IN_PHOTOS, id="object named dot"),
        pytest.param("/photos/../private", CLOSED, id="two dots behind the bucket"),
        pytest.param("/photos/..", CLOSED, id="two dots at the end"),
        pytest.param("/photos/a/../../private/b", CLOSED, id="two dots in a key"),
        pytest.param("/photos/..\\private", CLOSED, id="two dots before a backslash"),
        pytest.param("/photos/a\\..", CLOSED, id="two dots behind a backslash"),
        pytest.param("/photos//../private", CLOSED, id="two dots behind slashes"),
        pytest.param("/photos\\..\\private", CLOSED, id="backslashes alone"),
        pytest.param("/photos/a..b", IN_PHOTOS, id="dots inside a key"),
        pytest.param("/photos/..a", IN_PHOTOS, id="key that begins with two dots"),
        pytest.param("/photos/a..", IN_PHOTOS, id="key that ends with two dots"),
        pytest.param("/photos/.../a", IN_PHOTOS, id="three dots in a key"),
        pytest.param("/photos/.well-known", IN_PHOTOS, id="key that begins with a dot"),
        pytest.param("/photos/./x", IN_PHOTOS, id="one dot in a key"),
        pytest.param("/photos/.. /x", IN_PHOTOS, id="two dots and a blank"),
        pytest.param("/photos/%2e%2e/x", IN_PHOTOS, id="%252e is decoded once"),
        pytest.param("", NO_BUCKET, id="empty path"),
        pytest.param("/", NO_BUCKET, id="slash"),
        pytest.param("//", NO_BUCKET, id="two slashes"),
        pytest.param("//photos", PHOTOS, id="slashes before the bucket count as one"),
        pytest.param("///photos/cat.png", IN_PHOTOS, id="any number of them"),
        pytest.param("/.", NO_BUCKET, id="dot"),
        pytest.param("/..", CLOSED, id="two dots"),
        pytest.param("/.../cat.png", NO_BUCKET, id="three dots"),
        pytest.param("/../photos", CLOSED, id="dots before the bucket"),
        pytest.param("/./photos", NO_BUCKET, id="dot before the bucket"),
        pytest.param("/.photos", (".photos", True), id="name that begins with a dot"),
        pytest.param("/pho..tos", ("pho..tos", True), id="dots inside a name"),
        pytest.param("/PHOTOS", ("PHOTOS", True), id="case is kept"),
        pytest.param("/X/cat.png", ("X", False), id="one capital"),
        pytest.param("/photos;v=1/a", ("photos;v=1", False), id="semicolon belongs to the name"),
        pytest.param("/my+photos", ("my+photos", True), id="plus stays a plus"),
        pytest.param("/my photos/", ("my photos", True), id="blank, sent as %20"),
        pytest.param("/photos/private", IN_PHOTOS, id="slash sent as %2F separates too"),
        pytest.param("/photos%2Fcat", ("photos%2Fcat", True), id="%252F is decoded once"),
        pytest.param("/photos?", ("photos?", True), id="question mark sent as %3F"),
        pytest.param("/photos\r\n", ("photos\r\n", True), id="control characters are not judged"),
        pytest.param("/b\xfccher", ("b\xfccher", True), id="UTF-8 name"),
        pytest.param("/\u5199\u771f/a", ("\u5199\u771f", False), id="Chinese name"),
        pytest.param("/b\udcff", ("b\udcff", True), id="bytes that are not UTF-8"),
        pytest.param("*", NO_BUCKET, id="asterisk form"),
        pytest.param("photos", PHOTOS, id="no slash at all"),
        pytest.param("http://photos.cos.test/", ("http:", False), id="absolute form under wsgiref"),
    ],
)
def test_path_style(path, expected):
    assert resolve(make_resolver(), path) == expected


def test_only_an_options_request_is_about_the_server_as_a_whole():
    """An application's router takes ``DELETE *`` for the bucket of that name."""
    for method, path in [("DELETE", "*"), ("OPTIONS", "/*")]:
        assert resolve(make_resolver(), path, method=method) == ("*", True)


@in_one_test
@pytest.mark.parametrize(
    "host, expected",
    [
        pytest.param("photos.cos.test", PHOTOS, id="bucket"),
        pytest.param("photos.cos.test:8080", PHOTOS, id="bucket with a port"),
        pytest.param("photos.cos.test.", PHOTOS, id="trailing dot"),
        pytest.param("photos.cos.test.:443", PHOTOS, id="trailing dot and port"),
        pytest.param("photos.cos.test:", PHOTOS, id="empty port"),
        pytest.param("Photos.COS.Test", PHOTOS, id="case of a host does not count"),
        pytest.param("my.photos.cos.test", ("my.photos", True), id="bucket with a dot"),
        pytest.param("my_photos.cos.test", ("my_photos", True), id="bucket with an underscore"),
        pytest.param("photos-1250000000.cos.test", ("photos-1250000000", True), id="COS name"),
        pytest.param("photos.cos.ap-beijing.example.com", PHOTOS, id="region"),
        pytest.param("photos.cos.eu.west.example.com", ("photos.cos.eu.west", True), id="2 labels"),
        pytest.param("photos.example.com", PHOTOS, id="shorter suffix"),
        pytest.param("photos.cos.eu.example.com", PHOTOS, id="longest suffix that fits wins"),
        pytest.param("cos.cos.eu.example.com", ("cos", True), id="bucket called like a label"),
        pytest.param("photos.cos.test.example.com", PHOTOS, id="region called like a suffix"),
    ],
)
def test_virtual_host(host, expected):
    assert resolve(make_resolver(host_suffixes=SUFFIXES), "/", host) == expected


@pytest.mark.parametrize("suffixes", [SUFFIXES, SUFFIXES[::-1]], ids=["given order", "reversed"])
def test_the_order_of_suffixes_does_not_matter(suffixes):
    resolver = make_resolver(host_suffixes=suffixes)
    assert resolve(resolver, "/", "photos.cos.eu.example.com") == PHOTOS


@in_one_test
@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/", PHOTOS, id="root"),
        pytest.param("", PHOTOS, id="empty path"),
        pytest.param("/cat.png", IN_PHOTOS, id="object"),
        pytest.param("//", PHOTOS, id="root with slashes"),
        pytest.param("/photos", IN_PHOTOS, id="object called like the bucket"),
        pytest.param("/..", CLOSED, id="object named two dots"),
        pytest.param("/../albums/a", CLOSED, id="two dots before another bucket"),
        pytest.param("/a/..\\b", CLOSED, id="two dots in a key"),
        pytest.param("/a..b", IN_PHOTOS, id="dots inside a key"),
        pytest.param("/...", IN_PHOTOS, id="object named three dots"),
        pytest.param("*", NO_BUCKET, id="asterisk form"),
        pytest.param("http://photos.cos.test/", IN_PHOTOS, id="absolute form under wsgiref"),
    ],
)
def test_path_below_a_virtual_host(path, expected):
    assert resolve(make_resolver(host_suffixes=SUFFIXES), path, "photos.cos.test") == expected


@in_one_test
@pytest.mark.parametrize(
    "host",
    [
        pytest.param("cos.test", id="bare suffix"),
        pytest.param("cos.test:8080", id="bare suffix with a port"),
        pytest.param("COS.test.", id="bare suffix, case and trailing dot"),
        pytest.param("cos.eu.example.com", id="bare suffix with a region"),
        pytest.param(".cos.test", id="empty bucket"),
        pytest.param("evilcos.test", id="suffix without the dot before it"),
        pytest.param("photos.evilcos.test", id="bucket of another suffix"),
        pytest.param("photos.cos.test.evil.test", id="suffix in the middle"),
        pytest.param("photos.cosxtest", id="the dot of a suffix is a dot"),
        pytest.param("127.0.0.1", id="IPv4"),
        pytest.param("127.0.0.1:8080", id="IPv4 with a port"),
        pytest.param("[::1]:8080", id="IPv6"),
        pytest.param("localhost:8080", id="localhost"),
        pytest.param("", id="empty"),
    ],
)
def test_any_other_host_is_path_style(host):
    resolver = make_resolver(host_suffixes=SUFFIXES)
    assert resolve(resolver, "/albums/a", host) == ("albums", False)
    assert resolve(resolver, "/", host) is NO_BUCKET


@in_one_test
@pytest.mark.parametrize(
    "host",
    [
        pytest.param("a.cos.test,b.cos.test", id="two hosts in one header"),
        pytest.param("a.cos.test, b.cos.test", id="two hosts with a blank"),
        pytest.param("photos.cos.test:80a", id="port that is none"),
        pytest.param("photos.cos.test/", id="slash"),
        pytest.param("user@photos.cos.test", id="user"),
        pytest.param("a b.cos.test", id="blank"),
        pytest.param("photos.cos.test\n", id="newline"),
        pytest.param("b\xc3\xbccher.cos.test", id="bytes beyond ASCII"),
        pytest.param("photos.cos.test:80:80", id="two ports"),
        pytest.param("photos.cos.test:\xb2", id="digit that is none"),
        pytest.param("[::1", id="open bracket"),
    ],
)
def test_a_host_that_is_none_names_no_bucket(host):
    """Nor does it turn into path style: a signature for one host would open another bucket."""
    bucket, is_root = resolve(make_resolver(host_suffixes=SUFFIXES), "/albums", host)
    assert (bucket, is_root) == ("", True)


@in_one_test
@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/storage/photos", PHOTOS, id="root"),
        pytest.param("/storage/photos/", PHOTOS, id="root with slash"),
        pytest.param("/storage/photos/cat.png", IN_PHOTOS, id="object"),
        pytest.param("/storage", NO_BUCKET, id="prefix alone"),
        pytest.param("/storage/", NO_BUCKET, id="prefix with slash"),
        pytest.param("/storage//photos", PHOTOS, id="slashes behind the prefix"),
        pytest.param("/storage/..", CLOSED, id="two dots behind the prefix"),
        pytest.param("/storage/other/../photos/a", CLOSED, id="two dots behind the bucket"),
        pytest.param("/x/../storage/photos", NO_BUCKET, id="two dots before the prefix"),
        pytest.param("/storagex", NO_BUCKET, id="longer segment"),
        pytest.param("/storagex/photos", NO_BUCKET, id="bucket below a longer segment"),
        pytest.param("/Storage/photos", NO_BUCKET, id="other case"),
        pytest.param("/photos", NO_BUCKET, id="bucket elsewhere"),
        pytest.param("//storage/photos", PHOTOS, id="slashes before the prefix"),
        pytest.param("/", NO_BUCKET, id="root of the site"),
    ],
)
def test_path_below_a_prefix(path, expected):
    assert resolve(make_resolver(url_prefix="/storage"), path) == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/storage", IN_PHOTOS, id="prefix"),
        pytest.param("/storage/albums", IN_PHOTOS, id="what is below it"),
        pytest.param("/cat.png", IN_PHOTOS, id="elsewhere"),
        pytest.param("/storage/a/../b", CLOSED, id="two dots in a key"),
        pytest.param("/", PHOTOS, id="root of the site"),
    ],
)
def test_on_a_virtual_host_the_whole_path_is_the_key(path, expected):
    """A prefix is for other hosts."""
    resolver = make_resolver(host_suffixes=["cos.test"], url_prefix="/storage")
    assert resolve(resolver, path, "photos.cos.test") == expected
    assert resolve(resolver, "/storage/photos/a", "h") == IN_PHOTOS
    assert resolve(resolver, "/photos/a", "h") is NO_BUCKET


@pytest.mark.parametrize("path", ["/", "/photos", "/photos/a", "/photos/../a"])
def test_paths_name_no_bucket_where_only_hosts_do(path):
    resolver = make_resolver(host_suffixes=["cos.test"], hosts_only=True)
    assert resolve(resolver, path, "h") is NO_BUCKET
    assert resolve(resolver, path, "cos.test") is NO_BUCKET
    assert resolve(resolver, "/a", "photos.cos.test") == IN_PHOTOS


@pytest.mark.parametrize(
    "prefix, path",
    [
        pytest.param("", "/photos", id="none"),
        pytest.param("/", "/photos", id="slash is none"),
        pytest.param("/a/b", "/a/b/photos", id="two segments"),
    ],
)
def test_prefixes(prefix, path):
    assert resolve(make_resolver(url_prefix=prefix), path) == PHOTOS


@pytest.mark.parametrize(
    "found, expected",
    [
        pytest.param(None, NO_BUCKET, id="None"),
        pytest.param(("photos", ""), PHOTOS, id="no key"),
        pytest.param(("photos", "/"), PHOTOS, id="path of the root"),
        pytest.param(("photos", "//"), PHOTOS, id="slashes alone"),
        pytest.param(("photos", "cat.png"), IN_PHOTOS, id="key"),
        pytest.param(("photos", "/cat.png"), IN_PHOTOS, id="path of an object"),
    ],
)
def test_a_function_returns_bucket_and_key(found, expected):
    """The path is not looked at then."""
    assert resolve(make_resolver(lambda request: found), "/cat.png") == expected


@in_one_test
@pytest.mark.parametrize(
    "found",
    [
        pytest.param("photos", id="name alone"),
        pytest.param("ab", id="name of two characters"),
        pytest.param("", id="empty name"),
        pytest.param(False, id="False"),
        pytest.param(("photos",), id="one text"),
        pytest.param(("photos", "a", "b"), id="three texts"),
        pytest.param((None, "cat.png"), id="no name"),
        pytest.param(("photos", None), id="None for a key"),
        pytest.param((b"photos", b"cat.png"), id="bytes"),
        pytest.param(["photos", "cat.png"], id="list"),
        pytest.param({"photos": 1, "cat.png": 2}, id="mapping"),
    ],
)
def test_a_function_that_returns_something_else_is_told_what_to_return(found):
    text = r"the buckets function returned .*: return \(bucket, key\), such as .* or None"
    with pytest.raises(TypeError, match=text):
        resolve(make_resolver(lambda request: found))


DOMAINS = {"cdn.example.com": "photos"}


def bucket_of_domain(request: Request) -> tuple[str, str] | None:
    return (DOMAINS[request.hostname], request.path) if request.hostname in DOMAINS else None


@in_one_test
@pytest.mark.parametrize(
    "host, path, expected",
    [
        pytest.param("cdn.example.com", "/cat.png", IN_PHOTOS, id="object"),
        pytest.param("cdn.example.com", "/", PHOTOS, id="root"),
        pytest.param("CDN.Example.com:8080", "/", PHOTOS, id="case and port do not count"),
        pytest.param("cdn.example.com.", "/", PHOTOS, id="nor does a trailing dot"),
        pytest.param("cdn.example.com, x", "/", NO_BUCKET, id="host that is none"),
        pytest.param("www.example.com", "/", NO_BUCKET, id="other domain"),
        pytest.param("", "/", NO_BUCKET, id="no host"),
    ],
)
def test_a_function_for_custom_domains_is_one_line(host, path, expected):
    assert resolve(make_resolver(bucket_of_domain), path, host) == expected


def test_a_function_replaces_the_other_means_and_may_read_the_environ():
    resolver = make_resolver(
        lambda request: (request.environ["HTTP_X_BUCKET"], ""),
        host_suffixes=["cos.test"],
        url_prefix="/storage",
    )
    request = Request("GET", "/", "albums.cos.test", environ={"HTTP_X_BUCKET": "photos"})
    assert said(resolver(request)) == PHOTOS


@pytest.mark.parametrize("path", ["/other/../photos", "/../photos", "/api/items"])
def test_a_function_decides_about_dot_segments_and_reserved_segments_too(path):
    resolver = make_resolver(lambda request: ("photos", ""), reserved=["api"])
    assert resolve(resolver, path) == PHOTOS


@in_one_test
@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/api", RESERVED, id="segment alone"),
        pytest.param("/api/", RESERVED, id="with a slash"),
        pytest.param("//api//", RESERVED, id="with slashes"),
        pytest.param("/api/items", NO_BUCKET, id="what is below it"),
        pytest.param("/b\xfccher", RESERVED, id="beyond ASCII"),
        pytest.param("/api2/items", ("api2", False), id="longer segment"),
        pytest.param("/API/items", ("API", False), id="other case, as in a router"),
        pytest.param("/photos/api", IN_PHOTOS, id="second segment"),
        pytest.param("/api/../photos", CLOSED, id="two dots come first"),
    ],
)
def test_a_reserved_segment_is_no_bucket(path, expected):
    assert resolve(make_resolver(reserved=["api", "b\xfccher"]), path) == expected


@in_one_test
@pytest.mark.parametrize(
    "host, path, expected",
    [
        pytest.param("photos.cos.test", "/api", NO_BUCKET, id="segment alone"),
        pytest.param("photos.cos.test", "/api/items", NO_BUCKET, id="what is below it"),
        pytest.param("photos.cos.test", "//api/items", NO_BUCKET, id="behind slashes"),
        pytest.param("photos.cos.test", "/b\xfccher/a", NO_BUCKET, id="beyond ASCII"),
        pytest.param("photos.cos.test", "/api2", IN_PHOTOS, id="longer segment"),
        pytest.param("photos.cos.test", "/cats/api", IN_PHOTOS, id="second segment"),
        pytest.param("photos.cos.test", "/a\\b/cat.png", NO_BUCKET, id="with a backslash"),
        pytest.param("photos.cos.test", "/", PHOTOS, id="bucket"),
        pytest.param("api.cos.test", "/", RESERVED, id="reserved name as a host"),
        pytest.param("API.cos.test", "/", RESERVED, id="in another case"),
        pytest.param("api.cos.test", "/cat.png", NO_BUCKET, id="what is below that host"),
        pytest.param("cos.test", "/api/items", NO_BUCKET, id="path style"),
    ],
)
def test_no_object_on_a_host_begins_with_a_reserved_segment(host, path, expected):
    resolver = make_resolver(
        host_suffixes=["cos.test"],
        reserved=["api", "a\\b", "b\xfccher"],
    )
    for _ in range(2):
        assert resolve(resolver, path, host) == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param("/storage/upload", RESERVED, id="below the prefix"),
        pytest.param("/storage/upload/a", NO_BUCKET, id="below it"),
        pytest.param("/storage/photos", PHOTOS, id="other"),
        pytest.param("/upload", NO_BUCKET, id="elsewhere"),
    ],
)
def test_a_reserved_segment_stands_below_the_prefix(path, expected):
    assert (
        resolve(
            make_resolver(url_prefix="/storage", reserved=["upload"]),
            path,
        )
        == expected
    )


@in_one_test
@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param("COS.Test", id="case"),
        pytest.param("localhost", id="one label"),
        pytest.param("{region}.test", id="placeholder at the beginning"),
        pytest.param("cos-1.{region}", id="placeholder at the end"),
        pytest.param("cos.{region}.myqcloud.com", id="COS"),
        pytest.param("oss-{region}.aliyuncs.com", id="OSS"),
        pytest.param("oss-{region}-internal.aliyuncs.com", id="OSS, in its own network"),
        pytest.param("s3.{region}.amazonaws.com", id="S3"),
        pytest.param("s3-{region}.amazonaws.com", id="S3, as older regions are called"),
        pytest.param("obs.{region}.myhuaweicloud.com", id="OBS"),
        pytest.param("{region}-cos.test", id="placeholder that begins a label"),
        pytest.param("{region}.{region}.test", id="placeholders in two labels"),
    ],
)
def test_suffixes_that_are_taken(suffix):
    resolver = make_resolver(host_suffixes=[suffix])
    for region in ("eu", "cn-north-4"):
        host = f"photos.{suffix.replace('{region}', region)}"
        assert resolve(resolver, "/", host) == PHOTOS
        # Once it is known, the hot path finds it, too.
        assert resolver.name_bucket("/cat.png", host) == "photos"


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("photos.oss-.aliyuncs.com", id="no region"),
        pytest.param("photos.oss-eu.west.aliyuncs.com", id="region with a dot"),
        pytest.param("photos.oss.aliyuncs.com", id="no hyphen"),
        pytest.param("photos.myoss-eu.aliyuncs.com", id="label that ends like it"),
        pytest.param("oss-eu.aliyuncs.com", id="bare suffix"),
        pytest.param("aliyuncs.com", id="what follows its label"),
    ],
)
def test_a_placeholder_stands_for_a_part_of_one_label(host):
    resolver = make_resolver(host_suffixes=["oss-{region}.aliyuncs.com"])
    resolve(resolver, "/", "photos.oss-eu.aliyuncs.com")
    assert resolve(resolver, "/albums/a", host) == ("albums", False)
    with pytest.raises(LookupError):
        resolver.name_bucket("/albums/a", host)


@in_one_test
@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param("", id="empty"),
        pytest.param(".cos.test", id="leading dot"),
        pytest.param("cos.test.", id="trailing dot"),
        pytest.param("cos..test", id="two dots"),
        pytest.param("cos.test:8080", id="port"),
        pytest.param("http://cos.test", id="scheme"),
        pytest.param("cos.test/", id="slash"),
        pytest.param("*.cos.test", id="star"),
        pytest.param("{zone}.cos.test", id="other placeholder"),
        pytest.param("{region}{region}.test", id="placeholders side by side"),
        pytest.param("a{region}b{region}.test", id="placeholders in one label"),
        pytest.param("oss-{region.test", id="open placeholder"),
        pytest.param("cos test", id="blank"),
        pytest.param("cos.test\n", id="newline"),
        pytest.param("b\xfccher.test", id="beyond ASCII"),
    ],
)
def test_suffixes_that_are_refused(suffix):
    """The error shows the suffix and how to write one."""
    with pytest.raises(ValueError, match=r"is not a host suffix: write it like 'cos\.example") as e:
        make_resolver(host_suffixes=["cos.test", suffix])
    assert repr(suffix) in str(e.value)


def test_a_prefix_beyond_ascii():
    assert resolve(make_resolver(url_prefix="/b\xfccher"), "/b\xfccher/photos") == PHOTOS


@pytest.mark.parametrize("prefix", ["storage", "/storage/", "storage/", "//"])
def test_prefixes_that_are_refused(prefix):
    """The error shows the prefix and how to write one."""
    with pytest.raises(ValueError, match="is not a URL prefix: write it like '/storage'") as e:
        make_resolver(url_prefix=prefix)
    assert repr(prefix) in str(e.value)


def several_prefixes(where):
    return BucketPaths({"/a": frozenset({re.compile("[a-z]+")}), "/b": None})


def letters_only(where):
    return BucketPaths({"": frozenset({re.compile("[a-z]+")})})


@in_one_test
@pytest.mark.parametrize("name", ["photos", "static", "7", ".a", "a.b", "A", "..."])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="all paths"),
        pytest.param({"reserved": ["static", ".a", "7"]}, id="reserved names"),
        pytest.param({"url_prefix": "/a", "reserved": ["static"]}, id="a prefix"),
        pytest.param({"read_routes": letters_only, "reserved": ["static"]}, id="a pattern"),
        pytest.param({"read_routes": several_prefixes}, id="several prefixes"),
        pytest.param({"host_suffixes": ["cos.test"], "reserved": ["static"]}, id="hosts"),
    ],
)
def test_a_name_that_is_found_quickly_is_a_buckets_only_if_the_request_is_about_it(settings, name):
    """Otherwise the first request would open URLs of the application."""
    resolver = make_resolver(**settings)
    # So that all is learnt that can be.
    resolver(Request("GET", "/key", "other.cos.test"))
    paths = [(f"/{name}/key", "h"), (f"/a/{name}/key", "h"), (f"/b/{name}/key", "h")]
    for path, host in [*paths, ("/key", f"{name}.cos.test")]:
        found = find_quickly(resolver, path, host)
        if found is not None and found.strip(".") and resolver.may_be_bucket(found):
            assert resolve(resolver, path, host, "GET") == (found, False)


def find_quickly(resolver, path, host):
    """The name that the hot path finds; None if it leaves the request to others."""
    try:
        if not resolver.is_plain_path:
            return resolver.name_bucket(path, host)
        return path.split("/")[1] if path.count("/") > 1 else None
    except LookupError:
        return None


def test_names_that_fit_are_remembered_and_bounded(monkeypatch):
    """Below ``/a`` only letters name a bucket, and the hot path does not match them again."""
    monkeypatch.setattr("flask_bucketcors.core.resolvers.MAX_FITTING", 2)
    resolver = make_resolver(read_routes=several_prefixes)

    def is_known(name, prefix="/a"):
        try:
            return resolver.name_bucket(f"{prefix}/{name}/key", "h") == name
        except LookupError:
            return False

    assert [is_known("x"), is_known("7"), is_known("7", "/b")] == [False, False, True]
    for name in ("x", "7", "y"):
        resolver(Request("GET", f"/a/{name}/key"))
        resolver(Request("GET", f"/b/{name}/key"))
    assert [is_known("x"), is_known("7"), is_known("y")] == [True, False, True]
    resolver(Request("GET", "/a/z/key"))
    assert [is_known("x"), is_known("y"), is_known("z")] == [False, False, True]
    for length, is_remembered in [(255, True), (256, False)]:
        resolver(Request("GET", f"/a/{'a' * length}/key"))
        assert is_known("a" * length) is is_remembered
