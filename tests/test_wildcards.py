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
    lookups = [length for _, by_prefix in index._by_prefix_length for length in by_prefix.values()]
    assert len(index._by_prefix_length) == len(lookups) == 1
    assert len(lookups[0]) == 3
    assert index.find("https://a.site77.example") == [77]
