"""Counts of refused preflights in the memory of a process, bounded in number and in bytes.

Clients choose origins, and may choose other ones each time. If there is no room for another, it
only counts among the others of its bucket. Each time as many have met no room as there is room for,
those make room that were counted once. So an origin that comes twice in a row gets in within a
flood of others.
"""

from dataclasses import dataclass
from typing import Final

#: How many keys a tally has, and for how many buckets it counts others.
MAX_KEYS: Final = 400

#: Bucket, origin, method, and reason.
Key = tuple[str, str, str, str]


@dataclass(slots=True)
class Count:
    """How often something was refused.

    :param first, last: when, in seconds since 1970.
    :param headers: the requested headers of the last one, or nothing.
    """

    times: int
    first: float
    last: float
    headers: str = ""

    def add(self, more: "Count") -> None:
        """Add what was counted elsewhere."""
        self.times += more.times
        self.first = min(self.first, more.first)
        if more.last >= self.last:
            self.last, self.headers = more.last, more.headers


class Tally:
    """Counts by key, and by bucket for all that have no key.

    :param most: how many of each.
    """

    def __init__(self, most: int = MAX_KEYS) -> None:
        self.by_key: dict[Key, Count] = {}
        self.others: dict[str, Count] = {}
        self._most = most
        self._met_no_room = 0

    def count(self, key: Key, now: float, headers: str) -> None:
        """Count one."""
        # This runs for each refused preflight; add() would do, and takes twice as long.
        known = self.by_key.get(key)
        if known is None:
            if len(self.by_key) < self._most or self._makes_room():
                self.by_key[key] = Count(1, now, now, headers)
                return
            known = self.others.get(key[0])
            if known is None:
                self._add_other(key[0], Count(1, now, now))
                return
        known.times += 1
        known.last = now
        known.headers = headers

    def add(self, tally: "Tally") -> None:
        """Add all that another tally has."""
        for key, count in tally.by_key.items():
            known = self.by_key.get(key)
            if known is not None:
                known.add(count)
            elif len(self.by_key) < self._most:
                self.by_key[key] = count
            else:
                self._add_other(key[0], count)
        for bucket, count in tally.others.items():
            self._add_other(bucket, count)

    def drop(self, bucket: str) -> None:
        """Forget a bucket."""
        self.others.pop(bucket, None)
        for key in [key for key in self.by_key if key[0] == bucket]:
            del self.by_key[key]

    def _add_other(self, bucket: str, count: Count) -> None:
        known = self.others.get(bucket)
        if known is not None:
            known.add(count)
        elif len(self.others) < self._most:
            self.others[bucket] = count

    def _makes_room(self) -> bool:
        self._met_no_room += 1
        if self._met_no_room < self._most:
            return False
        self._met_no_room = 0
        single = [key for key, count in self.by_key.items() if count.times == 1]
        for key in single:
            self._add_other(key[0], self.by_key.pop(key))
        return bool(single)
