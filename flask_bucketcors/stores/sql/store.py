"""Rule sets on an SQL server: the truth, from which hosts keep copies.

Names of SQLAlchemy are imported when a store is made, so that this module can be imported, and the
class listed, without it.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.asked_cell import AskedCell
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import (
    HISTORY_LIMIT,
    Changes,
    LastWrite,
    Reach,
    Signal,
    Store,
    StoredRules,
    Versions,
)
from flask_bucketcors.stores.health import HealthNote
from flask_bucketcors.stores.history_entry import HistoryEntry, PastChange
from flask_bucketcors.stores.rows import format_rule_set
from flask_bucketcors.stores.sql.feed import Feed, Position

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine, MetaData

    from flask_bucketcors.stores.sql.row_changes import Document

T = TypeVar("T")

_MISSING: Final = (
    "rules on an SQL server need the package SQLAlchemy, which is missing: "
    'pip install "flask-bucketcors[postgresql]" or "flask-bucketcors[mysql]"'
)


class _Metadata:
    """The tables, imported when somebody asks."""

    def __get__(self, store: object, owner: object) -> "MetaData":
        from flask_bucketcors.stores.sql.tables import METADATA

        return METADATA


class SQLStore(Store):
    """Rule sets on a PostgreSQL, MariaDB or MySQL server; see :class:`~flask_bucketcors.Store`.

    Each call asks the server, so no request of a browser may use this store: the copy of a host
    serves those. ``SQLStore.metadata`` has the tables, for tools such as Alembic; the store makes
    them if they are missing.

    :param url: where the server is, with its driver:
        ``postgresql+psycopg://user:password@host/database``, or ``mysql+pymysql://...``.
    :param engine: your application's engine, instead of a URL. The limits of time that this store
        sets for its own connections do not apply to it.
    :param history_limit: entries of history to keep for each bucket. The database remembers the
        number, for all programs that write to it. None changes nothing; a new database has 50.
    :param connect: whether to connect to the server and create the tables now. Otherwise the first
        call that needs the server does so, or :meth:`prepare`.
    :raises StoreUnavailable: if the URL or the database cannot be used, or the server cannot be
        reached now.
    """

    #: The tables, for tools such as Alembic.
    metadata: _Metadata = _Metadata()

    def __init__(
        self,
        url: "str | URL | None" = None,
        *,
        engine: "Engine | None" = None,
        history_limit: int | None = None,
        connect: bool = True,
    ) -> None:
        super().__init__(history_limit=HISTORY_LIMIT if history_limit is None else history_limit)
        if find_spec("sqlalchemy") is None:
            raise StoreUnavailable(_MISSING)
        from flask_bucketcors.stores.sql.reading import Reader
        from flask_bucketcors.stores.sql.server import Server
        from flask_bucketcors.stores.sql.writing import Writer

        self._given_limit = None if history_limit is None else self._history_limit
        self._is_prepared = False
        self._server = Server(url, engine)
        self._reader = Reader(self._server, self._prepare)
        self._writer = Writer(self._server, self._prepare)
        self._cell = AskedCell(lambda: self._reader.position().stamp)
        if connect:
            self.prepare()

    @property
    def serves_requests(self) -> bool:
        return False

    @property
    def reach(self) -> Reach:
        return Reach.HOSTS

    @property
    def shown(self) -> str:
        """The URL without a password, for messages."""
        return self._server.shown

    @property
    def revision(self) -> int:
        return self._reader.position().revision

    def prepare(self) -> None:
        """Connect to the server, create or migrate the tables, and disconnect.

        :raises StoreUnavailable: if the database cannot be used, or the server cannot be reached
            now.
        """
        self._briefly(self._prepare)

    def has_tables(self) -> bool:
        """Whether the database has the tables already. It creates nothing.

        :raises StoreUnavailable: if the database cannot be used, or the server cannot be reached
            now.
        """
        from flask_bucketcors.stores.sql.table_versions import has_tables

        return self._briefly(partial(has_tables, self._server))

    def health(self) -> Iterator[HealthNote]:
        from flask_bucketcors.stores.sql.server_health import examine

        return iter(self._briefly(lambda: [*examine(self._server)]))

    def opener(self) -> "Callable[[], Store] | None":
        # An engine is of this process.
        url = self._server.given_url
        return None if url is None else partial(SQLStore, url)

    def open_feed(self) -> Feed:
        """Give a feed of changes, with a connection of its own."""
        from flask_bucketcors.stores.sql.lanes import Lane

        return Feed(self._server, Lane(self._server, self._prepare, writes=False))

    def last_change(self, bucket: str) -> HistoryEntry | None:
        return self._reader.last_change(bucket) if is_bucket_name(bucket) else None

    def read(self, bucket: str) -> StoredRules | None:
        return self._reader.read(bucket) if is_bucket_name(bucket) else None

    def last_writes(self, buckets: Collection[str]) -> Mapping[str, LastWrite]:
        return self._reader.last_writes(buckets)

    def histories(self, buckets: Collection[str]) -> Mapping[str, Sequence[HistoryEntry]]:
        return self._reader.histories(buckets)

    @property
    def history_limit(self) -> int:
        return self._reader.history_limit()

    def signal(self) -> Signal:
        return self._cell

    def state(self) -> Hashable:
        return self._reader.position()

    def changes_since(self, state: Hashable, *, is_signalled: bool = False) -> Changes:
        if isinstance(state, Position):
            return self._reader.changes_since(state)
        return Changes(self._reader.position(), None)

    def kept_settings(self) -> Mapping[str, Any]:
        from flask_bucketcors.stores.sql.state_row import kept_settings

        return self._briefly(partial(kept_settings, self._server))

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        from flask_bucketcors.stores.sql.state_row import keep_settings

        self._briefly(partial(keep_settings, self._server, settings))

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _list(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._reader.names(prefix, after, limit, with_deleted=False)

    def _list_with_history(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        return self._reader.names(prefix, after, limit, with_deleted=True)

    def _summaries(
        self, prefix: str, after: str, limit: int | None, contains: str
    ) -> Sequence[BucketSummary]:
        return self._reader.summaries(prefix, after, limit, contains)

    def _history(
        self, bucket: str, before: int | None, limit: int | None
    ) -> Sequence[HistoryEntry]:
        return self._reader.history(bucket, before, limit)

    def _put_all(
        self, rule_sets: Mapping[str, RuleSet], author: str | None, expected: Versions
    ) -> int:
        if not rule_sets:
            return self.revision
        documents = {bucket: _document(rules) for bucket, rules in rule_sets.items()}
        return self._writer.put(documents, _storable(author), expected)

    def _put_with_history(
        self, histories: Mapping[str, Sequence[PastChange]], expected: Versions
    ) -> int:
        from flask_bucketcors.stores.sql.past_changes import PastDocument

        documents = {
            bucket: [
                PastDocument(_document(each.rules), each.time, _storable(each.author))
                for each in changes
            ]
            for bucket, changes in histories.items()
        }
        return self._writer.put_with_history(documents, expected)

    def _delete(self, bucket: str, author: str | None, expected: Versions) -> int | None:
        return self._writer.delete(bucket, _storable(author), expected)

    def _prepare(self) -> None:
        """Make the tables, unless this store has seen them; raise the driver's errors."""
        from flask_bucketcors.stores.sql.state_row import keep_history_limit
        from flask_bucketcors.stores.sql.table_versions import make_tables

        if self._is_prepared:
            return
        make_tables(self._server)
        if self._given_limit is not None:
            keep_history_limit(self._server, self._given_limit)
        self._is_prepared = True

    def _briefly(self, work: Callable[[], T]) -> T:
        """Do work with connections that it closes, so that a server may fork afterwards."""
        from flask_bucketcors.stores.sql.driver_threads import DriverThread

        thread = DriverThread()
        try:
            return self._server.translated(partial(thread.call, work))
        finally:
            thread.end()


def _document(rules: RuleSet | None) -> "Document":
    from flask_bucketcors.stores.sql.row_changes import Document

    if rules is None:
        return Document(None, None)
    return Document(format_rule_set(rules), len(rules.rules))


def _storable(author: str | None) -> str | None:
    """PostgreSQL cannot store a NUL."""
    return None if author is None else author.replace("\0", "\ufffd")
