"""The algebra of patterns: what they tell apart, against every short text there is."""

import os
import subprocess
import sys
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.algebra.grammars import HEADER_NAMES, ORIGINS, Grammar
from flask_bucketcors.analysis.algebra.partition import Partition, bits
from flask_bucketcors.analysis.algebra.request_space import Lists
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES, NULL, covers, is_origin
from flask_bucketcors.core.wildcards import Wildcard
from tests.support.naive_evaluator import consists_of, fits, origin_matches
from tests.support.processes.children import CHILD_SECONDS
from tests.support.strategies import HOSTS
from tests.support.tables import in_one_test

APART = {"null": ("null", "*"), "file://": ("file://", "*")}
LETTERS = "ab.:8"
# Every text that the letters make, up to a length at which two sides of a pattern have room, and
# some that no pattern has a letter of.
TEXTS = ["".join(each) for length in range(1, 6) for each in product(LETTERS, repeat=length)]
TEXTS += ["https://a.b", "http://a:8", "zz", "https://zz.b:8", "aazzbb", "a" * 9, "aba8zz:8"]
ORIGIN_TEXTS = [text for text in TEXTS if is_origin(text)] + ["null", "file://"]

short_texts = st.text(LETTERS, max_size=4)
patterns = st.one_of(
    st.builds(lambda before, after: f"{before}*{after}", short_texts, short_texts),
    st.text(LETTERS, min_size=1, max_size=4),
    st.sampled_from(["*", "null", "file://", "https://*", "*:*", "http*", "nul*", *HOSTS]),
)
families = st.lists(st.lists(patterns, min_size=1, max_size=4), min_size=1, max_size=4)


def ample() -> Work:
    return Work(Bounds.WIDE)


def sets_of(text, family):
    """Which sets a text is in, a bit for each."""
    return sum(
        1 << index
        for index, texts in enumerate(family)
        if any(text == each or origin_matches(each, text) for each in texts)
    )


@given(families)
@example([["a*"], ["a", "ab*", "a.*", "a:*"]])
@example([["https://a:8*"], ["https://a:8", *(f"https://a:8{digit}" for digit in range(10))]])
@example([["aba*aba"], ["ab*ba", "abaaba"], ["a*", "*a"]])
def test_there_is_an_atom_for_every_text(family):
    partition = Partition(family, ORIGINS, ample(), APART)
    atoms = {atom.sets for atom in partition.atoms}
    assert {sets_of(text, family) for text in ORIGIN_TEXTS} - {0} <= atoms


@given(families)
@example([["https://a:8888*"], ["https://a:8888"]])
@example([["*"], ["https://" + "a" * (MAX_ORIGIN_BYTES - 8) + "*"]])
def test_every_atom_has_a_text(family):
    partition = Partition(family, ORIGINS, ample(), APART)
    assert len({atom.sets for atom in partition.atoms}) == len(partition.atoms)
    for atom in partition.atoms:
        assert is_origin(atom.example) or atom.example in APART
        assert sets_of(atom.example, family) == atom.sets


@given(families)
def test_sets_are_made_of_the_atoms_that_are_in_them(family):
    partition = Partition(family, ORIGINS, ample(), APART)
    for index, atoms in enumerate(partition.sets):
        inside = {bit for bit, atom in enumerate(partition.atoms) if atom.sets >> index & 1}
        assert set(bits(atoms)) == inside


@given(families, st.integers(0, 2**16))
@example([["*a8", "8*aa"], [".8.a*"], ["a*:8"]], 0b101)
@example([["*"], ["https://*"], ["null"]], 0b1)
def test_spans_hold_the_texts_of_their_atoms_and_no_others(family, chosen):
    partition = Partition(family, ORIGINS, ample(), APART)
    chosen &= partition.all
    meant = {partition.atoms[bit].sets for bit in bits(chosen)}
    spans = partition.spans(chosen)
    for text in ORIGIN_TEXTS:
        assert are_held(text, spans) == (sets_of(text, family) in meant), (text, spans)


