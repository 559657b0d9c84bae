"""A rule as it is typed into a form: texts that need not be valid, and are never lost."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Final, NamedTuple

from werkzeug.datastructures import MultiDict

from flask_bucketcors.core.rules import Rule

#: The name of each field in forms, and that of the same field of a rule.
RULE_FIELDS: Final[Mapping[str, str]] = {
    "origins": "allowed_origins",
    "methods": "allowed_methods",
    "headers": "allowed_headers",
    "exposed": "expose_headers",
    "max_age": "max_age_seconds",
    "id": "id",
}
#: What each field is called on pages, by its name in forms, in the order of the form.
FIELD_LABELS: Final[Mapping[str, str]] = {
    "origins": "Origins",
    "methods": "Methods",
    "headers": "Allowed request headers",
    "exposed": "Exposed response headers",
    "max_age": "Max-age, in seconds",
    "id": "Name",
}
_LISTS: Final = ("origins", "methods", "headers", "exposed")
# Other characters stay: a value with an invisible one is refused with a message that shows it.
_BLANKS: Final = " \t\r"
_INTEGER: Final = re.compile("-?[0-9]{1,100}")


class _Line(NamedTuple):
    """A value of a list.

    :param number: of the line that it was typed in, from 1.
    """

    number: int
    value: str


@dataclass(frozen=True)
class TypedRule:
    """The texts of a form, one value of a list on each line.

    The parameters are the keys of :data:`RULE_FIELDS`.
    """

    origins: str = ""
    methods: str = ""
    headers: str = ""
    exposed: str = ""
    max_age: str = ""
    id: str = ""

    @classmethod
    def of(cls, rule: Rule) -> "TypedRule":
        """Give a rule as somebody would type it."""
        texts = {name: "\n".join(getattr(rule, RULE_FIELDS[name])) for name in _LISTS}
        max_age = "" if rule.max_age_seconds is None else str(rule.max_age_seconds)
        return cls(**texts, max_age=max_age, id=rule.id or "")

    @classmethod
    def from_form(cls, form: MultiDict[str, str]) -> "TypedRule":
        """Read the fields of a form; each may occur several times, as those of boxes do."""
        texts = ("\n".join(form.getlist(each.name)) for each in fields(cls))
        return cls(*(text.replace("\r\n", "\n") for text in texts))

    def as_fields(self) -> dict[str, str]:
        """Give the fields that :meth:`from_form` reads."""
        return asdict(self)

    def values(self, name: str) -> list[str]:
        """Give the values of a list, by its name in forms."""
        return [each.value for each in self._lines[name]]

    def parse(self) -> Rule:
        """Give the rule.

        :raises InvalidRules: with every problem.
        """
        origins, methods, headers, exposed = map(self.values, _LISTS)
        max_age = self.max_age.strip(_BLANKS)
        # A rule refuses what is no number, and says so.
        seconds: Any = int(max_age) if _INTEGER.fullmatch(max_age) else max_age or None
        return Rule(origins, methods, headers, exposed, seconds, self.id.strip(_BLANKS) or None)

    def line_of(self, name: str, index: int | None) -> int | None:
        """Give the line of a value, from 1; None if there is none.

        :param name: of a list, in forms.
        :param index: of the value in the list, from 0; None for no value of a list.
        """
        lines = self._lines.get(name, ())
        return lines[index].number if index is not None and index < len(lines) else None

    @cached_property
    def _lines(self) -> Mapping[str, Sequence[_Line]]:
        # Read once, because each of many thousand lines may be wrong.
        return {name: [*_lines(getattr(self, name))] for name in _LISTS}


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if value := line.strip(_BLANKS):
            yield _Line(number, value)
