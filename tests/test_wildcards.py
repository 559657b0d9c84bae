"""The index of wildcards, held by comparing each of them alone."""

from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors.core.wildcards import Wildcard, WildcardIndex

texts = st.text("ab", max_size=4)
wildcards = st.builds(Wildcard, texts, texts)


@given(st.lists(wildcards, max_size=8), st.text("ab", max_size=9))
def test_what_is_found_is_what_fits(some: list[Wildcard], text: str) -> None:
    """Also where prefixes and suffixes repeat, overlap, contain each other or are empty."""
    index = WildcardIndex(zip(some, range(len(some)), strict=True))
    assert sorted(index.find(text)) == [i for i, each in enumerate(some) if each.fits(text)]


def test_the_work_grows_with_the_lengths_and_not_with_the_number() -> None:
    index = WildcardIndex((Wildcard("https://", f".site{n}.example"), n) for n in range(1000))
    [(suffix_lengths, by_suffix)] = index._by_prefix.values()
    assert (index._prefix_lengths, len(suffix_lengths), len(by_suffix)) == ((8,), 3, 1000)
    assert index.find("https://a.site77.example") == [77]


def test_a_text_that_is_shorter_than_a_prefix_is_found_once() -> None:
    index = WildcardIndex((Wildcard("a" * length, ""), length) for length in (1, 2, 3, 5))
    assert index.find("aa") == [1, 2]


def test_a_prefix_with_one_suffix_has_no_dictionary() -> None:
    """A thousand dictionaries would take much more memory than the wildcards."""
    index = WildcardIndex((Wildcard(f"https://h{n}.", ".example"), 0) for n in range(1000))
    assert {id(group) for group in index._by_prefix.values()} == {
        id(index._by_prefix["https://h0."])
    }
    assert index._by_prefix["https://h0."] == (".example", (0,))
