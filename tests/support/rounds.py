"""How often a race between processes is run, and how many examples a property test draws.

A few rounds belong to every run of the tests. ``BUCKETCORS_MANY_ROUNDS=1``, which ``.ci/run`` sets
for a step of its own, asks for as many as it takes to meet rare orders of events.
"""

import os
from typing import Final

MANY: Final = "BUCKETCORS_MANY_ROUNDS" in os.environ

#: Seconds for one test of many rounds, on a machine that has much else to do.
ROUNDS_TIMEOUT: Final = 400


def rounds(few: int, many: int) -> int:
    """Choose the number of rounds: a few, or many if the environment asks for them."""
    return many if MANY else few
