"""What a store tells ``doctor`` about itself."""

from typing import NamedTuple


class HealthNote(NamedTuple):
    """One thing that a store found when it looked at itself.

    :param text: what was found, without a password.
    :param help: what to do; None if there is nothing to do. A note with help is a fault.
    """

    text: str
    help: str | None = None
