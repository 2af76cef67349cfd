"""Tokens and the text they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.tokens import entity_at, joined

TOKENS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=8)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["Ada", "wrote", "notes", "."], "Ada wrote notes ."),
        (list("爱达在伦敦"), "爱达在伦敦"),
        (["我", "用", "iPhone", "6"], "我用iPhone6"),
        (["在", "New", "York", "住"], "在New York住"),
        (["エイダ", "は", "書いた"], "エイダは書いた"),
        (["에이다", "가", "썼다"], "에이다 가 썼다"),
        (["1", "9", "9", "0"], "1 9 9 0"),
        ([], ""),
    ],
)
def test_spaces_stand_where_the_language_has_them(tokens: list[str], text: str) -> None:
    assert joined(tokens)[0] == text


def test_a_number_in_a_chinese_file_is_put_together_like_its_neighbours() -> None:
    assert joined(list("1990"), characters=True)[0] == "1990"
    assert joined(["It", "is", "1"], characters=True)[0] == "It is 1"


@given(tokens=TOKENS, characters=st.booleans())
def test_every_token_is_where_its_place_says(tokens: list[str], characters: bool) -> None:
    text, places = joined(tokens, characters)
    assert [text[start:end] for start, end in places] == tokens


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(ValueError, match="a token is empty"):
        joined(["Ada", ""])


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 0), (1, 0), (0, 3), (True, 2), ("0", 1), (None, None)])
def test_an_entity_of_tokens_that_are_not_there_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="there are 2"):
        entity_at("a b", [(0, 1), (2, 3)], start, end, "X")
