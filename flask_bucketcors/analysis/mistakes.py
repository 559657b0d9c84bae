"""Causes: the closed set of answers to "why does my page's request fail?"."""

from enum import StrEnum
from typing import Final, NamedTuple


class Cause(StrEnum):
    """Why a page's request fails; each has a :attr:`meaning` and says :attr:`what_to_do`."""

    NO_RULES = "no_rules"
    ORIGIN_SCHEME = "origin_scheme"
    ORIGIN_PORT = "origin_port"
    ORIGIN_DEFAULT_PORT = "origin_default_port"
    ORIGIN_TRAILING_SLASH = "origin_trailing_slash"
    ORIGIN_PATH = "origin_path"
    ORIGIN_CASE = "origin_case"
    ORIGIN_IDN = "origin_idn"
    ORIGIN_INVISIBLE_CHARACTER = "origin_invisible_character"
    ORIGIN_LOOKALIKE = "origin_lookalike"
    ORIGIN_SUBDOMAIN_DEPTH = "origin_subdomain_depth"
    ORIGIN_APEX = "origin_apex"
    ORIGIN_NULL = "origin_null"
    ORIGIN_IP_LOCALHOST = "origin_ip_localhost"
    ORIGIN_NOT_LISTED = "origin_not_listed"
    METHOD_MISSING = "method_missing"
    METHOD_CASE = "method_case"
    METHOD_HEAD_NOT_GET = "method_head_not_get"
    HEADER_MISSING = "header_missing"
    HEADER_UNDERSCORE = "header_underscore"
    HEADER_INVISIBLE_CHARACTER = "header_invisible_character"
    EXPOSE_MISSING = "expose_missing"
    EXPOSE_PATTERN = "expose_pattern"
    CREDENTIALS_WILDCARD = "credentials_wildcard"
    MAX_AGE_CACHED = "max_age_cached"
    SHADOWED_RULE = "shadowed_rule"
    ACRM_MISSING = "acrm_missing"
    APP_REFUSED = "app_refused"
    CDN_ANSWERED = "cdn_answered"
    DUPLICATE_HEADERS = "duplicate_headers"
    VARY_MISSING = "vary_missing"
    OTHER = "other"

    @property
    def is_by_rules(self) -> bool:
        """Whether a change of the rules could mend it."""
        return self not in _NOT_BY_RULES

    @property
    def meaning(self) -> str:
        """What is wrong, in one sentence."""
        return _TEXTS[self].meaning

    @property
    def what_to_do(self) -> str:
        """What mends it, in one sentence."""
        return _TEXTS[self].what_to_do


_NOT_BY_RULES: Final = frozenset(
    {
        Cause.ACRM_MISSING,
        Cause.APP_REFUSED,
        Cause.CDN_ANSWERED,
        Cause.DUPLICATE_HEADERS,
        Cause.MAX_AGE_CACHED,
        Cause.VARY_MISSING,
        Cause.OTHER,
    }
)


class _Texts(NamedTuple):
    meaning: str
    what_to_do: str


