"""Commands on an application whose rules are on a server: they use the copy of the host."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_bucketcors import BucketCORS, Rule, RuleSet
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.replica.follower import Follower
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sqlite import file_health
from tests.support.command_line import invoke
from tests.support.fake_server import FakeServer

RULES = RuleSet([Rule(["https://page.example"], ["GET"])])
DOCUMENT = json.dumps(RULES.as_dict())


@pytest.fixture
def server() -> FakeServer:
    server = FakeServer()
    server.put("photos", RULES, "alice")
    server.put("photos", RULES, "alice")
    return server


@pytest.fixture
def app(server: FakeServer, tmp_path: Path) -> Iterator[Flask]:
    app = Flask("storage")
    with closing(ReplicaStore(server, tmp_path / "copy.sqlite")) as store:  # type: ignore[arg-type]
        BucketCORS(app, store=store)
        yield app


COMMANDS = [
    ["list"],
    ["list", "--long"],
    ["show", "photos"],
    ["put", "photos", "-"],
    ["history", "photos"],
    ["rollback", "photos", "1"],
    ["delete", "photos", "--yes"],
    ["lint", "--all"],
    ["permissions", "--bucket", "photos"],
    ["explain", "--bucket", "photos", "--origin", "https://page.example", "--method", "GET"],
    ["export"],
    ["routes"],
    ["doctor"],
    ["doctor", "--write"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_follows_the_server(
    command: list[str], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Follower] = []

    def start(follower: Follower) -> bool:
        started.append(follower)
        return False

    monkeypatch.setattr(Follower, "start", start)
    invoke(*command, app=app, input=DOCUMENT)
    assert started == []


FROM_THE_COPY = ("list", "show", "lint", "permissions", "export")
READING = [each for each in COMMANDS if each[0] in FROM_THE_COPY]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_while_the_server_is_away_commands_read_the_copy(
    command: list[str], server: FakeServer, app: Flask
) -> None:
    expected = invoke(*command, app=app).stdout
    server.lose()
    assert invoke(*command, app=app).stdout == expected


@pytest.mark.parametrize(
    "command",
    [["put", "photos", "-"], ["delete", "photos", "--yes"], ["history", "photos"]],
    ids=" ".join,
)
def test_while_the_server_is_away_what_needs_it_is_refused(
    command: list[str], server: FakeServer, app: Flask
) -> None:
    server.lose(ServerUnreachable("the server db.example cannot be reached: check that it runs"))
    said = invoke(*command, app=app, input=DOCUMENT, code=1).stderr
    # The text says what to do. What is usual for files does not fit.
    assert said == "Error: the server db.example cannot be reached: check that it runs\n"


def test_a_command_on_the_copy_reads_it_by_the_settings_of_the_application(
    server: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "copy.sqlite"
    app = Flask("storage")
    app.config["BUCKETCORS_DIALECT"] = "s3"
    with closing(ReplicaStore(server, path)) as store:  # type: ignore[arg-type]
        BucketCORS(app, store=store)
        assert invoke("list", "--database", path).stdout == "photos\n"
        settings = invoke("doctor", "--database", path).stdout
        assert "BUCKETCORS_DIALECT is 's3', in the database" in settings
        # Changes are made on the server.
        said = invoke("put", "photos", "-", "--database", path, input=DOCUMENT, code=1).stderr
        assert "is a copy of the rules of fake://server/rules" in said


def examined(app: Flask, *options: str, code: int = 0) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = json.loads(
        invoke("doctor", "--format", "json", *options, app=app, code=code).stdout
    )
    return [note for note in notes if note["area"] in ("database", "workers")]


def test_doctor_tells_of_the_copy_and_the_server(app: Flask) -> None:
    texts = [note["text"] for note in examined(app, "--write")]
    assert "integrity_check finds no damage" in texts
    assert "the copy is 0 s old, at revision 2" in texts
    assert "fake://server/rules responds, and is at revision 2" in texts
    assert "1 bucket has rules" in texts
    assert "another process sees the same rules and the same signal" in texts
    assert texts[-1].startswith("another process saw a write")
    # A copy has no history.
    assert not any("the history keeps" in text for text in texts)


def test_while_the_server_is_away_doctor_tells_what_the_copy_does(
    server: FakeServer, app: Flask
) -> None:
    server.lose()
    notes = examined(app, code=1)
    assert [note["text"] for note in notes if not note["ok"]] == [
        "fake://server/rules: the fake server is away"
    ]
    texts = [note["text"] for note in notes]
    assert "the copy is 0 s old, at revision 2" in texts
    assert "1 bucket has rules" in texts
    assert "another process sees the same rules and the same signal" in texts


def test_a_copy_on_a_network_disk_is_a_fault(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("1 0 0:9 / / rw - nfs4 server:/data rw\n")
    monkeypatch.setattr(file_health, "_MOUNTS", mounts)
    [note] = [note for note in examined(app, code=1) if not note["ok"]]
    assert note["text"] == "the disk is nfs4, on which SQLite's write-ahead log does not work"
    assert note["help"].endswith("set BUCKETCORS_REPLICA to a path there")
