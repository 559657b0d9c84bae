"""URLs of servers that cannot be used: errors say what to write, and never the password."""

import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from flask_bucketcors import SQLStore, StoreUnavailable
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.sql import server_urls, store
from flask_bucketcors.stores.sql.failures import explain
from flask_bucketcors.stores.sql.server import Server
from tests.support.told_secrets import tells

PASSWORD = "s3cret/of@us:%41"
LOGIN = f"app:{quote(PASSWORD, safe='')}"

DRIVERS = ["postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql"]
a_driver = pytest.mark.parametrize("driver", DRIVERS)


def refusal(url: str | URL) -> StoreUnavailable:
    """The error of a store that is not opened."""
    with pytest.raises(StoreUnavailable) as caught:
        SQLStore(url)
    return caught.value


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://{LOGIN}@host/rules", "write the URL with its driver, 'postgresql+psycopg:"),
        (f"postgres://{LOGIN}@host/rules", "write the URL with its driver, 'postgresql+psycopg:"),
        (f"mysql://{LOGIN}@host/rules", "write the URL with its driver, 'mysql+pymysql://"),
        (f"mariadb://{LOGIN}@host/rules", "write the URL with its driver, 'mariadb+pymysql://"),
        (f"postgresql+psycopg2://{LOGIN}@host/rules", "write postgresql+psycopg://"),
        (f"postgresql+asyncpg://{LOGIN}@host/rules", "write postgresql+psycopg://"),
        (f"mysql+mysqldb://{LOGIN}@host/rules", "write mysql+pymysql://"),
        (f"mssql+pyodbc://{LOGIN}@host/rules", "write postgresql+psycopg:// or mysql+pymysql://"),
        (f"postgresql+psycopg://app:{PASSWORD}@host/rules", "write %40 for @"),
        (f"postgresql+psycopg://{LOGIN}@host:port/rules", "such as 'postgresql+psycopg://user@"),
        (f"postgresql+psycopg://{LOGIN}@host", "names no database: write postgresql+psycopg://"),
        (f"postgresql+psycopg://{LOGIN}@host/", "names no database"),
        (f"sqlite:///{PASSWORD}.sqlite", "write the path of a file"),
        (PASSWORD, "is no URL of a server"),
        ("", "is no URL of a server"),
    ],
)
def test_an_error_says_what_to_write_and_no_password(url: str, said: str) -> None:
    error = refusal(url)
    assert said in str(error)
    assert not tells(error, PASSWORD)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("postgresql+psycopg://{}?ssl_ca=/ca.pem", 'invalid connection option "ssl_ca"'),
        ("postgresql+psycopg://{}?sslmode=always", 'invalid sslmode value: "always"'),
        ("postgresql+psycopg://{}?keepalives_idle=soon", "soon"),
        ("mysql+pymysql://{}?sslmode=verify-full", "unexpected keyword argument 'sslmode'"),
        ("mysql+pymysql://{}?connect_timeout=soon", "soon"),
        ("mysql+pymysql://{}?ssl_ca=/no/such/ca.pem", "No such file"),
    ],
)
def test_parameters_that_the_driver_refuses_are_told_from_a_server_that_is_away(
    parameters: str, said: str
) -> None:
    error = refusal(parameters.format(f"{LOGIN}@127.0.0.1:1/rules"))
    assert "cannot be reached with the parameters of its URL: correct what is after" in str(error)
    assert said in str(error)
    assert not isinstance(error, ServerUnreachable)
    assert not tells(error, PASSWORD)


def explained(error: Exception) -> StoreUnavailable:
    return explain(error, "the server", lambda text: text)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("server does not support SSL, but SSL was required", "does not offer TLS"),
        ("SSL is required but the server doesn't support it", "does not offer TLS"),
        ("SSL error: certificate verify failed", "has a certificate that cannot be verified"),
        ('root certificate file "/ca.pem" does not exist', "has a certificate that cannot be"),
        ('no pg_hba.conf entry for host "h", no encryption', "does not let this host connect"),
        ("FATAL: password authentication failed", "refuses the user or the password"),
    ],
)
def test_what_a_server_says_before_it_lets_anybody_in(error: str, said: str) -> None:
    found = explained(DBAPIError(None, None, Exception(error)))
    assert said in str(found)
    assert not isinstance(found, ServerUnreachable)


