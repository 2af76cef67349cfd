"""Lines of triples: what is written is read back, what is ambiguous is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.notations.triple_syntax import escape, format_triple, parse_triples

FIELD = st.text(
    alphabet=st.one_of(st.sampled_from("(),\\n \n，（）\r\u2028"), st.characters(codec="utf-8")), min_size=1
).filter(lambda text: text == text.strip())


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1))
def test_reading_is_the_inverse_of_writing(triples: list[tuple[str, str, str]]) -> None:
    assert parse_triples("\n".join(format_triple(*triple) for triple in triples)) == triples


@given(FIELD)
def test_a_field_is_escaped_character_by_character(text: str) -> None:
    assert escape(text) == "".join(map(escape, text))


@pytest.mark.parametrize(
    ("line", "triple"),
    [
        ("(马云, 创立, 阿里巴巴)", ("马云", "创立", "阿里巴巴")),
        ("  (  马云 ,创立,   阿里巴巴 )  ", ("马云", "创立", "阿里巴巴")),
        ("（马云，创立，阿里巴巴）", ("马云", "创立", "阿里巴巴")),
        ("(马云，创立, 阿里巴巴）", ("马云", "创立", "阿里巴巴")),
        ("(英雄（2002）, 导演, 张艺谋，陈凯歌)", ("英雄（2002）", "导演", "张艺谋，陈凯歌")),
        (r"(Washington\, D.C., capital_of, U.S. \(USA\))", ("Washington, D.C.", "capital_of", "U.S. (USA)")),
        (r"(a\\n, r, b\nc)", ("a\\n", "r", "b\nc")),
    ],
)
def test_a_line_is_read(line: str, triple: tuple[str, str, str]) -> None:
    assert parse_triples(line) == [triple]


@pytest.mark.parametrize("answer", ["", " \n", "无", "没有", "None", "none\n"])
def test_no_triple_may_be_said_in_several_ways(answer: str) -> None:
    assert parse_triples(answer) == []


@pytest.mark.parametrize(
    "line",
    [
        "马云创立阿里巴巴",
        "(a, b)",
        "(a, b, c, d)",
        "(a, b, f(x))",
        "(a, , c)",
        "(a, b, c",
        "(a, b, c) (d, e, f)",
        "(a, b, c\\)",
    ],
)
def test_any_other_line_is_named_in_the_error(line: str) -> None:
    with pytest.raises(ValueError, match="line 3 is not a triple: .*" + line[1]):
        parse_triples(f"(x, y, z)\n\n{line}")


def test_a_long_hopeless_line_takes_no_time() -> None:
    with pytest.raises(ValueError, match="not a triple"):
        parse_triples("(" + "a " * 200_000)
