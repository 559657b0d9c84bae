"""The second process of ``doctor``: reads a store as a worker does, and prints what it sees.

Run it as a script with the path of a database. It reads a command from each line. ``look`` prints
the state of the store. ``wait BUCKET`` prints ``ready`` and waits for a change. Then it prints the
time (in monotonic seconds) and whether the bucket had rules by then, or ``late``.
"""

import sys
import time

from flask_bucketcors.cli.doctor.workers import WAIT_SECONDS, look
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.sqlite.store import SQLiteStore


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


def main(path: str) -> None:
    """Read commands from standard input, and print what they tell of the store at a path."""
    store = SQLiteStore(path)
    for line in sys.stdin:
        command, _, bucket = line.strip().partition(" ")
        print(look(store) if command == "look" else wait(store, bucket), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
