"""The page "Refused lately" of a bucket: preflights that its rules refused, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from werkzeug.wrappers import Response

from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.refused_lately.refusal_counter import OTHER_METHOD, RefusalCounter
from flask_bucketcors.refused_lately.refusal_table import RefusalTable, RefusedRow

# What is escaped or cut is not the request as it was sent.
_ESCAPE: Final = "\\"
_CUT: Final = "..."
_TITLES: Final = {each.value: each.title for each in Reason}


@dataclass(frozen=True, slots=True)
class Refused:
    """Preflights that were refused.

    :param headers: the names that the last one requested.
    :param can_be_tried: whether the whole request is known.
    """

    row: RefusedRow
    headers: Sequence[str]
    can_be_tried: bool

    @property
    def reason(self) -> str:
        """Why they were refused, in a few words."""
        return _TITLES.get(self.row.reason, self.row.reason)


def show(visit: Visit) -> Response:
    """List what was refused, the latest first."""
    refusals = visit.console.refusals
    rows: list[Refused] = []
    others, wrong = 0, ""
    if refusals is not None:
        try:
            rows = list(map(_refused, refusals.rows(visit.bucket)))
            others = refusals.others(visit.bucket)
        except StoreUnavailable as error:
            wrong = str(error)
    return visit.page(
        "refused.html",
        tab="refused",
        rows=rows,
        others=others,
        wrong=wrong,
        is_counted=_is_counted(refusals),
        is_of_worker=isinstance(refusals, RefusalCounter) and refusals.table.path is None,
    )


def _is_counted(refusals: RefusalCounter | RefusalTable | None) -> bool:
    if isinstance(refusals, RefusalTable):
        # An application that counts makes the file with its first row.
        return refusals.path is not None and refusals.path.exists()
    return refusals is not None


def _refused(row: RefusedRow) -> Refused:
    can_be_tried = (
        row.method != OTHER_METHOD and _ESCAPE not in row.origin and not row.origin.endswith(_CUT)
    )
    whole = row.headers.rpartition(",")[0] if row.headers.endswith(_CUT) else row.headers
    parsed = parse_requested_headers(whole)
    return Refused(row, parsed.sent if parsed else (), can_be_tried)