# What is told apart by a text whose two sides share some or all of their characters, by the
# order of patterns within each other, or by nothing but single texts.
CLOSE = {
    "a prefix that ends with the whole suffix": [["a*b"], ["ab*"], ["ab*b"]],
    "a suffix that begins with the whole prefix": [["a*b"], ["*ab"], ["a*ab"]],
    "a listed text too short for what lies around it": [["a*"], ["ab*b"], ["ab"]],
    "one that two characters are too few for": [["a*"], ["aba*aba"], ["ababa"]],
    "patterns within each other": [["a*"], ["ab*"], ["aba*"], ["*a"]],
    "the same pattern around two": [["*"], ["a*", "*a"], ["aa*"]],
    "null beside a star": [["*"], ["null"], ["n*"]],
    "a file": [["file://"], ["*"], ["f*"]],
}


@pytest.mark.parametrize("family", CLOSE.values(), ids=CLOSE)
def test_texts_that_come_close_are_told_apart(family):
    partition = Partition(family, ORIGINS, ample(), APART)
    sets = {text: sets_of(text, family) for text in ORIGIN_TEXTS}
    assert {*sets.values()} - {0} <= {atom.sets for atom in partition.atoms}
    for chosen in range(1, partition.all + 1):
        meant = {partition.atoms[bit].sets for bit in bits(chosen)}
        spans = partition.spans(chosen)
        assert [t for t in ORIGIN_TEXTS if are_held(t, spans) != (sets[t] in meant)] == []


def are_held(text, spans):
    return any(
        covers(span.pattern, text) and not any(covers(each, text) for each in span.but_not)
        for span in spans
    )


# So small that all of its texts can be tried, and without an example that is tried first.
TINY = Grammar(
    {"start": {"ab": "word"}, "word": {"ab": "word", ".": "dot"}, "dot": {"ab": "word"}},
    ends=("word",),
    max_length=5,
    fillers=(),
    endings=(),
)
TINY_TEXTS = ["".join(each) for length in range(1, 6) for each in product("ab.", repeat=length)]
TINY_TEXTS = [text for text in TINY_TEXTS if TINY.holds(text)]
tiny_patterns = st.one_of(
    st.builds("{}*{}".format, st.text("ab.", max_size=3), st.text("ab.", max_size=3)),
    st.text("ab.", min_size=1, max_size=3),
)


@given(st.lists(st.lists(tiny_patterns, min_size=1, max_size=4), min_size=1, max_size=4))
@example([["a*"], ["aa*", "a.*"], ["a", "ab", "aba"]])
@example([["*b"], ["*ab", "*.b"], ["b", "bb", "abb"]])
@example([["ab*"], ["*bb", "*ab"], ["aba"]])
@example([["*"], ["*a"]])
@example([["*"], ["aa*", "ab*", "a.*"], ["a"]])
@example([["a*"], ["*ba", "*aa"], ["a"]])
def test_of_few_texts_there_are_the_atoms_and_no_others(family):
    partition = Partition(family, TINY, ample())
    texts = {}
    for text in TINY_TEXTS:
        sets = sum(1 << i for i, each in enumerate(family) if any(fits(p, text) for p in each))
        texts.setdefault(sets, []).append(text)
    texts.pop(0, None)
    assert {atom.sets for atom in partition.atoms} == texts.keys()
    for bit, atom in enumerate(partition.atoms):
        assert atom.example in texts[atom.sets]
        assert len(partition.shortest(bit)) == len(texts[atom.sets][0])


def test_a_pattern_used_up_by_narrower_ones_is_looked_for_in_them():
    partition = Partition([["a*"], ["aa*"], ["ab*"], ["a.*"], ["a"]], TINY, ample())
    least = partition.least_listed(Wildcard("a", ""))
    assert {atom.sets for atom in least} == {0b11, 0b101, 0b1001}


def test_what_stands_apart_is_held_all_the_same():
    """As text it lies within one of the patterns, and no "*" covers it."""
    partition = Partition([["n*", "null"], ["nul*ull"]], ORIGINS, ample(), APART)
    assert partition.spans(partition.sets[0] & ~partition.sets[1]) == (
        ("null", ()),
        ("n*", ("nul*ull",)),
    )


@given(st.lists(st.lists(st.text("ab-*", min_size=1, max_size=3), max_size=3), max_size=3))
def test_names_of_headers_are_told_apart_alike(family):
    family = [[text for text in texts if text.count("*") < 2] for texts in family]
    atoms = {atom.sets for atom in Partition(family, HEADER_NAMES, ample()).atoms}
    for name in map("".join, product("ab-z", repeat=3)):
        sets = sum(
            1 << index
            for index, texts in enumerate(family)
            if any(fits(each, name) for each in texts)
        )
        assert not sets or sets in atoms


