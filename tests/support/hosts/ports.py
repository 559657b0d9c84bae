"""Ports of 127.0.0.1 that stay one server's, also while it is stopped."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port for the length of a block.

    A socket that is bound and does not listen lets a server bind the port too, as servers set
    SO_REUSEADDR. The kernel gives it to nobody else, and a client that connects while the server
    is stopped is refused; without the socket it could come to be connected to itself.
    """
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]
