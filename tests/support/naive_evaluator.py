"""A naive evaluator of CORS rules in each dialect, which tests compare the package with.

It is written straight from the vendor's documents and the project's design choices, for
obviousness and not for speed: loops over characters, no compiled patterns, nothing shared with
the package. "Choice" in a comment means the numbered list of choices in the design.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_letters, digits, hexdigits
from typing import Literal, TypedDict

from tests.support.dialect_facts import FACTS, Manner

# Choice 20: what is longer is refused before any other work.
ORIGIN_LIMIT = 326
METHOD_LIMIT = 64
REQUEST_HEADERS_LIMIT = 8192
REQUEST_NAMES_LIMIT = 128

SCHEME_CHARACTERS = ascii_letters + digits + "+.-"
HOST_CHARACTERS = ascii_letters + digits + "._-"
ADDRESS_CHARACTERS = hexdigits + ":."
# RFC 9110, 5.6.2: tchar.
TOKEN_CHARACTERS = ascii_letters + digits + "!#$%&'*+-.^_`|~"

Kind = Literal["preflight", "actual"]


class RuleDict(TypedDict):
    """One CORS rule as a plain dict."""

    id: str | None
    allowed_origins: list[str]
    allowed_methods: list[str]
    allowed_headers: list[str]
    expose_headers: list[str]
    max_age_seconds: int | None


@dataclass(frozen=True)
class Verdict:
    """The index of the rule that applies, if any, and the headers it gives the vendor's way."""

    rule: int | None
    headers: dict[str, str] = field(default_factory=dict)


REFUSED = Verdict(None)


def evaluate(
    rules: Sequence[RuleDict],
    *,
    origin: str,
    method: str,
    requested_method: str | None = None,
    requested_headers: str | None = None,
    kind: Kind = "preflight",
    allow_credentials: bool = True,
    dialect: str = "cos",
) -> Verdict:
    """Find the first rule from the top that fits the request, and write its answer.

    ``method`` is Access-Control-Request-Method for a preflight, the request's own for an actual
    request, which may carry a ``requested_method`` besides; ``requested_headers`` is the raw
    Access-Control-Request-Headers.
    """
    manner = FACTS[dialect].manner
    # Choice 13: in COS and OSS an actual request is judged without its Access-Control-Request-*,
    # in S3 by them.
    if kind == "actual" and not manner.judges_by_requested:
        requested_method, requested_headers = None, None
    if requested_method is not None:
        method = requested_method
    names = requested_names(requested_headers)
    if names is None or len(method) > METHOD_LIMIT:
        return REFUSED
    for index, rule in enumerate(rules):
        if rule_matches(rule, origin, method, names):
            return Verdict(
                index,
                _origin_headers(rule, origin, allow_credentials)
                | _expose_headers(rule, manner)
                | (_preflight_headers(rule, names, manner) if kind == "preflight" else {})
                | (_further_headers(rule, manner) if is_in_full(kind, manner) else {})
                | ({"Vary": manner.vary_on_match} if manner.vary_on_match else {}),
            )
    return REFUSED


def is_in_full(kind: Kind, manner: Manner) -> bool:
    """Say whether an answer carries the methods and the age."""
    return kind == "preflight" or manner.actual_in_full


def rule_matches(rule: RuleDict, origin: str, method: str, names: Sequence[str]) -> bool:
    """Say whether a rule admits the origin, the method and every one of the header names."""
    return (
        any(origin_matches(pattern, origin) for pattern in rule["allowed_origins"])
        and method in rule["allowed_methods"]
        and all(header_matches(rule["allowed_headers"], name) for name in names)
    )


def origin_matches(pattern: str, origin: str) -> bool:
    """Compare a request's Origin with one AllowedOrigin, exactly and case-sensitively."""
    if len(origin) > ORIGIN_LIMIT:
        return False
    if "*" not in pattern:
        return origin == pattern
    # Choice 5: what a bare "*" admits need not be an origin, because the response does not name it.
    if pattern == "*":
        return not any(character < " " or character == "\x7f" for character in origin)
    # Choice 5: "null" reads like a host, yet only a literal "null" and a bare "*" mean it.
    return is_origin(origin) and origin != "null" and fits(pattern, origin)


