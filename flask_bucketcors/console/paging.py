"""Pages of long lists."""

from dataclasses import dataclass
from typing import Final

# Up to how many pages each is linked, and how many on each side of the current one if there are
# more.
_ALL_OF: Final = 7
_NEAR: Final = 2


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list a page shows.

    :param count: the length of the list.
    :param size: how much of it a page shows.
    :param page: the number of the page, from 1; the nearest one that exists is shown.
    """

    count: int
    size: int
    page: int

    @property
    def pages(self) -> int:
        """The number of pages; at least 1."""
        return max(1, -(-self.count // self.size))

    @property
    def current(self) -> int:
        """The page that is shown."""
        return min(max(1, self.page), self.pages)

    @property
    def indexes(self) -> range:
        """The indexes of what is shown, from 0."""
        first = (self.current - 1) * self.size
        return range(first, min(first + self.size, self.count))

    @property
    def linked(self) -> list[int]:
        """The pages to link: all, or the first, the last, and those near the current one."""
        if self.pages <= _ALL_OF:
            return [*range(1, self.pages + 1)]
        near = range(self.current - _NEAR, self.current + _NEAR + 1)
        return sorted({1, self.pages, *near} & {*range(1, self.pages + 1)})

    def label(self, page: int) -> str:
        """Say what a page shows, such as 21 to 40, with a dash."""
        first = (page - 1) * self.size + 1
        last = min(page * self.size, self.count)
        return f"{first}\N{EN DASH}{last}" if last > first else str(first)

    def page_of(self, index: int) -> int:
        """Give the page that shows something, by its index from 0."""
        return index // self.size + 1
