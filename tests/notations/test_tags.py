"""Inline tags: the text is copied whole, each mention marked once, and what cannot be marked is refused by name."""

import itertools
import time
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from extune.errors import AnswerError, ConfigError
from extune.notations.marks import Mark, place
from extune.notations.tags import DEPTH, HEAD, MOST_LABELS, MOST_MARKS, TAGS
from extune.shapes import Fields, Many, Slot, Span, Value

LABELS = ("人名", "/x>", "a\\", "<b>\n")
TEXTS = st.text(st.sampled_from("<>/\\ab \n\x00人名") | st.characters(codec="utf-8"), min_size=1, max_size=12)


def shape(*labels: str, grounded: bool = True) -> Fields:
    return Fields({label: Many(Span(grounded)) for label in labels})


def sets(value: Value) -> dict[str, set[str]]:
    return {label: set(mentions) for label, mentions in value.items() if mentions}


def without_marks(answer: str, text: str) -> bool:
    """Whether the answer without its tags is the text, as a reader who knows only the labels sees it."""
    for name in (r"人名", r"\/x\>", "a\\\\", "\\<b\\>\n"):
        answer = answer.replace(f"<{name}>", "").replace(f"</{name}>", "")
    return answer == text.replace("\\", "\\\\").replace("<", "\\<")


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, Value]:
    text = draw(TEXTS)
    bounds = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    mentions = st.lists(bounds.map(lambda b: text[min(b) : max(b)]).filter(bool), max_size=2, unique=True)
    return text, draw(st.fixed_dictionaries(dict.fromkeys(LABELS, mentions)))


@given(marked())
def test_what_was_spelled_is_the_whole_text_and_is_read_back(
    accepts: Callable[[str, str], bool], case: tuple[str, Value]
) -> None:
    text, value = case
    asked = shape(*LABELS)
    try:
        answer = TAGS.spell(value, asked, text)
    except AnswerError:
        assume(False)

    assert sets(TAGS.read(answer, asked)) == sets(value)
    assert without_marks(answer, text)
    assert accepts(TAGS.grammar(asked, text), answer)
    assert not accepts(TAGS.grammar(asked, text), answer[:-1])


