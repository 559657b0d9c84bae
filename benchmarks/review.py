"""Measure how long lint and diff take for 100 rules of 10 origins each, in several shapes.

The figures are seconds on this machine. They should be about one second or less. Tests that
count steps check that the work does not explode.
"""

from collections.abc import Callable
from time import perf_counter

from flask_bucketcors import Rule, RuleSet, diff, lint

RULES = 100
ORIGINS = 10

Pattern = Callable[[int, int], str]

SHAPES: dict[str, Pattern] = {
    "each origin spelt out": lambda i, j: f"https://h{i}-{j}.example",
    "the subdomains of a thousand hosts": lambda i, j: f"https://*.h{i}-{j}.example",
    "the same patterns in each rule": lambda i, j: f"https://*.h{j}.example",
    "prefixes and suffixes, in each combination": lambda i, j: f"https://a{i}*.h{j}.example",
    "nested in each other": (
        lambda i, j: f"https://{'a' * (i % 50)}*{'b' * (j + i // 50 * 10)}.example"
    ),
    "500 prefixes that cross 500 suffixes": (
        lambda i, j: f"https://a{i}-{j}*" if i % 2 else f"https://*.h{i}-{j}.example"
    ),
}


def rules(pattern: Pattern, *, max_age: int = 0) -> RuleSet:
    """Rules that each allow different headers, on different terms."""
    return RuleSet(
        [
            Rule(
                [pattern(i, j) for j in range(ORIGINS)],
                ["GET", "PUT"],
                [f"x-{i}-*", "content-type"],
                ["ETag"],
                max_age + i,
            )
            for i in range(RULES)
        ]
    )


def seconds(work: Callable[[], object]) -> float:
    """The least of three measurements."""
    times = []
    for _ in range(3):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    print(f"{'shape':<44} {'lint':>6} {'diff':>6} {'itself':>6}  seconds")
    for name, pattern in SHAPES.items():
        old = rules(pattern)
        new = RuleSet(rules(pattern, max_age=1).rules[::-1])
        found = seconds(lambda old=old: lint(old))
        changed = seconds(lambda old=old, new=new: diff(old, new))
        same = seconds(lambda old=old: diff(old, old))
        print(f"{name:<44} {found:6.2f} {changed:6.2f} {same:6.2f}")


if __name__ == "__main__":
    main()
