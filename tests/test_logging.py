"""The page about logging, and what the log says about refused preflights."""

import ast
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet, signals
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import MAX_ITEMS, MAX_TEXT, fields
from flask_bucketcors.wsgi import preflight_log
from tests.support import ROOT
from tests.support.loggers import EVENTS, FORGED, LOGGERS, LONG, LONG_IN_BYTES, Lines, watch

PAGE = (ROOT / "docs" / "logging.md").read_text("utf-8")
CHILD_SECONDS = 60

A, B = "https://a.example", "https://b.example"
RULES = RuleSet([Rule([A], ["GET"], ["x-a"]), Rule([A, B], ["PUT"])])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    return watch(caplog)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.put("photos", RULES)
    return store


def preflight(
    store: MemoryStore,
    path: str = "/photos/a",
    query: str = "",
    origin: str = A,
    method: str = "GET",
    headers: str = "",
) -> str:
    """Send a preflight; give its status."""
    api = RulesAPI(store, authorize=lambda call: True)
    app = BucketCORSMiddleware(lambda environ, start: [b""], store=store, api=api)
    environ = {
        "REQUEST_METHOD": "OPTIONS",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_ORIGIN": origin,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": method,
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": headers,
    }
    statuses: list[Any] = []
    b"".join(app(environ, lambda status, *_: statuses.append(status)))  # type: ignore[arg-type]
    return str(statuses[0][:3])


# The page


def test_the_page_has_every_logger() -> None:
    table = PAGE.partition("## Loggers")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(.*?)` \|", table, re.M)) == LOGGERS


def test_the_configuration_of_the_page_shows_what_it_says(tmp_path: Path) -> None:
    (code,) = re.findall(r"```py\n(.*?)```", PAGE, re.S)
    path = tmp_path / "shown.py"
    path.write_text(
        f"{code}\n"
        'logging.getLogger("flask_bucketcors.changes").info("a change")\n'
        'logging.getLogger("flask_bucketcors.preflights").debug("a preflight")\n'
        'logging.getLogger("flask_bucketcors.lint").debug("advice")\n'
        'logging.getLogger("other").info("other")\n'
    )
    command = [sys.executable, path]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=CHILD_SECONDS
    )
    assert done.stderr.splitlines() == [
        "INFO:flask_bucketcors.changes:a change",
        "DEBUG:flask_bucketcors.preflights:a preflight",
    ]


# Fields


def _cells(heading: str) -> list[list[str]]:
    """The rows of a table of the page, as their cells."""
    part = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def test_the_page_has_every_event_with_its_fields() -> None:
    rows = [
        (event.strip("`"), logger.strip("`"), frozenset(re.findall(r"`(\w+)`", names)))
        for event, logger, _, names in _cells("Events")
    ]
    assert len(rows) == len(set(rows)) == len(EVENTS)
    assert set(rows) == EVENTS


def test_the_page_says_what_every_field_is() -> None:
    described = [name for cells in _cells("Values") for name in re.findall(r"`(\w+)`", cells[0])]
    assert sorted(described) == sorted({name for *_, names in EVENTS for name in names})


def test_every_call_that_writes_a_line_has_fields() -> None:
    calls = [
        (path.name, node.lineno, {each.arg for each in node.keywords})
        for path in (ROOT / "flask_bucketcors").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) in ("logger", "log", "self._log", "self._logger")
        and node.func.attr in ("debug", "info", "warning", "error", "exception", "log", "write")
    ]
    assert len(calls) >= len(EVENTS)
    assert [call for call in calls if "extra" not in call[2]] == []


def test_the_formatter_of_the_page_writes_what_the_page_shows(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    path = tmp_path / "formatted.py"
    path.write_text(
        f"{code}\n"
        "from tests.test_logging import preflight\n"
        "from flask_bucketcors import MemoryStore, Rule, RuleSet\n"
        'shop = "https://shop.example.com"\n'
        "store = MemoryStore()\n"
        f'store.put("photos", RuleSet([Rule(["{A}"], ["PUT"]), Rule([shop], ["GET"])]))\n'
        'preflight(store, origin=shop, method="PUT", headers="content-type")\n'
        'logging.getLogger("other").error("not of the package", exc_info=ValueError("seven"))\n'
    )
    done = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        check=True,
        timeout=CHILD_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    refused, other = map(json.loads, done.stderr.splitlines())
    assert {**refused, "time": ""} == {**json.loads(shown), "time": ""}
    assert list(refused) == list(json.loads(shown))
    assert (other["message"], other["traceback"]) == ("not of the package", "ValueError: seven")


def test_fields_are_values_of_json_that_are_escaped_and_cut() -> None:
    said = fields(
        "tried",
        none=None,
        number=1.5,
        truth=True,
        text="it's\n\u202eé\udcff",
        long=LONG,
        path=Path("/tmp") / "a\nb",
        error=ValueError("a\tb"),
        listed=["\x1b"] * 100,
    )
    assert said == {
        "bucketcors": {
            "event": "tried",
            "none": None,
            "number": 1.5,
            "truth": True,
            "text": "it's\\n\\u202eé\\udcff",
            "long": "x" * MAX_TEXT,
            "path": "/tmp/a\\nb",
            "error": "ValueError: a\\tb",
            "listed": ["\\x1b"] * MAX_ITEMS,
        }
    }


class Textless(Exception):
    """Has no text, because of a mistake."""

    def __str__(self) -> str:
        return str(self.args[1])


def test_an_error_without_a_text_has_a_line_and_changes_nothing_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(store: MemoryStore, bucket: str) -> None:
        raise Textless("photos")

    def receive(store: MemoryStore, **values: Any) -> None:
        raise Textless("photos")

    monkeypatch.setattr(signals, "_log", IntervalLog(signals.logger))
    store = MemoryStore()
    with signals.rules_changed.connected_to(receive):
        assert store.put("photos", RuleSet([Rule([B], ["GET"])])) == 1
    monkeypatch.setattr(MemoryStore, "read", fail)
    client = TestApp(BucketCORSMiddleware(lambda *request: [], store=store))
    preflight = {"Origin": B, "Access-Control-Request-Method": "GET"}
    client.options("/photos/k", headers=preflight, status=503)
    shown = [vars(record)["bucketcors"] for record in caplog.records]
    assert shown == [
        {"event": "receiver_failed", "signal": "rules_changed", "error": "Textless"},
        {"event": "store_failed", "error": "Textless"},
    ]


# Refused preflights

REFUSED = {
    "origin": ({"origin": "https://c.example"}, "origin 'https://c.example'", "no rule"),
    "method, of the first rule": ({"method": "DELETE"}, "method 'DELETE'", "rule 1"),
    "method, of another rule": ({"origin": B}, f"origin '{B}', method 'GET'", "rule 2"),
    "headers": ({"headers": "x-a,x-b"}, "headers 'x-a,x-b'", "rule 1"),
    "headers, of another rule": (
        {"method": "PUT", "headers": "x-a"},
        "method 'PUT', headers 'x-a'",
        "rule 2",
    ),
    "no_rules": ({"path": "/albums/a"}, "bucket 'albums'", "no rule"),
    "dot_segment": ({"path": "/photos/../a"}, "bucket ''", "no rule"),
    "rules_call": ({"path": "/photos", "query": "cors"}, "bucket 'photos'", "no rule"),
}


@pytest.mark.parametrize(
    "reason, sent, said, rule",
    [pytest.param(each.partition(",")[0], *REFUSED[each], id=each) for each in REFUSED],
)
def test_a_refused_preflight(
    store: MemoryStore,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
    reason: str,
    sent: dict[str, str],
    said: str,
    rule: str,
) -> None:
    assert preflight(store, **sent) == "403"
    ((logger, level, text),) = lines()
    assert (logger, level) == ("flask_bucketcors.preflights", "DEBUG")
    assert text.startswith(f"preflight refused ({reason}): bucket '")
    assert said in text
    assert text.endswith(f", {rule}")
    values = vars(caplog.records[0])["bucketcors"]
    assert (values["event"], values["reason"]) == ("preflight_refused", reason)
    assert values["rule"] == (None if rule == "no rule" else int(rule.removeprefix("rule ")))


def test_the_page_has_every_reason_and_a_line_that_is_logged(
    store: MemoryStore, lines: Lines
) -> None:
    part = PAGE.partition("## Refused preflights")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(.*?)` \|", part, re.M)) == set(map(str, Reason))
    shop = "https://shop.example.com"
    store.put("photos", RuleSet([Rule([A], ["PUT"]), Rule([shop], ["GET"])]))
    preflight(store, origin=shop, method="PUT", headers="content-type")
    assert f"\n{lines()[0][2]}\n" in part


