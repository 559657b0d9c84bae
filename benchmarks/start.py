"""Measure what starts: the import of the extension, and the command line.

A figure is in milliseconds of CPU time, the least of many processes, which take turns. The import
comes after that of Flask, in the same process. Compare ``flask bucketcors --help`` with ``flask
--help`` for the same application.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from report import AT_MOST, Table, finish, parse_arguments

PROCESS_SECONDS = 60
CODE = """
import flask
from time import process_time
begin = process_time()
from flask_bucketcors import BucketCORS
print(process_time() - begin)
"""
FLASK = [sys.executable, "-m", "flask", "--app", "served:plain"]
IMPORT = "import of the extension after Flask"
AT_MOSTS = {IMPORT: 40.0}
COMMANDS = {"flask --help": ["--help"], "flask bucketcors --help": ["bucketcors", "--help"]}


def main() -> None:
    options = parse_arguments(__doc__, processes=20)
    turns = [measure() for _ in range(options.processes)]
    least = {name: min(turn[name] for turn in turns) * 1_000 for name in turns[0]}
    rows = [[name, found, AT_MOSTS.get(name)] for name, found in least.items()]
    finish(
        {"start": Table(["milliseconds of CPU time", "flask_bucketcors", AT_MOST], rows)},
        save=options.save,
    )


def measure() -> dict[str, float]:
    """Run each process once. Return the seconds of each."""
    found = {IMPORT: float(output([sys.executable, "-c", CODE]))}
    for name, arguments in COMMANDS.items():
        begin = cpu_seconds_of_children()
        output([*FLASK, *arguments])
        found[name] = cpu_seconds_of_children() - begin
    return found


def cpu_seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def output(command: Sequence[str]) -> str:
    return subprocess.run(
        command,
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
    ).stdout


if __name__ == "__main__":
    main()
