"""What a store tells about itself: to ``doctor``, and to the health view."""

from typing import NamedTuple


class HealthNote(NamedTuple):
    """The result of one check of a store.

    :param text: what was found, without a password.
    :param help: what to do; None if there is nothing to do. A note with help is a fault.
    """

    text: str
    help: str | None = None


class CopyHealth(NamedTuple):
    """How up to date a host's copy of the rules of a server is.

    :param age: seconds since the copy had everything that the server had; None if that is unknown.
    :param in_contact: whether the server responds, as far as this host knows.
    """

    age: float | None
    in_contact: bool
