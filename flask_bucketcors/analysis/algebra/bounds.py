"""How much work rules may take before they are given up."""

from dataclasses import astuple, dataclass
from typing import ClassVar

from flask_bucketcors.core.errors import TooIntricate


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much work ``lint``, ``diff``, ``permissions`` or ``explain`` may do about rules.

    Usual rules need a part of it. Rules that are made to be slow could need millions of times as
    much. If the bounds do not suffice, there is no result: :class:`~flask_bucketcors.TooIntricate`
    is raised.

    ``Bounds.NARROW`` is the default, for programs in which others wait, such as servers.
    ``Bounds.WIDE`` is for programs in which one person waits, such as the command line.

    :param comparisons: how often texts, origins, rules and sets of header names may be compared
        with each other. A million take about a second.
    :param kinds: how many kinds of origins, header names and lists of them may be kept apart. A
        thousand take up to about a megabyte.
    :raises ValueError: if one of them is not a whole number from 0.
    """

    comparisons: int
    kinds: int

    NARROW: ClassVar["Bounds"]
    WIDE: ClassVar["Bounds"]

    def __post_init__(self) -> None:
        for number in astuple(self):
            if type(number) is not int or number < 0:
                raise ValueError(f"{number!r} is no bound: write a whole number from 0")


Bounds.NARROW = Bounds(comparisons=300_000, kinds=40_000)
Bounds.WIDE = Bounds(comparisons=40_000_000, kinds=1_000_000)


class Work:
    """What has been done within bounds, to find one result.

    What is found on demand, such as the words for a region, counts for the result that it belongs
    to. Threads may share it; then a few steps may go uncounted.

    :param bounds: limits of the work.
    :raises TypeError: if they are something else.
    """

    __slots__ = ("bounds", "comparisons", "kinds")

    def __init__(self, bounds: Bounds) -> None:
        if not isinstance(bounds, Bounds):
            raise TypeError(f"bounds is {bounds!r}: pass Bounds, such as Bounds.WIDE")
        self.bounds: Bounds = bounds
        self.comparisons: int = 0
        self.kinds: int = 0

    def compare(self, count: int = 1) -> None:
        """Count comparisons, before they are made.

        :raises TooIntricate: if they are too many.
        """
        self.comparisons += count
        if self.comparisons > self.bounds.comparisons:
            raise TooIntricate("comparisons", self.bounds.comparisons)

    def keep(self, count: int = 1) -> None:
        """Count kinds, before they are kept.

        :raises TooIntricate: if they are too many.
        """
        self.kinds += count
        if self.kinds > self.bounds.kinds:
            raise TooIntricate("kinds", self.bounds.kinds)
