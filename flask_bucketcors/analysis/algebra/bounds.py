"""How much work may be done about patterns before it is given up."""

from typing import Final, NamedTuple


class Bounds(NamedTuple):
    """What patterns may amount to.

    Those that people write hardly overlap. Made for it, a document of 64 KiB has patterns that
    overlap in millions of ways.

    :param cells, overlaps: see :mod:`~flask_bucketcors.analysis.algebra.cells`.
    :param kinds: of texts that are told apart.
    :param beginnings: of all sides of patterns together, in characters.
    :param pairs: of rules that are compared.
    """

    cells: int
    overlaps: int
    kinds: int
    beginnings: int
    pairs: int


#: Where a person waits for the result: enough for a hundred rules of ten origins, whatever these
#: are.
AMPLE: Final = Bounds(2_000_000, 2_000_000, 1_000_000, 128_000_000, 20_000_000)
#: Where other requests wait, as in a worker: some seconds at most.
HASTY: Final = Bounds(200_000, 20_000, 10_000, 32_000_000, 1_000_000)
#: For a line that nobody waits for, as in a log: tenths of a second.
BRIEF: Final = Bounds(20_000, 2_000, 1_000, 3_200_000, 100_000)
