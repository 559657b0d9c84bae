"""Terms: on which a rule allows requests, as a browser reads them from a response.

What :mod:`~flask_bucketcors.core.grants` writes as headers, without the way a vendor writes it.
"""

from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import AllowHeaders, Dialect
from flask_bucketcors.core.rules import Rule
from flask_bucketcors.core.wildcards import ANY

#: The terms that browsers act on, whatever was requested. A response always names the requested
#: method and headers; the others save later preflights at most.
FELT: Final = frozenset({"any_origin", "credentials", "exposed", "max_age"})


class Terms(NamedTuple):
    """What the response to an allowed request says.

    :param any_origin: whether it names ``*`` and not the origin.
    :param credentials: whether it allows them.
    :param methods: those that it names.
    :param headers: names in lower case that it always contains; requested names are added.
    :param exposed: names in lower case of response headers that a page may read.
    :param max_age: seconds; None for none.
    """

    any_origin: bool
    credentials: bool
    methods: frozenset[str]
    headers: frozenset[str]
    exposed: frozenset[str]
    max_age: int | None

    def as_dict(self) -> dict[str, Any]:
        """The terms as plain data, names in alphabetical order."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in self._asdict().items()
        }


def terms_of(rule: Rule, dialect: Dialect, allow_credentials: bool = True) -> Terms:
    """Give the terms on which a rule allows requests.

    :param allow_credentials: whether a response that names the origin also allows credentials.
    """
    any_origin = ANY in rule.allowed_origins
    names = _lower(rule.allowed_headers)
    shows_own = dialect.allow_headers is AllowHeaders.RULE and ANY not in names
    return Terms(
        any_origin,
        allow_credentials and not any_origin,
        frozenset(rule.allowed_methods),
        frozenset(name for name in names if ANY not in name) if shows_own else frozenset(),
        _lower(rule.expose_headers),
        rule.max_age_seconds,
    )


def _lower(names: Any) -> frozenset[str]:
    return frozenset(map(str.lower, names))
