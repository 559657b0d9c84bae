"""Measure the time and memory of lint, diff and explain for rules that are made to be bad.

Each of the shapes has 90 rules: origins in one way, headers in another. A process of its own
measures each call: the seconds of CPU time, and how much its memory grows at most (from Linux's
``/proc``). The calls work within the narrow bounds, as in a server. The saved table has the worst
of all shapes. Tests that count steps check that the work does not explode.
"""

import gc
import multiprocessing
from collections.abc import Callable
from itertools import product
from pathlib import Path
from time import process_time
from typing import NamedTuple

from report import AT_MOST, Table, finish, markdown, parse_arguments

from flask_bucketcors import Rule, RuleSet, TooIntricate, diff, explain, lint

RULES = 90
CALL_SECONDS = 120
SECONDS_AT_MOST, MEGABYTES_AT_MOST = 0.5, 50.0

#: The origins of a rule, by its index. Texts of about 300 characters, so that 90 rules fit into a
#: document of 64 KB.
ORIGINS: dict[str, Callable[[int], list[str]]] = {
    "own origins": lambda i: [f"https://h{i}-{j}.example" for j in range(10)],
    "own subdomains": lambda i: [f"https://*.h{i}-{j}.example" for j in range(10)],
    "the same subdomains": lambda i: [f"https://*.h{j}.example" for j in range(10)],
    "prefixes x suffixes": lambda i: [f"https://a{i}*.h{j}.example" for j in range(10)],
    "nested": lambda i: [f"https://{'a' * (i % 45)}*{'b' * (i // 45 + j)}" for j in range(5)],
    "crossing": lambda i: [f"https://a{i}-{j}*" if i % 2 else f"*.h{i}-{j}.io" for j in range(10)],
    "long and alike": lambda i: [f"https://{'a' * 90}{i}*{'b' * 90}{j}" for j in range(2)],
    "nested, and a bare *": lambda i: [f"https://{'a' * i}*"] if i % 9 else ["*"],
}
#: The allowed headers of a rule, by its index.
HEADERS: dict[str, Callable[[int], list[str]]] = {
    "own headers": lambda i: [f"x-{i}-*", "content-type"],
    "nested headers": lambda i: [f"x-{'a' * i}*"],
    "crossing headers": lambda i: [f"a{i}*", f"*b{i}"],
    "prefixes x suffixes of headers": lambda i: [f"x{'a' * (i % 10)}*{'b' * (i // 10)}"],
    "many headers": lambda i: [f"x-{i + j}" for j in range(30)],
    "any header": lambda i: ["*"],
}


def rules(origins: str, headers: str, *, max_age: int = 0) -> RuleSet:
    return RuleSet(
        [
            Rule(ORIGINS[origins](i), ["GET", "PUT"], HEADERS[headers](i), ["ETag"], max_age + i)
            for i in range(RULES)
        ]
    )


def explain_effects(old: RuleSet, new: RuleSet) -> list[str]:
    found = explain(old, origin="https://other.example", method="PUT", headers=["x-other"])
    return [fix.effect for fix in found.fixes]


CALLS: dict[str, Callable[[RuleSet, RuleSet], object]] = {
    "lint": lambda old, new: lint(old),
    "diff": lambda old, new: diff(old, new),
    "diff with itself": lambda old, new: diff(old, old),
    "explain": explain_effects,
}


class Cost(NamedTuple):
    """What a call took.

    :param is_given_up: whether it ended with ``TooIntricate``.
    """

    seconds: float
    megabytes: float
    is_given_up: bool

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.megabytes:.0f} MB" + ", -" * self.is_given_up


def main() -> None:
    options = parse_arguments(__doc__)
    shapes = list(product(ORIGINS, HEADERS))
    costs = {shape: {call: in_new_process(call, *shape) for call in CALLS} for shape in shapes}
    print("- means that the call gave up")
    print(
        markdown(
            ["shape", *CALLS],
            [[", ".join(shape), *map(str, found.values())] for shape, found in costs.items()],
        )
    )
    rows = []
    for call in CALLS:
        found = [each[call] for each in costs.values()]
        rows.append([f"{call}, seconds", max(c.seconds for c in found), SECONDS_AT_MOST])
        rows.append([f"{call}, MB", max(c.megabytes for c in found), MEGABYTES_AT_MOST])
    table = Table([f"the worst of {len(shapes)} shapes", "flask_bucketcors", AT_MOST], rows)
    finish({"review": table}, save=options.save)


def in_new_process(call: str, origins: str, headers: str) -> Cost:
    # A fork has nothing to import, and its memory is counted from where it begins.
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply_async(cost, (call, origins, headers)).get(CALL_SECONDS)


def cost(call: str, origins: str, headers: str) -> Cost:
    """Call one function once."""
    old = rules(origins, headers)
    new = RuleSet(rules(origins, headers, max_age=1).rules[::-1])
    gc.collect()
    # The greatest memory is that from now on.
    Path("/proc/self/clear_refs").write_text("5")
    before, begin, is_given_up = kilobytes("VmRSS"), process_time(), False
    try:
        CALLS[call](old, new)
    except TooIntricate:
        is_given_up = True
    seconds = process_time() - begin
    return Cost(seconds, (kilobytes("VmHWM") - before) / 1_000, is_given_up)


def kilobytes(name: str) -> int:
    """A figure of this process's memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status does not have {name}")


if __name__ == "__main__":
    main()
