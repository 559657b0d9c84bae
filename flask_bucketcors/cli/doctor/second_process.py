"""The second process of ``doctor``: reads a store as a worker does, and prints what it sees.

The first line of its input is the opener of the store, see ``Store.opener``, pickled and in
hexadecimal digits; a command line would show a password to all users of the machine. It reads a
command from each further line. ``look`` prints the state of the store. ``wait BUCKET`` prints
``ready`` and waits for a change. Then it prints the time (in monotonic seconds) and whether the
bucket had rules by then, or ``late``.
"""

import pickle  # nosec B403 # what the parent process has written
import sys
import time

from flask_bucketcors.cli.doctor.workers import WAIT_SECONDS, look
from flask_bucketcors.stores.contract import Store


def wait(store: Store, bucket: str) -> str:
    """Wait for a change as a request notices it: by the signal."""
    signal = store.signal()
    seen = signal[0]
    print("ready", flush=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while signal[0] == seen:
        if time.monotonic() > deadline:
            return "late"
        time.sleep(0.0002)
    now = time.monotonic()
    return f"{now} {store.get(bucket) is not None}"


def main() -> None:
    """Open the store, read commands from standard input, and print what they tell."""
    store: Store = pickle.loads(bytes.fromhex(input()))()  # nosec B301 # written by the parent
    for line in sys.stdin:
        command, _, bucket = line.strip().partition(" ")
        print(look(store) if command == "look" else wait(store, bucket), flush=True)


if __name__ == "__main__":
    main()
