"""The tables on the server.

Names have a prefix, so that the tables can be part of an application's own database.

A bucket's last change is one row of ``bucketcors_rules``. A deletion leaves the row, without a
document, so that "what changed since a revision" is one range of an index. When another change
replaces a row, it moves to ``bucketcors_history``, so that nothing is stored twice.

``bucketcors_state`` has one row, the **counter**. A change locks it first, and keeps it locked
until it is committed, so revisions are in the order of the commits. ``bucketcors_changes`` has a
row for each change; its stamp shows whether a change has happened, and whether the server still has
the revision that a copy has. ``bucketcors_staged`` has large changes until they are complete; its
rows never outlive their transaction.

Only the store writes these tables: no trigger looks after what other tools change.
"""

from typing import Any, Final

from sqlalchemy import (
    VARBINARY,
    BigInteger,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects import mysql

METADATA: Final = MetaData()

_MYSQL: Final = ("mysql", "mariadb")
# utf8mb4 takes all of Unicode.
_OPTIONS: Final[dict[str, Any]] = {
    f"{name}_{option}": value
    for name in _MYSQL
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
    )
}


class _BucketName(TypeDecorator[str]):
    """A name, compared by code point, which is the order of its bytes in UTF-8.

    The binary collations of MySQL ignore spaces at the end, so there it is stored as bytes.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name in _MYSQL:
            return dialect.type_descriptor(VARBINARY(255))
        return dialect.type_descriptor(Text(collation="C"))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        return value.encode() if value is not None and dialect.name in _MYSQL else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        # Other tools may have written what is not UTF-8, and no name.
        return (
            value.decode(errors="surrogateescape")
            if isinstance(value, bytes | bytearray)
            else value
        )


_Document = Text().with_variant(mysql.LONGTEXT(), *_MYSQL)
# An author has at most 256 characters.
_Author = String(256)

STATE: Final = Table(
    "bucketcors_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("history_limit", BigInteger, nullable=False),
    Column("settings", _Document, nullable=False),
    **_OPTIONS,
)
RULES: Final = Table(
    "bucketcors_rules",
    METADATA,
    Column("bucket", _BucketName, primary_key=True),
    Column("document", _Document),
    Column("rule_count", Integer),
    Column("revision", BigInteger, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("time", Double, nullable=False),
    Column("author", _Author),
    Index("bucketcors_rules_revision", "revision", "bucket"),
    **_OPTIONS,
)
HISTORY: Final = Table(
    "bucketcors_history",
    METADATA,
    Column("bucket", _BucketName, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("author", _Author),
    Column("document", _Document),
    **_OPTIONS,
)
CHANGES: Final = Table(
    "bucketcors_changes",
    METADATA,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("stamp", BigInteger, nullable=False, unique=True),
    Column("time", Double, nullable=False),
    **_OPTIONS,
)
STAGED: Final = Table(
    "bucketcors_staged",
    METADATA,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("bucket", _BucketName, primary_key=True),
    # How many changes of this bucket follow in the same change.
    Column("place", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("document", _Document),
    Column("rule_count", Integer),
    # Of a change from another store.
    Column("time", Double),
    Column("author", _Author),
    **_OPTIONS,
)
