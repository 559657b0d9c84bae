"""No test, benchmark or example can hang: every wait in them has a limit.

A limit of the test itself (``timeout`` in setup.cfg) ends a test, but not what its clean-up waits
for, and benchmarks have none. So every call that waits says how long, or says in a comment
``# no limit: REASON`` on its line why it needs none.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.processes.children import CHILD_SECONDS, sigint_ignored
from tests.support.tables import in_one_test

FOLDERS = ["tests", "benchmarks", "example_app"]
FILES = sorted(path for folder in FOLDERS for path in Path(ROOT, folder).rglob("*.py"))
EXEMPTION = "# no limit: "

# Name of a function or method: where its limit may stand among the arguments, and under which
# name. Each waits for ever without it.
LIMITS = {
    "wait": (0, "timeout"),
    "join": (0, "timeout"),
    "get": (0, "timeout"),
    "result": (0, "timeout"),
    "communicate": (1, "timeout"),
    "run": (None, "timeout"),
    "call": (None, "timeout"),
    "check_call": (None, "timeout"),
    "check_output": (None, "timeout"),
    "HTTPConnection": (None, "timeout"),
    "HTTPSConnection": (None, "timeout"),
    "create_connection": (1, "timeout"),
    "urlopen": (2, "timeout"),
}
# Of these names, only what belongs to the module is meant.
OF_SUBPROCESS = {"run", "call", "check_call", "check_output"}
OF_REQUESTS = {"get", "put", "post", "delete", "head", "options", "request"}


def waits_without_limit(source: str) -> Iterator[int]:
    """Give the numbers of the lines that wait, and do not say how long."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        found = _waits(node)
        if found and EXEMPTION not in lines[found.lineno - 1]:
            yield found.lineno


def _waits(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Call):
        return node if _is_without_limit(node) else None
    if isinstance(node, ast.With):
        return next(filter(_is_process, (item.context_expr for item in node.items)), None)
    return None


def _is_process(entered: ast.expr) -> bool:
    """Whether this is a child, which Python waits for at the end of a ``with`` block."""
    name = _name(entered) if isinstance(entered, ast.Call) else ast.unparse(entered)
    return name.lower().endswith(("popen", "process"))


def _is_without_limit(call: ast.Call) -> bool:
    name, owner = _name(call), _owner(call)
    if name == "Thread":
        # Python waits at its own end for a thread that is no daemon.
        return all(each.arg != "daemon" for each in call.keywords)
    if name == "waitpid":
        # os.WNOHANG or the like.
        return isinstance(call.args[1], ast.Constant)
    if owner == "os" and name == "wait":
        return True
    if owner == "requests" and name in OF_REQUESTS:
        return all(each.arg not in ("timeout", None) for each in call.keywords)
    if name not in LIMITS or (name in OF_SUBPROCESS and owner != "subprocess"):
        return False
    position, keyword = LIMITS[name]
    if position == 0 and call.args:
        return False
    if position is not None and len(call.args) > position:
        return False
    return all(each.arg not in (keyword, None) for each in call.keywords)


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _owner(call: ast.Call) -> str:
    function = call.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    return owner.id if isinstance(owner, ast.Name) else ""


def test_every_wait_has_a_limit() -> None:
    assert FILES
    without = {str(path): [*waits_without_limit(path.read_text())] for path in FILES}
    assert {path: lines for path, lines in without.items() if lines} == {}


@in_one_test
@pytest.mark.parametrize(
    "line",
    [
        "process.wait()",
        "process.communicate()",
        "process.communicate(b'input')",
        "thread.join()",
        "queue.get()",
        "event.wait()",
        "future.result()",
        "barrier.wait()",
        "os.wait()",
        "os.waitpid(child, 0)",
        "subprocess.run(command, check=True)",
        "subprocess.check_output(command)",
        "HTTPConnection('127.0.0.1', 80)",
        "requests.get('http://127.0.0.1')",
        "socket.create_connection(('127.0.0.1', 80))",
        "with subprocess.Popen(command): pass",
        "with Popen(command) as process: pass",
        "with suppress(OSError), self._process: pass",
        "threading.Thread(target=work)",
    ],
)
def test_a_wait_without_a_limit_is_found(line: str) -> None:
    assert list(waits_without_limit(line)) == [1]


@in_one_test
@pytest.mark.parametrize(
    "line",
    [
        "process.wait(10)",
        "process.wait(timeout=10)",
        "process.communicate(timeout=10)",
        "', '.join(names)",
        "environ.get('HOME')",
        "contextvar.get(timeout=1)",
        "os.waitpid(child, os.WNOHANG)",
        "subprocess.run(command, timeout=10)",
        "subprocess.run(command, **options)",
        "app.run(port=0)",
        "HTTPConnection('127.0.0.1', 80, timeout=10)",
        "Thread(target=work, daemon=True)",
        "process.wait()  # no limit: it was killed in the line above",
    ],
)
def test_a_wait_with_a_limit_is_none(line: str) -> None:
    assert list(waits_without_limit(line)) == []


def pytest_on(tmp_path: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run tests with the project's configuration, where SIGINT is ignored."""
    tests = tmp_path / "test_hanging.py"
    tests.write_text(code)
    command = [sys.executable, "-m", "pytest", f"--config-file={ROOT / 'setup.cfg'}"]
    with sigint_ignored():
        return subprocess.run(
            [*command, "-p", "no:randomly", *options, str(tests)],
            cwd=tmp_path,
            # Options of the run that this test is part of are not meant for another.
            env={**os.environ, "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=CHILD_SECONDS,
        )


WAITS = """
from threading import Thread, Event

def test_that_waits():
    for_ever = Thread(target=Event().wait, daemon=True)
    for_ever.start()
    for_ever.join()

def test_that_comes_after():
    pass
"""


def test_a_test_that_hangs_fails_and_those_after_it_run(tmp_path: Path) -> None:
    done = pytest_on(tmp_path, WAITS, "--timeout=1")
    assert "Failed: Timeout (>1.0s) from pytest-timeout" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


CLEANS_UP_FOR_EVER = """
from threading import Event

def test_that_waits():
    try:
        Event().wait()
    finally:
        Event().wait()
"""


def test_a_test_that_hangs_in_its_cleanup_ends_the_run(tmp_path: Path) -> None:
    done = pytest_on(
        tmp_path, CLEANS_UP_FOR_EVER, "--timeout=1", "--override-ini=faulthandler_timeout=3"
    )
    assert done.returncode == 1
    assert "test_hanging.py" in done.stderr
    assert "most recent call first" in done.stderr


def test_the_run_is_ended_only_after_each_test_could_end(pytestconfig: pytest.Config) -> None:
    """Some are given more than the usual time, by a marker."""
    marker = re.compile(r"mark\.timeout\((\d+)\)")
    given = [int(n) for path in FILES for n in marker.findall(path.read_text())]
    assert pytestconfig.getini("timeout") == "60"
    assert float(pytestconfig.getini("faulthandler_timeout")) > max([60, *given])