def test_the_number_of_an_error_of_this_system_is_not_that_of_a_server() -> None:
    assert isinstance(explained(ConnectionResetError(104, "reset by peer")), ServerUnreachable)


@a_driver
def test_a_driver_that_is_missing_is_named_with_its_extra(
    driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_urls, "find_spec", lambda name: None)
    error = refusal(f"{driver}://{LOGIN}@host/rules")
    extra = "postgresql" if "postgresql" in driver else "mysql"
    assert f'pip install "flask-bucketcors[{extra}]"' in str(error)
    assert not tells(error, PASSWORD)


def test_without_sqlalchemy_an_error_names_the_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "find_spec", lambda name: None)
    error = refusal(f"postgresql+psycopg://{LOGIN}@host/rules")
    assert 'pip install "flask-bucketcors[postgresql]" or "flask-bucketcors[mysql]"' in str(error)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql+psycopg://{LOGIN}@host:1/rules", "postgresql+psycopg://app@host:1/rules"),
        (
            f"postgresql+psycopg://app@host/rules?password={quote(PASSWORD, safe='')}",
            "postgresql+psycopg://app@host/rules",
        ),
        (
            "postgresql+psycopg://app@host/rules?passfile=/a/b&sslpassword=x&sslmode=require",
            "postgresql+psycopg://app@host/rules",
        ),
        (
            f"postgresql+psycopg://{LOGIN}@/rules?host=a:1&host=b:2",
            "postgresql+psycopg://app@/rules?host=a%3A1&host=b%3A2",
        ),
        (f"mysql+pymysql://{LOGIN}@[::1]/rules?passwd=x", "mysql+pymysql://app@[::1]/rules"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    opened = SQLStore(url, connect=False)
    assert opened.shown == shown
    assert PASSWORD not in repr(vars(opened))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections, and behind which nobody responds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening.getsockname()[1]


@a_driver
def test_a_server_that_is_not_there_may_be_there_later(driver: str, closed_port: int) -> None:
    error = refusal(f"{driver}://{LOGIN}@127.0.0.1:{closed_port}/rules")
    assert isinstance(error, ServerUnreachable)
    assert f"{driver}://app@127.0.0.1:{closed_port}/rules cannot be reached" in str(error)
    assert not tells(error, PASSWORD)


@a_driver
def test_a_server_that_does_not_respond_is_not_waited_for(driver: str, silent_port: int) -> None:
    error = refusal(f"{driver}://{LOGIN}@127.0.0.1:{silent_port}/rules")
    assert isinstance(error, ServerUnreachable)
    assert not tells(error, PASSWORD)


@a_driver
def test_a_host_without_an_address_is_called_that(driver: str) -> None:
    error = refusal(f"{driver}://{LOGIN}@host.invalid/rules")
    assert isinstance(error, ServerUnreachable)
    assert "correct the host in the URL" in str(error)
    assert not tells(error, PASSWORD)


def test_what_is_opened_later_is_checked_at_once_and_reached_later(closed_port: int) -> None:
    with pytest.raises(StoreUnavailable):
        SQLStore("mysql://host/rules", connect=False)
    opened = SQLStore(f"mysql+pymysql://{LOGIN}@127.0.0.1:{closed_port}/rules", connect=False)
    for call in (opened.prepare, opened.list, opened.has_tables, opened.kept_settings):
        with pytest.raises(ServerUnreachable) as caught:
            call()
        assert not tells(caught.value, PASSWORD)
    opened.close()


def test_a_driver_repeats_no_password() -> None:
    """Drivers have done so: in errors of a connection string that they cannot parse."""
    url = URL.create("postgresql+psycopg", "app", PASSWORD, "host", 1, "rules")
    error = Server(url, None).explained(ValueError(f"cannot parse password={PASSWORD}"))
    assert "password=***" in str(error)
    assert not tells(error, PASSWORD)


def test_a_store_takes_a_url_or_an_engine() -> None:
    engine = create_engine("sqlite://")
    with pytest.raises(TypeError, match="pass the URL of the server, or an engine"):
        SQLStore()
    with pytest.raises(TypeError, match="pass the URL of the server, or an engine"):
        SQLStore("mysql+pymysql://host/rules", engine=engine)
    with pytest.raises(TypeError, match="engine is a str: pass an Engine of SQLAlchemy"):
        SQLStore(engine="mysql+pymysql://host/rules")  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="one of sqlite, which is not supported"):
        SQLStore(engine=engine)