@settings(max_examples=25)
@given(text=TEXTS, seed=st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_the_text_with_marks_that_are_read(
    written: Callable[[str, int], str], text: str, seed: int
) -> None:
    answer = written(TAGS.grammar(shape(*LABELS), text), seed)
    value = TAGS.read(answer, shape(*LABELS))

    assert without_marks(answer, text)
    assert all(mention and mention in text for mentions in value.values() for mention in mentions)


def test_ordinary_text_has_nothing_to_escape_and_a_mention_is_marked_once() -> None:
    value = {"人名": ["李雷"], "地名": ["青岛"]}

    answer = TAGS.spell(value, shape("人名", "地名"), "李雷来到青岛，李雷说：3 > 2。")

    assert answer == "<人名>李雷</人名>来到<地名>青岛</地名>，李雷说：3 > 2。"


@pytest.mark.parametrize(
    ("text", "value", "answer"),
    [
        ("山东大学", {"A": ["山东大学"], "B": ["山东"]}, "<A><B>山东</B>大学</A>"),
        ("山东大学在山东", {"A": ["山东大学"], "B": ["山东"]}, "<A>山东大学</A>在<B>山东</B>"),
        ("Q", {"A": ["Q"], "B": ["Q"]}, "<A><B>Q</B></A>"),
        ("abc ab", {"A": ["ab"], "B": ["bc"]}, "a<B>bc</B> <A>ab</A>"),
        ("abcxy yqxy abcx", {"A": ["abcx", "yqx"], "B": ["xy"]}, "abc<B>xy</B> <A>yqx</A>y <A>abcx</A>"),
        ("aaa", {"A": ["aa", "a"]}, "<A>aa</A><A>a</A>"),
        ("a<b\\c", {"A": ["<b\\"]}, "a<A>\\<b\\\\</A>c"),
    ],
)
def test_marks_stand_apart_if_they_can_nest_if_they_must_and_never_cross(text: str, value: Value, answer: str) -> None:
    asked = shape("A", "B")

    assert TAGS.spell(value, asked, text) == answer
    assert sets(TAGS.read(answer, asked)) == sets(value)


def test_mentions_that_cross_wherever_they_stand_are_refused_with_both_names() -> None:
    with pytest.raises(AnswerError, match=r"both 'bc' \(B\) and 'ab' \(A\): they cross.*use entity_lines"):
        TAGS.spell({"A": ["ab"], "B": ["bc"]}, shape("A", "B"), "abc")


def test_marks_nest_only_so_deep() -> None:
    labels = [f"L{number}" for number in range(DEPTH + 1)]
    deep = {label: ["Q"] for label in labels}

    assert TAGS.spell({label: ["Q"] for label in labels[:-1]}, shape(*labels), "Q").count("<") == 2 * DEPTH
    with pytest.raises(AnswerError, match=f"more than {DEPTH} deep"):
        TAGS.spell(deep, shape(*labels), "Q")


def test_a_mention_that_is_not_in_the_text_or_only_far_down_is_refused() -> None:
    with pytest.raises(AnswerError, match=r"'c' \(A\): it is not among the first 2 characters"):
        TAGS.spell({"A": ["c"]}, shape("A"), "ab")
    with pytest.raises(AnswerError, match=f"'Q' .A.: it is not among the first {HEAD} characters"):
        TAGS.spell({"A": ["Q"]}, shape("A"), "." * HEAD + "Q")


@given(marked())
def test_a_placement_is_found_wherever_there_is_one(case: tuple[str, Value]) -> None:
    text, value = case
    wanted = [(mention, label) for label in LABELS for mention in value[label]][:4]
    try:
        marks = place(wanted, text, len(wanted))
    except AnswerError:
        assert not possible(wanted, text, [])
    else:
        assert sorted((text[m.start : m.end], m.label) for m in marks) == sorted(wanted)
        assert not any(crossing(one, other) for one in marks for other in marks)


def crossing(one: Mark, other: Mark) -> bool:
    return one.start < other.start < one.end < other.end


def possible(wanted: list[tuple[str, str]], text: str, marks: list[Mark]) -> bool:
    """Every placement tried."""
    if not wanted:
        return True
    (mention, label), *others = wanted
    spots = (Mark(n, n + len(mention), label) for n in range(len(text)) if text.startswith(mention, n))
    return any(
        possible(others, text, [*marks, spot])
        for spot in spots
        if not any(crossing(spot, mark) or crossing(mark, spot) for mark in marks)
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("<A>a</B>", "'</B>' at 4 closes nothing"),
        ("<A>a", "<A> is not closed"),
        ("<A></A>a", "'</A>' at 3 closes nothing"),
        ("a</A>", "'</A>' at 1 closes nothing"),
        ("<C>a</C>", "the tag '<C>' was not asked for"),
        ("a < b", "a bare '<' at 2"),
        ("a\\b", r"a bare '\\\\' at 1"),
        ("<A>a<B>b</A>c</B>", "'</A>' at 8 closes nothing"),
    ],
)
def test_an_answer_with_loose_tags_is_unread(accepts: Callable[[str, str], bool], answer: str, why: str) -> None:
    with pytest.raises(AnswerError, match=f"^unread: {why}"):
        TAGS.read(answer, shape("A", "B"))
    assert not accepts(TAGS.grammar(shape("A", "B"), "abc"), answer)


def test_of_a_cut_answer_the_closed_marks_are_kept() -> None:
    asked = shape("A", "B")

    assert TAGS.salvage("<A>x</A> and <B>y <A>z</A> w</", asked) == {"A": ["x", "z"]}
    assert TAGS.salvage("1 < 2 <C>q</C> <A>x</A>", asked) == {"A": ["x"]}


