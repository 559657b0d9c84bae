"""Compare the speed of this checkout with that of a revision. Ratios below 1 are faster.

    python benchmarks/compare.py main
    python benchmarks/compare.py v0.1.0 --fail-above 1.2

The revision's package is unpacked into a temporary folder. Both sides run the scripts of this
checkout, in turns, each in its own processes and on a store that its own code has written. The
figures are times over the bare function, the least of all processes.
"""

import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

import curves
import in_process
from cases import build_store, own_rule_set
from report import markdown

import flask_bucketcors

ROOT = Path(__file__).parent.parent
CHILD_SECONDS = 600
UNPACK_SECONDS = 60

#: Seconds over the bare function, by case and by which buckets are requested.
Costs = dict[str, float]


def main() -> int:
    options = parse_arguments()
    if options.child:
        print(json.dumps(measure(options)))
        return 0
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        sides = {"old": Path(name, "old"), "new": ROOT}
        unpack(options.revision, sides["old"])
        costs = alternate(sides, Path(name), options)
    ratios = {case: costs["new"][case] / old for case, old in costs["old"].items()}
    print(
        markdown(
            [f"time over the bare function; {options.revision} = 1", "now"], list(ratios.items())
        )
    )
    slower = [case for case, ratio in ratios.items() if ratio > options.fail_above]
    return 1 if slower else 0


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="a commit, branch or tag")
    parser.add_argument("--buckets", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=150, metavar="N")
    parser.add_argument("--processes", type=int, default=5, metavar="N", help="for each side")
    parser.add_argument("--fail-above", type=float, default=float("inf"), metavar="FACTOR")
    # For the processes of each side: the folder of the package, and the database.
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "DATABASE"))
    return parser.parse_args()


def unpack(revision: str, folder: Path) -> None:
    """Write the package as of a revision to a folder. The repository is not changed."""
    folder.mkdir()
    command = ["git", "-C", str(ROOT), "archive", revision, "flask_bucketcors"]
    archive = subprocess.run(
        command, check=True, capture_output=True, timeout=UNPACK_SECONDS
    ).stdout
    command = ["tar", "-x", "-C", str(folder)]
    subprocess.run(command, check=True, input=archive, timeout=UNPACK_SECONDS)


def alternate(sides: dict[str, Path], scratch: Path, options: Namespace) -> dict[str, Costs]:
    """Run processes of both sides in turns. Return the least costs of each side."""
    least: dict[str, Costs] = {side: {} for side in sides}
    for _ in range(options.processes):
        for side, folder in sides.items():
            for case, cost in run_child(folder, scratch / f"{side}.sqlite", options).items():
                least[side][case] = min(cost, least[side].get(case, cost))
    return least


def run_child(folder: Path, database: Path, options: Namespace) -> Costs:
    numbers = [f"--buckets={options.buckets}", f"--rounds={options.rounds}"]
    command = [sys.executable, __file__, options.revision, *numbers]
    output = subprocess.run(
        [*command, "--child", str(folder), str(database)],
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=True,
        stdout=subprocess.PIPE,
        timeout=CHILD_SECONDS,
    ).stdout
    costs: Costs = json.loads(output)
    return costs


def measure(options: Namespace) -> Costs:
    """Time all cases with the package in the folder of ``--child``."""
    folder, database = map(Path, options.child)
    found = Path(flask_bucketcors.__file__).resolve().parent.parent
    if found != folder.resolve():
        raise RuntimeError(f"the package was imported from {found}, not from {folder}")
    store = build_store(database, options.buckets, own_rule_set)
    times = in_process.measure(store, options.buckets, options.rounds)
    costs = {
        f"{case.name}, {which}": in_process.over_bare(times, which, case, in_process.OURS)
        for which, cases in in_process.ASKED.items()
        for case in cases
    }
    store.close()
    store = curves.build_store(database.with_suffix(".curves"))
    lengths = curves.over_bare(store, list(curves.many_lengths()), options.rounds)
    store.close()
    return costs | {
        f"{name}, {curves.LENGTHS} x {curves.LENGTHS} lengths": cost
        for (name, which), cost in lengths.items()
        if which == "measured"
    }


if __name__ == "__main__":
    sys.exit(main())
