"""Origins that allow others than the owner means.

A ``*`` may stand for all that an origin may hold there: names that others registered, plain
http. Fetch, "CORS protocol": a page whose origin is answered, with credentials, reads what its
visitor may read.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from flask_bucketcors.core.algebra.grammars import ORIGINS
from flask_bucketcors.core.linting.findings import Check, Finding
from flask_bucketcors.core.linting.sites import is_local, is_owned
from flask_bucketcors.core.linting.subject import PublicSuffix, Subject
from flask_bucketcors.core.origins import NULL, covers, pattern_problem
from flask_bucketcors.core.wildcards import ANY, Wildcard

_FIELD: Final = "allowed_origins"
_SCHEME_END: Final = "://"
_SCHEMES: Final = ("http://", "https://")


class _Danger(NamedTuple):
    """What is dangerous about a value.

    :param origin: one that nobody means, and that the value covers.
    """

    check: Check
    origin: str
    text: str
    mend: str


def danger_findings(subject: Subject) -> Iterator[Finding]:
    """Look for origins that are dangerous."""
    for index, rule in subject.written():
        # Where a bare "*" stands beside them, the answer is "*", which gives no credentials.
        if ANY in rule.allowed_origins:
            continue
        for value in dict.fromkeys(rule.allowed_origins):
            if pattern_problem(value) is None:
                yield from _dangers(subject, index, value)


def _dangers(subject: Subject, index: int, value: str) -> Iterator[Finding]:
    for each in _of_value(value, subject.public_suffix, subject.allow_credentials):
        witness = subject.witness_of(index, each.origin)
        # Where a "*" above takes the request, it is answered without credentials.
        if covers(value, each.origin) and subject.names_origin(witness.rule):
            yield Finding(each.check, index, each.text, each.mend, (witness,), _FIELD, value)


def _of_value(
    value: str, public_suffix: PublicSuffix, allow_credentials: bool
) -> Iterator[_Danger]:
    if value == NULL:
        yield _Danger(
            Check.NULL_ORIGIN,
            NULL,
            "'null' is the origin of every sandboxed frame, and any page can put one up.",
            "Delete it, and serve the page from an origin of its own.",
        )
    wildcard = Wildcard.parse(value)
    if wildcard is not None:
        yield from _of_pattern(value, wildcard, public_suffix)
    if allow_credentials and value.startswith("http://"):
        yield from _of_plain_http(value)


def _of_plain_http(value: str) -> Iterator[_Danger]:
    host = _host_of(value.removeprefix("http://"))
    origin = _example(value)
    if origin is not None and not is_local(host.replace(ANY, "x")):
        yield _Danger(
            Check.HTTP_CREDENTIALS,
            origin,
            f"'{value}' is plain http: whoever is on the way can put a page there, which is "
            "then allowed to send credentials and to read the answers.",
            "Serve the page by https, and write https://.",
        )


def _of_pattern(value: str, wildcard: Wildcard, public_suffix: PublicSuffix) -> Iterator[_Danger]:
    prefix, suffix = wildcard
    if _SCHEME_END in prefix:
        scheme, _, start = prefix.partition(_SCHEME_END)
        yield from _of_host(value, f"{scheme}://", start, suffix, public_suffix)
    elif _SCHEME_END in suffix:
        host = suffix.partition(_SCHEME_END)[2]
        plain = [scheme + host for scheme in _SCHEMES if covers(value, scheme + host)]
        yield _any_scheme(value, plain[0] if plain else _example(value))
    elif any(scheme.startswith(prefix) for scheme in _SCHEMES):
        dangers = list(_of_host(value, "http://", "", suffix, public_suffix))
        if not any(each.check is Check.NEARLY_ANY_ORIGIN for each in dangers):
            yield _any_scheme(value, f"http://www{suffix}")
        yield from dangers


def _of_host(
    value: str, scheme: str, start: str, suffix: str, public_suffix: PublicSuffix
) -> Iterator[_Danger]:
    """Look at a pattern whose ``*`` stands in the host, or behind it.

    :param start: what stands between the scheme and the ``*``.
    """
    if ":" in start or start.startswith("["):
        # The host is complete, and the "*" can only be a port; or it is an address.
        return
    end = _host_of(suffix)
    if end:
        whole = end.removeprefix(".") if end.startswith(".") else end.partition(".")[2]
        if not is_owned(whole, public_suffix):
            origin = f"{scheme}{start}evil{suffix}"
            yield (_public_suffix if end.startswith(".") else _open_start)(value, origin, whole)
    elif start:
        dot = "" if start.endswith(".") else "."
        yield _open_end(value, f"{scheme}{start}{dot}evil.example{suffix}")
    else:
        yield _nearly_any(value, f"{scheme}evil.example{suffix}")


def _any_scheme(value: str, origin: str | None) -> _Danger:
    return _Danger(
        Check.ANY_SCHEME,
        origin or "",
        f"The '*' of '{value}' covers the scheme, and so plain http, where whoever is on the "
        "way can put a page.",
        "Write https:// in front.",
    )


def _open_start(value: str, origin: str, whole: str) -> _Danger:
    return _Danger(
        Check.OPEN_START,
        origin,
        f"'{value}' covers '{origin}', a name that anybody may register.",
        "Write a dot behind the '*', and a name of your own behind that.",
    )


def _open_end(value: str, origin: str) -> _Danger:
    return _Danger(
        Check.OPEN_END,
        origin,
        f"'{value}' covers '{origin}', a name that anybody may have.",
        "Write the whole host; ':*' behind it covers all ports.",
    )


def _nearly_any(value: str, origin: str) -> _Danger:
    return _Danger(
        Check.NEARLY_ANY_ORIGIN,
        origin,
        f"'{value}' covers nearly every website, and unlike '*' it goes with credentials.",
        "Name the origins; for public data write '*' alone.",
    )


def _public_suffix(value: str, origin: str, whole: str) -> _Danger:
    return _Danger(
        Check.PUBLIC_SUFFIX,
        origin,
        f"'{value}' covers '{origin}': anybody may register names below '{whole}'.",
        "Write a name of your own behind the '*.'.",
    )


def _host_of(text: str) -> str:
    """Give the host out of a host with, perhaps, a port."""
    if "]" in text:
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


def _example(value: str) -> str | None:
    """Give an origin that a value covers."""
    for filler in (*ORIGINS.fillers, *ORIGINS.endings):
        origin = value.replace(ANY, filler)
        if covers(value, origin):
            return origin
    return None
