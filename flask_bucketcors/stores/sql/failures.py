"""What the error of a driver means, and what to do about it.

Drivers give a code for what a statement met. PostgreSQL's gives none for what connecting met, only
the text, which a server writes in its own language. What is not recognized counts as passing, and
is shown as it is.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flask_bucketcors.core.errors import ServerUnreachable, StoreUnavailable

#: Another transaction was first; the same change will go through when it is tried again. The
#: numbers are those of MySQL, and above 8000 those of TiDB.
_REPEATABLE: Final = {"40001", "40P01", 1213, 8002, 8022, 9007}
#: PostgreSQL ends the connection, or does not know what became of the transaction. The driver may
#: not have noticed the end yet.
_LOST: Final = {"40003", "57P01", "57P02"}
#: The table has other columns, or does not exist.
_MISFIT: Final = {"42703", 1054, 1136, "42P01", 1146}


class _Kind(NamedTuple):
    """A kind of failure.

    :param codes: of statements.
    :param pattern: of the text, if there is no code.
    :param says: what is wrong.
    :param help: what to do.
    :param passes: whether it may be otherwise later, without a change of the configuration.
    """

    codes: set[str | int]
    pattern: str
    says: str
    help: str
    passes: bool


_PARAMETERS: Final = _Kind(
    set(),
    r"invalid (connection option|URI query parameter|\w+ value)|bad value for|"
    r"unexpected keyword argument|invalid literal",
    "cannot be reached with the parameters of its URL",
    "correct what is after the ?, also the files that it names",
    passes=False,
)
_KINDS: Final = (
    _PARAMETERS,
    _Kind(
        set(),
        r"not support SSL|SSL is required",
        "does not offer TLS, which the URL requires",
        "turn TLS on at the server, or correct what is after the ? of the URL",
        passes=False,
    ),
    _Kind(
        set(),
        r"certificate",
        "has a certificate that cannot be verified",
        "write the host in the URL as the certificate has it, and the file of the CA that signed "
        "it after the ?",
        passes=False,
    ),
    _Kind(
        {1130, 3159},
        r"no pg_hba\.conf entry|insecure transport",
        "does not let this host connect in this way",
        "allow it in pg_hba.conf, or on MySQL and MariaDB with a user for this host; if the server "
        "requires TLS, add its parameters to the URL",
        passes=False,
    ),
    _Kind(
        {"28P01", "28000", 1045, 1698},
        r"authentication failed|no password supplied|role .* does not exist|pg_hba\.conf",
        "refuses the user or the password",
        "correct them in the URL; percent-encode @ as %40, / as %2F and : as %3A",
        passes=False,
    ),
    _Kind(
        {"3D000", 1049},
        r"database .* does not exist",
        "does not have this database",
        "create it, or correct its name in the URL",
        passes=False,
    ),
    _Kind(
        # Only those who may see a database are told that it does not exist.
        {1044},
        "",
        "does not have this database, or does not let the user use it",
        "create it, or correct its name in the URL, or GRANT SELECT, INSERT, UPDATE, DELETE, "
        "CREATE, ALTER, INDEX ON the database TO the user",
        passes=False,
    ),
    _Kind(
        {"42501", 1142, 1143, 1227},
        r"permission denied for database",
        "does not give the user the rights that the store needs",
        "grant them: on PostgreSQL, GRANT USAGE, CREATE ON SCHEMA public TO the user, and "
        "SELECT, INSERT, UPDATE, DELETE on tables that another user made; on MySQL and MariaDB, "
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON the database TO the user",
        passes=False,
    ),
    _Kind(
        {"25006", 1290, 1792, 1836},
        r"read-only|read only",
        "is read-only, as a standby is",
        "write the URL of the primary; with several hosts in a PostgreSQL URL, add "
        "target_session_attrs=read-write",
        passes=False,
    ),
    _Kind(
        {"55P03", 1205, 3572},
        r"lock timeout",
        "has had the counter of changes locked for too long",
        "try again; a large import may be under way, or another program keeps a transaction open",
        passes=True,
    ),
    _Kind(
        {"53300", 1040, 1203},
        r"too many (clients|connections)|remaining connection slots",
        "has no connection left",
        "raise max_connections of the server, or run fewer workers",
        passes=True,
    ),
    _Kind(
        set(),
        r"resolve host|Name or service not known|getaddrinfo|nodename nor servname",
        "has a name that cannot be resolved",
        "correct the host in the URL, or check the DNS of this machine",
        passes=True,
    ),
    _Kind(
        {"57P03"},
        r"database system is|not yet accepting",
        "starts or stops",
        "wait for it",
        passes=True,
    ),
)
_OTHER: Final = _Kind(
    set(),
    "",
    "cannot be reached or was lost",
    "check that it runs and that this is its address",
    True,
)
_UNEXPECTED: Final = _Kind(
    set(), "", "refuses a statement", "check the server, its disk and its log", False
)


def code_of(error: BaseException) -> str | int | None:
    """Give the code of a driver's error: five characters of the standard, or a number of MySQL."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(driver_error, OSError):
        # Its number is that of this system.
        return None
    number = next(iter(getattr(driver_error, "args", ())), None)
    if isinstance(number, int):
        return number
    state = getattr(driver_error, "sqlstate", None) or getattr(driver_error, "pgcode", None)
    return None if state is None else str(state)


def is_repeatable(error: BaseException) -> bool:
    """Whether the server has ended the transaction because of another one."""
    return code_of(error) in _REPEATABLE


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, so that it is unknown what the server did last."""
    if code_of(error) in _LOST:
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


@contextmanager
def outside_of_statements(connection: Connection) -> Iterator[None]:
    """Give an error of the driver as one of SQLAlchemy, which does so only for statements."""
    dialect = connection.dialect
    driver = dialect.loaded_dbapi
    own: Any = connection.connection.dbapi_connection
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(
            *(None, None, error, driver.Error),
            dialect=dialect,
            connection_invalidated=dialect.is_disconnect(error, own, None),
        ) from None


def is_misfit(error: BaseException) -> bool:
    """Whether a statement does not fit the tables."""
    return code_of(error) in _MISFIT


def explain(error: BaseException, shown: str, clean: Callable[[str], str]) -> StoreUnavailable:
    """Give the error that callers get.

    :param shown: the server, for the message.
    :param clean: removes passwords from the driver's text.
    """
    text = _text_of(error)
    kind = _kind_of(error, text)
    cause = ServerUnreachable if kind.passes else StoreUnavailable
    return cause(f"the server {shown} {kind.says}: {kind.help} ({clean(text)})")


def _kind_of(error: BaseException, text: str) -> _Kind:
    code = code_of(error)
    # These numbers of MySQL are the client's, about the connection.
    is_of_server = code is not None and code not in range(2000, 3000)
    if isinstance(error, FileNotFoundError | PermissionError):
        return _PARAMETERS
    for kind in _KINDS:
        is_said = kind.pattern and not is_of_server and re.search(kind.pattern, text)
        if code in kind.codes or is_said:
            return kind
    return _UNEXPECTED if is_of_server and not is_lost(error) else _OTHER


def _text_of(error: BaseException) -> str:
    driver_error = error.orig if isinstance(error, DBAPIError) and error.orig else error
    texts = [each for each in driver_error.args if isinstance(each, str)]
    return " ".join(" ".join(texts or [type(driver_error).__name__]).split())
