"""Requests, and what every server makes of them; and where one of them makes something else."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wire import chunks, request

from tests.support.cos_signing import HOST, authorization

A: Final = "https://a.example"
EVIL: Final = "https://evil.example"
FROM_A: Final = ("Origin", A)
FROM_EVIL: Final = ("Origin", EVIL)
ASKS_PUT: Final = ("Access-Control-Request-Method", "PUT")

#: What every response to an actual request from A carries.
DECORATED: Final = {
    "allow-origin": A,
    "allow-credentials": "true",
    "expose-headers": "ETag",
}
NONE: Final[dict[str, str]] = {}
ALLOWED: Final = {
    **DECORATED,
    "allow-methods": "GET,HEAD,PUT,DELETE",
    "allow-headers": "content-type,x-cos-meta-a",
    "max-age": "600",
}

RULES: Final = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://new.example</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)


class Exchange(NamedTuple):
    """A request, and what comes back.

    :param request: the bytes.
    :param status: None if the server closes the connection without a response.
    :param cors: the Access-Control-* headers, all of them.
    :param body: the body; of an error document, a part.
    :param headers: other headers that the response has.
    :param method: of the request.
    :param breaks_off: whether the client sends nothing more, though it has announced more.
    """

    request: bytes
    status: int | None
    cors: Mapping[str, str]
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    method: str = "GET"
    breaks_off: bool = False


def signed(method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> bytes:
    """A request with the signature of somebody who may do everything."""
    signature = authorization(method, target, {"host": HOST})
    return request(method, target, ("Authorization", signature), *headers, body=body)


def preflight(target: str, *headers: tuple[str, str], **options: Any) -> bytes:
    names = ("Access-Control-Request-Headers", "content-type,x-cos-meta-a")
    return request("OPTIONS", target, ASKS_PUT, names, *headers, **options)


VARIES: Final = {"vary": "Origin"}
EXCHANGES: Final[dict[str, Exchange]] = {
    "preflight allowed": Exchange(
        preflight("/photos/object", FROM_A),
        200,
        ALLOWED,
        b"",
        {"content-length": "0"},
        method="OPTIONS",
    ),
    "preflight refused": Exchange(
        preflight("/photos/object", FROM_EVIL),
        403,
        NONE,
        b"<Code>AccessForbidden</Code>",
        {"content-type": "application/xml"},
        method="OPTIONS",
    ),
    "preflight in a bucket without rules": Exchange(
        preflight("/other/object", FROM_A),
        403,
        NONE,
        b"<Code>AccessForbidden</Code>",
        method="OPTIONS",
    ),
    "object": Exchange(request("GET", "/photos/object", FROM_A), 200, DECORATED, b"hello", VARIES),
    "object, over HTTP/1.0": Exchange(
        request("GET", "/photos/object", FROM_A).replace(b"HTTP/1.1", b"HTTP/1.0"),
        200,
        DECORATED,
        b"hello",
        VARIES,
    ),
    "object, refused": Exchange(
        request("GET", "/photos/object", FROM_EVIL), 200, NONE, b"hello", VARIES
    ),
    "object, no origin": Exchange(request("GET", "/photos/object"), 200, NONE, b"hello", VARIES),
    "object, no rules": Exchange(request("GET", "/other/object", FROM_A), 200, NONE, b"hello"),
    "HEAD": Exchange(
        request("HEAD", "/photos/object", FROM_A),
        200,
        DECORATED,
        b"",
        {**VARIES, "content-length": "5"},
        method="HEAD",
    ),
    "HEAD of what is not there": Exchange(
        request("HEAD", "/photos/missing", FROM_A), 404, DECORATED, b"", VARIES, method="HEAD"
    ),
    "not modified": Exchange(
        request("GET", "/photos/object", FROM_A, ("If-None-Match", '"v1"')),
        304,
        DECORATED,
        b"",
        {**VARIES, "etag": '"v1"'},
    ),
    "part": Exchange(
        request("GET", "/photos/object", FROM_A, ("Range", "bytes=1-2")),
        206,
        DECORATED,
        b"el",
        {"content-range": "bytes 1-2/5"},
    ),
    "not found": Exchange(
        request("GET", "/photos/missing", FROM_A), 404, DECORATED, b"/photos/missing", VARIES
    ),
    "error of the application": Exchange(
        request("GET", "/photos/error", FROM_A), 500, DECORATED, b"/photos/error", VARIES
    ),
    "exception": Exchange(request("GET", "/photos/broken", FROM_A), 500, NONE),
    "rules of a bucket that has none": Exchange(
        signed("GET", "/other?cors"),
        404,
        NONE,
        b"<Code>NoSuchCORSConfiguration</Code>",
        {"content-type": "application/xml"},
    ),
    "rules, unsigned": Exchange(
        request("GET", "/photos?cors", FROM_A), 403, DECORATED, b"<Code>AccessDenied</Code>"
    ),
    "rules, HEAD": Exchange(
        request("HEAD", "/photos?cors", FROM_A), 405, DECORATED, b"", method="HEAD"
    ),
    "rules, a body of another digest": Exchange(
        signed("PUT", "/other?cors", ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="), body=RULES),
        400,
        NONE,
        b"<Code>BadDigest</Code>",
        method="PUT",
    ),
    "rules, no length": Exchange(
        signed("PUT", "/other?cors"),
        400,
        NONE,
        b"<Code>MissingRequestBodyError</Code>",
        method="PUT",
    ),
    "rules, a body that breaks off": Exchange(
        signed("PUT", "/other?cors", ("Content-Length", "1000"), body=RULES),
        400,
        NONE,
        b"<Code>IncompleteBody</Code>",
        method="PUT",
        breaks_off=True,
    ),
    "OPTIONS *": Exchange(request("OPTIONS", "*", FROM_A, ASKS_PUT), 200, NONE, method="OPTIONS"),
    "key in percent-encoding": Exchange(
        request("GET", "/photos/a%20b%2B%25%23%3F%2Fc", FROM_A),
        200,
        DECORATED,
        b"/photos/a b+%#?/c",
    ),
    "key beyond ASCII": Exchange(
        request("GET", "/photos/caf%C3%A9/%E6%96%87", FROM_A),
        200,
        DECORATED,
        "/photos/caf\u00e9/\u6587".encode(),
    ),
    "key that is not UTF-8": Exchange(
        request("GET", "/photos/%FF%FE", FROM_A), 200, DECORATED, b"/photos/\xff\xfe"
    ),
    "bucket beyond ASCII": Exchange(
        request("GET", "/b%C3%BCcher%201/object", FROM_A), 200, DECORATED, b"hello"
    ),
    "two slashes": Exchange(request("GET", "/photos//object", FROM_A), 200, DECORATED, b"hello"),
    "encoded slash behind the bucket": Exchange(
        request("GET", "/photos%2Fobject", FROM_A), 200, DECORATED, b"hello"
    ),
    "two slashes in front": Exchange(
        request("GET", "//photos/object", FROM_A), 200, DECORATED, b"hello"
    ),
    "two slashes in front of rules": Exchange(
        request("DELETE", "//photos?cors", FROM_A), 403, DECORATED, b"<Code>AccessDenied</Code>"
    ),
    "URL in the request line": Exchange(
        request("GET", "http://store.test/photos/object", FROM_A), 200, DECORATED, b"hello"
    ),
    "two dots behind an encoded slash": Exchange(
        request("GET", "/photos/..%2fother/x", FROM_A), 200, NONE, b"/photos/../other/x", VARIES
    ),
    "rules behind two dots": Exchange(
        request("DELETE", "/other/..%5cphotos?cors"),
        400,
        NONE,
        b"<Code>InvalidBucketName</Code>",
        {"x-content-type-options": "nosniff"},
        method="DELETE",
    ),
    "two origins": Exchange(
        request("GET", "/photos/object", FROM_EVIL, FROM_A), 200, NONE, b"hello"
    ),
    "origin of 7000 characters": Exchange(
        request("GET", "/photos/object", ("Origin", f"https://{'a' * 7000}.example")),
        200,
        NONE,
        b"hello",
    ),
    "header of 7000 characters": Exchange(
        request("GET", "/photos/object", FROM_A, ("X-Long", "a" * 7000)), 200, DECORATED, b"hello"
    ),
    "preflight with 200 headers": Exchange(
        request(
            "OPTIONS",
            "/photos/object",
            FROM_A,
            ASKS_PUT,
            ("Access-Control-Request-Headers", ",".join(f"x-cos-meta-{n}" for n in range(200))),
        ),
        403,
        NONE,
        b"<Code>AccessForbidden</Code>",
        method="OPTIONS",
    ),
}

#: How the body of a PUT may come: the header, and the bytes.
BODIES: Final = {
    "length": (("Content-Length", str(len(RULES))), RULES),
    "chunks": (("Transfer-Encoding", "chunked"), chunks(RULES)),
}
#: Servers that do not decode chunks, or do not say that they do. They are answered 411.
WITHOUT_CHUNKS: Final = {
    "uWSGI": "gives chunks to applications that call uwsgi.chunked_read()",
    "wsgiref": "knows no chunks; the application would read from the socket",
    "pyruvate": "hands chunks over as they came, with the length of all that was sent",
}


class Difference(NamedTuple):
    """What one server does otherwise: the fields that differ, and why."""

    reason: str
    fields: Mapping[str, Any]


_REPLACED: Final = Difference(
    "decodes the path as UTF-8, so that keys which differ in other bytes become one",
    {"body": "/photos/\ufffd\ufffd".encode()},
)
_READS_AHEAD: Final = Difference(
    "reads the whole body before the application runs, and closes if it does not come",
    {"status": None},
)
_KEEPS_LAST: Final = Difference(
    "keeps the last of two Origin lines; no browser sends two", {"cors": DECORATED}
)
_URL_IS_PATH: Final = Difference(
    "PATH_INFO is the whole URL, which names no bucket with rules; browsers and proxies send paths",
    {"cors": NONE},
)
_NO_PROXY: Final = Difference(
    "takes what follows for a host, and is no proxy",
    {"status": 400, "cors": NONE, "body": None, "headers": {}},
)

#: By server and exchange.
DIFFERENCES: Final[dict[tuple[str, str], Difference]] = {
    ("hypercorn", "key that is not UTF-8"): _REPLACED,
    ("werkzeug", "key that is not UTF-8"): _REPLACED,
    ("waitress", "rules, a body that breaks off"): _READS_AHEAD,
    ("bjoern", "rules, a body that breaks off"): _READS_AHEAD,
    ("pyruvate", "rules, a body that breaks off"): _READS_AHEAD,
    ("hypercorn", "rules, a body that breaks off"): Difference(
        "may refuse the request itself, depending on what it notices first", {"body": None}
    ),
    ("uWSGI", "exception"): Difference("closes the connection, and logs", {"status": None}),
    **{
        (server, "URL in the request line"): _URL_IS_PATH
        for server in ("hypercorn", "pyruvate", "uWSGI", "wsgiref")
    },
    ("cheroot", "URL in the request line"): _NO_PROXY,
    ("cheroot", "two slashes in front"): _NO_PROXY,
    ("cheroot", "two slashes in front of rules"): _NO_PROXY,
    ("cheroot", "encoded slash behind the bucket"): Difference(
        "leaves %2F encoded, so that it is part of the name of a bucket",
        {"cors": NONE, "body": b"/photos%2Fobject"},
    ),
    ("cheroot", "OPTIONS *"): Difference(
        "PATH_INFO is '/*', which names a bucket, one without rules", {"status": 403}
    ),
    ("cheroot", "key in percent-encoding"): Difference(
        "leaves %2F encoded", {"body": b"/photos/a b+%#?%2Fc"}
    ),
    ("cheroot", "two dots behind an encoded slash"): Difference(
        "leaves %2F encoded, so that it is a part of the key",
        {"cors": DECORATED, "body": b"/photos/..%2Fother/x"},
    ),
    ("cheroot", "two origins"): _KEEPS_LAST,
    ("pyruvate", "two origins"): _KEEPS_LAST,
}
