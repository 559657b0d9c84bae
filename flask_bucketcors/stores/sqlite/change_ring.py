"""Which buckets the last changes were about, in memory that the processes of a machine share.

Asking SQLite after each change which buckets it was about would cost every process a query for
every change. So a writer notes the names in the token file, which all processes have mapped.

Each entry says which stamp it follows, and which stamp it leads to. A reader that knows a stamp,
and finds another number in the token, follows the entries back from that number to its own stamp.
If it arrives, it has seen the names of everything that was committed in between. If it does not, it
asks the database.

Facts this rests on:

- A writer adds its entry inside its transaction, which SQLite runs one at a time. So entries are in
  the order of the commits. If the transaction fails, its entry leads to a stamp that no entry
  follows and that no process publishes, and the names in it are read again for nothing.
- A reader never goes on to a stamp that is not published, or led to a published one: the commit
  might be under way, and the rules that it read might still be the old ones.
- Writers may publish in another order than they committed. So a reader takes the names of all
  entries since its own stamp, also of those behind the number that it found.
- A writer that writes nothing may have seen what another tool has committed, and says so. It adds
  an entry of any bucket, so that an earlier change that is published late does not hide that.
- An entry may be half written, if a process was killed, or if two files were at the path one after
  the other and both were written. Its checksum, which includes the place in the ring, shows that.
"""

from collections.abc import Collection, Iterator
from mmap import mmap
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

#: Where the ring begins in the token file: the count of bytes ever written, then the entries.
HEAD: Final = 128
#: Where the stamp of a change is that every process was told of.
PUBLISHED: Final = HEAD + 8
_DATA: Final = HEAD + 64
_SIZE: Final = 16 * 1024
END: Final = _DATA + _SIZE

# Names need more than this: the reader asks the database.
_MAX_NAMES_BYTES: Final = 4 * 1024
# Reading more entries costs more than a query.
_MAX_ENTRIES: Final = 64

# After the names, because a reader begins with the last entry: the stamp before the change, the
# stamp and the id of the change, the length of the names, and a checksum.
_TRAILER: Final = Struct("<qqqiI")
_TOO_MANY: Final = -1
_BETWEEN_NAMES: Final = "\0"


class Entry(NamedTuple):
    """One change.

    :param before: the stamp before it.
    :param after: the stamp of the change.
    :param id: the ID of its last row in ``bucketcors_changes``.
    :param buckets: whose rules it may have changed; None for too many to note.
    """

    before: int
    after: int
    id: int
    buckets: Collection[str] | None


class ChangeRing:
    """The entries of the last changes, newest first to read.

    :param memory: the token file, mapped, at least :data:`END` bytes long.
    """

    def __init__(self, memory: mmap) -> None:
        self._memory = memory
        self._head = memoryview(memory)[HEAD : HEAD + 8].cast("Q")

    def append(self, entry: Entry) -> None:
        """Add an entry, within its transaction."""
        text = _BETWEEN_NAMES.join(entry.buckets or ()).encode()
        length = len(text)
        if entry.buckets is None or length > _MAX_NAMES_BYTES:
            text, length = b"", _TOO_MANY
        start = self._head[0]
        fields = (entry.before, entry.after, entry.id, length)
        self._write(start, text + _TRAILER.pack(*fields, _checksum(start, text, fields)))
        self._head[0] = start + len(text) + _TRAILER.size

    def since(self, known: int, published: int) -> tuple[set[str], Entry | None] | None:
        """Tell what changed since a stamp.

        :param known: the stamp.
        :param published: the number in the token.
        :returns: the names of the buckets that may have changed, and the last entry that is known
            to be committed, or None if that is still the one of the known stamp. None if the ring
            does not tell.
        """
        names: set[str] = set()
        last, wanted = None, published
        for entry in self._newest_first():
            if entry.after == known:
                return self._passed(names, published) if last is None else None
            if entry.after == wanted:
                last, wanted = last or entry, entry.before
            if entry.buckets is None:
                return None
            names.update(entry.buckets)
            if last is not None and wanted == known:
                return names, last
        return None

    def _passed(self, names: set[str], published: int) -> tuple[set[str], None] | None:
        """What changed if the published stamp is older than the known one."""
        is_older = any(entry.after == published for entry in self._newest_first())
        return (names, None) if is_older else None

    def _newest_first(self) -> Iterator[Entry]:
        head = end = self._head[0]
        oldest = max(0, head - _SIZE)
        for _ in range(_MAX_ENTRIES):
            start = end - _TRAILER.size
            if start < oldest:
                return
            *fields, checksum = _TRAILER.unpack(self._read(start, end))
            length = fields[3]
            end = start - max(length, 0)
            if end < oldest:
                return
            text = self._read(end, start)
            if checksum != _checksum(end, text, fields):
                return
            # Names have no control characters, so an empty text is no name.
            names = None if length == _TOO_MANY else text.decode().split(_BETWEEN_NAMES)
            yield Entry(fields[0], fields[1], fields[2], names)

    def _read(self, start: int, end: int) -> bytes:
        first, last = _DATA + start % _SIZE, _DATA + end % _SIZE
        if first <= last:
            return self._memory[first:last]
        return self._memory[first:END] + self._memory[_DATA:last]

    def _write(self, start: int, data: bytes) -> None:
        first = _DATA + start % _SIZE
        part = data[: END - first]
        self._memory[first : first + len(part)] = part
        rest = data[len(part) :]
        self._memory[_DATA : _DATA + len(rest)] = rest


def _checksum(start: int, text: bytes, fields: Collection[int]) -> int:
    return crc32(b"%d %d %d %d %d" % (start, *fields), crc32(text))
