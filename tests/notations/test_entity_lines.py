"""`mention_type` lines: what is written is read back, and lines written by others are read too."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import AnswerError
from extune.notations.entity_lines import ENTITY_LINES
from extune.notations.entity_syntax import escape, format_entity, parse_entities
from extune.shapes import Fields, Many, Slot, Span

FIELD = st.text(st.sampled_from("_\\n \n没有a\r\u2028\x1f") | st.characters(codec="utf-8"), min_size=1, max_size=8)
TRIMMED = FIELD.filter(lambda text: text == text.strip())
TYPES = ("人名", "地_名", "a\\", "没有", "new\nline")


def shape(*labels: str, grounded: bool = True) -> Fields:
    return Fields({label: Many(Span(grounded)) for label in labels})


@given(st.lists(st.tuples(TRIMMED, TRIMMED), min_size=1, max_size=4))
def test_reading_is_the_inverse_of_writing(entities: list[tuple[str, str]]) -> None:
    assert parse_entities("\n".join(format_entity(*entity) for entity in entities)) == entities


@given(FIELD)
def test_a_field_is_escaped_character_by_character(text: str) -> None:
    assert escape(text) == "".join(map(escape, text))


@pytest.mark.parametrize(
    ("answer", "entities"),
    [
        ("李雷_人名\n青岛_地名", [("李雷", "人名"), ("青岛", "地名")]),
        ("  李雷_人名 \r\n\n\u3000青岛 _ 地名\n", [("李雷", "人名"), ("青岛", "地名")]),
        ("max_len_参数", [("max_len", "参数")]),
        ("__人名", [("_", "人名")]),
        (r"D:\data_路径", [(r"D:\data", "路径")]),
        (r"a\_b_x\_y", [("a_b", "x_y")]),
        ("没有_歌名", [("没有", "歌名")]),
        ("没有", []),
        (" 没有\n", []),
        ("无", []),
        ("None", []),
        ("", []),
        (" \n", []),
    ],
)
def test_lines_written_by_hand_are_read(answer: str, entities: list[tuple[str, str]]) -> None:
    assert parse_entities(answer) == entities


@pytest.mark.parametrize("line", ["李雷", "_人名", "李雷_", " _人名", r"李雷\_人名", "没有", "_", "李雷_\\\\_"])
def test_any_other_line_is_named_in_the_error(line: str) -> None:
    with pytest.raises(ValueError, match="line 3 is not a mention and its type"):
        parse_entities(f"青岛_地名\n\n{line}")


def test_ordinary_mentions_have_nothing_to_escape_and_stand_in_order_of_mention() -> None:
    value = {"人名": ["韩梅梅", "李雷"], "地名": ["青岛"]}

    assert (
        ENTITY_LINES.spell(value, shape("人名", "地名"), "李雷到青岛见韩梅梅。") == "李雷_人名\n青岛_地名\n韩梅梅_人名"
    )
    assert ENTITY_LINES.spell({"人名": []}, shape("人名"), "李雷") == "没有"


def test_white_space_at_the_ends_of_a_mention_is_refused_by_name() -> None:
    with pytest.raises(AnswerError, match=r"' 李雷'.*white space at the ends"):
        ENTITY_LINES.spell({"人名": [" 李雷"]}, shape("人名"), " 李雷")


@settings(max_examples=30)
@given(text=TRIMMED, data=st.data())
def test_every_spelled_answer_passes_its_grammar_and_is_read_back(
    accepts: Callable[[str, str], bool], text: str, data: st.DataObject
) -> None:
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    mentions = st.lists(bounds.map(lambda b: text[min(b) : max(b)].strip()).filter(bool), max_size=3, unique=True)
    value = data.draw(st.fixed_dictionaries(dict.fromkeys(TYPES, mentions)))

    for grounded in (True, False):
        asked = shape(*TYPES, grounded=grounded)
        answer = ENTITY_LINES.spell(value, asked, text)
        read = ENTITY_LINES.read(answer, asked)

        assert {label: sorted(read.get(label, [])) for label in TYPES} == {k: sorted(v) for k, v in value.items()}
        assert accepts(ENTITY_LINES.grammar(asked, text), answer)


@settings(max_examples=15)
@given(text=TRIMMED, seed=st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_read_and_stands_in_the_text(
    written: Callable[[str, int], str], text: str, seed: int
) -> None:
    value = ENTITY_LINES.read(written(ENTITY_LINES.grammar(shape(*TYPES), text), seed), shape(*TYPES))

    assert all(mention and mention in text for mentions in value.values() for mention in mentions)


def test_a_mention_may_look_like_a_line_of_its_own(accepts: Callable[[str, str], bool]) -> None:
    asked, text = shape("T", "没有"), "a_T_没有"
    answer = ENTITY_LINES.spell({"没有": ["a_T", "没有"], "T": ["a"]}, asked, text)

    assert answer == "a_T\na\\_T_没有\n没有_没有"
    assert accepts(ENTITY_LINES.grammar(asked, text), answer)
    assert not accepts(ENTITY_LINES.grammar(asked, text), "")
    assert not accepts(ENTITY_LINES.grammar(asked, text), "b_T")


def test_of_a_cut_answer_a_last_type_that_may_go_on_is_left_out() -> None:
    asked = shape("人", "人名", "地名")

    assert ENTITY_LINES.salvage("青岛_地名\n李雷_人", asked) == {"地名": ["青岛"]}
    assert ENTITY_LINES.salvage("李雷_人\n青岛_地名\n济南_地", asked) == {"人": ["李雷"], "地名": ["青岛"]}
    assert ENTITY_LINES.salvage("a\\_地名", asked) == {}
    assert ENTITY_LINES.salvage("结果：\n李雷_人名\n青岛_城市", asked) == {"人名": ["李雷"]}


def test_the_prompt_names_the_types_and_their_descriptions() -> None:
    assert ENTITY_LINES.prompt("Find.", ["P", "L"], "Ann") == "Find.\nP, L\nAnn"
    assert ENTITY_LINES.prompt("Find.", {"P": "people", "L": ""}, "Ann") == "Find.\nP: people\nL\nAnn"


def test_only_lists_of_spans_fit() -> None:
    assert ENTITY_LINES.fits(shape("P", grounded=False))
    assert not ENTITY_LINES.fits(Fields({"P": Slot()}))
    assert not ENTITY_LINES.fits(Fields({"P": Many(Fields({"head": Span()}))}))
