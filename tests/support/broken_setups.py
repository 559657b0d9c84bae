# ruff: noqa: E501 - tables read best with a line for each row.
"""Broken CORS setups as a table, each with its true cause and its source.

Rules stand as people give them, also such as no PUT would accept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_bucketcors import Cause

PAGE = "https://www.a.example"


@dataclass(frozen=True)
class Broken:
    """One setup.

    :param source: the document, issue or measurement that it is taken from.
    :param fixable: whether a change of the rules mends it.
    """

    name: str
    source: str
    cause: Cause
    rules: Sequence[Mapping[str, Any]] | None
    origin: str = PAGE
    method: str = "PUT"
    headers: Sequence[str] = ()
    credentials: bool = False
    kind: str = "preflight"
    response: Mapping[str, Any] | None = None
    fixable: bool = True
    also: Sequence[Cause] = field(default=())

    @property
    def request(self) -> dict[str, Any]:
        """The arguments of ``explain`` but for rules and response."""
        return {
            "origin": self.origin,
            "method": self.method,
            "headers": self.headers,
            "credentials": self.credentials,
            "kind": self.kind,
        }


def rule(
    *origins: str, methods: str = "GET PUT", headers: str = "", **other: Any
) -> dict[str, Any]:
    """A rule as plain data."""
    return {
        "allowed_origins": list(origins),
        "allowed_methods": methods.split(),
        "allowed_headers": headers.split(),
        **other,
    }


def blocked(text: str, origin: str = PAGE, preflight: bool = False) -> dict[str, str]:
    """What Chromium prints."""
    start = "Response to preflight request doesn't pass access control check: " * preflight
    return {
        "console": f"Access to fetch at 'https://b.example/k' from origin '{origin}' has been "
        f"blocked by CORS policy: {start}{text}"
    }


NO_ALLOW_ORIGIN = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
FINE = {"Access-Control-Allow-Origin": PAGE, "x-cos-request-id": "1"}
UPLOADS = ["authorization", "cache-control", "x-cos-meta-test"]

ORIGINS = [
    # (name, source, cause, pattern, origin)
    ("slash", "chromium.md 1.7", Cause.ORIGIN_TRAILING_SLASH, PAGE + "/", PAGE),
    ("slash on a pattern", "protocol.md 9.1", Cause.ORIGIN_TRAILING_SLASH, "https://*.a.example/", PAGE),
    ("https page, http rule", "COS console", Cause.ORIGIN_SCHEME, "http://www.a.example", PAGE),
    ("no scheme", "OSS troubleshooting", Cause.ORIGIN_SCHEME, "www.a.example", PAGE),
    ("no scheme, only slashes", "COS console", Cause.ORIGIN_SCHEME, "//www.a.example", PAGE),
    ("one slash in the scheme", "COS console", Cause.ORIGIN_SCHEME, "https:/www.a.example", PAGE),
    ("http pattern", "COS console", Cause.ORIGIN_SCHEME, "http://*.a.example", PAGE),
    ("local host without scheme", "disagreements.md 23", Cause.ORIGIN_SCHEME, "localhost:8080", "http://localhost:8080"),
    ("port left out", "COS console", Cause.ORIGIN_PORT, PAGE, PAGE + ":8443"),
    ("OSS's example without its port", "OSS configuration", Cause.ORIGIN_PORT, "http://10.100.100.100", "http://10.100.100.100:8001"),
    ("development server", "cloudflare-docs#32888", Cause.ORIGIN_PORT, "http://localhost", "http://localhost:3000"),
    ("another port", "best practice, table", Cause.ORIGIN_PORT, "http://localhost:3000", "http://localhost:5173"),
    ("pattern without the port", "COS console", Cause.ORIGIN_PORT, "https://*.a.example", PAGE + ":8443"),
    ("port pattern, no port", "cloudflare-docs#33226", Cause.ORIGIN_PORT, "http://localhost:*", "http://localhost"),
    ("443 spelt out", "protocol.md O-15", Cause.ORIGIN_DEFAULT_PORT, PAGE + ":443", PAGE),
    ("80 spelt out", "protocol.md O-15", Cause.ORIGIN_DEFAULT_PORT, "http://a.example:80", "http://a.example"),
    ("443 on a pattern", "protocol.md O-15", Cause.ORIGIN_DEFAULT_PORT, "https://*.a.example:443", PAGE),
    ("path", "jub0bs/cors grammar", Cause.ORIGIN_PATH, PAGE + "/app/index.html", PAGE),
    ("path with a star", "jub0bs/cors grammar", Cause.ORIGIN_PATH, PAGE + "/*", PAGE),
    ("query", "jub0bs/cors grammar", Cause.ORIGIN_PATH, PAGE + "?a=1", PAGE),
    ("capitals in the host", "protocol.md O-15", Cause.ORIGIN_CASE, "https://WWW.A.example", PAGE),
    ("capitals in the scheme", "chromium.md 4", Cause.ORIGIN_CASE, "HTTPS://www.a.example", PAGE),
    ("umlaut", "jub0bs/cors grammar", Cause.ORIGIN_IDN, "https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ("umlaut, in parts", "jub0bs/cors grammar", Cause.ORIGIN_IDN, "https://bu\u0308cher.example", "https://xn--bcher-kva.example"),
    ("Chinese host", "jub0bs/cors grammar", Cause.ORIGIN_IDN, "https://\u4f8b\u5b50.example", "https://xn--fsqu00a.example"),
    ("no-break space", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, PAGE + "\u00a0", PAGE),
    ("zero-width space", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, "https://www.\u200ba.example", PAGE),
    ("byte order mark", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, "\ufeff" + PAGE, PAGE),
    ("blank at the end", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, PAGE + " ", PAGE),
    ("soft hyphen", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, "https://www.a.exam\u00adple", PAGE),
    ("ideographic space", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, "\u3000" + PAGE, PAGE),
    ("no-break space read as Latin-1", "COS FAQ", Cause.ORIGIN_INVISIBLE_CHARACTER, PAGE + "\u00c2\u00a0", PAGE),
    ("Cyrillic a", "jub0bs/cors grammar", Cause.ORIGIN_LOOKALIKE, "https://www.\u0430.example", PAGE),
    ("full-width letter", "jub0bs/cors grammar", Cause.ORIGIN_LOOKALIKE, "https://www.\uff41.example", PAGE),
    ("long hyphen", "COS FAQ", Cause.ORIGIN_LOOKALIKE, "https://my\u2011app.example", "https://my-app.example"),
    ("digit for a letter", "COS FAQ", Cause.ORIGIN_LOOKALIKE, "https://examp1e.com", "https://example.com"),
    ("deeper than listed", "ory/x#675", Cause.ORIGIN_SUBDOMAIN_DEPTH, "https://a.example", "https://cdn.img.a.example"),
    ("two stars", "versitygw#1870", Cause.ORIGIN_SUBDOMAIN_DEPTH, "https://*.*.a.example", "https://x.y.a.example"),
    ("subdomain of a bare domain", "flask-cors#54", Cause.ORIGIN_SUBDOMAIN_DEPTH, "https://a.example", "https://shop.a.example"),
    ("bare domain", "gofiber/fiber#3690", Cause.ORIGIN_APEX, "https://*.a.example", "https://a.example"),
    ("bare domain, no scheme", "gofiber/fiber#3690", Cause.ORIGIN_APEX, "*.a.example", "https://a.example"),
    ("www listed alone", "best practice, table", Cause.ORIGIN_APEX, PAGE, "https://a.example"),
    ("page from a file", "best practice, example", Cause.ORIGIN_NULL, PAGE, "null"),
    ("old web view", "chromium.md 1.15", Cause.ORIGIN_NULL, PAGE, "file://"),
    ("127.0.0.1 for localhost", "chromium.md 7", Cause.ORIGIN_IP_LOCALHOST, "http://localhost:3000", "http://127.0.0.1:3000"),
    ("localhost for 127.0.0.1", "chromium.md 7", Cause.ORIGIN_IP_LOCALHOST, "http://127.0.0.1:8080", "http://localhost:8080"),
    ("IPv6 loopback", "flask-cors, IPv6 literal", Cause.ORIGIN_IP_LOCALHOST, "http://localhost:3000", "http://[::1]:3000"),
    ("another site", "best practice", Cause.ORIGIN_NOT_LISTED, "https://b.example", PAGE),
    ("sibling", "best practice, table", Cause.ORIGIN_NOT_LISTED, "http://www.example.com", "http://news.example.com"),
    ("regular expression", "flask-cors#209", Cause.ORIGIN_NOT_LISTED, r"^https://.*\.a\.example$", PAGE),
    ("two in one value", "COS console, one per line", Cause.ORIGIN_NOT_LISTED, f"https://b.example,{PAGE}", PAGE),
    ("two in one value, with slashes", "S3 forum", Cause.ORIGIN_NOT_LISTED, f"{PAGE}/,https://b.example/", PAGE),
    ("two in one value, one a pattern", "S3 forum", Cause.ORIGIN_NOT_LISTED, "https://b.example https://*.a.example", PAGE),
    ("choice of schemes", "Stack Overflow", Cause.ORIGIN_SCHEME, "http(s)://www.a.example", PAGE),
    ("optional letter in the scheme", "Stack Overflow", Cause.ORIGIN_SCHEME, "https?://www.a.example", PAGE),
    ("backslashes", "R2 forum", Cause.ORIGIN_SCHEME, "https:\\\\www.a.example", PAGE),
    ("scheme pasted twice", "COS console", Cause.ORIGIN_SCHEME, "https://https://www.a.example", PAGE),
    ("slashes escaped as in JSON", "aws-cli", Cause.ORIGIN_NOT_LISTED, r"https:\/\/www.a.example", PAGE),
    ("app in a web view", "capacitor", Cause.ORIGIN_SCHEME, "http://localhost", "capacitor://localhost"),
    ("in quotes", "COS FAQ", Cause.ORIGIN_NOT_LISTED, f'"{PAGE}"', PAGE),
    ("browser extension", "intentKeeper#113", Cause.ORIGIN_NOT_LISTED, PAGE, "chrome-extension://abcdef"),
]  # fmt: skip

BROKEN = [
    *(
        Broken(name, source, cause, [rule(pattern)], origin)
        for name, source, cause, pattern, origin in ORIGINS
    ),
    Broken("no rules", "OSS troubleshooting", Cause.NO_RULES, None, response={"status": 403}),
    Broken("empty list", "COS FAQ", Cause.NO_RULES, []),
    Broken("PUT missing", "chromium.md 4", Cause.METHOD_MISSING, [rule(PAGE, methods="GET")]),
    Broken("DELETE missing", "OSS troubleshooting", Cause.METHOD_MISSING,
           [rule(PAGE, methods="GET PUT POST HEAD")], method="DELETE"),
    Broken("GET for everybody", "COS best practice", Cause.METHOD_MISSING,
           [rule("*", methods="GET HEAD")]),
    Broken("PATCH", "chromium.md 1.4", Cause.METHOD_NOT_ENABLED, [rule(PAGE)], method="PATCH",
           fixable=False),
    Broken("OPTIONS", "COS console", Cause.METHOD_MISSING, [rule(PAGE)], method="OPTIONS",
           fixable=False),
    Broken("star for a method", "s3rver, CubeFS", Cause.METHOD_MISSING, [rule(PAGE, methods="*")]),
    Broken("lower-case rule", "chromium.md 1.4", Cause.METHOD_CASE,
           [rule(PAGE, methods="get put")]),
    Broken("lower-case request", "ossutil", Cause.METHOD_CASE, [rule(PAGE)], method="put",
           fixable=False),
    Broken("HEAD", "cos-js-sdk headObject", Cause.METHOD_HEAD_NOT_GET, [rule(PAGE)],
           method="HEAD", headers=["authorization"],
           also=[Cause.HEADER_MISSING]),
    Broken("authorization missing", "chromium.md 8", Cause.HEADER_MISSING,
           [rule(PAGE, headers="content-type")], headers=["authorization", "content-type"]),
    Broken("no AllowedHeader", "disagreements.md 21", Cause.HEADER_MISSING, [rule(PAGE)],
           headers=UPLOADS),
    Broken("cache-control of the COS SDK", "chromium.md 8", Cause.HEADER_MISSING,
           [rule(PAGE, headers="authorization x-cos-*")], headers=UPLOADS),
    Broken("two names in one value", "COS console, one per line", Cause.HEADER_MISSING,
           [rule(PAGE, allowed_headers=["authorization, content-type"])],
           headers=["authorization"]),
    Broken("underscore in the rule", "COS console", Cause.HEADER_UNDERSCORE,
           [rule(PAGE, headers="x_request_id")], headers=["x-request-id"]),
    Broken("underscore in the request", "chromium.md 1.18", Cause.HEADER_UNDERSCORE,
           [rule(PAGE, headers="x-request-id")], headers=["x_request_id"]),
    Broken("underscore, dropped by the server", "chromium.md 1.18", Cause.HEADER_UNDERSCORE,
           [rule(PAGE, headers="x_under")], headers=["x_under"], fixable=False,
           response=blocked("Request header field x_under is not allowed by "
                          "Access-Control-Allow-Headers in preflight response.")),
    Broken("blank in a header name", "COS FAQ", Cause.HEADER_INVISIBLE_CHARACTER,
           [rule(PAGE, allowed_headers=["content-type "])], headers=["content-type"]),
    Broken("zero-width in a header name", "COS FAQ", Cause.HEADER_INVISIBLE_CHARACTER,
           [rule(PAGE, allowed_headers=["x-cos-meta\u200b-test"])], headers=["x-cos-meta-test"]),
    Broken("dash in a header name", "COS FAQ", Cause.HEADER_INVISIBLE_CHARACTER,
           [rule(PAGE, allowed_headers=["content\u2013type"])], headers=["content-type"]),
    Broken("ETag for the COS SDK", "COS FAQ", Cause.EXPOSE_MISSING, [rule(PAGE, headers="*")],
           headers=["authorization"],
           response={"console": "get ETag error, add `ETag` to CORS ExposeHeader setting."}),
    Broken("ETag for the OSS SDK", "chromium.md 1.12", Cause.EXPOSE_MISSING,
           [rule(PAGE, headers="*", expose_headers=["x-oss-request-id"])],
           response={"console": "Error: Please set the etag of expose-headers in OSS"}),
    Broken("ETag by XHR", "chromium.md 6", Cause.EXPOSE_MISSING, [rule(PAGE)], kind="actual",
           method="GET", response={"console": 'Refused to get unsafe header "ETag"'}),
    Broken("custom name", "cos-js-sdk-v5#229", Cause.EXPOSE_MISSING,
           [rule("*", expose_headers=["ETag"])], kind="actual", method="GET",
           response={"console": 'Refused to get unsafe header "x-cos-meta-test"'}),
    Broken("ETag was answered", "chromium.md 6", Cause.EXPOSE_MISSING, [rule(PAGE)],
           kind="actual", method="GET",
           response={"status": 200, "headers": {**FINE, "ETag": '"1"'}}),
    Broken("star exposed", "cos-js-sdk-v5#10", Cause.EXPOSE_PATTERN,
           [rule(PAGE, expose_headers=["*"])], credentials=True,
           response={"console": 'Refused to get unsafe header "ETag"'}),
    Broken("pattern exposed", "cos-js-sdk-v5#10", Cause.EXPOSE_PATTERN,
           [rule(PAGE, expose_headers=["x-cos-meta-*"])], kind="actual", method="GET",
           response={"console": 'Refused to get unsafe header "x-cos-meta-test"'}),
    Broken("star with credentials", "chromium.md 4", Cause.CREDENTIALS_WILDCARD, [rule("*")],
           credentials=True),
    Broken("star with cookies, told by the browser", "formbricks#8925",
           Cause.CREDENTIALS_WILDCARD, [rule("*")], kind="actual", method="GET",
           response=blocked("The value of the 'Access-Control-Allow-Origin' header in the response "
                          "must not be the wildcard '*' when the request's credentials mode is "
                          "'include'.")),
    Broken("star beside the origin", "disagreements.md 2", Cause.CREDENTIALS_WILDCARD,
           [rule("*", PAGE)], credentials=True),
    Broken("star above the origin", "COS best practice", Cause.SHADOWED_RULE,
           [rule("*"), rule(PAGE)], credentials=True, also=[Cause.CREDENTIALS_WILDCARD]),
    Broken("star above, header below", "436/8288, sample 2", Cause.SHADOWED_RULE,
           [rule("*"), rule(PAGE, headers="*")], headers=["x-a"], credentials=True),
    Broken("ETag exposed below", "COS best practice", Cause.SHADOWED_RULE,
           [rule("*"), rule(PAGE, expose_headers=["ETag"])], kind="actual", method="GET",
           response={"console": 'Refused to get unsafe header "ETag"'},
           also=[Cause.EXPOSE_MISSING]),
    Broken("kept preflight", "COS FAQ", Cause.MAX_AGE_CACHED,
           [rule(PAGE, max_age_seconds=600)], fixable=False,
           response=blocked("Method PUT is not allowed by Access-Control-Allow-Methods in preflight "
                          "response.")),
    Broken("old preflight response", "worldmonitor#2321", Cause.MAX_AGE_CACHED, [rule(PAGE)],
           fixable=False,
           response={"status": 200, "headers": {**FINE, "Access-Control-Allow-Methods": "GET",
                                              "Access-Control-Max-Age": "86400"}}),
    Broken("no requested method", "disagreements.md 18", Cause.ACRM_MISSING, [rule(PAGE)],
           method="", fixable=False),
    Broken("plain OPTIONS", "flask-cors#227", Cause.ACRM_MISSING, [rule(PAGE)],
           method="OPTIONS", kind="actual", fixable=False),
    Broken("login before CORS", "flask-cors#170", Cause.APP_REFUSED, [rule(PAGE)],
           response={"status": 401, **blocked(NO_ALLOW_ORIGIN, preflight=True)}, fixable=False),
    Broken("refused preflight with headers", "chromium.md 4", Cause.APP_REFUSED, [rule(PAGE)],
           response=blocked("It does not have HTTP ok status.", preflight=True), fixable=False),
    Broken("signature", "cloudserver#6126", Cause.APP_REFUSED, [rule(PAGE)], kind="actual",
           response={"status": 403, "headers": FINE}, fixable=False),
    Broken("unhandled error", "starlette#1116", Cause.APP_REFUSED, [rule(PAGE)], kind="actual",
           response={"status": 500, **blocked(NO_ALLOW_ORIGIN)}, fixable=False),
    Broken("redirected preflight", "chromium.md 1.16", Cause.APP_REFUSED, [rule(PAGE)],
           response=blocked("Redirect is not allowed for a preflight request.", preflight=True),
           fixable=False),
    Broken("CDN domain", "COS FAQ", Cause.CDN_RESPONDED, [rule(PAGE)], kind="actual", method="GET",
           response={"status": 200, "headers": {"Server": "NWS_SPMid", "X-NWS-LOG-UUID": "1"}},
           fixable=False),
    Broken("cloudflare", "COS FAQ", Cause.CDN_RESPONDED, [rule(PAGE)],
           response={"status": 403, "headers": {"Server": "cloudflare", "CF-Ray": "1-FRA"}},
           fixable=False),
    Broken("actual response without headers", "chromium.md 4", Cause.OTHER, [rule(PAGE)],
           response=blocked(NO_ALLOW_ORIGIN), fixable=False),
    Broken("nginx 405", "peers.md nginx", Cause.CDN_RESPONDED, [rule(PAGE)],
           response={"status": 405, "headers": {"Server": "nginx/1.25", "Allow": "GET, HEAD"}},
           fixable=False),
    Broken("two layers", "versitygw#1819", Cause.DUPLICATE_HEADERS, [rule(PAGE)],
           response={"status": 200, "headers": {"Access-Control-Allow-Origin": [PAGE, PAGE]}},
           fixable=False),
    Broken("two values, Firefox", "django-cors-headers#97", Cause.DUPLICATE_HEADERS, [rule(PAGE)],
           response={"console": "Cross-Origin Request Blocked: The Same Origin Policy disallows "
                   "reading the remote resource at https://b.example/k. (Reason: Multiple CORS "
                   "header \u2018Access-Control-Allow-Origin\u2019 not allowed)."},
           fixable=False),
    Broken("two values in one", "chromium.md 4", Cause.DUPLICATE_HEADERS, [rule(PAGE)],
           kind="actual", method="GET", fixable=False,
           response=blocked("The 'Access-Control-Allow-Origin' header contains multiple values "
                          f"'*, {PAGE}', but only one is allowed.")),
    Broken("two websites", "COS best practice", Cause.VARY_MISSING,
           [rule(PAGE, "https://www.b.example")], kind="actual", method="GET",
           response={"status": 200, "headers": {"Access-Control-Allow-Origin":
                                              "https://www.b.example", "x-cos-request-id": "1"}}),
    Broken("picture, then fetch", "chromium.md 1.14", Cause.VARY_MISSING, [rule(PAGE)],
           kind="actual", method="GET", response=blocked(NO_ALLOW_ORIGIN)),
    Broken("CDN kept the response of the bucket", "trafficserver#3954", Cause.VARY_MISSING,
           [rule(PAGE)], kind="actual", method="GET",
           response={"status": 200, "headers": {"x-cos-request-id": "1", "X-Cache": "HIT from x",
                                              "Age": "60"}}),
    Broken("CDN asked without the Origin", "CloudFront forum", Cause.CDN_RESPONDED, [rule(PAGE)],
           kind="actual", method="GET", fixable=False,
           response={"status": 200, "headers": {"Server": "AmazonS3", "x-amz-request-id": "1",
                                              "X-Cache": "Miss from cloudfront"}}),
    Broken("too many names", "matching.md", Cause.OTHER, [rule(PAGE, headers="*")],
           headers=[f"x-{i}" for i in range(200)], fixable=False),
    Broken("underscore in a pattern", "S3 forum", Cause.HEADER_UNDERSCORE,
           [rule(PAGE, headers="x_amz_*")], headers=["x-amz-date"]),
    Broken("blank behind a star", "COS FAQ", Cause.HEADER_INVISIBLE_CHARACTER,
           [rule(PAGE, allowed_headers=["* "])], headers=["content-type"]),
    Broken("ETag for Uppy", "uppy, aws-s3-multipart", Cause.EXPOSE_MISSING,
           [rule(PAGE, headers="*")], headers=["content-type"],
           response={"console": "Could not read the ETag header. This likely means CORS is not "
                   "configured correctly on the S3 Bucket."}),
    Broken("ETag for the S3 SDK", "aws-sdk-js-v3, lib-storage", Cause.EXPOSE_MISSING,
           [rule(PAGE, headers="*")], headers=["x-amz-date"],
           response={"console": "Error: Part 1 is missing ETag in UploadPart response. Missing "
                   "Bucket CORS configuration for ETag header?"}),
    Broken("no network, Firefox", "MDN, CORS errors", Cause.OTHER, [rule(PAGE)], fixable=False,
           response={"console": "Cross-Origin Request Blocked: The Same Origin Policy disallows "
                   "reading the remote resource at https://b.example/k. (Reason: CORS request "
                   "did not succeed). Status code: (null)."}),
    Broken("http on an https page", "Stack Overflow", Cause.OTHER, [rule(PAGE)], fixable=False,
           response={"console": f"Mixed Content: The page at '{PAGE}/' was loaded over HTTPS, but "
                   "requested an insecure resource 'http://b.example/k'. This request has been "
                   "blocked; the content must be served over HTTPS."}),
    Broken("stopped for no reason, Safari", "WebKit", Cause.OTHER, [rule(PAGE)], fixable=False,
           response={"console": "XMLHttpRequest cannot load https://b.example/k due to access "
                   "control checks."}),
    Broken("picture without crossorigin", "three.js forum", Cause.OTHER, [rule(PAGE)],
           kind="actual", method="GET", fixable=False,
           response={"console": "SecurityError: Failed to execute 'toDataURL' on "
                   "'HTMLCanvasElement': Tainted canvases may not be exported."}),
    Broken("local network", "chromium.md 7", Cause.OTHER, [rule(PAGE)], fixable=False,
           response=blocked("Permission was denied for this request to access the `loopback` "
                          "address space.")),
]  # fmt: skip