def test_a_star_may_be_used_up_by_others():
    """Not one of them covers it, and all together do."""
    ports = [f"https://a.example:808{digit}" for digit in range(10)]
    family = [["https://a.example:808*"], ["https://a.example:808", *ports]]
    wide, narrow = Partition(family, ORIGINS, ample()).sets
    # A port has five digits at most: 80800 is one that is not listed.
    assert wide & ~narrow
    family[1] += [f"{port}{digit}" for port in ports for digit in range(10)]
    wide, narrow = Partition(family, ORIGINS, ample()).sets
    assert wide == narrow


@given(st.text("ab:/.18[]+_-zZ@", max_size=9), st.sampled_from(["", "http://", "https:", "["]))
@example("[::1]:80", "http://")
@example("ull", "n")
def test_the_grammar_holds_what_an_origin_is(text, start):
    assert ORIGINS.holds(start + text) == (is_origin(start + text) or start + text == NULL)


@given(st.text(max_size=4))
def test_the_grammar_holds_what_a_header_name_is(text):
    tokens = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
    assert HEADER_NAMES.holds(text) == consists_of(text, tokens)


CHANGE = """
from flask_bucketcors import diff
old, new = (
    [{"allowed_origins": origins, "allowed_methods": ["GET"]}]
    for origins in (
        ["https://x*", "https://y*", "https://z*"],
        ["https://*.a.example", "https://*.b.example", "https://*.c.example"],
    )
)
print([each.as_dict() for each in diff(old, new)])
"""


def test_what_is_found_does_not_depend_on_the_hashes_of_a_process():
    """Python gives texts other ones in each process."""
    outputs = {
        subprocess.check_output(
            [sys.executable, "-c", CHANGE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            timeout=CHILD_SECONDS,
        )
        for seed in "0123"
    }
    assert len(outputs) == 1


def test_what_is_listed_decides_the_order_and_not_chance():
    family = [["https://*.a.example", "https://b.example"], ["*"], ["http://*", "null"]]
    first, second = (Partition(family, ORIGINS, ample(), APART) for _ in range(2))
    assert first.atoms == second.atoms
    assert first.spans(first.all) == second.spans(second.all)


INTRICATE = {
    "sides that share characters in millions of ways": (
        [f"https://{i:03}{'a' * 40}*" for i in range(390)]
        + [f"*{'a' * 40}{i:03}" for i in range(390)]
    ),
    "sides that can be put together in very many ways": (
        [f"https://{i:03}b*" for i in range(600)] + [f"*c{i:03}" for i in range(600)]
    ),
    "a side that is as long as a document": ["*" + "a" * 60_000],
}


@pytest.mark.parametrize("patterns", INTRICATE.values(), ids=INTRICATE)
def test_what_would_take_too_long_is_refused_at_once(patterns):
    with pytest.raises(TooIntricate):
        Partition([patterns], ORIGINS, Work(Bounds.NARROW))


def test_many_patterns_as_people_write_them_are_not():
    patterns = [[f"{scheme}://*.site{i}.example"] for i in range(1000) for scheme in "ab"]
    assert len(Partition(patterns, ORIGINS, Work(Bounds.NARROW)).atoms) == len(patterns)


@in_one_test
@pytest.mark.parametrize(
    "one_of, not_all_of, exist",
    [
        ((), 0, True),
        ((0b01,), 0, True),
        ((0b01, 0), 0, False),
        ((0b01,), 0b01, False),
        ((0b01, 0b10), 0b11, False),
        ((0b11,), 0b11, True),
        ((0b11, 0b10), 0b11, True),
        ((0b01,), 0b10, True),
    ],
)
def test_whether_there_is_a_list_of_names(
    one_of: tuple[int, ...], not_all_of: int, exist: bool
) -> None:
    """One out of each set, and not all of those that may not all be there."""
    assert Lists(0b11, one_of, not_all_of).exist(ample()) is exist


@pytest.mark.parametrize("template", ["[{}]", "[1{}]", "a{}", "{}a", "a+{}://b", "http://{}:1"])
def test_which_characters_may_stand_in_an_origin(template: str) -> None:
    for text in map(template.format, map(chr, range(128))):
        assert ORIGINS.holds(text) == is_origin(text), text
