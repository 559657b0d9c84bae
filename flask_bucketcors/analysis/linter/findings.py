"""Findings: what is to be said about rules, each of a known kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """How much a finding matters.

    ``DANGER``: others than the owner means may use the bucket. ``WARNING``: the rules do not do
    what they seem to. ``ADVICE``: they do, and could be plainer.
    """

    DANGER = "danger"
    WARNING = "warning"
    ADVICE = "advice"


class _Kind(NamedTuple):
    id: str
    severity: Severity
    meaning: str


class Check(Enum):
    """What is looked for. Ids are stable: one that is given up is not used again."""

    RULE_UNREACHABLE = _Kind(
        "BC101", Severity.WARNING, "rules above it decide every request that the rule allows"
    )
    RULE_PARTLY_SHADOWED = _Kind(
        "BC102", Severity.ADVICE, "a rule above it decides some of the requests that it allows"
    )
    VALUE_REPEATED = _Kind("BC103", Severity.ADVICE, "a value stands in a rule twice")
    VALUE_COVERED = _Kind(
        "BC104", Severity.ADVICE, "other values of the rule cover all that a value does"
    )
    PATTERNS_OVERLAP = _Kind("BC105", Severity.ADVICE, "two values of a rule fit the same texts")
    RULES_DISAGREE = _Kind(
        "BC106",
        Severity.ADVICE,
        "rules answer one origin with other credentials, max-age, headers or exposure",
    )
    ANY_ORIGIN_FIRST = _Kind(
        "BC107", Severity.WARNING, "a rule with `*` stands above one that names origins"
    )
    UNRELATED_ORIGINS = _Kind(
        "BC108", Severity.ADVICE, "a rule names origins of more than one site"
    )
    OPEN_START = _Kind(
        "BC201", Severity.DANGER, "a name that anybody may register ends like the pattern"
    )
    OPEN_END = _Kind(
        "BC202", Severity.DANGER, "a name that anybody may register begins like the pattern"
    )
    ANY_SCHEME = _Kind("BC203", Severity.DANGER, "the `*` covers the scheme")
    NEARLY_ANY_ORIGIN = _Kind(
        "BC204", Severity.DANGER, "the pattern covers nearly all there is, with credentials"
    )
    PUBLIC_SUFFIX = _Kind(
        "BC205", Severity.DANGER, "the pattern covers names below which anybody may register"
    )
    NULL_ORIGIN = _Kind("BC206", Severity.DANGER, "`null` is allowed, which any page can send")
    HTTP_CREDENTIALS = _Kind(
        "BC207", Severity.DANGER, "an origin of plain http is allowed with credentials"
    )
    UPPER_CASE = _Kind("BC301", Severity.WARNING, "an origin has capitals; browsers send none")
    PATH = _Kind("BC302", Severity.WARNING, "an origin has a path, a query or a user name")
    TRAILING_SLASH = _Kind("BC303", Severity.WARNING, "an origin ends in a slash")
    DEFAULT_PORT = _Kind(
        "BC304", Severity.WARNING, "an origin has its scheme's own port, which browsers leave out"
    )
    NOT_PUNYCODE = _Kind(
        "BC305", Severity.WARNING, "an international host name is not in its `xn--` form"
    )
    INVISIBLE_CHARACTER = _Kind(
        "BC306", Severity.WARNING, "a value holds a character that cannot be seen"
    )
    LOOKALIKE = _Kind("BC307", Severity.WARNING, "a host name holds letters that look like others")
    NO_SCHEME = _Kind("BC308", Severity.WARNING, "an origin has no scheme; browsers send one")
    FITS_NOTHING = _Kind("BC309", Severity.WARNING, "a value fits no origin that there can be")
    UNDERSCORE = _Kind(
        "BC310", Severity.WARNING, "a header name has an underscore; many servers drop those"
    )
    LONG_MAX_AGE = _Kind("BC311", Severity.ADVICE, "a max-age is longer than browsers keep it")
    ETAG_NOT_EXPOSED = _Kind(
        "BC312", Severity.WARNING, "PUT or POST is allowed and ETag is not exposed"
    )
    NO_ALLOWED_HEADER = _Kind("BC313", Severity.WARNING, "PUT is allowed, and no header with it")
    REFUSED_VALUE = _Kind("BC314", Severity.WARNING, "a value is refused when it is put")

    @property
    def id(self) -> str:
        """Its id, such as ``BC101``."""
        return self.value.id

    @property
    def severity(self) -> Severity:
        """How bad what it finds is."""
        return self.value.severity

    @property
    def meaning(self) -> str:
        """What it finds, in a few words."""
        return self.value.meaning


class Witness(NamedTuple):
    """A preflight, and what the rules decide about it.

    :param origin: its Origin.
    :param method: its Access-Control-Request-Method.
    :param headers: the names that it asks for, in lower case.
    :param rule: index of the rule that allows it, from 0; None if it is refused.
    """

    origin: str
    method: str
    headers: tuple[str, ...]
    rule: int | None

    def __str__(self) -> str:
        asked = f" with {', '.join(self.headers)}" if self.headers else ""
        decided = "refused" if self.rule is None else f"allowed by rule {self.rule + 1}"
        return f"{self.method} from {self.origin}{asked}: {decided}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be said about rules.

    :param check: its kind.
    :param rule: index of the rule that it is about, from 0.
    :param text: what is the case, and why it matters.
    :param mend: what to do.
    :param witnesses: requests that show it; at least one.
    :param field: the name of the field, as :class:`~flask_bucketcors.Rule` spells it; None if it
        is about the rule as a whole.
    :param value: the value in the field.
    """

    check: Check
    rule: int
    text: str
    mend: str
    witnesses: tuple[Witness, ...]
    field: str | None = None
    value: str | int | None = None

    @property
    def id(self) -> str:
        """The id of its check."""
        return self.check.id

    @property
    def severity(self) -> Severity:
        """The severity of its check."""
        return self.check.severity

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data; rules are counted from 1, as people do."""
        return {
            "id": self.id,
            "check": self.check.name.lower(),
            "severity": str(self.severity),
            "rule": self.rule + 1,
            "field": self.field,
            "value": self.value,
            "text": self.text,
            "mend": self.mend,
            "witnesses": [
                {
                    **each._asdict(),
                    "headers": list(each.headers),
                    "rule": None if each.rule is None else each.rule + 1,
                }
                for each in self.witnesses
            ],
        }

    def __str__(self) -> str:
        return f"{self.id} rule {self.rule + 1}: {self.text} {self.mend}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings by their severity; those of one severity stay in their order."""
    severities = tuple(Severity)
    return sorted(findings, key=lambda each: severities.index(each.severity))
