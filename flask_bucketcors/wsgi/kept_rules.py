"""The rules in memory: bounded in number and in bytes, and shared by buckets with equal rules.

Buckets that requests used lately stay. A request leaves a mark in the entry of its bucket. Where
room is needed, entries go from the oldest on, but one with a mark only loses the mark, and counts
as the newest from then on ("second chance").
"""

import re
import sys
from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import Final, TypeVar

from flask_bucketcors.core.candidates import Candidate, Pending
from flask_bucketcors.core.closed_rules import BucketRules
from flask_bucketcors.core.compiled import (
    UNIT_BYTES,
    CompiledRules,
    digest_of,
    digest_of_text,
    refused_by,
)
from flask_bucketcors.core.decisions import Refused
from flask_bucketcors.core.fields import CheckedRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.rows import text_of
from flask_bucketcors.stores.usual_text import read_usual_text

# How many buckets without rules are remembered, because clients may invent names.
MAX_ABSENT: Final = 10_000
# The part of what is kept that makes room at once. A dictionary finds its first entry by passing
# over the places of all that were dropped since it was last resized.
ROOM_PARTS: Final = 64
# The part of the bytes that names without rules of their own may take.
ABSENT_PARTS: Final = 8
# At most this part of the entries is looked at to make room, but at least so many.
LOOK_PARTS: Final = 4
MIN_LOOKS: Final = 16
# An entry and its place in a dictionary, which is full by two thirds at most, in bytes.
ENTRY_BYTES: Final = 112
PLACE_BYTES: Final = 56
# A digest and its place.
SHARED_BYTES: Final = 120

# Names that are the same in a URL, decoded as latin-1 (PEP 3333), and as text.
_PLAIN_NAME = re.compile(r"\.*[A-Za-z0-9_-][A-Za-z0-9._-]*")

#: The version of a bucket that has no rules of its own.
NO_VERSION: Final = None

_Key = TypeVar("_Key", str, str | bytes)


class Entry:
    """What requests need of a bucket, in one object, because each further one costs time.

    :param rules: the rules that decide.
    :param version: the version of the bucket's own rules in the store; None if it has none.
    :param origin, first, by_origin, refused, without_origin: those of the rules.
    :param used: whether a request found the entry since it was last asked to make room.
    """

    __slots__ = (
        "by_origin",
        "first",
        "origin",
        "refused",
        "rules",
        "used",
        "version",
        "without_origin",
    )

    def __init__(self, rules: BucketRules, version: Hashable) -> None:
        self.rules: BucketRules = rules
        self.version: Hashable = version
        self.used: bool = False
        self.origin: str | None = rules.origin
        self.first: Candidate | None = rules.first
        self.by_origin: dict[str, Candidate | Pending] = rules.by_origin
        self.refused: Refused | None = (
            refused_by(rules) if isinstance(rules, CompiledRules) else rules.refused
        )
        self.without_origin: list[tuple[str, str]] = rules.without_origin


