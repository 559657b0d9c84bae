"""The fields of a rule: the values that each may have, and a list of all their problems.

Most rules are similar, and a rule is checked again whenever it is read. So there are two checks: a
fast one that accepts usual values, and a full one for all others, which finds the problems. The
fast one accepts nothing that the full one refuses.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.origins import are_usual_patterns, pattern_problem
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.wildcards import ANY

#: The methods that the vendors' rules can allow.
METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
#: Further methods that a rule can allow. Which of them a document may contain depends on its
#: reader. RFC 5789 (PATCH), RFC 4918 (WebDAV), RFC 3253 (REPORT), RFC 5323 (SEARCH).
EXTRA_METHODS: Final = (
    *("PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE"),
    *("LOCK", "UNLOCK", "REPORT", "SEARCH"),
)
MAX_ID_LENGTH: Final = 255
MAX_AGE_LIMIT: Final = 2**31 - 1

# Equal lists are stored once, because there may be rules for very many buckets.
MAX_SHARED_LISTS: Final = 1024
MAX_SHARED_VALUES: Final = 16

# XML 1.0, 2.2 and 2.11: a document cannot contain control characters, surrogates and two
# non-characters, and a carriage return does not survive a round trip.
_NOT_PLAIN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# To Python, a text is a sequence of characters; sets and mappings have no order to keep.
_UNORDERED: Final = (str, bytes, Set, Mapping)

_Texts = tuple[str, ...]


_SEPARATORS: Final = re.compile(r"[\s,;|/]+")
_BETWEEN_HEADERS: Final = re.compile(r"[\s,;]+")
_OTHER_METHODS: Final = {
    "OPTIONS": ProblemReason.OPTIONS_METHOD,
    ANY: ProblemReason.ANY_METHOD,
}


# In the order of the constructor of a rule.
Fields = tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str], int | None, str | None]
#: The checked fields of all rules of a set that says nothing of Vary.
CheckedRules = Sequence[Fields]


class _SharedLists(dict[_Texts, _Texts]):
    """Lists of methods or header names that were found to be usual, stored once for all rules.

    :param usual: a regular expression for a usual value.
    """

    def __init__(self, usual: str) -> None:
        super().__init__()
        self._usual = re.compile(rf"(?:{usual},)++")

    def __missing__(self, values: _Texts) -> _Texts:
        line = ",".join(values) + ","
        # A value that contains a comma would count as two.
        usual = line.count(",") == len(values) and self._usual.fullmatch(line)
        if values and (not usual or len(values) > MAX_SHARED_VALUES):
            raise KeyError(values)
        if len(self) >= MAX_SHARED_LISTS:
            self.clear()
        return self.setdefault(values, values)


#: Usual lists of methods, of names of request headers, and of response headers. Each gives the
#: stored one for an equal one, and raises KeyError for a list that needs the full check.
METHOD_LISTS: Final = _SharedLists(f"(?:{'|'.join((*METHODS, *EXTRA_METHODS))})")
HEADER_LISTS: Final = _SharedLists(r"(?:\*|[A-Za-z0-9-]{1,64}+\*?)")
EXPOSED_LISTS: Final = _SharedLists("[A-Za-z0-9-]{1,64}+")


def usual_fields(*values: Any, **named: Any) -> Fields | None:
    """Give the fields of a rule as they are stored; None if they need the full check.

    :raises TypeError: if the arguments are not those of :func:`usual_but_origins`.
    """
    kept = usual_but_origins(*values, **named)
    try:
        return kept if kept is not None and are_usual_patterns(kept[0]) else None
    except TypeError:
        # There is something other than texts.
        return None


def usual_but_origins(
    allowed_origins: Any,
    allowed_methods: Any,
    allowed_headers: Any = (),
    expose_headers: Any = (),
    max_age_seconds: Any = None,
    id: Any = None,
) -> Fields | None:
    """Give the same before the origins are checked, which is faster for all rules together."""
    for values in (allowed_origins, allowed_methods, allowed_headers, expose_headers):
        kind = type(values)
        if kind is not list and kind is not tuple:
            return None
    if max_age_seconds is not None and (
        type(max_age_seconds) is not int or not 0 <= max_age_seconds <= MAX_AGE_LIMIT
    ):
        return None
    if id is not None and _id_problem(id):
        return None
    try:
        if not allowed_methods or not allowed_origins:
            return None
        return (
            tuple(allowed_origins),
            METHOD_LISTS[tuple(allowed_methods)],
            HEADER_LISTS[tuple(allowed_headers)],
            EXPOSED_LISTS[tuple(expose_headers)],
            max_age_seconds,
            id,
        )
    except (KeyError, TypeError):
        # A list is not usual, or contains something other than texts.
        return None


def have_usual_origins(all_fields: CheckedRules) -> bool:
    """Whether no origin of these rules needs the full check.

    :raises TypeError: if an origin is no text.
    """
    if len(all_fields) == 1:
        return are_usual_patterns(all_fields[0][0])
    return are_usual_patterns([origin for fields in all_fields for origin in fields[0]])


def checked_fields(
    allowed_origins: Any,
    allowed_methods: Any,
    allowed_headers: Any,
    expose_headers: Any,
    max_age_seconds: Any,
    id: Any,
    extra_methods: Collection[str] = EXTRA_METHODS,
) -> Fields:
    """Check the fields of a rule, and give them as they are stored.

    :param extra_methods: which of :data:`EXTRA_METHODS` the rule may have.
    :raises InvalidRules: with every problem.
    """
    problems: list[Problem] = []
    values = (allowed_origins, allowed_methods, allowed_headers, expose_headers)
    fields = _LISTS
    if extra_methods is not EXTRA_METHODS:
        check = partial(method_problem, extra_methods=extra_methods)
        fields = (_LISTS[0], _LISTS[1]._replace(problem_of=check), *_LISTS[2:])
    lists = [each.check(value, problems) for each, value in zip(fields, values, strict=True)]
    if max_age_seconds is not None and (reason := _max_age_problem(max_age_seconds)):
        problems.append(Problem("max_age_seconds", max_age_seconds, reason))
    if id is not None and (reason := _id_problem(id)):
        problems.append(Problem("id", id, reason))
    if problems:
        raise InvalidRules(problems)
    return (lists[0], lists[1], lists[2], lists[3], max_age_seconds, id)


class _List(NamedTuple):
    """A field whose value is a list of texts.

    :param problem_of: says what is wrong with one text.
    """

    name: str
    problem_of: Callable[[str], ProblemReason | None]
    is_required: bool = False

    def check(self, values: Any, problems: list[Problem]) -> _Texts:
        """Give the list as it is stored, and add its problems to ``problems``."""
        if not is_list(values):
            problems.append(Problem(self.name, values, ProblemReason.NOT_A_LIST))
            return ()
        # An iterator can be read only once.
        texts = tuple(values)
        problems.extend(self._problems(texts))
        return texts

    def _problems(self, values: tuple[object, ...]) -> Iterator[Problem]:
        if not values and self.is_required:
            yield Problem(self.name, None, ProblemReason.MISSING)
        for index, value in enumerate(values):
            reason = self.problem_of(value) if isinstance(value, str) else ProblemReason.NOT_TEXT
            if reason is not None:
                yield Problem(self.name, value, reason, index=index)


def is_list(values: object) -> bool:
    """Whether these are values in a fixed order."""
    return isinstance(values, Iterable) and not isinstance(values, _UNORDERED)


def method_problem(
    text: str, extra_methods: Collection[str] = EXTRA_METHODS
) -> ProblemReason | None:
    """Say what is wrong with a method of a rule; None if it is valid.

    :param extra_methods: which of :data:`EXTRA_METHODS` the rule may have.
    """
    if text in METHODS:
        return None
    if text in EXTRA_METHODS:
        return None if text in extra_methods else ProblemReason.EXTRA_METHOD
    upper = text.upper()
    if upper in (*METHODS, *extra_methods):
        return ProblemReason.METHOD_CASE
    named = {*_SEPARATORS.split(upper)} - {""}
    if len(named) > 1 and named <= {*METHODS, *EXTRA_METHODS, *_OTHER_METHODS}:
        return ProblemReason.SEVERAL_METHODS
    return _OTHER_METHODS.get(upper, ProblemReason.METHOD)


def _allowed_header_problem(text: str) -> ProblemReason | None:
    if text.count(ANY) > 1:
        return ProblemReason.WILDCARDS
    return _header_name_problem(text)


def _exposed_header_problem(text: str) -> ProblemReason | None:
    # COS 436/8279, OSS EC 0034-00000013: no wildcard in ExposeHeader.
    return ProblemReason.WILDCARD_FORBIDDEN if ANY in text else _header_name_problem(text)


def _header_name_problem(text: str) -> ProblemReason | None:
    if not text:
        return ProblemReason.EMPTY
    if not text.isascii():
        return ProblemReason.NOT_ASCII
    if is_header_name(text):
        return None
    parts = [part for part in _BETWEEN_HEADERS.split(text) if part]
    is_list = len(parts) > 1 and all(map(is_header_name, parts))
    return ProblemReason.SEVERAL_HEADERS if is_list else ProblemReason.NOT_A_HEADER_NAME


_LISTS: Final = (
    _List("allowed_origins", pattern_problem, is_required=True),
    _List("allowed_methods", method_problem, is_required=True),
    _List("allowed_headers", _allowed_header_problem),
    _List("expose_headers", _exposed_header_problem),
)


def _max_age_problem(value: object) -> ProblemReason | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return ProblemReason.NOT_AN_INTEGER
    return None if 0 <= value <= MAX_AGE_LIMIT else ProblemReason.OUT_OF_RANGE


def _id_problem(value: object) -> ProblemReason | None:
    if not isinstance(value, str):
        return ProblemReason.NOT_TEXT
    if not value:
        return ProblemReason.EMPTY
    if len(value) > MAX_ID_LENGTH:
        return ProblemReason.TOO_LONG
    if value != value.strip(" ") or _NOT_PLAIN.search(value):
        return ProblemReason.CONTROL_CHARACTER
    return None


_PROBLEMS: Final[Mapping[str, Callable[[Any], ProblemReason | None]]] = {
    **{each.name: each.problem_of for each in _LISTS},
    "max_age_seconds": _max_age_problem,
    "id": _id_problem,
}


def problem_of(field: str, value: Any) -> ProblemReason | None:
    """Say what is wrong with a value of a field, or with one value of a list; None if it is valid.

    :param field: its name.
    """
    return _PROBLEMS[field](value)
