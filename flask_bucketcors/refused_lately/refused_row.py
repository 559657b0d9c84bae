"""A row of what was refused lately, and whether it tells the whole request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.headers import parse_requested_headers

#: The method of a row whose requested method no rule can have.
OTHER_METHOD: Final = "other"
# How an escape begins, and how a text that was cut ends.
_ESCAPE: Final = "\\"
_CUT: Final = "..."
_BY_RULES: Final = (Reason.ORIGIN, Reason.METHOD, Reason.HEADERS, Reason.NO_RULES)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Preflights of one kind that were refused.

    Its texts are printable ASCII, whatever clients sent: other characters are escaped.

    :param bucket: ``""`` for all buckets that the default rules refused.
    :param origin: as sent, at most 326 characters.
    :param method: the requested method, or ``"other"`` for one that no rule can have.
    :param reason: a :class:`~flask_bucketcors.Reason`.
    :param headers: the requested headers of the last one, at most 256 characters. Whatever the
        reason, a rule that lets the page pass has to allow them.
    :param times: how often, since ``first``.
    :param first, last: when, in seconds since 1970.
    """

    bucket: str
    origin: str
    method: str
    reason: str
    headers: str
    times: int
    first: float
    last: float

    @property
    def can_be_explained(self) -> bool:
        """Whether the rules were the reason, and origin and method are here as they were sent."""
        is_as_sent = _ESCAPE not in self.origin and not self.origin.endswith(_CUT)
        return is_as_sent and self.method != OTHER_METHOD and self.reason in _BY_RULES

    @property
    def header_names(self) -> Sequence[str]:
        """The names in ``headers``, without one that was cut."""
        whole = self.headers.rpartition(",")[0] if self.headers.endswith(_CUT) else self.headers
        parsed = parse_requested_headers(whole)
        return parsed.sent if parsed else ()


def printable_ascii(text: str, most: int) -> str:
    """Escape what is not printable ASCII, and cut what is longer than ``most`` characters."""
    if not (text.isascii() and text.isprintable()):
        text = text[: most + 1].encode("unicode_escape").decode("ascii")
    return text if len(text) <= most else f"{text[: most - len(_CUT)]}{_CUT}"
