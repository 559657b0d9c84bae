"""The tables of the SQLite store, and the steps from one release's to the next's.

Names carry a prefix, so that the tables can live in an application's own database.

Triggers bump the revision and write history when another tool edits ``bucketcors_rules``, so
its changes reach every worker and can be rolled back. The store's own writes name the new
revision in the row and do both themselves, which costs a third; the triggers tell the two
apart by the row's revision.
"""

import sqlite3

from flask_bucketcors.core.errors import StoreUnavailable

# One step a release: a step that was shipped is never changed, the next one is added.
_STEPS = (
    """
    CREATE TABLE bucketcors_state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        schema_version INTEGER NOT NULL,
        revision INTEGER NOT NULL
    );
    INSERT INTO bucketcors_state VALUES (1, 1, 0);

    CREATE TABLE bucketcors_rules (
        bucket TEXT PRIMARY KEY NOT NULL,
        document TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 0
    );

    CREATE TABLE bucketcors_history (
        bucket TEXT NOT NULL,
        revision INTEGER NOT NULL,
        time REAL NOT NULL,
        author TEXT,
        document TEXT,
        PRIMARY KEY (bucket, revision)
    );

    CREATE TRIGGER bucketcors_inserted AFTER INSERT ON bucketcors_rules
    WHEN NEW.revision IS NOT (SELECT revision FROM bucketcors_state)
    BEGIN
        UPDATE bucketcors_state SET revision = revision + 1;
        UPDATE bucketcors_rules SET revision = (SELECT revision FROM bucketcors_state)
            WHERE bucket = NEW.bucket;
        INSERT OR REPLACE INTO bucketcors_history
            SELECT NEW.bucket, revision, CAST(strftime('%s', 'now') AS REAL), NULL, NEW.document
            FROM bucketcors_state;
    END;

    CREATE TRIGGER bucketcors_updated AFTER UPDATE OF bucket, document ON bucketcors_rules
    WHEN NEW.revision IS NOT (SELECT revision FROM bucketcors_state)
        OR NEW.revision IS OLD.revision
    BEGIN
        UPDATE bucketcors_state SET revision = revision + 1;
        UPDATE bucketcors_rules SET revision = (SELECT revision FROM bucketcors_state)
            WHERE bucket = NEW.bucket;
        INSERT OR REPLACE INTO bucketcors_history
            SELECT OLD.bucket, revision, CAST(strftime('%s', 'now') AS REAL), NULL, NULL
            FROM bucketcors_state;
        INSERT OR REPLACE INTO bucketcors_history
            SELECT NEW.bucket, revision, CAST(strftime('%s', 'now') AS REAL), NULL, NEW.document
            FROM bucketcors_state;
    END;

    CREATE TRIGGER bucketcors_deleted AFTER DELETE ON bucketcors_rules
    BEGIN
        UPDATE bucketcors_state SET revision = revision + 1;
        INSERT OR REPLACE INTO bucketcors_history
            SELECT OLD.bucket, revision, CAST(strftime('%s', 'now') AS REAL), NULL, NULL
            FROM bucketcors_state;
    END;
    """,
)

SCHEMA_VERSION = len(_STEPS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to this release's form, in one transaction; do nothing if they have it.

    :raises StoreUnavailable: if a newer release wrote them.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = schema_version(connection)
        if found > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"the database has schema version {found} and this release knows "
                f"{SCHEMA_VERSION}; install the release that wrote it, or a newer one"
            )
        for step in _STEPS[found:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute("UPDATE bucketcors_state SET schema_version = ?", (SCHEMA_VERSION,))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 if there are none."""
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'bucketcors_state'"
    if not connection.execute(tables).fetchone()[0]:
        return 0
    return int(connection.execute("SELECT schema_version FROM bucketcors_state").fetchone()[0])


def _statements(script: str) -> list[str]:
    # executescript would commit the transaction that all steps share.
    statements, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
