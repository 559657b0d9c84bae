"""The command ``console``: a console on this machine, for who opens the printed address."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support import ROOT
from tests.support.processes.children import interruptible

RULES = RuleSet([Rule(["https://www.example.com"], ["GET"])])


class Console:
    """A running command.

    :param url: the address that it printed.
    """

    def __init__(self, folder: Path) -> None:
        command = interruptible("flask_bucketcors", "console", "--author", "carol")
        self.process = subprocess.Popen(
            [*command, "--database", str(folder / "rules.sqlite")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("The console: ").strip()
        self.root = self.url.partition("/enter")[0]
        self.port = self.root.removeprefix("http://127.0.0.1:").partition("/")[0]

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C; give the exit code, and what the command printed besides."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    store = SQLiteStore(folder / "rules.sqlite")
    store.put("photos", RULES, "alice")
    store.close()
    running = Console(folder)
    yield running
    assert running.end() == (0, "Press Ctrl-C to end it.\n")


def test_only_who_opens_the_address_gets_in(console: Console) -> None:
    stranger = requests.get(f"{console.root}/", timeout=30)
    assert stranger.status_code == 403
    assert "Open the address that the command printed" in stranger.text
    for token in ("", "guess", "%C3%A4", console.url[-1]):
        assert requests.get(f"{console.root}/enter?token={token}", timeout=30).status_code == 403
    with requests.Session() as person:
        entered = person.get(console.url, timeout=30)
        assert entered.status_code == 200
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert cookie.startswith(f"bucketcors-console-{console.port}=")
        # The page that has the address goes on at once, and the token is not in its links.
        assert re.search(r'http-equiv="refresh" content="0; url=/[\w-]{12}/"', entered.text)
        assert "token=" not in entered.text
        page = person.get(f"{console.root}/", timeout=30)
        assert "photos" in page.text
        assert "carol" in page.text


def test_what_others_serve_on_this_machine_does_not_get_the_cookie(console: Console) -> None:
    """Browsers send a cookie to all ports of a host, but only with its path."""
    with requests.Session() as person:
        person.get(console.url, timeout=30)
        sent = [
            person.prepare_request(requests.Request("GET", url)).headers.get("Cookie")
            for url in (f"{console.root}/", "http://127.0.0.1:9/", "http://127.0.0.1:9/enter")
        ]
    assert [each is not None for each in sent] == [True, False, False]


def test_another_name_for_this_machine_gets_nothing(console: Console) -> None:
    """As of a page whose name leads here (DNS rebinding)."""
    with requests.Session() as person:
        person.get(console.url, timeout=30)
        cookies = person.cookies.get_dict()
    headers = {"Host": "evil.example"}
    response = requests.get(f"{console.root}/", headers=headers, cookies=cookies, timeout=30)
    assert response.status_code == 403


def test_the_console_listens_on_loopback_only(console: Console) -> None:
    assert console.root.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_refused(console: Console, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put("photos", RULES)
    store.close()
    database = ["--database", str(tmp_path / "rules.sqlite")]
    done = subprocess.run(
        [sys.executable, "-m", "flask_bucketcors", "console", "--port", console.port, *database],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert f"port {console.port} is not free" in done.stderr
