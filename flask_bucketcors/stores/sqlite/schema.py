"""The tables of the SQLite store, and the migrations from one release to the next.

Names have a prefix, so that the tables can be part of an application's own database.

A bucket's current rules are one row of ``bucketcors_rules``, with the revision, time and author
of their write. The row moves to ``bucketcors_history`` when another one replaces it, so that
nothing is stored twice. A deletion leaves a row without a document there.

Other tools may edit ``bucketcors_rules``: triggers then keep the replaced row, increase the
revision and mark the new row, so that these changes reach every worker and can be rolled back. (The
store shortens their history when it next changes the bucket.) The store itself does the same for
many buckets at once, and with an author. It sets ``own_write`` during its transaction, which no
other connection can see.

``bucketcors_changes`` has the last changes, so that a cache drops the rules of these buckets and no
others. Each bucket of a change has a row, with the stamp of the change; a change of very many, or
of an unknown one, has one row without a bucket. IDs grow with time, and the oldest rows are pruned,
so a row that is there means that all later ones are, too.

``bucketcors_state`` also has what every program that writes must know: how many entries of history
to keep, and the application's ``settings`` as a JSON object.

The tables may hold a copy of the rules of a server. ``copy_of`` then says of which, ``revision`` is
that of the server, ``server_stamp`` the stamp of that change at the server, and the stamps of rules
are those of the server. The history stays empty. Nobody but the store that keeps the copy may
change the rules.
"""

import sqlite3
from contextlib import suppress

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.contract import HISTORY_LIMIT

_TABLES = (
    """
    CREATE TABLE bucketcors_state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        schema_version INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        stamp INTEGER NOT NULL,
        own_write INTEGER NOT NULL
    )
    """,
    "INSERT INTO bucketcors_state VALUES (1, 1, 0, random(), 0)",
    """
    CREATE TABLE bucketcors_rules (
        bucket TEXT PRIMARY KEY NOT NULL,
        document TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 0,
        stamp INTEGER NOT NULL DEFAULT 0,
        time REAL NOT NULL DEFAULT 0,
        author TEXT
    )
    """,
    """
    CREATE TABLE bucketcors_history (
        bucket TEXT NOT NULL,
        revision INTEGER NOT NULL,
        time REAL NOT NULL,
        author TEXT,
        document TEXT,
        PRIMARY KEY (bucket, revision)
    ) WITHOUT ROWID
    """,
)

# Not in a write of the store.
_FOREIGN = "WHEN (SELECT own_write FROM bucketcors_state WHERE id = 1) = 0"
# Move rows to the history. It does not say INSERT OR IGNORE, because the conflict clause of the
# statement that fires a trigger takes precedence.
_KEEP = """
    INSERT INTO bucketcors_history
        SELECT bucket, revision, time, author, document FROM bucketcors_rules AS present
        WHERE {} AND NOT EXISTS (
            SELECT 1 FROM bucketcors_history
            WHERE bucket = present.bucket AND revision = present.revision
        );
"""
_KEEP_OLD = """
    INSERT INTO bucketcors_history
        SELECT OLD.bucket, OLD.revision, OLD.time, OLD.author, OLD.document
        WHERE NOT EXISTS (
            SELECT 1 FROM bucketcors_history
            WHERE bucket = OLD.bucket AND revision = OLD.revision
        );
"""
_COUNT = "UPDATE bucketcors_state SET revision = revision + 1, stamp = random();"
_MARK = """
    UPDATE bucketcors_rules
        SET (revision, stamp, time, author) =
            (SELECT revision, stamp, strftime('%s', 'now'), NULL FROM bucketcors_state)
        WHERE bucket = NEW.bucket;
"""
_RECORD_DELETION = """
    INSERT INTO bucketcors_history
        SELECT OLD.bucket, revision, strftime('%s', 'now'), NULL, NULL FROM bucketcors_state
"""