@settings(max_examples=25)
@given(marked())
def test_a_cut_answer_gives_only_whole_marks_and_more_the_later_it_is_cut(case: tuple[str, Value]) -> None:
    text, value = case
    asked = shape(*LABELS)
    try:
        answer = TAGS.spell(value, asked, text)
    except AnswerError:
        assume(False)

    saved = [sets(TAGS.salvage(answer[:end], asked)) for end in range(len(answer) + 1)]

    assert saved[-1] == sets(value)
    for fewer, more in itertools.pairwise(saved):
        assert all(mentions <= more.get(label, set()) for label, mentions in fewer.items())


@settings(max_examples=25)
@given(marked())
def test_equal_values_are_spelled_alike_and_read_whatever_the_order_of_labels(case: tuple[str, Value]) -> None:
    text, value = case
    turned = {label: value[label][::-1] for label in reversed(LABELS)}
    try:
        answer = TAGS.spell(value, shape(*LABELS), text)
    except AnswerError:
        assume(False)

    assert TAGS.spell(turned, shape(*LABELS), text) == answer
    assert sets(TAGS.read(answer, shape(*reversed(LABELS)))) == sets(value)


@given(st.text(st.sampled_from("<>/\\AB")))
def test_no_answer_makes_a_reader_fail(answer: str) -> None:
    TAGS.salvage(answer, shape("A", "B"))


def test_the_text_must_be_copied_to_its_end_and_marks_run_out(accepts: Callable[[str, str], bool]) -> None:
    asked, text = shape("A"), "ab" * 200
    grammar = TAGS.grammar(asked, text)
    full = "<A>a</A>b" * MOST_MARKS + text[2 * MOST_MARKS :]

    assert accepts(grammar, full)
    assert not accepts(grammar, full + "a")
    assert not accepts(grammar, full.removesuffix("abab") + "<A>a</A>bab")


def test_a_text_longer_than_the_head_is_copied_unmarked_from_there(accepts: Callable[[str, str], bool]) -> None:
    asked, text = shape("A"), "ab" * HEAD
    grammar = TAGS.grammar(asked, text)

    assert accepts(grammar, TAGS.spell({"A": ["ba"]}, asked, text))
    assert accepts(grammar, text[: HEAD - 2] + "<A>ab</A>" + text[HEAD:])
    assert not accepts(grammar, text[: HEAD - 1] + "<A>ba</A>" + text[HEAD + 1 :])


def test_a_full_head_of_nested_marks_stays_within_what_llguidance_holds(accepts: Callable[[str, str], bool]) -> None:
    asked = shape("A", "B", "C", "D")
    nested = "<A><B><C><D>a</D></C></B></A>"
    marks = MOST_MARKS * 2 // 4

    assert accepts(TAGS.grammar(asked, "a" * HEAD), "a" * (HEAD - marks) + nested * marks)


def test_a_thousand_labels_can_be_asked_for_and_no_more(accepts: Callable[[str, str], bool]) -> None:
    asked = shape(*(f"L{number}" for number in range(MOST_LABELS)))
    answer = TAGS.spell({"L7": ["ab"], "L999": ["ab"]}, asked, "ab")

    assert answer == "<L7><L999>ab</L999></L7>"
    assert accepts(TAGS.grammar(asked, "ab"), answer)
    assert not accepts(TAGS.grammar(asked, "ab"), "<L7><L999>ab</L7></L999>")
    wider = shape(*asked.fields, "one more")
    for refused in (lambda: TAGS.grammar(wider, "ab"), lambda: TAGS.spell({}, wider, "ab")):
        with pytest.raises(ConfigError, match=r"1001 labels at once\. Set task.split_num to 1000 or less"):
            refused()


def test_a_grammar_of_a_page_and_many_labels_is_built_in_well_under_a_second() -> None:
    started = time.process_time()
    grammar = TAGS.grammar(shape(*(f"label{number}" for number in range(30))), "词" * HEAD)

    assert not LLMatcher(LLTokenizer("byte"), grammar).is_error()
    assert time.process_time() - started < 1


def test_only_grounded_lists_of_spans_fit() -> None:
    assert TAGS.fits(shape("A"))
    assert not TAGS.fits(shape("A", grounded=False))
    assert not TAGS.fits(Fields({"A": Slot()}))
