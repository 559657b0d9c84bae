"""Start gunicorn, with the server of the tests, and load it with wrk."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from served import COPY, DATABASE  # noqa: E402

from tests.support.processes.servers import Server, gunicorn  # noqa: E402

__all__ = ["Server", "serving", "wrk"]

CONNECTIONS = 8
# More than the time that wrk is to run.
GRACE_SECONDS = 30


@contextmanager
def serving(
    app: str, database: Path | str, copy: Path | None = None, **settings: Any
) -> Iterator[Server]:
    """Run one of the applications of ``served.py``.

    :param database: a file, or the URL of a server; then ``copy`` is the file of the host's copy.
    """
    environ = {DATABASE: str(database), **({COPY: str(copy)} if copy else {})}
    with gunicorn(f"served:{app}()", environ=environ, folder=HERE, **settings) as server:
        yield server


def wrk(server: Server, seconds: int) -> dict[str, float]:
    """Load a server. Return what ``wrk.lua`` reports.

    :raises RuntimeError: if wrk is missing, or a response is not 200.
    """
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: on Debian, apt-get install wrk")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "wrk.lua")]
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}"],
        capture_output=True,
        check=True,
        text=True,
        timeout=seconds + GRACE_SECONDS,
    ).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    if result["errors"]:
        raise RuntimeError(f"wrk reports errors: {output}")
    return result
