"""Whether a value has a shape, and how the place where it does not is named."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.shapes import MAX_ITEMS, Choice, Fields, Id, Keyed, Many, Number, Slot, Span, check

SHAPE = Fields({"r": Many(Fields({"head": Span(), "tail": Span(False)}), limit=2), "t": Many(Span())})


@settings(max_examples=40)
@given(data=st.data())
def test_a_value_of_the_shape_passes(answers: Callable[..., Any], data: st.DataObject) -> None:
    shape = Fields({"a": Many(Span()), "b": Fields({"c": Span()})})
    check(data.draw(answers(shape, 'x "y')), shape)


@pytest.mark.parametrize("value", [{}, {"t": []}, {"r": [{"head": "a"}]}, {"t": ["a"], "r": [{}, {}]}])
def test_missing_keys_mean_none_and_a_list_may_reach_its_limit(value: Any) -> None:
    check(value, SHAPE)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "answer is a list, not an object"),
        (None, "answer is a NoneType, not an object"),
        ({"t": "a"}, "answer.t is a str, not a list"),
        ({"t": {"a": 1}}, "answer.t is a dict, not a list"),
        ({"t": ["a", 1]}, "answer.t[1] is a int, not a string"),
        ({"t": ["a", None]}, "answer.t[1] is a NoneType, not a string"),
        ({"t": [""]}, "answer.t[0] is an empty string, not a string"),
        ({"r": ["a"]}, "answer.r[0] is a str, not an object"),
        ({"r": [{"head": ["a"]}]}, "answer.r[0].head is a list, not a string"),
        ({"r": [{"head": "a", "why": "b"}]}, "answer.r[0] has the key 'why', which was not asked for"),
        ({"x": []}, "answer has the key 'x', which was not asked for"),
        ({"r": [{}, {}, {}]}, "answer.r has 3 items, more than 2"),
        ({"t": ["a"] * (MAX_ITEMS + 1)}, f"answer.t has {MAX_ITEMS + 1} items, more than {MAX_ITEMS}"),
    ],
)
def test_the_place_that_does_not_fit_is_named(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^answer") as caught:
        check(value, SHAPE)
    assert str(caught.value) == reason


PARTS = Fields(
    {
        "slot": Slot(limit=2),
        "choice": Choice(("a", "b")),
        "open": Choice(),
        "number": Number(),
        "id": Id(),
        "keyed": Keyed(Many(Span()), limit=1),
    },
    optional=("slot",),
)


@settings(max_examples=40)
@given(data=st.data())
def test_a_value_of_any_part_passes(answers: Callable[..., Any], data: st.DataObject) -> None:
    shape = Fields({"keyed": Keyed(Fields({**PARTS.fields, "keyed": Keyed(Span())}, PARTS.optional))})
    check(data.draw(answers(shape, 'x "y"')), shape)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"slot": "a"}, "answer.slot is a str, not a list"),
        ({"slot": [""]}, "answer.slot[0] is an empty string, not a string"),
        ({"slot": ["a"] * 3}, "answer.slot has 3 items, more than 2"),
        ({"choice": "c"}, "answer.choice is 'c', which is not among the choices"),
        ({"choice": ["a"]}, "answer.choice is a list, not a string"),
        ({"open": ""}, "answer.open is an empty string, not a string"),
        ({"number": True}, "answer.number is a bool, not a number"),
        ({"number": "1"}, "answer.number is a str, not a number"),
        ({"number": 1.5}, "answer.number is 1.5, not a number from 0 to 1 with at most two decimals"),
        ({"number": 0.125}, "answer.number is 0.125, not a number from 0 to 1 with at most two decimals"),
        ({"number": float("nan")}, "answer.number is nan, not a number from 0 to 1 with at most two decimals"),
        ({"id": 1}, "answer.id is a int, not a string"),
        ({"keyed": []}, "answer.keyed is a list, not an object"),
        ({"keyed": {"": []}}, "a key of answer.keyed is an empty string, not a string"),
        ({"keyed": {"a": "b"}}, "answer.keyed.a is a str, not a list"),
        ({"keyed": {"a": [], "b": []}}, "answer.keyed has 2 items, more than 1"),
    ],
)
def test_each_part_says_what_it_is_not(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r"answer") as caught:
        check(value, PARTS)
    assert str(caught.value) == reason


def test_half_of_a_character_is_refused_since_no_file_can_hold_it() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        check({"t": ["\ud83d"]}, SHAPE)
