"""Commands ``flask`` and ``bucketcors`` that are forked from a process which has loaded them.

To start Python and import Flask takes longer than what most commands do. So :func:`commands` has
a folder with two small programs that stand for these commands. Each hands its arguments, folder,
environment and standard streams to the server, which forks, and ends as the fork has ended. What
is about the start of a process itself (its imports, encodings, signals, entry points) is tested
with the real commands.

Run with ``-m`` and the path of a socket, this is the server. It ends when its input does.
"""

import atexit
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn, TextIO

import flask_bucketcors
from tests.support import ROOT
from tests.support.processes.children import STOP_SECONDS, running

# Where each command is, as its entry point has it.
COMMANDS = {"flask": ("flask.cli", "main"), "bucketcors": ("flask_bucketcors.cli", "bucketcors")}
LARGEST = 1 << 20

# Such a program starts fast: it imports next to nothing, and no site.
_CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
said = [*sys.argv, os.getcwd(), dict(os.environ)]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect({path!r})
    streams = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
    server.sendmsg([json.dumps(said).encode()], [streams])
    for stream in 0, 1, 2:
        os.close(stream)
    status = int(server.recv(99) or -signal.SIGKILL)
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@contextmanager
def commands() -> Iterator[Path]:
    """Run the server for the length of a block, and give the folder of the commands."""
    with tempfile.TemporaryDirectory(prefix="commands-") as folder:
        path = str(Path(folder, "server"))
        for name in COMMANDS:
            program = Path(folder, name)
            program.write_text(_CLIENT.format(python=sys.executable, path=path))
            program.chmod(0o755)
        with running(
            [sys.executable, "-m", __name__, path],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield Path(folder)
            server.stdin.close()
            server.wait(STOP_SECONDS)


def serve(path: str) -> str | None:
    """Fork a process for each command, and tell its client how it ends.

    :returns: in a fork, the name of its command; None at the end of the input.
    """
    import_all()
    gc.freeze()
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    clients: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(99)
        print("ready", flush=True)
        while True:
            # A client says nothing more, so one that can be read has gone.
            processes = {client: process for process, client in clients.items()}
            sources = [sys.stdin, listening, ended, *processes]
            readable = set(select.select(sources, [], [])[0])  # no limit: its input ends
            if sys.stdin in readable:
                break
            for client in processes.keys() & readable:
                os.kill(processes[client], signal.SIGKILL)
            if ended in readable:
                ended.recv(LARGEST)
                tell_the_ends(clients)
            if listening in readable:
                client = listening.accept()[0]
                message, streams, _, _ = socket.recv_fds(client, LARGEST, 3)
                process = os.fork()
                if process == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (client, ended, wakes, *clients.values()):
                        each.close()
                    return take_over(json.loads(message), streams)
                clients[process] = client
                for stream in streams:
                    os.close(stream)
    for process in clients:
        os.kill(process, signal.SIGKILL)
    return None


def import_all() -> None:
    """Import what commands import."""
    import_module("example_app")
    for module in walk_packages(flask_bucketcors.__path__, "flask_bucketcors."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def take_over(said: list[Any], streams: list[int]) -> str:
    """Become the process that the client stands for, and give the name of its command."""
    *sys.argv, folder, environ = said
    for number, (name, mode) in enumerate([("stdin", "r"), ("stdout", "w"), ("stderr", "w")]):
        os.dup2(streams[number], number)
        os.close(streams[number])
        setattr(sys, name, open_like(getattr(sys, name), number, mode))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    program = Path(sys.argv[0])
    # As in a program that an entry point has made.
    sys.modules["__main__"].__package__ = None
    sys.path[0] = str(program.parent)
    return program.name


def open_like(stream: TextIO, number: int, mode: str) -> TextIO:
    """Open what is a standard stream now as Python has opened the one before."""
    unbuffered = mode == "w" and stream.write_through
    binary = os.fdopen(number, f"{mode}b", 0 if unbuffered else -1, closefd=False)
    return io.TextIOWrapper(
        binary,
        stream.encoding,
        stream.errors,
        line_buffering=not unbuffered and (binary.isatty() or stream is sys.stderr),
        write_through=unbuffered,
    )


def run(name: str) -> NoReturn:
    """Run a command and end, as Python does, but without taking all modules apart."""
    module, function = COMMANDS[name]
    code: object = 1
    try:
        code = getattr(import_module(module), function)()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        code = 120
    os._exit(code or 0)


def tell_the_ends(clients: dict[int, socket.socket]) -> None:
    """Give the clients of processes that have ended their exit codes; below 0, a signal."""
    while clients:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            break
        with clients.pop(process) as client, suppress(OSError):
            client.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__" and (name := serve(sys.argv[1])):
    run(name)
