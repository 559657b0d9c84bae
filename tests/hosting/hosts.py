"""The servers: how each is started, and what it needs."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from tests.support import ROOT

HERE = Path(__file__).parent
#: Names the variable of the environment that holds the path of the database.
DATABASE: Final = "HOSTED_DATABASE"
#: Names the variable that holds the folder in which a file lets a streamed response go on.
GATES: Final = "HOSTED_GATES"

APP: Final = "hosted_app:application"
PATHS: Final = os.pathsep.join(map(str, (HERE, ROOT)))

Command = Callable[[int, int], list[str]]


class Host(NamedTuple):
    """A server.

    :param command: starts it for a descriptor and a port.
    :param module: what has to be installed.
    :param binds: whether it takes no socket that listens.
    """

    command: Command
    module: str
    binds: bool = False


def _gunicorn(*options: str) -> Command:
    return lambda descriptor, port: [
        *(sys.executable, "-m", "gunicorn", "--bind", f"fd://{descriptor}"),
        *(*options, "--graceful-timeout", "2", "--no-control-socket", APP),
    ]


def _hypercorn(descriptor: int, port: int) -> list[str]:
    bind = f"fd://{descriptor}"
    return [sys.executable, "-m", "hypercorn", "--bind", bind, f"wsgi:{APP}"]


def _granian(descriptor: int, port: int) -> list[str]:
    # A worker that runs longer than one thread handles one request at a time without the option.
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
        *("--port", str(port), "--blocking-threads", "4", APP),
    ]


def _uwsgi(descriptor: int, port: int) -> list[str]:
    return [
        *(str(Path(sys.executable).with_name("uwsgi")), "--http-socket", f"fd://{descriptor}"),
        *("--module", APP, "--master", "--die-on-term", "--lazy-apps", "--need-app"),
        *("--virtualenv", sys.prefix, "--threads", "4", "--buffer-size", "32768"),
    ]


def _own_program(name: str, descriptor: int, port: int) -> list[str]:
    return [sys.executable, str(HERE / "run_server.py"), name, str(descriptor)]


HOSTS: Final = {
    "gunicorn sync": Host(_gunicorn(), "gunicorn"),
    "gunicorn gthread": Host(_gunicorn("--threads", "4"), "gunicorn"),
    "gunicorn gevent": Host(_gunicorn("--worker-class", "gevent"), "gunicorn"),
    "granian": Host(_granian, "granian", binds=True),
    "hypercorn": Host(_hypercorn, "hypercorn"),
    "uWSGI": Host(_uwsgi, "uwsgidecorators"),
    **{
        name: Host(partial(_own_program, name), name)
        for name in ("waitress", "cheroot", "bjoern", "pyruvate", "werkzeug", "wsgiref")
    },
}
#: Those that run without being asked for: the others have to be installed first.
ALWAYS: Final = ("gunicorn gthread", "werkzeug")