class KeptRules:
    """The entries of buckets. Reading is free to all threads; the methods need a lock.

    :param most: how many buckets with rules to keep.
    :param most_bytes: how many bytes the entries may take, as estimated.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        #: Entries by name. Names that a URL might spell differently are bytes here, and nothing
        #: in a request is bytes. So an undecoded name from a request finds only the rules of the
        #: bucket with exactly that name.
        self.by_bucket: dict[str | bytes, Entry] = {}
        #: Buckets without rules of their own. With default rules, they are in ``by_bucket`` too.
        self.absent: dict[str, Entry] = {}
        #: Entries that may be old, and are as good as new if the version is still the same.
        self._aside: dict[str | bytes, Entry] = {}
        self._shared: dict[bytes, CompiledRules] = {}
        self._most = most
        self._most_bytes = most_bytes - most_bytes // ABSENT_PARTS
        self._most_absent_bytes = most_bytes // ABSENT_PARTS
        #: How many buckets with rules of their own there are.
        self.count: int = 0
        #: What buckets with rules of their own take, and the names of others.
        self.bytes: int = 0
        self.absent_bytes: int = 0

    def compiled(
        self,
        parse: Callable[[], RuleSet],
        compile_rules: Callable[[RuleSet | CheckedRules], CompiledRules],
    ) -> CompiledRules:
        """Parse and compile rules, unless equal ones are in memory.

        Rules are equal if their stored text is. Where there is none, they are parsed first.

        :param parse: see :class:`~flask_bucketcors.StoredRules`.
        """
        text = text_of(parse)
        rule_set = parse() if text is None else None
        digest = digest_of_text(text or "") if rule_set is None else digest_of(rule_set)
        rules = self._shared.get(digest)
        if rules is None:
            # Without an object for each rule, which nothing would ever look at.
            usual = None if text is None else read_usual_text(text)
            rules = compile_rules(usual or rule_set or parse())
            rules.digest = digest
        return rules

    def find_aside(self, key: str | bytes) -> Entry | None:
        """Find an entry that was set aside."""
        return self._aside.get(key)

    def keep(self, bucket: str, key: str | bytes, entry: Entry) -> None:
        """Keep the entry of a bucket with rules of its own."""
        if bucket in self.absent or key in self.by_bucket or key in self._aside:
            self._drop(bucket, key)
        rules = entry.rules
        if isinstance(rules, CompiledRules):
            shared = self._shared.get(rules.digest, rules)
            if shared is not rules:
                # Another thread has compiled equal rules.
                entry = Entry(shared, entry.version)
        size = _size(key, entry)
        own_size = self._own_size(entry)
        if self._make_room(size + own_size):
            # That may have dropped equal rules.
            own_size = self._own_size(entry)
        self.bytes += size + own_size
        self.count += 1
        if isinstance(entry.rules, CompiledRules):
            self._shared[entry.rules.digest] = entry.rules
            entry.rules.users += 1
        self.by_bucket[key] = entry

    def keep_absent(
        self, bucket: str, key: str | bytes, entry: Entry, *, has_default: bool
    ) -> None:
        """Keep that a bucket has no rules of its own."""
        self._drop(bucket, key)
        # Under default rules, a bucket in use may never get its own, and has to be as fast.
        most = self._most if has_default else MAX_ABSENT
        size = _size(bucket, entry)
        if len(self.absent) >= most or self.absent_bytes + size > self._most_absent_bytes:
            most, most_bytes = _less(most), _less(self._most_absent_bytes) - size
            for name in _oldest(self.absent):
                if len(self.absent) <= most and self.absent_bytes <= most_bytes:
                    break
                self._drop_absent(name, key_of(name))
        self.absent[bucket] = entry
        self.absent_bytes += size
        if has_default:
            self.by_bucket[key] = entry

    def set_aside(self, bucket: str) -> None:
        """Let nothing be known of a bucket, unless its version turns out to be still the same."""
        key = key_of(bucket)
        if bucket in self.absent:
            self._drop_absent(bucket, key)
        elif key in self.by_bucket:
            self._aside[key] = self.by_bucket.pop(key)

    def set_all_aside(self) -> None:
        """Let nothing be known of any bucket. Others may go on reading ``by_bucket`` as it was."""
        if len(self.by_bucket) + len(self._aside) > self.count:
            # Default rules are not to be set aside.
            for bucket in self.absent:
                self.by_bucket.pop(key_of(bucket), None)
        if self._aside:
            self._aside.update(self.by_bucket)
        else:
            self._aside = self.by_bucket
        self.by_bucket = {}
        self.absent = {}
        self.absent_bytes = 0

    def _drop(self, bucket: str, key: str | bytes) -> None:
        if bucket in self.absent:
            self._drop_absent(bucket, key)
            return
        for entries in (self.by_bucket, self._aside):
            if key in entries:
                self._release(key, entries.pop(key))

    def _drop_absent(self, bucket: str, key: str | bytes) -> None:
        self.absent_bytes -= _size(bucket, self.absent.pop(bucket))
        self.by_bucket.pop(key, None)

    def _release(self, key: str | bytes, entry: Entry) -> None:
        self.count -= 1
        if isinstance(entry.rules, CompiledRules):
            entry.rules.users -= 1
            if not entry.rules.users:
                self._shared.pop(entry.rules.digest, None)
        self.bytes -= _size(key, entry) + self._own_size(entry)

    def _own_size(self, entry: Entry) -> int:
        """What the rules of an entry take, if no other entry has them."""
        rules = entry.rules
        if not isinstance(rules, CompiledRules) or rules.digest in self._shared:
            return 0
        return rules.units * UNIT_BYTES + SHARED_BYTES

    def _make_room(self, size: int) -> bool:
        """Drop entries if there are too many; return whether there were."""
        if self.count < self._most and self.bytes + size <= self._most_bytes:
            return False
        most, most_bytes = _less(self._most), _less(self._most_bytes) - size
        for entries in (self._aside, self.by_bucket):
            for key in _oldest(entries):
                if not self.count or (self.count <= most and self.bytes <= most_bytes):
                    return True
                entry = entries.pop(key)
                if entry.version is NO_VERSION:
                    # Default rules among others make no room here.
                    entries[key] = entry
                else:
                    self._release(key, entry)
        return True


def is_plain_name(bucket: str) -> bool:
    """Whether a URL spells the name of a bucket in one way."""
    return _PLAIN_NAME.fullmatch(bucket) is not None


def key_of(bucket: str) -> str | bytes:
    """Give the key of a bucket in ``by_bucket``."""
    return bucket if _PLAIN_NAME.fullmatch(bucket) else bucket.encode("utf-8", "surrogatepass")


def _size(name: str | bytes, entry: Entry) -> int:
    """What an entry takes without its rules, in bytes."""
    return ENTRY_BYTES + PLACE_BYTES + sys.getsizeof(name) + sys.getsizeof(entry.version)


def _less(limit: int) -> int:
    """A limit with room for several more."""
    return limit - max(1, limit // ROOM_PARTS)


def _oldest(entries: dict[_Key, Entry]) -> Iterator[_Key]:
    """Give the keys of the oldest entries, which the caller drops, or puts at the end.

    Those that were used lately become the newest, but only so many of them at once.
    """
    chances = max(MIN_LOOKS, len(entries) // LOOK_PARTS)
    looks = 2 * len(entries)
    while entries and looks > 0:
        for key in list(islice(entries, max(MIN_LOOKS, len(entries) // ROOM_PARTS))):
            entry = entries[key]
            looks -= 1
            if entry.used and chances:
                entry.used = False
                chances -= 1
                entries[key] = entries.pop(key)
            else:
                yield key
