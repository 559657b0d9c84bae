"""The second process of ``doctor``: it looks at a store as a worker does and prints what it sees.

Run it as a script with the path of a database. It reads one command a line: ``look`` prints what
the store shows. ``wait BUCKET`` prints ``ready``, waits for a change, and prints when it saw one
(in monotonic seconds) and whether the bucket had rules by then, or ``late``.
"""

import sys
import time

from flask_bucketcors.cli.doctor.workers import WAIT_SECONDS, look
from flask_bucketcors.stores import SQLiteStore, Store


def wait(store: Store, bucket: str) -> str:
    """Wait for a change as requests do: by looking at the signal."""
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
    """Read commands from standard input and print what the store at a path shows."""
    store = SQLiteStore(path)
    for line in sys.stdin:
        command, _, bucket = line.strip().partition(" ")
        print(look(store) if command == "look" else wait(store, bucket), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
