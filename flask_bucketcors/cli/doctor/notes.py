"""Notes: what ``doctor`` prints."""

from typing import NamedTuple


class Note(NamedTuple):
    """The result of one check.

    :param area: ``settings``, ``routes``, ``database`` or ``workers``.
    :param text: what was found.
    :param help: what to do; None if there is nothing to do.
    """

    area: str
    text: str
    help: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do."""
        return self.help is None
