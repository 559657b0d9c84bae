"""Runs the application in a server that has no command which takes a listening socket.

Arguments: the name of the server, and the descriptor of the socket.
"""

import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIApplication

# Where systemd hands over the first socket.
SYSTEMD_DESCRIPTOR: Final = 3


def run_waitress(app: WSGIApplication, listening: socket.socket) -> None:
    import_module("waitress").serve(app, sockets=[listening])


def run_cheroot(app: WSGIApplication, listening: socket.socket) -> None:
    _hand_over_as_systemd_does(listening)
    import_module("cheroot.wsgi").Server(listening.getsockname(), app).start()


def run_pyruvate(app: WSGIApplication, listening: socket.socket) -> None:
    _hand_over_as_systemd_does(listening)
    import_module("pyruvate").serve(app, None, 4)


def _hand_over_as_systemd_does(listening: socket.socket) -> None:
    os.dup2(listening.fileno(), SYSTEMD_DESCRIPTOR)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")


def run_bjoern(app: WSGIApplication, listening: socket.socket) -> None:
    import_module("bjoern").server_run(listening, app)


def run_werkzeug(app: WSGIApplication, listening: socket.socket) -> None:
    serving = import_module("werkzeug.serving")
    host, port = listening.getsockname()
    serving.make_server(host, port, app, threaded=True, fd=listening.fileno()).serve_forever()


def run_wsgiref(app: WSGIApplication, listening: socket.socket) -> None:
    server = WSGIServer(listening.getsockname(), WSGIRequestHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = listening.getsockname()
    server.setup_environ()
    server.set_app(app)
    server.serve_forever()


RUN: Final[dict[str, Callable[[WSGIApplication, socket.socket], None]]] = {
    "waitress": run_waitress,
    "cheroot": run_cheroot,
    "pyruvate": run_pyruvate,
    "bjoern": run_bjoern,
    "werkzeug": run_werkzeug,
    "wsgiref": run_wsgiref,
}

if __name__ == "__main__":
    name, descriptor = sys.argv[1:]
    RUN[name](import_module("hosted_app").application, socket.socket(fileno=int(descriptor)))
