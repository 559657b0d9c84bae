"""What later tests rest on: each ability of the servers that they use."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url

from tests.support import ROOT
from tests.support.hosts.keeper import children
from tests.support.hosts.partitions import Cable, Network
from tests.support.hosts.pgbouncer import pgbouncer
from tests.support.hosts.postgresql import PostgreSQL, postgresql
from tests.support.hosts.server import Database, Server
from tests.support.hosts.waiting import OWN_SECONDS, wait_until
from tests.support.processes.children import running

# How long somebody waits for a server that does not respond.
SHORT = 1
LOST = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError)


@contextmanager
def client(database: Database, seconds: int = OWN_SECONDS, **options: Any) -> Iterator[Any]:
    """A cursor of somebody who has only the URL, and waits so long for each response."""
    url = make_url(database.url)
    login = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    login |= {"connect_timeout": seconds, "autocommit": True}
    if url.drivername == "postgresql+psycopg":
        opened = psycopg.connect(dbname=url.database, **login | options)
    else:
        opened = pymysql.connect(database=url.database, read_timeout=seconds, **login | options)
    with closing(opened) as connection, closing(connection.cursor()) as cursor:
        yield cursor


@pytest.fixture
def own_table(own_database: Database) -> Database:
    """A database with a table of one number."""
    own_database.execute("CREATE TABLE numbers (number INTEGER)")
    own_database.execute("INSERT INTO numbers VALUES (1)")
    return own_database


def numbers(database: Database, server: Server | None = None) -> list[int]:
    """What a server has in the table."""
    rows = (server or database.server).execute("SELECT * FROM numbers", database=database.name)
    return sorted(number for (number,) in rows)


def test_a_new_database_is_empty_and_takes_tables_of_its_user(database: Database) -> None:
    with client(database) as cursor:
        cursor.execute("CREATE TABLE numbers (number INTEGER)")
        cursor.execute("INSERT INTO numbers VALUES (1)")
    assert numbers(database) == [1]


def test_nobody_gets_in_with_another_password(database: Database) -> None:
    with pytest.raises(LOST), client(database, password="another"):
        pass


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_server_that_starts_again_has_its_port_and_its_data(
    own_table: Database, how: Any
) -> None:
    own_table.server.stop(how)
    with pytest.raises(LOST), client(own_table):
        pass
    own_table.server.start()
    with client(own_table) as cursor:
        cursor.execute("INSERT INTO numbers VALUES (2)")
    assert numbers(own_table) == [1, 2]


def test_a_server_that_hangs_goes_on_where_it_was(own_table: Database) -> None:
    with client(own_table) as cursor:
        with own_table.server.hanging(), pytest.raises(LOST), client(own_table, SHORT):
            pass
        cursor.execute("INSERT INTO numbers VALUES (2)")
    assert numbers(own_table) == [1, 2]


def test_every_connection_of_clients_is_counted_and_killed(database: Database) -> None:
    with client(database) as one, client(database) as other:
        # Those of earlier tests end a moment after they are closed.
        wait_until(lambda: database.server.connections() == 2, "both are counted")
        assert database.server.kill_connections() == 2
        for cursor in (one, other):
            with pytest.raises(LOST):
                cursor.execute("SELECT 1")


def test_each_statement_of_a_client_is_noted(database: Database) -> None:
    with client(database) as cursor, database.server.statements() as sent:
        assert sent.texts() == []
        cursor.execute("SELECT 1 AS one,\n 2 AS two")
        database.execute("SELECT 'by the tests'")
        cursor.execute("SELECT %s", ["a value"])
        one, other = sent.texts()
        assert one.split() == ["SELECT", "1", "AS", "one,", "2", "AS", "two"]
        assert other in {"SELECT $1", "SELECT 'a value'"}


def test_statements_are_noted_beyond_a_restart(own_database: Database) -> None:
    with own_database.server.statements() as sent:
        for number in (1, 2):
            with client(own_database) as cursor:
                cursor.execute(f"SELECT {number} AS number")
            own_database.server.restart()
        # A driver sends some of its own.
        chosen = [text for text in sent.texts() if text.startswith("SELECT")]
        assert chosen == ["SELECT 1 AS number", "SELECT 2 AS number"]


@pytest.mark.parametrize("encoding", ["LATIN1"])
def test_a_database_of_another_encoding(server: Server, encoding: str) -> None:
    with server.database(encoding) as database, client(database) as cursor:
        cursor.execute("CREATE TABLE texts (text VARCHAR(9))")
        with pytest.raises((UnicodeEncodeError, pymysql.err.DataError)):
            cursor.execute("INSERT INTO texts VALUES ('\N{SNOWMAN}')")


def test_a_standby_has_what_its_primary_had_until_it_stopped_following(
    own_postgresql: PostgreSQL,
) -> None:
    with own_postgresql.database() as database, own_postgresql.standby() as standby:
        database.execute("CREATE TABLE numbers (number INTEGER)")
        database.execute("INSERT INTO numbers VALUES (1)")
        standby.wait_for(own_postgresql)
        standby.stop_following()
        database.execute("INSERT INTO numbers VALUES (2)")
        own_postgresql.stop("immediate")
        standby.stop()
        standby.start(port=own_postgresql.port)
        with client(database) as cursor, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            cursor.execute("INSERT INTO numbers VALUES (3)")
        standby.promote()
        with client(database) as cursor:
            cursor.execute("INSERT INTO numbers VALUES (3)")
        assert numbers(database, standby) == [1, 3]


def test_an_older_release_of_postgresql() -> None:
    with postgresql(release=16) as server:
        [(version,)] = server.execute("SHOW server_version_num")
        assert version.startswith("16")


def test_clients_of_a_pool_have_a_connection_for_one_transaction(
    shared_postgresql: PostgreSQL, postgresql_database: Database
) -> None:
    with pgbouncer(shared_postgresql) as pool:
        pooled = Database(
            shared_postgresql, postgresql_database.name, pool.url(postgresql_database)
        )
        with client(pooled) as one, client(pooled) as other:
            pids = [cursor.execute("SELECT pg_backend_pid()").fetchone() for cursor in (one, other)]
        assert len(set(pids)) == 1


# Connects to an address and a port, and says what came of it, once for each line that it reads.
CALLER = """
import socket, sys
address = sys.argv[1], int(sys.argv[2])
for line in sys.stdin:
    try:
        socket.create_connection(address, timeout=float(sys.argv[3])).close()
        print("reached", flush=True)
    except OSError as error:
        print("lost", flush=True)
