"""URLs and databases that a server refuses: each error says what to do, and never the password."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from flask_bucketcors import Rule, RuleSet, SQLStore, StoreUnavailable
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.sql import table_versions
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import PASSWORD, USER, Database, Server
from tests.support.told_secrets import tells

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])
WRONG = "wr0ng:secret@x"


@pytest.fixture(autouse=True)
def no_password_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Also not in what SQLAlchemy and drivers write for those who ask for everything."""
    caplog.set_level(logging.DEBUG)
    yield
    assert PASSWORD not in caplog.text
    assert WRONG not in caplog.text


def refusal(call: Callable[[], object]) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        call()
    assert not tells(caught.value, PASSWORD)
    assert not tells(caught.value, WRONG)
    return caught.value


def execute(database: Database, *statements: str) -> None:
    for statement in statements:
        database.execute(statement)


def test_a_wrong_password(database: Database) -> None:
    url = database.server.url(database.name, password=WRONG)
    error = refusal(lambda: SQLStore(url))
    assert "refuses the user or the password: correct them in the URL" in str(error)
    assert f"{database.server.scheme}://{USER}@" in str(error)
    assert not isinstance(error, ServerUnreachable)


def test_an_unknown_user(database: Database) -> None:
    error = refusal(lambda: SQLStore(database.server.url(database.name, user="nobody")))
    assert "refuses the user or the password" in str(error)


def test_an_unknown_database(server: Server) -> None:
    error = refusal(lambda: SQLStore(server.url("none_of_this_name")))
    assert "create it, or correct its name in the URL" in str(error)
    assert not isinstance(error, ServerUnreachable)


def test_a_user_without_the_right_to_make_tables(shared_postgresql: PostgreSQL) -> None:
    with shared_postgresql.database() as database:
        shared_postgresql.execute(f"ALTER DATABASE {database.name} OWNER TO postgres")
        error = refusal(lambda: SQLStore(database.url))
    assert "GRANT USAGE, CREATE ON SCHEMA public" in str(error)
    assert not isinstance(error, ServerUnreachable)


def test_a_user_without_the_right_to_write(mariadb_database: Database) -> None:
    SQLStore(mariadb_database.url).close()
    server, name = mariadb_database.server, mariadb_database.name
    server.execute(f"REVOKE ALL ON {name}.* FROM {USER}")
    server.execute(f"GRANT SELECT ON {name}.* TO {USER}")
    store = SQLStore(mariadb_database.url)
    error = refusal(lambda: store.put("b", RULES))
    assert "GRANT SELECT, INSERT, UPDATE, DELETE" in str(error)
    assert store.list() == []
    store.close()


def test_tables_of_a_newer_release(database: Database) -> None:
    store = SQLStore(database.url)
    store.put("b", RULES)
    execute(database, "UPDATE bucketcors_state SET schema_version = 99")
    said = "schema version 99 and this release knows 1; install the release that wrote it"
    assert said in str(refusal(lambda: SQLStore(database.url)))
    # A newer release may have started since this one did.
    assert said in str(refusal(lambda: store.put("b", RULES)))
    execute(database, "ALTER TABLE bucketcors_rules RENAME COLUMN document TO text")
    assert said in str(refusal(lambda: store.read("b")))
    store.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding(shared_postgresql: PostgreSQL, encoding: str) -> None:
    with shared_postgresql.database(encoding) as database:
        error = refusal(lambda: SQLStore(database.url))
        assert f"has the encoding {encoding}" in str(error)
        assert "CREATE DATABASE name ENCODING 'UTF8'" in str(error)
        assert database.execute("SELECT relname FROM pg_class WHERE relname ~ '^bucketcors'") == []


def test_the_encoding_of_a_database_of_mariadb_does_not_matter(server: Server) -> None:
    if isinstance(server, PostgreSQL):
        pytest.skip("its encoding matters")
    with server.database("LATIN1") as database:
        store = SQLStore(database.url)
        store.put("\N{SNOWMAN}\N{GRINNING FACE}", RULES, "\N{GRINNING FACE}")
        assert store.list() == ["\N{SNOWMAN}\N{GRINNING FACE}"]
        assert store.history("\N{SNOWMAN}\N{GRINNING FACE}")[0].author == "\N{GRINNING FACE}"
        store.close()


def test_a_read_only_standby(own_postgresql: PostgreSQL) -> None:
    with own_postgresql.database() as database, own_postgresql.standby() as standby:
        empty = refusal(lambda: SQLStore(standby.url(database.name)))
        assert "is read-only, as a standby is: write the URL of the primary" in str(empty)
        assert not isinstance(empty, ServerUnreachable)
        primary = SQLStore(database.url)
        primary.put("b", RULES)
        standby.wait_for(own_postgresql)
        store = SQLStore(standby.url(database.name))
        assert store.get("b") == RULES
        assert "is read-only" in str(refusal(lambda: store.put("b", RULES)))
        feed = store.open_feed()
        assert not feed.listen()
        with feed.since(None) as batch:
            assert [row.bucket for row in batch.rows] == ["b"]
        for each in (feed, store, primary):
            each.close()


def test_many_hosts_make_the_tables_at_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        stores = [*threads.map(lambda _: SQLStore(database.url), range(8))]
    stores[0].put("b", RULES)
    assert {store.revision for store in stores} == {1}
    assert database.execute("SELECT count(*) FROM bucketcors_state") == [(1,)]
    for store in stores:
        store.close()


def test_many_hosts_take_the_steps_of_a_release_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SQLStore(database.url)
    old.put("b", RULES, "alice")
    step = (
        "CREATE TABLE bucketcors_of_the_future (number INTEGER)",
        "INSERT INTO bucketcors_of_the_future VALUES (7)",
    )
    monkeypatch.setattr(table_versions, "_STEPS", (step,))
    with ThreadPoolExecutor(8) as threads:
        stores = [*threads.map(lambda _: SQLStore(database.url), range(8))]
    assert database.execute("SELECT number FROM bucketcors_of_the_future") == [(7,)]
    assert database.execute("SELECT schema_version FROM bucketcors_state") == [(2,)]
    for store in (*stores, old):
        assert store.get("b") == RULES
        store.close()


def test_tables_that_a_tool_made_of_the_metadata_are_used(database: Database) -> None:
    engine = create_engine(database.url)
    SQLStore.metadata.create_all(engine)
    engine.dispose()
    store = SQLStore(database.url)
    assert (store.put("b", RULES), store.list()) == (1, ["b"])
    store.close()


def test_an_application_passes_its_engine(database: Database) -> None:
    engine = create_engine(database.url)
    store = SQLStore(engine=engine)
    store.put_many((f"b{number}", RULES) for number in range(100))
    with store.open_feed().since(None) as batch:
        assert len([*batch.rows]) == 100
    assert store.shown == SQLStore(database.url, connect=False).shown
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM bucketcors_rules")).scalar() == 100
    store.close()
    engine.dispose()


def test_a_command_asks_for_the_tables_without_making_them(database: Database) -> None:
    store = SQLStore(database.url, connect=False)
    assert not store.has_tables()
    store.prepare()
    assert store.has_tables()
    assert [note for note in store.health() if note.help] == []
    store.close()
