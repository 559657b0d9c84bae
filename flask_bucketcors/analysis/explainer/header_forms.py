"""Names the way in which a header of CORS is wrong.

That it is wrong says :mod:`flask_bucketcors.core.browser`; here is why, by how it is written.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from flask_bucketcors.analysis.explainer.origin_nearness import NOT_NEAR, origin_differences
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.analysis.spelling.origin_parts import WRAPPING
from flask_bucketcors.core.browser import (
    NON_WILDCARD_NAME,
    Failure,
    Pairs,
    cors_failure,
    names_in,
    value_of,
)
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
)
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.wildcards import ANY

_BRACKETS: Final = WRAPPING.replace(";", "").replace(",", "") + "[]{}"
_OTHER_SEPARATOR = re.compile(r"[\s;|/]+")
_PLACEHOLDER = re.compile(r"[${%]|undefined$|None$|true$|false$|\[object", re.IGNORECASE)
# The most that Chromium keeps, in seconds.
_KEPT: Final = 7200
_NAMES: Final = (
    ALLOW_ORIGIN,
    ALLOW_METHODS,
    ALLOW_HEADERS,
    ALLOW_CREDENTIALS,
    EXPOSE_HEADERS,
    MAX_AGE,
)
_BY_LOWER: Final = {name.lower(): name for name in _NAMES}
_SHORT: Final = {name.lower().removeprefix("access-control-"): name for name in _NAMES[:-1]}
# What says nothing of how a value is written.
_PLAIN: Final = (Mistake.OTHER_ORIGIN, Mistake.SEVERAL_ORIGINS, Mistake.CREDENTIALS_MISSING)
# Of other specifications, and so no misspelling.
_OTHERS: Final = frozenset(
    {"access-control-allow-private-network", "access-control-allow-local-network"}
)
_NEAR: Final = 0.85
# In characters; longer names are cut.
_MAX_NAME: Final = 64
_SEND_ORIGIN: Final = "send the page's origin, exactly as its request has it"
#: A kind, and the value that its text names.
NamedMistake = tuple[Mistake | Cause, str]


def origin_mistake(pairs: Pairs, origin: str) -> Mistake | Cause:
    """Say in which way Access-Control-Allow-Origin differs from the page's origin."""
    values = [value.strip(" \t") for name, value in pairs if name.lower() == ALLOW_ORIGIN.lower()]
    if len(values) > 1:
        return Mistake.SEVERAL_ORIGINS
    value = _as_utf_8(values[0])
    inner = value.strip(_BRACKETS)
    if not value:
        return Mistake.ORIGIN_EMPTY
    if _PLACEHOLDER.match(value):
        return Mistake.ORIGIN_PLACEHOLDER
    if "," in value or len(value.split()) > 1:
        return Mistake.ORIGIN_LIST
    if inner in (origin, ANY) and inner != value:
        return Mistake.ORIGIN_QUOTED
    if ANY in value:
        return Mistake.ORIGIN_STAR_INSIDE
    if value == NULL:
        return Mistake.ORIGIN_SENT_NULL
    causes = origin_differences(value, origin)
    return Mistake.OTHER_ORIGIN if causes == NOT_NEAR else causes[0]


