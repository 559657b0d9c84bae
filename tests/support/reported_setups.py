# ruff: noqa: E501 - what was printed reads best on a line of its own.
"""Broken setups that only a console text, a response or the spelling of the rules explains."""

from typing import Any

from flask_bucketcors import Cause
from tests.support.broken_setups import NO_ALLOW_ORIGIN, PAGE, Broken, blocked, rule

FIREFOX = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://b.example/k. (Reason: {})."
OLD = "XMLHttpRequest cannot load https://b.example/k. {} Origin 'https://www.a.example' is therefore not allowed access."
CLOUDFLARE = {"Server": "cloudflare", "CF-RAY": "8a-FRA"}

PRINTED: list[tuple[str, str, Cause, dict[str, Any], dict[str, Any], str]] = [
    # (name, source, cause, rule, request, console); the rules allow PUT with content-type
    ("invalid HTTP status", "direct-upload-s3#1", Cause.APP_REFUSED, {}, {}, "XMLHttpRequest cannot load https://b.example/k. Response for preflight has invalid HTTP status code 405"),
    ("redirected, first wording", "component/s3#7", Cause.APP_REFUSED, {}, {}, "XMLHttpRequest cannot load https://b.example/. The request was redirected to 'https://b-2.example/', which is disallowed for cross-origin requests that require preflight."),
    ("redirected, second wording", "active_admin_editor#66", Cause.APP_REFUSED, {}, {}, "XMLHttpRequest cannot load https://b.example/. Response for preflight is invalid (redirect)"),
    ("status behind the line", "CloudFront forum", Cause.APP_REFUSED, {}, {"method": "GET", "kind": "actual", "headers": []}, blocked(NO_ALLOW_ORIGIN)["console"] + "\nGET https://b.example/k net::ERR_FAILED 403 (Forbidden)"),
    ("Safari, preflight of status 200", "WebKit", Cause.CDN_RESPONDED, {}, {}, f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200"),
    ("Safari, a picture before", "WebKit", Cause.VARY_MISSING, {}, {"method": "GET", "headers": []}, f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200"),
    ("font in Firefox", "gobotany-app#544", Cause.VARY_MISSING, {}, {"method": "GET", "headers": [], "kind": "actual"}, 'downloadable font: download failed (font-family: "FontAwesome" src index:1): bad URI or cross-site access not allowed source: https://b.example/f.woff'),
    ("font in old Chrome", "Fira#72", Cause.VARY_MISSING, {}, {"method": "GET", "headers": [], "kind": "actual"}, "Font from origin 'https://b.example' has been blocked from loading by Cross-Origin Resource Sharing policy: " + NO_ALLOW_ORIGIN + f" Origin '{PAGE}' is therefore not allowed access."),
    ("old words for credentials", "Stack Overflow", Cause.OTHER, {}, {}, OLD.format("Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is ''. It must be 'true' to allow credentials.")),
    ("old words for the star", "hls.js forum", Cause.CREDENTIALS_WILDCARD, {"allowed_origins": ["*"]}, {}, OLD.format("A wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true.")),
    ("Firefox 30", "Stack Overflow", Cause.ORIGIN_SCHEME, {"allowed_origins": ["http://www.a.example"]}, {}, "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://b.example/k. This can be fixed by moving the resource to the same domain or enabling CORS."),
    ("network tab of Firefox", "keygate#9", Cause.ORIGIN_PORT, {"allowed_origins": [PAGE + ":8080"]}, {}, "XHROPTIONS\nhttps://b.example/k\nCORS Missing Allow Origin"),
    ("network tab of Chromium", "Chromium DevTools", Cause.MAX_AGE_CACHED, {}, {}, "Cross-Origin Resource Sharing error: HeaderDisallowedByPreflightResponse"),
    ("Edge 18", "Stack Overflow", Cause.HEADER_MISSING, {"allowed_headers": ["authorization"]}, {"headers": []}, "SEC7123: Request header content-type was not present in the Access-Control-Allow-Headers list."),
    ("header that only the browser names", "localstack#316", Cause.HEADER_MISSING, {}, {}, blocked("Request header field x-amz-meta-name is not allowed by Access-Control-Allow-Headers in preflight response.")["console"]),
    ("broken into lines", "mailing list", Cause.APP_REFUSED, {}, {}, f"Access to fetch at 'https://b.example/k' from origin\n'{PAGE}' has been blocked by CORS policy: Response to\npreflight request doesn't pass access control check: It does\nnot have HTTP ok status."),
    ("Safari, refused by the rules", "rails#30723", Cause.HEADER_MISSING, {"allowed_headers": []}, {}, "Preflight response is not successful. Status code: 403\nXMLHttpRequest cannot load https://b.example/k due to access control checks."),
    ("Safari, without the status", "rails#30723", Cause.HEADER_MISSING, {"allowed_headers": []}, {}, "[Error] Failed to load resource: Preflight response is not successful (k, line 0)"),
    ("nothing but a failure, COS SDK", "cos-js-sdk-v5#85", Cause.OTHER, {}, {}, "{error: 'CORS blocked or network error'}"),
    ("nothing but a failure, fetch", "axios#3700", Cause.OTHER, {}, {}, "Uncaught (in promise) TypeError: Failed to fetch"),
    ("texture", "three.js forum", Cause.OTHER, {}, {"method": "GET", "headers": [], "kind": "actual"}, "DOMException: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The image element contains cross-origin data, and may not be loaded."),
    ("certificate", "minio forum", Cause.OTHER, {}, {}, "PUT https://b.example/k net::ERR_CERT_AUTHORITY_INVALID"),
]  # fmt: skip

ANSWERED: list[tuple[str, str, Cause, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # (name, source, cause, rule, request, response)
    ("malformed request", "aws-sdk-js forum", Cause.APP_REFUSED, {}, {"kind": "actual"}, {"status": 400, "headers": {"Access-Control-Allow-Origin": PAGE}}),
    ("framework without Allow", "flask, automatic OPTIONS", Cause.APP_REFUSED, {}, {}, {"status": 200, "headers": {"Server": "Werkzeug/3.0", "Content-Type": "text/html"}}),
    ("storage behind its own network", "R2", Cause.ORIGIN_PORT, {"allowed_origins": [PAGE + ":3000"]}, {}, {"status": 403, "headers": CLOUDFLARE}),
    ("miss of a network, rules refuse", "CloudFront forum", Cause.ORIGIN_TRAILING_SLASH, {"allowed_origins": [PAGE + "/"]}, {"method": "GET", "kind": "actual", "headers": []}, {"status": 200, "headers": {"X-Cache": "Miss from cloudfront", "ETag": '"1"'}}),
    ("network in front, no preflights", "CloudFront forum", Cause.CDN_RESPONDED, {"allowed_origins": [PAGE + "/"]}, {}, {"status": 405, "headers": {"Server": "CloudFront", "X-Cache": "Error from cloudfront"}}),
    ("proxy that answers preflights", "nginx, return 204", Cause.CDN_RESPONDED, {}, {}, {"status": 204, "headers": {"Server": "nginx", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST, OPTIONS"}}),
    ("wrong region, rules refuse too", "boto3#421", Cause.APP_REFUSED, {"allowed_origins": ["https://b.example"]}, {}, {"status": 307, "headers": {"Location": "https://b.eu.example/"}}),
    ("redirect told, rules refuse too", "EvaporateJS#152", Cause.APP_REFUSED, {"allowed_methods": ["GET"]}, {}, {"status": 301}),
    ("no rules, answered by the application", "flask, automatic OPTIONS", Cause.NO_RULES, {"none": True}, {}, {"status": 405}),
    ("plain OPTIONS, refused", "S3, insufficient information", Cause.ACRM_MISSING, {}, {"method": ""}, {"status": 400, "headers": {"x-amz-request-id": "1"}}),
]  # fmt: skip

WRITTEN: list[tuple[str, str, Cause, list[dict[str, Any]], dict[str, Any]]] = [
    # (name, source, cause, rules, request)
    ("rn for m", "COS FAQ", Cause.ORIGIN_LOOKALIKE, [rule("https://exarnple.com")], {"origin": "https://example.com"}),
    ("vv for w", "COS FAQ", Cause.ORIGIN_LOOKALIKE, [rule("https://vvww.a.example")], {}),
    ("cl for d, on a pattern", "COS FAQ", Cause.ORIGIN_LOOKALIKE, [rule("https://*.clemo.example")], {"origin": "https://x.demo.example"}),
    ("capital I for l", "COS FAQ", Cause.ORIGIN_LOOKALIKE, [rule("https://paypaI.example")], {"origin": "https://paypal.example"}),
    ("palochka for l", "COS FAQ", Cause.ORIGIN_LOOKALIKE, [rule("https://paypa\u04cf.example")], {"origin": "https://paypal.example"}),
    ("two slashes", "COS console", Cause.ORIGIN_TRAILING_SLASH, [rule(PAGE + "//")], {}),
    ("two stars for all", "versitygw#1870", Cause.ORIGIN_NOT_LISTED, [rule("**")], {}),
    ("star, dot, star", "versitygw#1870", Cause.ORIGIN_NOT_LISTED, [rule("*.*")], {}),
    ("two stars in the host", "middy#1265", Cause.ORIGIN_SUBDOMAIN_DEPTH, [rule("https://**.a.example")], {"origin": "https://x.y.a.example"}),
    ("several methods in one value", "COS console", Cause.METHOD_MISSING, [rule(PAGE, allowed_methods=["GET, PUT, POST"])], {}),
    ("a rule that nothing is left of", "s3rver#383", Cause.METHOD_MISSING, [rule("*", methods="*")], {}),
    ("a rule for all and one for another site", "Stack Overflow", Cause.METHOD_MISSING, [rule("*", methods="GET"), rule("https://admin.b.example")], {}),
    ("a rule for the page and one written wrong", "Stack Overflow", Cause.ORIGIN_TRAILING_SLASH, [rule(PAGE, methods="GET"), rule(PAGE + "/", methods="PUT")], {}),
]  # fmt: skip

_UNTOLD = (Cause.APP_REFUSED, Cause.CDN_RESPONDED, Cause.OTHER, Cause.MAX_AGE_CACHED)


def _broken(
    name: str,
    source: str,
    cause: Cause,
    rules: list[dict[str, Any]] | None,
    request: dict[str, Any],
    response: dict[str, Any] | None = None,
) -> Broken:
    fixable = cause not in (*_UNTOLD, Cause.ACRM_MISSING)
    return Broken(name, source, cause, rules, response=response, fixable=fixable, **request)


def _rules(changed: dict[str, Any]) -> list[dict[str, Any]] | None:
    base = rule(PAGE, headers="content-type", max_age_seconds=600)
    return None if "none" in changed else [{**base, **changed}]


TOLD = [
    *(
        _broken(name, source, cause, _rules(changed), {"headers": ["content-type"], **request}, {"console": text})
        for name, source, cause, changed, request, text in PRINTED
    ),
    *(
        _broken(name, source, cause, _rules(changed), {"headers": ["content-type"], **request}, response)
        for name, source, cause, changed, request, response in ANSWERED
    ),
    *(_broken(*each) for each in WRITTEN),
]  # fmt: skip
