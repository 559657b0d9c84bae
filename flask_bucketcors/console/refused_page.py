"""The page "Refused lately" of a bucket: preflights that its rules refused, and why."""

from collections.abc import Sequence
from typing import Final

from werkzeug.wrappers import Response

from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_places import only_host
from flask_bucketcors.refused_lately.refusal_table import RefusalTable
from flask_bucketcors.refused_lately.refused_row import RefusedRow

_TITLES: Final = {each.value: each.title for each in Reason}


def show(visit: Visit) -> Response:
    """List what was refused, the latest first."""
    refusals = visit.console.refusals
    rows: Sequence[RefusedRow] = ()
    others, wrong = 0, ""
    if refusals is not None:
        try:
            rows = refusals.rows(visit.bucket)
            others = refusals.others(visit.bucket)
        except StoreUnavailable as error:
            wrong = str(error)
    return visit.page(
        "refused.html",
        tab="refused",
        rows=rows,
        titles=_TITLES,
        others=others,
        wrong=wrong,
        is_counted=_is_counted(refusals),
        only_host=only_host(visit.console.store),
        is_of_worker=isinstance(refusals, RefusalCounter) and refusals.table.path is None,
    )


def _is_counted(refusals: RefusalCounter | RefusalTable | None) -> bool:
    if isinstance(refusals, RefusalTable):
        # An application that counts makes the file with its first row.
        return refusals.path is not None and refusals.path.exists()
    return refusals is not None