"""


@contextmanager
def caller(cable: Cable, server: Server) -> Iterator[Callable[[], str]]:
    """A function that says whether a process at the end of a cable reaches a server."""
    arguments = [server.place.address, str(server.port), str(SHORT)]
    command = [*cable.host.prefix, sys.executable, "-c", CALLER, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, text=True, **pipes) as process:

        def call() -> str:
            print(file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield call


def test_a_cable_that_is_cut_loses_one_host_until_it_heals(two_cables: Network) -> None:
    one, other = two_cables.cables
    with (
        postgresql(place=two_cables.server) as server,
        caller(one, server) as call_one,
        caller(other, server) as call_other,
    ):
        assert (call_one(), call_other()) == ("reached", "reached")
        one.cut()
        assert (call_one(), call_other()) == ("lost", "reached")
        # The tests have a way of their own.
        assert server.execute("SELECT 1") == [(1,)]
        one.heal()
        wait_until(lambda: call_one() == "reached", "the host reaches the server")


# Has a server that hangs, says which process it is and where its files are, and waits.
OWNER = """
import sys
from tests.support.hosts.{module} import {function}
with {function}() as server:
    server.hang()
    print(server.kept.pid, server.kept.folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_all_ends_with_a_process_that_is_killed(name: str) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", OWNER.format(module=name, function=name)]
    with running(command, text=True, cwd=ROOT, **pipes) as process:
        pid, folder = process.stdout.readline().split()
        pids = [int(pid), *children(int(pid))]
    assert pids
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "all have ended")
    wait_until(lambda: not Path(folder).exists(), "the folder is removed")