_TRIGGERS = (
    f"""
    CREATE TRIGGER bucketcors_updating BEFORE UPDATE OF bucket, document ON bucketcors_rules
    BEGIN {_KEEP.format("bucket IN (OLD.bucket, NEW.bucket)")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_deleting BEFORE DELETE ON bucketcors_rules
    BEGIN {_KEEP.format("bucket = OLD.bucket")} END
    """,
    # What REPLACE removes is not reported as deleted.
    f"""
    CREATE TRIGGER bucketcors_inserting BEFORE INSERT ON bucketcors_rules {_FOREIGN}
    BEGIN {_KEEP.format("bucket = NEW.bucket")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_inserted AFTER INSERT ON bucketcors_rules {_FOREIGN}
    BEGIN {_COUNT} {_MARK} END
    """,
    f"""
    CREATE TRIGGER bucketcors_updated AFTER UPDATE OF bucket, document ON bucketcors_rules
    {_FOREIGN}
    BEGIN {_COUNT} {_MARK} {_RECORD_DELETION} WHERE OLD.bucket <> NEW.bucket; END
    """,
    f"""
    CREATE TRIGGER bucketcors_deleted AFTER DELETE ON bucketcors_rules {_FOREIGN}
    BEGIN {_COUNT} {_RECORD_DELETION}; END
    """,
)

_SETTINGS = (
    f"""
    ALTER TABLE bucketcors_state ADD COLUMN
        history_limit INTEGER NOT NULL DEFAULT {HISTORY_LIMIT} CHECK (history_limit > 0)
    """,
    "ALTER TABLE bucketcors_state ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'",
    # The application's limit was not in the database before; nothing that it kept may be lost.
    """
    UPDATE bucketcors_state SET history_limit = max(history_limit, 1 + (
        SELECT coalesce(max(entries), 0)
        FROM (SELECT count(*) AS entries FROM bucketcors_history GROUP BY bucket)
    ))
    """,
)

_NOTE = """
    INSERT INTO bucketcors_changes (stamp, bucket) SELECT stamp, {} FROM bucketcors_state;
"""
_IS_TAKEN = "EXISTS (SELECT 1 FROM bucketcors_rules WHERE rowid = NEW.rowid)"
# The history does not tell what changed, because operators may delete it.
_CHANGES = (
    """
    CREATE TABLE bucketcors_changes (
        id INTEGER PRIMARY KEY,
        stamp INTEGER NOT NULL,
        bucket TEXT
    )
    """,
    "INSERT INTO bucketcors_changes (stamp) SELECT stamp FROM bucketcors_state",
    # Twice as many as a reader takes at once.
    """
    CREATE TRIGGER bucketcors_pruning AFTER INSERT ON bucketcors_changes WHEN NEW.id % 64 = 0
    BEGIN DELETE FROM bucketcors_changes WHERE id <= NEW.id - 2000; END
    """,
    *(
        f"DROP TRIGGER bucketcors_{name}"
        for name in ("updating", "deleting", "inserted", "updated", "deleted")
    ),
    # What UPDATE OR REPLACE removes is not reported as deleted.
    f"""
    CREATE TRIGGER bucketcors_updating BEFORE UPDATE OF bucket, document ON bucketcors_rules
    WHEN OLD.bucket <> NEW.bucket
    BEGIN {_KEEP.format("bucket = NEW.bucket")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_deleting BEFORE DELETE ON bucketcors_rules {_FOREIGN}
    BEGIN {_KEEP.format("bucket = OLD.bucket")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_inserted AFTER INSERT ON bucketcors_rules {_FOREIGN}
    BEGIN {_COUNT} {_MARK} {_NOTE.format("NEW.bucket")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_updated AFTER UPDATE OF bucket, document ON bucketcors_rules
    {_FOREIGN}
    BEGIN
        {_KEEP_OLD} {_COUNT} {_MARK} {_RECORD_DELETION} WHERE OLD.bucket <> NEW.bucket;
        {_NOTE.format("OLD.bucket")} {_NOTE.format("NEW.bucket")}
    END
    """,
    f"""
    CREATE TRIGGER bucketcors_deleted AFTER DELETE ON bucketcors_rules {_FOREIGN}
    BEGIN {_COUNT} {_RECORD_DELETION}; {_NOTE.format("OLD.bucket")} END
    """,
    # A tool that writes the rowid of another row with OR REPLACE deletes that row, and no trigger
    # names its bucket. (Without a rowid in the statement, NEW.rowid is that of no row.)
    f"""
    CREATE TRIGGER bucketcors_taking_place BEFORE INSERT ON bucketcors_rules
    {_FOREIGN} AND {_IS_TAKEN}
    BEGIN {_NOTE.format("NULL")} END
    """,
    f"""
    CREATE TRIGGER bucketcors_moved AFTER UPDATE ON bucketcors_rules WHEN NEW.rowid <> OLD.rowid
    BEGIN {_COUNT} {_NOTE.format("NULL")} END
    """,
)

