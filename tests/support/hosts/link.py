"""A cable between one host and the server, which tests can cut at the worst moment."""

import re
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Lock, Thread
from typing import Final

# As drivers send it, without encryption. There is also READ COMMITTED.
COMMIT: Final = re.compile(rb"COMMIT(?!TED)")
CONNECT_SECONDS: Final = 2.0
#: The longest that a test may hold back what is sent.
HELD_SECONDS: Final = 60.0


class Link:
    """Passes connections on to a server.

    :param address: where the server is; it may come and go.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._is_held = False
        self._going_on = Condition()
        self._awaited: list[tuple[re.Pattern[bytes], bool]] = []
        #: How many connections were cut by :meth:`cut_at`.
        self.count = 0

    def cut_at(self, text: re.Pattern[bytes], *, is_sent: bool) -> None:
        """Cut the connection of the next client that sends a text.

        :param is_sent: whether the server gets it; the response is lost in any case.
        """
        self._awaited.append((text, is_sent))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Pass nothing on for the length of a block, and then all that has come in between."""
        self._is_held = True
        try:
            yield
        finally:
            with self._going_on:
                self._is_held = False
                self._going_on.notify_all()

    def cut(self) -> int:
        """Cut all connections, and give their number."""
        with self._lock:
            cut = list(self._open)
        for each in cut:
            _shut(each)
        return len(cut) // 2

    def serve(self) -> None:
        """Take connections until the link is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                Thread(target=self._pass_on, args=[client], daemon=True).start()

    def close(self) -> None:
        """Take no more connections, and cut those that there are."""
        # Only this wakes the thread that accepts.
        _shut(self._listening)
        self._listening.close()
        self.cut()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self._wait()
            with socket.create_connection(self._address, CONNECT_SECONDS) as server:
                for each in (client, server):
                    each.settimeout(None)
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = {client: server, server: client}
                with self._lock:
                    self._open |= pair.keys()
                try:
                    self._copy(client, pair)
                finally:
                    with self._lock:
                        self._open -= pair.keys()

    def _copy(self, client: socket.socket, pair: dict[socket.socket, socket.socket]) -> None:
        while True:
            readable, _, _ = select.select(list(pair), [], [])
            for source in readable:
                data = source.recv(65536)
                self._wait()
                if not data:
                    return
                cut = self._awaited_in(data) if source is client else None
                if cut is None or cut[1]:
                    pair[source].sendall(data)
                if cut is not None:
                    self.count += 1
                    return

    def _awaited_in(self, data: bytes) -> tuple[re.Pattern[bytes], bool] | None:
        with self._lock:
            found = next((each for each in self._awaited if each[0].search(data)), None)
            if found is not None:
                self._awaited.remove(found)
            return found

    def _wait(self) -> None:
        with self._going_on:
            self._going_on.wait_for(lambda: not self._is_held, HELD_SECONDS)


@contextmanager
def link(address: tuple[str, int]) -> Iterator[Link]:
    """Run a link for the length of a block."""
    made = Link(address)
    thread = Thread(target=made.serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(CONNECT_SECONDS)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
