"""JSON to a bounded depth: the same for every interpreter, whatever stands in strings."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_bucketcors.core.json_text import MAX_DEPTH, NotJSON, TooDeep, parse_json
from tests.support.tables import in_one_test

DEEPEST = "[" * MAX_DEPTH + "]" * MAX_DEPTH
TOO_DEEP = f"[{DEEPEST}]"
MANY_BRACKETS = "[{" * MAX_DEPTH


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"])
def test_bytes_are_counted_as_the_text_that_they_are(encoding: str) -> None:
    # In UTF-16 its two bytes are the ones of brackets.
    text = json.dumps(["\u5b5b\u7b7b" * MAX_DEPTH], ensure_ascii=False)
    assert parse_json(text.encode(encoding)) == json.loads(text)
    assert parse_json(DEEPEST.encode(encoding)) == json.loads(DEEPEST)
    with pytest.raises(TooDeep):
        parse_json(TOO_DEEP.encode(encoding))


@in_one_test
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TOO_DEEP, id="lists"),
        pytest.param('{"a":' * 65 + "1" + "}" * 65, id="objects"),
        pytest.param('[{"a":' * 33 + "1" + "}]" * 33, id="both"),
        pytest.param(f'["]]]]]]",{DEEPEST}]', id="closed in a string"),
        pytest.param(f'["","]",{DEEPEST},"["]', id="closed and opened in strings"),
        pytest.param('["a","]",' * 65 + "1" + "]" * 65, id="closed in many strings"),
        pytest.param(rf'["\"]]]]]]",{DEEPEST}]', id="behind an escaped quote"),
        pytest.param(rf'["\\",{DEEPEST}]', id="behind an escaped backslash"),
        pytest.param(rf'["\\\"]]]]]]",{DEEPEST}]', id="behind both"),
        pytest.param("[" * 100_000, id="open"),
        pytest.param('[{"a":' * 100_000, id="open objects"),
        pytest.param(f"{TOO_DEEP} and more", id="no JSON"),
    ],
)
def test_what_is_too_deep_is_not_read(text: str) -> None:
    with pytest.raises(TooDeep, match="nested more than 64 deep"):
        parse_json(text)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(json.loads(DEEPEST), id="deepest"),
        pytest.param([[]] * 1000, id="many beside each other"),
        pytest.param([MANY_BRACKETS], id="in a string"),
        pytest.param(MANY_BRACKETS, id="nothing but a string"),
        pytest.param({MANY_BRACKETS: f'"{MANY_BRACKETS}'}, id="behind a quote"),
        pytest.param([f"\\{MANY_BRACKETS}", f'\\"{MANY_BRACKETS}\\'], id="behind backslashes"),
    ],
)
def test_what_is_not_too_deep_is_read(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "[", "]" * 200 + "[" * 200, f'"{MANY_BRACKETS}', "\\" * 99])
def test_what_is_no_json_is_refused_as_such(text: str) -> None:
    with pytest.raises(NotJSON):
        parse_json(text)


TEXTS = st.text('ab"\\[]{}', max_size=200)
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


@given(VALUES, st.integers(0, MAX_DEPTH + 2))
@example("", MAX_DEPTH)
@example("", MAX_DEPTH + 1)
def test_the_depth_alone_decides(value: Any, more: int) -> None:
    for _ in range(more):
        value = [value, "]"]
    text = json.dumps(value)
    if depth(value) > MAX_DEPTH:
        with pytest.raises(TooDeep):
            parse_json(text)
    else:
        assert parse_json(text) == value