def header_matches(allowed: Sequence[str], name: str) -> bool:
    """Say whether a requested header equals or fits one AllowedHeader, in any case."""
    return any(fits(item.lower(), name.lower()) for item in allowed)


def fits(pattern: str, text: str) -> bool:
    """Match a text against a pattern with at most one ``*`` for zero or more characters."""
    before, star, after = pattern.partition("*")
    if not star:
        return text == pattern
    # The two sides may not share characters: "aba" does not fit "aba*aba".
    long_enough = len(text) >= len(before) + len(after)
    return long_enough and text.startswith(before) and text.endswith(after)


def requested_names(text: str | None) -> list[str] | None:
    """Split Access-Control-Request-Headers into names, case kept; None if it is not acceptable."""
    if text is None:
        return []
    if len(text) > REQUEST_HEADERS_LIMIT:
        return None
    names = [item.strip(" \t") for item in text.split(",")]
    names = [name for name in names if name]
    if len(names) > REQUEST_NAMES_LIMIT:
        return None
    return names if all(consists_of(name, TOKEN_CHARACTERS) for name in names) else None


def is_origin(text: str) -> bool:
    """Check a request's Origin against the grammar of choice 5: [scheme://] host [:port]."""
    if len(text) > ORIGIN_LIMIT:
        return False
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _is_host_and_port(text)
    return _is_scheme(scheme) and _is_host_and_port(rest)


def consists_of(text: str, characters: str) -> bool:
    """Say whether a text has characters, and none but these."""
    return text != "" and all(character in characters for character in text)


def _is_scheme(text: str) -> bool:
    return consists_of(text, SCHEME_CHARACTERS) and text[0] in ascii_letters


def _is_host_and_port(text: str) -> bool:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        return bracket == "]" and consists_of(address, ADDRESS_CHARACTERS) and _is_port(rest)
    host, colon, number = text.partition(":")
    return consists_of(host, HOST_CHARACTERS) and _has_labels(host) and _is_port(colon + number)


def _has_labels(host: str) -> bool:
    """Choice 5: an empty label is no host, but for the root's behind a dot at the end."""
    first, *others = host.split(".")
    if others and others[-1] == "":
        others.pop()
    return first != "" and "" not in others


def _is_port(text: str) -> bool:
    if text == "":
        return True
    return text[0] == ":" and consists_of(text[1:], digits) and len(text) <= 6


def _origin_headers(rule: RuleDict, origin: str, allow_credentials: bool) -> dict[str, str]:
    # Choice 5: a bare "*" wins over named origins beside it, and never goes with credentials.
    if "*" in rule["allowed_origins"]:
        return {"Access-Control-Allow-Origin": "*"}
    headers = {"Access-Control-Allow-Origin": origin}
    if allow_credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers


def _further_headers(rule: RuleDict, manner: Manner) -> dict[str, str]:
    headers = {"Access-Control-Allow-Methods": manner.separator.join(rule["allowed_methods"])}
    if rule["max_age_seconds"] is not None:
        headers["Access-Control-Max-Age"] = str(rule["max_age_seconds"])
    return headers


def _preflight_headers(rule: RuleDict, names: Sequence[str], manner: Manner) -> dict[str, str]:
    allowed = _allow_headers(rule["allowed_headers"], names, manner)
    return {"Access-Control-Allow-Headers": manner.separator.join(allowed)} if allowed else {}


def _allow_headers(allowed: Sequence[str], names: Sequence[str], manner: Manner) -> list[str]:
    if manner.allow_headers == "as asked, in lower case":
        return [name.lower() for name in names]
    # Sample A of "OPTIONS Object": a "*" rule answers with the requested list as sent.
    if manner.allow_headers == "as asked" or "*" in allowed:
        return list(names)
    # Sample B: otherwise with all names of the rule, lower-cased.
    answer = [item.lower() for item in allowed if "*" not in item]
    # Choice 8: no browser understands "x-cos-meta-*", so the names it let in are spelt out.
    for name in names:
        if name.lower() not in answer:
            answer.append(name.lower())
    return answer


def _expose_headers(rule: RuleDict, manner: Manner) -> dict[str, str]:
    if not rule["expose_headers"]:
        return {}
    return {"Access-Control-Expose-Headers": manner.separator.join(rule["expose_headers"])}