def _as_utf_8(value: str) -> str:
    """A value as it was meant: HTTP has bytes, which are read as Latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def credentials_mistake(pairs: Pairs) -> Mistake:
    """Say why Access-Control-Allow-Credentials does not count."""
    missing = value_of(ALLOW_CREDENTIALS, pairs) is None
    return Mistake.CREDENTIALS_MISSING if missing else Mistake.CREDENTIALS_VALUE


def method_mistake(pairs: Pairs, method: str, credentials: bool) -> Mistake | Cause:
    """Say why Access-Control-Allow-Methods does not allow a method."""
    value = value_of(ALLOW_METHODS, pairs) or ""
    listed = names_in(ALLOW_METHODS, pairs)
    if _is_wrapped(value):
        return Mistake.METHODS_QUOTED
    if _names_apart(value, method) or (listed is None and _is_separated(value)):
        return Mistake.METHODS_SEPARATED
    if listed is None:
        return Mistake.METHODS_NO_LIST
    if method.lower() in map(str.lower, listed):
        return Cause.METHOD_CASE
    return Mistake.METHODS_STAR if ANY in listed and credentials else Mistake.METHOD_MISSING


def header_mistake(pairs: Pairs, name: str, credentials: bool) -> Mistake | Cause:
    """Say why Access-Control-Allow-Headers does not allow a header.

    :param name: ``""`` if the header is not a list.
    """
    value = (value_of(ALLOW_HEADERS, pairs) or "").lower()
    listed = {each.lower() for each in names_in(ALLOW_HEADERS, pairs) or ()}
    if _is_wrapped(value):
        return Mistake.HEADERS_QUOTED
    if not name:
        return Mistake.HEADERS_SEPARATED if _is_separated(value) else Mistake.HEADERS_NO_LIST
    if _names_apart(value, name):
        return Mistake.HEADERS_SEPARATED
    if ANY in listed:
        is_star = name == NON_WILDCARD_NAME and not credentials
        return Mistake.HEADERS_STAR_AUTHORIZATION if is_star else Mistake.HEADERS_STAR
    if any(ANY in each and fnmatchcase(name, each) for each in listed):
        return Mistake.HEADERS_PATTERN
    underscored = {each.replace("_", "-") for each in listed}
    return (
        Cause.HEADER_UNDERSCORE if name.replace("_", "-") in underscored else Mistake.HEADER_MISSING
    )


def written_wrong(pairs: Pairs, origin: str, credentials: bool) -> Mistake | None:
    """Say how a header is written that no browser accepts; None if it only names another origin."""
    pairs = list(pairs)
    match cors_failure(origin, credentials, pairs):
        case Failure.SEVERAL_ORIGINS | Failure.OTHER_ORIGIN:
            found = origin_mistake(pairs, origin)
        case Failure.CREDENTIALS_MISSING:
            found = credentials_mistake(pairs)
        case _:
            return None
    return found if isinstance(found, Mistake) and found not in _PLAIN else None


def text_of(kind: Mistake | Cause, value: str = "") -> str:
    """What is wrong and what to do; a cause is said of the header, not of a rule."""
    if isinstance(kind, Mistake):
        return kind.text(value)
    if not kind.startswith("origin_"):
        return f"{kind.meaning.removesuffix('.')} ({value}): {kind.help}"
    said = re.sub("[Tt]he rule names", f"{ALLOW_ORIGIN} names", kind.said_of(ALLOW_ORIGIN))
    return f"{said.removesuffix('.')}: {_SEND_ORIGIN}"


def harmless_mistakes(
    pairs: Pairs, credentials: bool, is_preflight: bool
) -> Iterator[NamedMistake]:
    """Say what is wrong with headers that do not stop this request."""
    pairs = list(pairs)
    granted = value_of(ALLOW_CREDENTIALS, pairs)
    if not credentials and granted not in (None, "true", "false"):
        yield Mistake.CREDENTIALS_VALUE, ""
    exposed = _expose_mistake(pairs, credentials)
    if exposed and not is_preflight:
        yield exposed, ""
    age = _max_age_mistake(value_of(MAX_AGE, pairs)) if is_preflight else None
    if age:
        yield age, ""
    yield from ((Mistake.HEADER_MISSPELLED, each) for each in _misspelled(pairs))


def _expose_mistake(pairs: Pairs, credentials: bool) -> Mistake | None:
    value = value_of(EXPOSE_HEADERS, pairs)
    if not value:
        return None
    listed = names_in(EXPOSE_HEADERS, pairs)
    if _is_wrapped(value):
        return Mistake.EXPOSE_QUOTED
    if listed is None or any("|" in each for each in listed):
        return Mistake.EXPOSE_SEPARATED if _is_separated(value) else Mistake.EXPOSE_NO_LIST
    return Mistake.EXPOSE_STAR if ANY in listed and credentials else None


def _max_age_mistake(value: str | None) -> Mistake | None:
    if value is None:
        return None
    if re.fullmatch("-[0-9]+", value):
        return Mistake.MAX_AGE_NEGATIVE
    if not re.fullmatch("[0-9]+", value):
        return Mistake.MAX_AGE_NO_NUMBER
    return Mistake.MAX_AGE_LONG if int(value[:9]) > _KEPT else None


def _misspelled(pairs: Pairs) -> Iterator[str]:
    """The names that look like one of CORS and are none, with the right one."""
    for name, _ in pairs:
        written = name.lower().replace("_", "-").removeprefix("x-")
        meant = _BY_LOWER.get(written) or _SHORT.get(written) or _near(written)
        if meant and name.lower() not in (*_BY_LOWER, *_OTHERS):
            yield f"{name[:_MAX_NAME]}, which may stand for {meant}"


def _near(written: str) -> str | None:
    if written.startswith("access-control-request-"):
        return _BY_LOWER.get(written.replace("request", "allow").replace("method", "methods", 1))
    if not any(part in written for part in ("acc", "allow", "expose")):
        return None
    close = get_close_matches(written[:_MAX_NAME], [*_BY_LOWER, *_SHORT], 1, _NEAR)
    return {**_SHORT, **_BY_LOWER}[close[0]] if close else None


def _items(value: str) -> list[str]:
    return [item.strip(" \t") for item in value.split(",")]


def _is_wrapped(value: str) -> bool:
    return any(item.strip(_BRACKETS) != item for item in _items(value))


def _is_separated(value: str) -> bool:
    """Whether something else than a comma stands between two items."""
    return any(len(list(filter(None, _OTHER_SEPARATOR.split(item)))) > 1 for item in _items(value))


def _names_apart(value: str, name: str) -> bool:
    """Whether a name is there, but not between commas."""
    items = _items(value)
    return name not in items and any(name in _OTHER_SEPARATOR.split(item) for item in items)
