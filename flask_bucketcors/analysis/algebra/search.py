"""A text of a cell, or the certainty that it has none."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.grammars import Grammar
from flask_bucketcors.core.wildcards import Wildcard


class Wanted(NamedTuple):
    """What the texts of a cell are.

    :param cell: what they begin and end with.
    :param longer_prefixes: what they do not begin with; each begins with the cell's prefix.
    :param longer_suffixes: what they do not end with; each ends with the cell's suffix.
    :param points: single texts that do not count.
    :param work: that this is a part of.
    """

    cell: Wildcard
    longer_prefixes: tuple[str, ...]
    longer_suffixes: tuple[str, ...]
    points: Collection[str]
    work: Work

    def text(self, middle: str, grammar: Grammar) -> str | None:
        """Give the text with a middle; None if it is not one of those that are wanted."""
        text = self.cell.prefix + middle + self.cell.suffix
        others = len(self.longer_prefixes) + len(self.longer_suffixes)
        self.work.compare(2 + others // 16 + len(text) // 8)
        is_wanted = (
            not text.startswith(self.longer_prefixes)
            and not text.endswith(self.longer_suffixes)
            and text not in self.points
            and grammar.holds(text)
        )
        return text if is_wanted else None


def find_example(wanted: Wanted, grammar: Grammar) -> str | None:
    """Give a text of a cell, one that reads well if there is one; None if there is none."""
    wanted.work.compare(4 + len(wanted.cell.prefix) // 8 + len(wanted.cell.suffix))
    if not grammar.may_surround(*wanted.cell):
        return None
    usual = grammar.fillers if wanted.cell.suffix else grammar.endings
    for middle in usual:
        text = wanted.text(middle, grammar)
        if text is not None:
            return text
    return find_shortest(wanted, grammar)


def find_shortest(wanted: Wanted, grammar: Grammar) -> str | None:
    """Give the shortest text of a cell; None if there is none."""
    for middle in _different_middles(wanted, grammar):
        text = wanted.text(middle, grammar)
        if text is not None:
            return text
    return None


def _different_middles(wanted: Wanted, grammar: Grammar) -> Iterator[str]:
    """Give middles, the shorter first, one of each kind that makes a difference."""
    prefix, suffix = wanted.cell
    work = wanted.work
    work.compare(len(wanted.points) // 8)
    starts = tuple(text[len(prefix) :] for text in wanted.longer_prefixes)
    points = [text[len(prefix) :] for text in wanted.points if text.startswith(prefix)]
    ends = [text[: len(text) - len(suffix)] for text in wanted.longer_suffixes]
    followed = _beginnings([*starts, *points], work)
    awaited = _beginnings(ends, work)
    characters = _characters([*starts, *points, *ends], grammar)
    room = grammar.max_length - len(prefix) - len(suffix)
    start = grammar.after(prefix)
    if start is None:
        return
    queue = deque([("", start, _longest_end(prefix, awaited))])
    seen = set()
    while queue:
        middle, state, end = queue.popleft()
        # Once it is no longer the beginning of anything, what it was makes no difference.
        kind = (state, end, middle if middle in followed else None)
        # What begins with a longer prefix never ends well, whatever its kind.
        work.compare(1 + len(starts) // 32)
        if kind in seen or len(middle) > room or middle.startswith(starts):
            continue
        work.keep()
        seen.add(kind)
        yield middle
        for character in characters:
            after = grammar.step(state, character)
            if after is not None:
                work.compare(1 + len(end) // 4)
                further = middle + character
                queue.append((further, after, _longest_end(end + character, awaited)))


def _beginnings(texts: Sequence[str], work: Work) -> set[str]:
    work.compare(sum(map(len, texts)) // 4 + sum(len(text) ** 2 for text in texts) // 4096)
    return {text[:length] for text in texts for length in range(len(text) + 1)}


def _longest_end(text: str, awaited: Collection[str]) -> str:
    """Give the longest end of a text that is among the awaited beginnings."""
    for start in range(len(text)):
        if text[start:] in awaited:
            return text[start:]
    return ""


def _characters(texts: Sequence[str], grammar: Grammar) -> list[str]:
    """Give the characters that occur, and one that does not of each kind that the grammar knows."""
    occurring = dict.fromkeys("".join(texts))
    others = [
        next((each for each in alike if each not in occurring), "") for alike in grammar.classes
    ]
    return [*occurring, *filter(None, others)]
