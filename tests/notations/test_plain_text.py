"""Plain answers: whatever the document says is read back as it was, and no answer has a word of its own."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import AnswerError
from extune.notations.plain_text import LONGEST, PLAIN_TEXT
from extune.shapes import Fields, Many, Slot, Span

PIECES = st.sampled_from(["没有", "none", "\\", "n", " ", "\n", "\r", "a", "\u2028", "\x1f"])
TEXTS = st.lists(PIECES | st.characters(codec="utf-8"), min_size=1, max_size=8).map("".join).filter(str.strip)
QUESTION = "谁？"


def asking(grounded: bool = True, limit: int = 3) -> Fields:
    return Fields({QUESTION: Slot(grounded, limit)})


@given(text=TEXTS, data=st.data())
def test_what_was_spelled_is_read_back_and_passes_the_grammar(
    accepts: Callable[[str, str], bool], text: str, data: st.DataObject
) -> None:
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = bounds.map(lambda b: text[min(b) : max(b)]).filter(str.strip)
    answers = data.draw(st.lists(spans, max_size=3, unique=True))

    for grounded in (True, False):
        answer = PLAIN_TEXT.spell({QUESTION: answers}, asking(grounded), text)

        assert sorted(PLAIN_TEXT.read(answer, asking())[QUESTION]) == sorted(answers)
        assert accepts(PLAIN_TEXT.grammar(asking(grounded), text), answer)


@settings(max_examples=25)
@given(text=TEXTS, seed=st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_read_and_stands_in_the_text(
    written: Callable[[str, int], str], text: str, seed: int
) -> None:
    value = PLAIN_TEXT.read(written(PLAIN_TEXT.grammar(asking(), text), seed), asking())

    assert all(answer and answer in text for answer in value[QUESTION])


@pytest.mark.parametrize(
    ("text", "answers", "answer"),
    [
        ("李雷住在青岛。", ["青岛"], "青岛"),
        ("李雷住在青岛。", [], "没有"),
        ("Li Lei lives here.", [], "none"),
        ("没有就是没有", ["没有"], "没有\\"),
        ("none at all", ["none"], "none\\"),
        ("one\ntwo", ["two", "one"], "one\ntwo"),
        ("one\ntwo", ["one\ntwo"], r"one\ntwo"),
        (r"\none", [r"\none"], r"\\none"),
    ],
)
def test_an_answer_stands_as_it_is(text: str, answers: list[str], answer: str) -> None:
    assert PLAIN_TEXT.spell({QUESTION: answers}, asking(), text) == answer
    assert sorted(PLAIN_TEXT.read(answer, asking())[QUESTION]) == sorted(answers)


def test_a_question_without_a_value_has_no_answer() -> None:
    assert PLAIN_TEXT.spell({}, asking(), "text") == "none"
    assert PLAIN_TEXT.read(" 没有\n", asking()) == {QUESTION: []}


def test_a_backslash_that_a_model_copied_bare_is_only_itself() -> None:
    assert PLAIN_TEXT.read(r"\alpha", asking()) == {QUESTION: [r"\alpha"]}


def test_what_the_document_does_not_say_passes_only_where_answers_are_free(accepts: Callable[[str, str], bool]) -> None:
    assert not accepts(PLAIN_TEXT.grammar(asking(), "a b"), "c")
    assert accepts(PLAIN_TEXT.grammar(asking(grounded=False), "a b"), "c")


@pytest.mark.parametrize("grounded", [True, False])
def test_silence_blank_lines_and_too_many_answers_are_neither_written_nor_read(
    accepts: Callable[[str, str], bool], grounded: bool
) -> None:
    asked = asking(grounded, limit=1)
    grammar = PLAIN_TEXT.grammar(asked, "a b")

    assert not any(accepts(grammar, answer) for answer in ("", " ", "a\na"))
    for silence in ("", " \n"):
        with pytest.raises(AnswerError, match="unread: an empty answer"):
            PLAIN_TEXT.read(silence, asked)
    with pytest.raises(AnswerError, match="2 items, more than 1"):
        PLAIN_TEXT.read("a\na", asked)


def test_a_free_answer_cannot_go_on_without_end(accepts: Callable[[str, str], bool]) -> None:
    grammar = PLAIN_TEXT.grammar(asking(grounded=False), "b")

    assert accepts(grammar, "a" * LONGEST)
    assert not accepts(grammar, "a" * (LONGEST + 1))
    with pytest.raises(AnswerError, match=f"{LONGEST + 1} characters, more than {LONGEST}"):
        PLAIN_TEXT.spell({QUESTION: ["a" * (LONGEST + 1)]}, asking(grounded=False), "b")


def test_an_answer_of_white_space_is_refused() -> None:
    with pytest.raises(AnswerError, match="white space alone"):
        PLAIN_TEXT.spell({QUESTION: [" "]}, asking(), "a b")


def test_of_a_cut_answer_the_whole_lines_are_kept_and_none_is_not_claimed() -> None:
    assert PLAIN_TEXT.salvage("one\ntw", asking()) == {QUESTION: ["one"]}
    assert PLAIN_TEXT.salvage("one\ntwo\nthree", asking(limit=1)) == {QUESTION: ["one"]}
    assert PLAIN_TEXT.salvage("on", asking()) == {}


def test_the_prompt_is_instruction_document_question() -> None:
    assert PLAIN_TEXT.prompt("Answer.", ["Who?"], "Ann came.") == "Answer.\n\nAnn came.\n\nWho?"


def test_only_one_question_fits() -> None:
    assert PLAIN_TEXT.fits(asking())
    assert not PLAIN_TEXT.fits(Fields({"a": Slot(), "b": Slot()}))
    assert not PLAIN_TEXT.fits(Fields({"a": Many(Span())}))
