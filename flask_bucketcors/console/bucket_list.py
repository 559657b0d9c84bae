"""The list of buckets."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, NamedTuple

from flask import request, url_for
from werkzeug.wrappers import Response

from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.console.console_response import go_to
from flask_bucketcors.console.finding_groups import count_findings
from flask_bucketcors.console.shown_text import counted
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import StoredRulesInvalid, shown_value
from flask_bucketcors.stores.bucket_summary import BucketSummary

#: How many buckets a page lists.
PER_PAGE: Final = 50
# Lint takes at most half a second for rules that were made to be slow. In seconds.
_LINT_FOR: Final = 0.5


class _Row(NamedTuple):
    """A bucket in the list.

    :param summary: None for a bucket without rules.
    :param findings: how many of each severity; None if lint cannot judge the rules.
    :param is_linted: whether there was time for lint.
    """

    bucket: str
    summary: BucketSummary | None
    findings: Sequence[tuple[Severity, str]] | None = None
    is_linted: bool = True


def show(visit: Visit) -> Response:
    """List the buckets, some at a time."""
    prefix, after = request.args.get("prefix", ""), request.args.get("after", "")
    found = _find(visit, prefix, after)
    return visit.page(
        "buckets.html",
        prefix=prefix,
        after=after,
        rows=[*_rows(visit, found[:PER_PAGE])],
        has_more=len(found) > PER_PAGE,
        wrong_name=request.args.get("wrong", ""),
    )


def open_bucket(visit: Visit) -> Response:
    """Go to the bucket whose name was typed."""
    name = request.args.get("bucket", "").strip()
    if not is_bucket_name(name):
        return go_to(url_for(".buckets", wrong=name))
    return go_to(url_for(".rules", bucketcors_console_bucket=name))


def _find(visit: Visit, prefix: str, after: str) -> Sequence[tuple[str, BucketSummary | None]]:
    """The buckets of a page, and one more if there are more."""
    store = visit.console.store
    visible = visit.console.options.visible
    seen = None if visible is None else _checked(visible(visit.author))
    if seen is None:
        return [(each.bucket, each) for each in store.summaries(prefix, after, PER_PAGE + 1)]
    names = sorted(name for name in seen if name.startswith(prefix) and name > after)
    return [(name, _summary(visit, name)) for name in names[: PER_PAGE + 1]]


def _checked(said: object) -> set[str] | None:
    """Give the names that the ``visible`` hook returned, without those that no bucket can have.

    :raises TypeError: if it returns anything else than names or None.
    """
    if said is None:
        return None
    if isinstance(said, Iterable) and not isinstance(said, str):
        names = [*said]
        if all(isinstance(each, str) for each in names):
            return {*filter(is_bucket_name, names)}
    raise TypeError(
        f"the visible hook of the console returned {shown_value(said)}: return a list of names of "
        "buckets, or None for all"
    )


def _summary(visit: Visit, bucket: str) -> BucketSummary | None:
    # The first bucket whose name begins with a name is the one that has it.
    found = visit.console.store.summaries(bucket, "", 1)
    return found[0] if found and found[0].bucket == bucket else None


def _rows(visit: Visit, found: Iterable[tuple[str, BucketSummary | None]]) -> Iterator[_Row]:
    end = monotonic() + _LINT_FOR
    for bucket, summary in found:
        if monotonic() > end:
            yield _Row(bucket, summary, is_linted=False)
        else:
            yield _Row(bucket, summary, _count_findings(visit, bucket))


def _count_findings(visit: Visit, bucket: str) -> Sequence[tuple[Severity, str]] | None:
    findings = None
    with suppress(StoredRulesInvalid):
        stored = visit.console.store.read(bucket)
        findings = visit.console.writer.findings(stored.parse()) if stored else ()
    if findings is None:
        return None
    return [(severity, counted(count, name)) for severity, count, name in count_findings(findings)]
