"""Waits for what announces nothing, within bounds."""

import time
from collections.abc import Callable
from typing import Final

# Bounds, for machines that have much else to do; nothing waits as long when all is well.
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20
# For one step of a server that works.
OWN_SECONDS: Final = 20
# Between two looks.
LOOK_SECONDS: Final = 0.02


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Look until something is true.

    :raises TimeoutError: if it is not after so long.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(LOOK_SECONDS)
