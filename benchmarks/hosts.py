"""Measure several hosts that follow one SQL server: PostgreSQL 18, and MariaDB.

The servers are real and run here; a host is a process, or several, with a copy of its own. So the
network has no latency, and servers and hosts share the CPUs. The parts:

- ``statements``: what requests send to the server, at 0, 10 and 100 changes a second.
- ``hot``: a preflight on a host, compared with SQLite alone.
- ``own``: responses by outdated rules of the host that took a change.
- ``others``: the time until other hosts obey, with notifications and by polling.
- ``puts``: changes alone, beside others, and by 8 writers.
- ``bulk``: ``put_many`` of 100,000 buckets; first copies of 100,000 and of 1,000,000.
- ``failures``: servers that stop, hang and come back, a standby, and leaders that are killed.
- ``costs``: what each step takes, for `hosts_model.py`.

Name parts to run only these: ``hosts.py hot own``.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping

from hosts_costs import costs
from hosts_delays import other_hosts
from hosts_failures import failures
from hosts_requests import hot, own_host, statements
from hosts_writes import bulk, puts
from report import SAVE, Table, finish

PARTS: Mapping[str, Callable[[], dict[str, Table]]] = {
    "statements": statements,
    "hot": hot,
    "own": own_host,
    "others": other_hosts,
    "puts": puts,
    "bulk": bulk,
    "failures": failures,
    "costs": costs,
}


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--save", **SAVE)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    for name in options.parts or PARTS:
        # Each part is kept when it is done, because a later one may fail.
        finish(PARTS[name](), save=options.save)


if __name__ == "__main__":
    main()