class Failing(MemoryStore):
    def read(self, bucket: str) -> Any:
        raise StoreUnavailable("the disk is gone\nERROR:root:forged")


def test_a_refusal_because_the_rules_cannot_be_read(lines: Lines) -> None:
    assert preflight(Failing()) == "503"
    trouble, refused = lines()
    assert trouble[:2] == ("flask_bucketcors.store", "ERROR")
    assert refused[2].startswith("preflight refused (unreadable): bucket 'photos'")


@pytest.mark.parametrize(
    "rules", [None, BucketCORSMiddleware(print, store=MemoryStore())._outcomes._dot_segment]
)
def test_rules_may_be_gone_when_a_line_is_written(lines: Lines, rules: Any) -> None:
    preflight_log.log_refused(Reason.METHOD, "photos", (A, "PUT", ""), lambda bucket: rules)
    assert lines()[0][2].endswith(", no rule")


def test_an_allowed_preflight_is_not_logged(store: MemoryStore, lines: Lines) -> None:
    assert preflight(store) == "200"
    assert lines() == []


@pytest.mark.parametrize("level, is_logged", [(logging.INFO, False), (logging.DEBUG, True)])
def test_nothing_is_prepared_that_is_not_logged(
    store: MemoryStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    level: int,
    is_logged: bool,
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(preflight_log, "log_refused", lambda *arguments: calls.append(arguments))
    caplog.set_level(level, logger="flask_bucketcors")
    assert preflight(store, origin=B) == "403"
    assert bool(calls) is is_logged


@pytest.mark.parametrize("value", [FORGED, LONG, "", "\udcff", "\x00"])
@pytest.mark.parametrize("name", ["path", "origin", "method", "headers"])
def test_no_preflight_forges_a_line(
    store: MemoryStore, lines: Lines, name: str, value: str
) -> None:
    sent = {"origin": A, "method": "DELETE", "headers": "x-b", name: value}
    if name == "path":
        sent["path"] = f"/{value}/a"
    # As a server passes it: bytes, decoded as latin-1.
    as_bytes = {name: text.encode("utf-8", "surrogateescape") for name, text in sent.items()}
    preflight(store, **{name: text.decode("latin-1") for name, text in as_bytes.items()})
    assert len(lines()) <= 1


@pytest.mark.parametrize("text", [LONG, LONG_IN_BYTES, "\x85" * 2000])
def test_a_line_is_short_if_every_value_is_long(
    store: MemoryStore, lines: Lines, text: str
) -> None:
    sent = text.encode().decode("latin-1")
    preflight(store, path=f"/{sent}/a", origin=sent, method=sent, headers=sent)
    assert len(lines()) == 1
