"""A server that says what it was told to, whether that is HTTP or not, and remembers requests."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Lines = list[str]
#: The lines of a response from the status on, with an empty line before a body; a function that
#: gives them for a request; or one that does what it likes with the connection.
Script = Lines | bytes | Callable[[socket.socket], None]
Responder = Callable[[str], Lines]

#: Stands for every method that has no script of its own, and for what is no HTTP.
ANY = "ANY"


class ScriptedServer:
    """Responds by the method, or by a function.

    :param scripts: what to do for each method; :data:`ANY` for the others. Without a script, the
        connection is closed.
    :param respond: gives the response to each request, in place of scripts.
    """

    def __init__(self, scripts: dict[str, Script], respond: Responder | None = None) -> None:
        self.scripts = scripts
        self.asked: list[str] = []
        self._respond_by = respond
        self._connection: socket.socket | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.address}/photos/cat.png"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def methods(self) -> list[str]:
        return [request.split(" ")[0] for request in self.asked]

    def origins(self) -> list[str | None]:
        """The Origin of each request."""
        return [header_in(request, "Origin") for request in self.asked]

    def close(self) -> None:
        # A script that sends without end may wait for a client that no longer reads.
        for each in filter(None, (self._listening, self._connection)):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._connection, _ = self._listening.accept()
                with self._connection as connection, suppress(OSError):
                    self._respond(connection)

    def _respond(self, connection: socket.socket) -> None:
        request = connection.recv(65536).decode("latin-1")
        self.asked.append(request)
        script = self._script(request)
        if callable(script):
            script(connection)
        else:
            connection.sendall(script if isinstance(script, bytes) else as_http(script))

    def _script(self, request: str) -> Script:
        if self._respond_by and "HTTP/1." in request:
            return self._respond_by(request)
        return self.scripts.get(request.split(" ")[0], self.scripts.get(ANY, b""))


def as_http(lines: Lines) -> bytes:
    """A response as it is sent."""
    head, _, body = "\r\n".join(lines).partition("\r\n\r\n")
    return f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}".encode()


def header_in(request: str, name: str) -> str | None:
    """The value of a header of a request; None if it has none."""
    for line in request.split("\r\n\r\n")[0].split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    return None


def target_of(request: str) -> str:
    """The path and the query that a request asks for."""
    return request.split(" ")[1]


#: Starts a server that ends with the test: ``serve(GET=lines)`` or ``serve(respond)``.
Serve = Callable[..., ScriptedServer]


@contextmanager
def scripted_servers() -> Iterator[Serve]:
    """Give a function that starts servers, and stop them at the end."""
    running: list[ScriptedServer] = []

    def serve(respond: Responder | None = None, **scripts: Script) -> ScriptedServer:
        running.append(ScriptedServer(dict(scripts), respond))
        return running[-1]

    try:
        yield serve
    finally:
        for each in running:
            each.close()
