"""Where the paths of an application name buckets: as its settings say, or as its routes say."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from flask_bucketcors.core.hosts import checked_prefix
from flask_bucketcors.core.reserved import Reserved

#: Patterns of which the name of a bucket has to match one; None if any name will do.
NamePatterns = frozenset[re.Pattern[str]] | None


class Where(NamedTuple):
    """What the settings of an application say about the URLs of buckets.

    :param host_suffixes: host names below which each bucket has its own.
    :param url_prefix: path below which the buckets are; ``"/"`` for all paths, ``""`` if the
        routes say it.
    :param hosts_only: whether only hosts name buckets, and paths do not.
    """

    host_suffixes: tuple[str, ...] = ()
    url_prefix: str = ""
    hosts_only: bool = False

    @property
    def prefixes(self) -> tuple[str, ...] | None:
        """The prefixes that the settings give; None if the routes say which there are.

        :raises ValueError: if the prefix does not have its form.
        """
        if self.hosts_only:
            return ()
        return (checked_prefix(self.url_prefix),) if self.url_prefix else None


class BucketPaths(NamedTuple):
    """Which paths name buckets, and which are the application's own.

    :param prefixes: paths below which the next segment names a bucket, such as ``/files``;
        ``""`` for the root. Each has the patterns of the names below it.
    :param reserved: what belongs to the application.
    :param misfits: routes that have a bucket and give no prefix, each with the reason.
    :param is_assumed: whether all paths name buckets because nothing says which ones do.
    """

    prefixes: Mapping[str, NamePatterns]
    reserved: Reserved = Reserved()
    misfits: tuple[tuple[str, str], ...] = ()
    is_assumed: bool = False

    def reserving(self, segments: Iterable[str]) -> "BucketPaths":
        """Reserve further segments."""
        return self._replace(reserved=self.reserved.union(Reserved.these(segments)))


#: Reads which paths of an application name buckets. It is called once, at the first request.
ReadRoutes = Callable[[Where], BucketPaths]


def without_routes(where: Where) -> BucketPaths:
    """The paths of an application whose routes are unknown: by default, all."""
    prefixes = where.prefixes
    if prefixes is None:
        return BucketPaths({"": None}, is_assumed=True)
    return BucketPaths(dict.fromkeys(prefixes))
