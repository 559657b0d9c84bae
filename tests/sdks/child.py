"""A client in another environment: ``python child.py MODULE WHERE``, both as in this folder.

It reads calls from standard input, one JSON object a line, and writes what came of each, as
the drivers below ``node`` do.
"""

import json
import sys
from importlib import import_module

from calls import Where, names_of_this_machine
from running import InProcess


def main() -> None:
    where = Where(**json.loads(sys.argv[2]))
    client = InProcess(import_module(sys.argv[1]), where)
    with names_of_this_machine(where.suffix):
        for line in sys.stdin:
            call = json.loads(line)
            print(json.dumps(client.answer(**call)), flush=True)


main()