_COPIES = (
    "ALTER TABLE bucketcors_state ADD COLUMN copy_of TEXT",
    "ALTER TABLE bucketcors_state ADD COLUMN server_stamp INTEGER NOT NULL DEFAULT 0",
    # All triggers for other tools count the revision.
    """
    CREATE TRIGGER bucketcors_refusing BEFORE UPDATE OF revision ON bucketcors_state
    WHEN OLD.copy_of IS NOT NULL AND NEW.own_write = 0
    BEGIN
        SELECT RAISE(ABORT, 'the rules are a copy of those of a server; change them there');
    END
    """,
)

# One step for each release, with its statements: a released step never changes, and the next one is
# appended.
_STEPS = ((*_TABLES, *_TRIGGERS), _SETTINGS, _CHANGES, _COPIES)

_ANOTHERS = (
    "the database has tables of these names with other columns, so it is another program's, or "
    "damaged; name another file, or restore a backup"
)

SCHEMA_VERSION = len(_STEPS)


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate the tables to this release, in one transaction; do nothing if they are current.

    :raises StoreUnavailable: if a newer release wrote them.
    """
    try:
        found = schema_version(connection)
        refuse_newer(found)
        # If there is nothing to do, do not wait for a writer.
        if found < SCHEMA_VERSION:
            connection.execute("BEGIN IMMEDIATE")
            _take_steps(connection)
            connection.execute("COMMIT")
    except BaseException as error:
        # After an I/O error, or on a full disk, SQLite has ended the transaction already.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise StoreUnavailable(f"{_ANOTHERS}: {error}") from error
        raise


def _take_steps(connection: sqlite3.Connection) -> None:
    # Check again: another process may have taken these steps, even one of a newer release.
    found = schema_version(connection)
    refuse_newer(found)
    for step in _STEPS[found:]:
        for statement in step:
            connection.execute(statement)
    connection.execute("UPDATE bucketcors_state SET schema_version = ?", (SCHEMA_VERSION,))


def refuse_newer(version: int) -> None:
    """Refuse tables of a newer release.

    :raises StoreUnavailable: with both versions, and what to do.
    """
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"the database has schema version {version} and this release knows {SCHEMA_VERSION}; "
            "install the release that wrote it, or a newer one, and restart the workers"
        )


def refuse_copy(copy_of: str | None) -> None:
    """Refuse to write rules that are a copy.

    :param copy_of: the server, as the copy names it; None for rules that are no copy.
    :raises StoreUnavailable: with the server, and what to do.
    """
    if copy_of is not None:
        raise StoreUnavailable(
            f"the database is a copy of the rules of {copy_of}, and changes are made there: name "
            "the server as your database, and not the file"
        )


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 if there are none."""
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'bucketcors_state'"
    [(count,)] = connection.execute(tables).fetchall()
    if not count:
        return 0
    rows = connection.execute("SELECT schema_version FROM bucketcors_state").fetchall()
    if not rows:
        raise StoreUnavailable(f"{_ANOTHERS}: bucketcors_state is empty")
    return int(rows[0][0])
