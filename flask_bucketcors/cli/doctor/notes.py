"""What the doctor writes down."""

from typing import NamedTuple


class Note(NamedTuple):
    """One thing that was looked at.

    :param area: what it belongs to.
    :param text: what was seen.
    :param remedy: what to do; None if all is well.
    """

    area: str
    text: str
    remedy: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do."""
        return self.remedy is None
