"""What lint and diff found out about rules, for those who ask again.

A client that puts the same rules once more, a page that shows the findings about stored rules, and
the log line of a change that was shown before, and an import of many buckets with equal rules: all
ask what has been found out already. The results depend on nothing but what they are kept by.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from sys import getsizeof
from typing import Final, Generic, NamedTuple, TypeVar

from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.stores.forks import ForkSafeLock

Result = TypeVar("Result")

MAX_RESULTS: Final = 1_000
MAX_BYTES: Final = 4 * 1024 * 1024
# Rules, findings and words are texts in tuples. Beside its characters, each takes less than this.
_BYTES_OF_A_VALUE: Final = 64


class _Kept(NamedTuple, Generic[Result]):
    """What is kept of one question.

    :param undecided: the bound that did not suffice, and its number; None if there is a result.
    :param size: an estimate, in bytes.
    """

    result: Result | None
    undecided: tuple[str, int] | None
    size: int


class ResultMemo(Generic[Result]):
    """Keeps the results that were used last; threads may share it.

    :param max_results: how many.
    :param max_bytes: how much memory they may take together, with the rules; an estimate.
    """

    def __init__(self, max_results: int = MAX_RESULTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_results = max_results
        self._max_bytes = max_bytes
        self._lock = ForkSafeLock()
        self._kept: OrderedDict[Hashable, _Kept[Result]] = OrderedDict()
        self._size = 0

    def find(self, rules: Hashable, context: Hashable, find: Callable[[], Result]) -> Result:
        """Give a result; find it if it is not kept.

        Two threads that ask at the same moment may both find it.

        :param rules: what the result is about.
        :param context: what else it depends on; it counts for nothing in the size, as others have
            it, too.
        :raises TooIntricate: if ``find`` raises it, now or when it was last asked. Other errors of
            it are not kept.
        """
        question = (rules, context)
        with self._lock:
            kept = self._kept.get(question)
            if kept is not None:
                self._kept.move_to_end(question)
        if kept is None:
            kept = self._found(rules, find)
            self._keep(question, kept)
        if kept.undecided is not None:
            raise TooIntricate(*kept.undecided)
        # There is a result, which may be None.
        return kept.result  # type: ignore[return-value]

    def _found(self, rules: Hashable, find: Callable[[], Result]) -> _Kept[Result]:
        try:
            result, undecided = find(), None
        except TooIntricate as error:
            result, undecided = None, (error.bound, error.number)
        return _Kept(result, undecided, _size(rules) + _size(result))

    def _keep(self, question: Hashable, kept: _Kept[Result]) -> None:
        if kept.size > self._max_bytes:
            return
        with self._lock:
            # Another thread may have found it, too.
            earlier = self._kept.pop(question, None)
            self._size += kept.size - (earlier.size if earlier else 0)
            self._kept[question] = kept
            while self._size > self._max_bytes or len(self._kept) > self._max_results:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.size


def _size(value: object) -> int:
    text = repr(value)
    return getsizeof(text) + _BYTES_OF_A_VALUE * (1 + text.count(", "))
