"""Strings numbered in the order in which they first came."""

from hypothesis import given
from hypothesis import strategies as st

from extune.index import SMALLEST, Index, key_of


@given(st.lists(st.integers(0, 50).map(lambda number: number * SMALLEST)))
def test_it_numbers_keys_as_a_dict_would_also_where_all_want_one_place(keys: list[int]) -> None:
    index = Index()
    expected: dict[int, int] = {}
    for key in keys:
        assert index.add(key) == (key not in expected)
        expected.setdefault(key, len(expected))

    assert {key: index.find(key) for key in expected} == expected
    assert list(index.keys) == list(expected)
    assert index.find(7) == -1


def test_it_finds_all_again_after_it_has_grown() -> None:
    index = Index()
    keys = [key_of(str(number)) for number in range(5 * SMALLEST)]

    assert [index.add(key) for key in keys] == [True] * len(keys)
    assert [index.add(key) for key in keys] == [False] * len(keys)
    assert [index.find(key) for key in keys] == list(range(len(keys)))
    assert key_of("another") not in index


def test_a_key_tells_parts_apart_and_takes_any_string() -> None:
    assert len({key_of("a", "b"), key_of("ab"), key_of("b", "a"), key_of("\ud800")}) == 4
