"""Rules that are made to keep the analysis busy: shapes, each a function of a size.

Each shape grows with its size, up to what a PUT accepts: 64 KiB of XML and 100 rules.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Final

from flask_bucketcors import (
    Bounds,
    Rule,
    RuleSet,
    TooIntricate,
    diff,
    explain,
    lint,
    permissions,
)

MAX_BYTES: Final = 64 * 1024
MAX_RULES: Final = 100
ALL_METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")

Shape = Callable[[int], list[Rule]]


def one(
    origins: Iterable[str] = ("https://a.example",), headers: Iterable[str] = (), **more: object
) -> list[Rule]:
    """One rule."""
    return [Rule(list(origins), ["GET", "PUT"], list(headers), **more)]  # type: ignore[arg-type]


def many(
    count: int,
    origins: Callable[[int], Iterable[str]] = lambda i: ["https://a.example"],
    headers: Callable[[int], Iterable[str]] = lambda i: (),
    methods: Callable[[int], Iterable[str]] = lambda i: ("GET",),
) -> list[Rule]:
    """Rules that each have another max-age."""
    return [
        Rule(list(origins(i)), list(methods(i)), list(headers(i)), ["ETag"], i)
        for i in range(count)
    ]


def some(seed: int, values: list[str], share: float = 0.5) -> list[str]:
    """Some of the values, at least one."""
    draw = Random(seed)
    return [each for each in values if draw.random() < share] or values[:1]


def but(i: int, values: list[str]) -> list[str]:
    """All values but one."""
    return [each for place, each in enumerate(values) if place != i]


def binary(i: int, one: str = "a", two: str = "b") -> str:
    """A number in letters, the lowest bit first."""
    return bin(i + 2)[3:].replace("0", one).replace("1", two)[::-1]


def hosts(n: int) -> list[str]:
    return [f"https://h{i}.example" for i in range(n)]


def names(n: int) -> list[str]:
    return [f"x-{i}" for i in range(n)]


def root(n: int, most: int = MAX_RULES) -> int:
    return min(most, int(n**0.5) + 1)


#: The shapes, each with the largest size that a PUT accepts.
SHAPES: Final[dict[str, tuple[int, Shape]]] = {
    # One rule whose origins overlap.
    "prefixes in each other": (318, lambda n: one(f"https://{'a' * i}*" for i in range(n))),
    "suffixes in each other": (318, lambda n: one(f"*{'a' * i}.example" for i in range(n))),
    "prefixes and suffixes in each other": (
        882,
        lambda n: one(f"https://{'a' * (i % 20)}*{'b' * (i // 20)}" for i in range(n)),
    ),
    "prefixes that cross suffixes": (
        1526,
        lambda n: one(f"https://{i:x}.*" if i % 2 else f"*.{i:x}" for i in range(n)),
    ),
    "prefixes in each other that cross suffixes in each other": (
        440,
        lambda n: one(
            f"https://{'a' * (i // 2)}*" if i % 2 else f"*{'a' * (i // 2)}" for i in range(n)
        ),
    ),
    "sides that share characters": (
        1055,
        lambda n: one(f"https://{i}{'a' * 20}*" if i % 2 else f"*{'a' * 20}{i}" for i in range(n)),
    ),
    "sides that share many characters": (
        404,
        lambda n: one(
            f"https://{i}{'ab' * 60}*" if i % 2 else f"*{'ab' * 60}{i}" for i in range(n)
        ),
    ),
    "a tree of prefixes": (1271, lambda n: one(f"https://{binary(i)}*" for i in range(n))),
    "trees of prefixes and of suffixes": (
        1375,
        lambda n: one(
            f"https://{binary(i)}*" if i % 2 else f"*{binary(i)[::-1]}" for i in range(n)
        ),
    ),
    "origins within one pattern": (1207, lambda n: one(["https://*", *hosts(n)])),
    "origins within many patterns": (
        446,
        lambda n: one(
            [*hosts(n), *(f"https://h{i}*" for i in range(n)), *(f"*{i}.example" for i in range(n))]
        ),
    ),
    "a port for each host": (1166, lambda n: one(f"https://h{i}.example:*" for i in range(n))),
    "addresses": (
        1508,
        lambda n: one(f"http://[{i:x}::*" if i % 2 else f"*{i:x}]" for i in range(n)),
    ),
    "patterns that hold no origin": (
        1145,
        lambda n: one(f"https://a..{i}*.example" for i in range(n)),
    ),
    "patterns all of whose origins are listed": (
        1184,
        lambda n: one(
            [f"https://a.example:{i + 1}" for i in range(n)] + ["https://a.example:*", "*1", "*2"]
        ),
    ),
    # One rule with much of one kind.
    "long origins": (216, lambda n: one(f"https://{'a' * 250}{i}.example" for i in range(n))),
    "long patterns": (
        187,
        lambda n: one(f"https://{'a' * 150}{i}*{'b' * 150}{i}" for i in range(n)),
    ),
    "long patterns in each other": (
        290,
        lambda n: one(
            f"https://{'a' * (300 - i)}*" if i % 2 else f"*{'a' * (300 - i)}"
            for i in range(min(n, 290))
        ),
    ),
    "very many origins": (1661, lambda n: one(f"a:{i + 1}" for i in range(n))),
    "the same origin again and again": (1281, lambda n: one(["https://a.example"] * n)),
    "misspelled origins": (1186, lambda n: one(f"https://A{i}.example/" for i in range(n))),
    "dangerous origins": (1186, lambda n: one(f"https://*a{i}.example" for i in range(n))),
    "dangerous origins that end alike": (
        1303,
        lambda n: one(f"https://{i}*.com" for i in range(n)),
    ),
    "plain http": (1230, lambda n: one(f"http://h{i}.example" for i in range(n))),
    "many sites": (1166, lambda n: one(f"https://*.h{i}.example" for i in range(n))),
    # One rule with many headers.
    "very many headers": (1660, lambda n: one(headers=names(n))),
    "headers with an underscore": (1660, lambda n: one(headers=(f"x_{i}" for i in range(n)))),
    "header prefixes that cross suffixes": (
        1639,
        lambda n: one(headers=(f"x-{i}*" if i % 2 else f"*-{i}" for i in range(n))),
    ),
    "headers in each other": (
        328,
        lambda n: one(headers=(f"{'a' * i}*" if i % 2 else f"*{'a' * i}" for i in range(n))),
    ),
    "headers whose sides share characters": (
        667,
        lambda n: one(
            headers=(f"{i}{'a' * 60}*" if i % 2 else f"*{'a' * 60}{i}" for i in range(n))
        ),
    ),
    "a long header": (1630, lambda n: one(headers=[f"*{'a' * n * 20}", f"{'a' * n * 20}*"])),
    "long headers": (
        16,
        lambda n: one(headers=(f"{'a' * 2000}{i}*{'b' * 2000}" for i in range(n))),
    ),
    "very many exposed headers": (1747, lambda n: one(expose_headers=names(n))),
    # Many rules.
    "the same origins in each rule": (
        9,
        lambda n: many(100, lambda i: [f"https://*.h{j}.example" for j in range(n)]),
    ),
    "other headers in each rule": (
        78,
        lambda n: many(min(n, 100), headers=lambda i: [f"x-{i}-{j}" for j in range(n // 5 + 1)]),
    ),
    "all headers but one": (
        1520,
        lambda n: many(root(n), headers=lambda i: but(i, names(root(n)))),
    ),
    "half of the headers": (24, lambda n: many(100, headers=lambda i: some(i, names(n)))),
    "half of the headers, with one origin each": (
        21,
        lambda n: many(
            100,
            lambda i: [f"https://h{i}.example", "https://a.example"],
            lambda i: some(i, names(n)),
        ),
    ),
    "half of the origins": (19, lambda n: many(100, lambda i: some(i, hosts(n)))),
    "half of the origins and half of the headers": (
        11,
        lambda n: many(100, lambda i: some(i, hosts(n)), lambda i: some(i + 100, names(n))),
    ),
    "half of the origins, headers and methods": (
        10,
        lambda n: many(
            100,
            lambda i: some(i, hosts(n)),
            lambda i: some(i + 100, names(n)),
            lambda i: some(i, list(ALL_METHODS)),
        ),
    ),
    "half of the patterns and half of the headers": (
        13,
        lambda n: many(
            100,
            lambda i: some(i, [f"https://{j:x}.*" if j % 2 else f"*.{j:x}" for j in range(n)]),
            lambda i: some(i + 100, names(n)),
        ),
    ),
    "nested origins and crossing headers": (
        499,
        lambda n: many(
            min(n, 100),
            lambda i: [f"https://{'a' * i}*"],
            lambda i: [f"x-{i}-*", f"*-{i}", *(f"x-{i}-{j}*" for j in range(n // 100))],
            lambda i: ALL_METHODS,
        ),
    ),
    "nested origins and headers in pairs": (
        100,
        lambda n: many(
            min(n, 100),
            lambda i: [f"https://{'a' * i}*"],
            lambda i: [f"{j}*" if i >> j & 1 else f"*{j}" for j in range(n // 10 + 1)],
        ),
    ),
    "nested origins and all headers but one": (
        1520,
        lambda n: many(
            root(n), lambda i: [f"https://{'a' * i}*"], lambda i: but(i, names(root(n)))
        ),
    ),
    "nested origins and half of the headers": (
        22,
        lambda n: many(100, lambda i: [f"https://{'a' * i}*"], lambda i: some(i, names(n))),
    ),
    "crossing origins, one in each rule": (
        124,
        lambda n: many(
            min(n, 100),
            lambda i: [f"https://{i}.*" if i % 2 else f"*.{i}"],
            lambda i: some(i, names(n // 5 + 1)),
        ),
    ),
    "crossing origins, many in each rule": (
        99,
        lambda n: many(
            100,
            lambda i: [f"https://{j}-{i}.*" if i % 2 else f"*.{j}-{i}" for j in range(n // 10 + 1)],
            lambda i: some(i, names(n // 10 + 1), 0.2),
        ),
    ),
    "any origin, and crossing headers": (
        100,
        lambda n: many(
            min(n, 100), lambda i: ["*"], lambda i: [f"x-{i}*", f"*-{i}"], lambda i: ALL_METHODS
        ),
    ),
    "every method with every header": (
        30,
        lambda n: many(
            100,
            lambda i: ["https://*.example", f"https://h{i}.example"],
            lambda i: some(i, names(n), 0.3),
            lambda i: some(i, list(ALL_METHODS)),
        ),
    ),
    "near duplicates": (
        7,
        lambda n: many(
            100,
            lambda i: [f"https://*.h{j}.example" for j in range(n)] + [f"https://w{i}.h1.example"],
            lambda i: ["content-type", f"x-{i % 7}"],
        ),
    ),
    "hundreds of dangers": (
        8,
        lambda n: many(
            100, lambda i: [f"https://*a{i}-{j}.example" for j in range(n)], lambda i: [f"x-{i}"]
        ),
    ),
    "dangers below rules that take them": (
        9,
        lambda n: many(
            100,
            lambda i: [f"https://*{binary(i + j)}.com" for j in range(n)],
            lambda i: [f"x-{i}*"],
        ),
    ),
    "one of a hundred names in each of the lists": (
        12,
        lambda n: many(
            100, headers=lambda i: [*(f"*{j}" for j in range(n) if j != i % (n + 1)), f"{i}*"]
        ),
    ),
}


def fits(rules: list[Rule]) -> bool:
    """Whether a PUT accepts the rules."""
    return len(rules) <= MAX_RULES and len(RuleSet(rules).to_xml()) <= MAX_BYTES


def largest(name: str) -> list[Rule]:
    """The rules of a shape at its largest size."""
    size, shape = SHAPES[name]
    return shape(size)


def uses(rules: list[Rule], bounds: Bounds) -> dict[str, Callable[[], object]]:
    """What programs do with rules, and print of the results."""
    rule_set, half = RuleSet(rules), len(rules) // 2
    found: dict[str, Callable[[], object]] = {
        "lint": lambda: lint(rule_set, bounds=bounds),
        "lint for dangers": lambda: lint(rule_set, dangers_only=True, bounds=bounds),
        "diff with other terms": lambda: compare(rule_set, other_terms(rules), bounds),
        "diff with another order": lambda: compare(rule_set, RuleSet(rules[::-1]), bounds),
        "diff with no rules": lambda: compare(None, rule_set, bounds),
        "permissions": lambda: permissions(rule_set, bounds=bounds),
    }
    if half:
        halves = RuleSet(rules[:half]), RuleSet(rules[half:])
        found["diff of the halves"] = lambda: compare(*halves, bounds)
    for asked in ASKED:
        found[f"explain {asked['method']}"] = lambda asked=asked: effects(rule_set, asked, bounds)
    return found


#: Requests that most of the shapes refuse.
ASKED: Final[Sequence[dict[str, Any]]] = (
    {
        "origin": "https://aaab.example.net",
        "method": "PUT",
        "headers": ["x-1", "x-new"],
        "credentials": True,
    },
    {"origin": "https://h1.example", "method": "DELETE", "headers": ["x-3", "x-2-3"]},
    {"origin": "https://aaaaaaa.example", "method": "GET", "headers": ["x-new"]},
)


def other_terms(rules: list[Rule]) -> RuleSet:
    """The rules in another order, each with another max-age."""
    return RuleSet(
        [
            Rule(
                rule.allowed_origins,
                rule.allowed_methods,
                rule.allowed_headers,
                rule.expose_headers,
                (rule.max_age_seconds or 0) + 1,
            )
            for rule in reversed(rules)
        ]
    )


def compare(old: RuleSet | None, new: RuleSet | None, bounds: Bounds) -> list[str]:
    """Compare rules, and put the first change of each kind in words, as a log does."""
    changes = diff(old, new, bounds=bounds)
    groups = (changes.newly_allowed, changes.no_longer_allowed, changes.on_other_terms)
    return [group[0].region.in_words(2) for group in groups if group]


def effects(rules: RuleSet, asked: dict[str, Any], bounds: Bounds) -> list[str]:
    """Explain a request, and say what each fix does."""
    explanation = explain(rules, **asked, bounds=bounds)
    said = [explanation.text]
    for each in explanation.fixes:
        with suppress(TooIntricate):
            # The effect says that it is not decided.
            said += map(str, each.newly_allows)
        said.append(each.effect)
    return said