_TEXTS: Final = {
    Cause.NO_RULES: _Texts(
        "The bucket has no CORS rules, so no other origin may use it.",
        "Put a rule for the page's origin.",
    ),
    Cause.ORIGIN_SCHEME: _Texts(
        "A rule names the host with another scheme, or with none.",
        "Write the scheme that the page is loaded with, `http://` or `https://`.",
    ),
    Cause.ORIGIN_PORT: _Texts(
        "A rule names the host with another port, or leaves the port out.",
        "Write the port as the page's address shows it.",
    ),
    Cause.ORIGIN_DEFAULT_PORT: _Texts(
        "The origin spells out `:80` of http or `:443` of https, which browsers leave out.",
        "Leave the port out.",
    ),
    Cause.ORIGIN_TRAILING_SLASH: _Texts(
        "The origin ends in a slash; the Origin that a browser sends never does.",
        "Take the slash away.",
    ),
    Cause.ORIGIN_PATH: _Texts(
        "The origin holds more than scheme, host and port: a path, a query or a user name.",
        "Cut it behind host and port.",
    ),
    Cause.ORIGIN_CASE: _Texts(
        "The origin is written with capitals; browsers send lower case, and case counts.",
        "Write it in lower case.",
    ),
    Cause.ORIGIN_IDN: _Texts(
        "An international host name is written out; browsers send its `xn--` form.",
        "Write the `xn--` form.",
    ),
    Cause.ORIGIN_INVISIBLE_CHARACTER: _Texts(
        "The origin holds a character that cannot be seen, such as a blank, a no-break space, "
        "a zero-width space or a byte order mark.",
        "Delete the value and type it in by hand.",
    ),
    Cause.ORIGIN_LOOKALIKE: _Texts(
        "The origin holds a letter that looks like the right one and is another.",
        "Delete the value and type it in by hand.",
    ),
    Cause.ORIGIN_SUBDOMAIN_DEPTH: _Texts(
        "A rule names a host above or below the page's; names of other depth are other origins.",
        "Add the page's own origin.",
    ),
    Cause.ORIGIN_APEX: _Texts(
        "A rule names subdomains, such as `https://*.a.example` or `https://www.a.example`; the "
        "bare domain `https://a.example` is none of them.",
        "Add the bare domain beside them.",
    ),
    Cause.ORIGIN_NULL: _Texts(
        "The page has no origin and sends `null`: a file, a sandboxed frame, a `data:` page, or "
        "a request that was redirected to another origin.",
        "Serve the page by http, or ask the final address; allow `null` only for public data.",
    ),
    Cause.ORIGIN_IP_LOCALHOST: _Texts(
        "`localhost`, `127.0.0.1` and `[::1]` are three origins, and a rule names another one.",
        "Add the one that the page is loaded from.",
    ),
    Cause.ORIGIN_NOT_LISTED: _Texts(
        "No rule names the page's origin or one that is nearly it.",
        "Add the origin to a rule, or put a rule for it.",
    ),
    Cause.METHOD_MISSING: _Texts(
        "A rule allows the origin, but not the method.",
        "Add the method to the rule; rules know GET, PUT, POST, DELETE and HEAD.",
    ),
    Cause.METHOD_CASE: _Texts(
        "The method is right but for upper and lower case, which count.",
        "Write the method in upper case.",
    ),
    Cause.METHOD_HEAD_NOT_GET: _Texts(
        "A rule allows GET, which does not include HEAD.",
        "Add HEAD to the rule.",
    ),
    Cause.HEADER_MISSING: _Texts(
        "A rule allows origin and method, but not every header that the page sends.",
        "Add each missing name to the rule's AllowedHeader.",
    ),
    Cause.HEADER_UNDERSCORE: _Texts(
        "A header name is written with `_` on one side and with `-` on the other.",
        "Write `-` on both sides; many servers drop headers with `_`.",
    ),
    Cause.HEADER_INVISIBLE_CHARACTER: _Texts(
        "A header name holds a character that cannot be seen, or one that only looks right.",
        "Delete the name and type it in by hand.",
    ),
    Cause.EXPOSE_MISSING: _Texts(
        "The request passes, but the page may not read a header of the answer, such as ETag.",
        "Add the name to the rule's ExposeHeader.",
    ),
    Cause.EXPOSE_PATTERN: _Texts(
        "ExposeHeader holds a `*`: vendors refuse it, and with credentials browsers ignore it.",
        "Name each header that the page reads.",
    ),
    Cause.CREDENTIALS_WILDCARD: _Texts(
        "The page sends credentials and the answer allows `*`, which browsers do not accept then.",
        "Name the origin in a rule of its own above the one with `*`, or send no credentials.",
    ),
    Cause.MAX_AGE_CACHED: _Texts(
        "The rules allow it now, but the browser still holds an older answer to the preflight.",
        "Wait until its Max-Age has passed, or disable the cache in the browser's tools.",
    ),
    Cause.SHADOWED_RULE: _Texts(
        "A rule further down would serve the page, but one above it fits first and does not.",
        "Move the rule up.",
    ),
    Cause.ACRM_MISSING: _Texts(
        "An OPTIONS request without Access-Control-Request-Method is no preflight.",
        "Send that header too; a browser always does.",
    ),
    Cause.APP_REFUSED: _Texts(
        "The rules allow it; the application itself answered with a refusal, an error or a "
        "redirect.",
        "Mend signature, rights or address; let preflights pass without signing in.",
    ),
    Cause.CDN_ANSWERED: _Texts(
        "A CDN or a proxy answered in place of the bucket.",
        "Configure CORS there, and let it pass Origin and OPTIONS on.",
    ),
    Cause.DUPLICATE_HEADERS: _Texts(
        "An answer carries a header such as Access-Control-Allow-Origin twice, which fails even "
        "if both are right.",
        "Let one layer alone set CORS headers.",
    ),
    Cause.VARY_MISSING: _Texts(
        "A cache handed out an answer that was made for another origin, or for none, as it did "
        "not say `Vary: Origin`.",
        "Switch ResponseVary on and empty the cache.",
    ),
    Cause.OTHER: _Texts(
        "None of the causes that are known here.",
        "Look at the text of the explanation.",
    ),
}
