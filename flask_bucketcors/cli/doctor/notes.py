"""Notes: what ``doctor`` prints."""

from typing import Final, NamedTuple

from flask_bucketcors.cli.terminal import store_help
from flask_bucketcors.core.errors import StoreUnavailable

#: Help where the text says what to do.
AS_TOLD: Final = "do so, and run doctor again"


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


def trouble(area: str, error: StoreUnavailable) -> Note:
    """Give the note about a store that fails."""
    return Note(area, str(error), store_help(error) or AS_TOLD)
