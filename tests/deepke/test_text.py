"""JSON as the standard parser reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.deepke.text import loads

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(st.characters())
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(values, st.booleans())
def test_what_json_writes_is_read_as_json_reads_it(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert repr(loads(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '"\\ud800"', '{"a": 1, "a": 2}', " 1\n", "1e400"])
def test_so_is_what_only_json_takes(text: str) -> None:
    assert repr(loads(text)) == repr(json.loads(text)) == repr(loads(text.encode()))


@pytest.mark.parametrize("text", ["", "{", "{} x", "{'a': 1}", "\ufeff{}", "[1,]", '"\t"', "nan", "01"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        loads(text)


def test_bytes_are_utf_8_and_nothing_else() -> None:
    assert loads('"中"'.encode()) == "中"
    with pytest.raises(ValueError, match="codec"):
        loads('"中"'.encode("utf-16"))
