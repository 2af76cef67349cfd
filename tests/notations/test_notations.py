"""What every notation promises, held against each task it fits; the grammars are run by llguidance itself."""

import contextlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from extune.errors import AnswerError, ConfigError
from extune.notations import NOTATIONS, Notation, notation
from extune.records import Record
from extune.schema import Schema
from extune.score import score
from extune.shapes import MAX_ITEMS, Fields, Many, Shape
from extune.tasks import TASKS, Task

LABELS = ("位于", 'a "b", (c)\\', "new\nline\x7f")
NASTY = "\"'\\,()[]{}: \n\t\r，（）：“”🏽é中\u200b\u2028\u00a0\x01\x7f无n"
TEXTS = st.text(st.sampled_from(NASTY) | st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)
BYTES = LLTokenizer("byte")

Answers = Callable[[Any, str], st.SearchStrategy[Any]]


def asking(grounded: bool = True) -> Schema:
    """A schema with every label these tests use."""
    labels = (*LABELS, "Y")
    return Schema(entities=labels, relations=labels, grounded=grounded)


PAIRS = [(n, t) for n in NOTATIONS.values() for t in TASKS.values() if n.fits(t.shape(LABELS, asking()))]
every_pair = pytest.mark.parametrize(("way", "one"), PAIRS, ids=[f"{n.name}-{t.name}" for n, t in PAIRS])
grounded_or_not = pytest.mark.parametrize("grounded", [True, False], ids=["grounded", "free"])


def accepts(grammar: str, answer: str) -> bool:
    """Whether llguidance lets a model write this answer, byte by byte, and end there."""
    matcher = LLMatcher(BYTES, grammar)
    assert not matcher.is_error(), matcher.get_error()
    ids = list(answer.encode())
    return matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()


def written(grammar: str, rng: random.Random, length: int = 80) -> str:
    """An answer that a model knowing nothing writes under the grammar; past `length` bytes it ends as soon as it may."""
    matcher = LLMatcher(BYTES, grammar)
    ids: list[int] = []
    while not matcher.is_stopped():
        allowed = [token for token, bias in enumerate(matcher.compute_logit_bias()) if bias]
        ends = BYTES.eos_token in allowed and (len(ids) > length or rng.random() < 0.1)
        token = BYTES.eos_token if ends else rng.choice(allowed)
        matcher.consume_token(token)
        ids.append(token)
    return bytes(token for token in ids if token != BYTES.eos_token).decode()


def keys(one: Task, value: Any, labels: tuple[str, ...] = LABELS) -> set[tuple[str, ...]]:
    return set(map(one.key, one.decode(value, labels, asking())))


def with_span(shape: Shape, span: str) -> Any:
    """A value with one item in each list, made of this span alone."""
    match shape:
        case Fields(fields=fields):
            return {key: with_span(inner, span) for key, inner in fields.items()}
        case Many(of=inner):
            return [with_span(inner, span)]
    return span


@every_pair
@settings(max_examples=30)
@given(text=TEXTS, data=st.data())
def test_what_was_spelled_is_read_back_and_scores_full_marks(
    way: Notation, one: Task, answers: Answers, text: str, data: st.DataObject
) -> None:
    shape = one.shape(LABELS, asking())
    value = data.draw(answers(shape, text))

    read = way.read(way.spell(value, shape, text), shape)

    assert keys(one, read) == keys(one, value)
    gold, predicted = (one.with_items(Record("1", text), one.decode(v, LABELS, asking())) for v in (value, read))
    total = score([(gold, predicted)], one).total
    assert (total.exact_match, total.invented, total.f1) == (1, 0, 1.0 if total.gold else 0.0)


@every_pair
@grounded_or_not
@settings(max_examples=15)
@given(text=TEXTS, data=st.data())
def test_every_gold_answer_is_one_its_grammar_lets_through(
    way: Notation, one: Task, answers: Answers, grounded: bool, text: str, data: st.DataObject
) -> None:
    shape = one.shape(LABELS, asking(grounded))
    answer = way.spell(data.draw(answers(shape, text)), shape, text)

    assert accepts(way.grammar(shape, text), answer)


@every_pair
@settings(max_examples=20)
@given(text=TEXTS, span=st.text(st.sampled_from(NASTY), min_size=1, max_size=3))
def test_a_span_passes_if_and_only_if_it_stands_in_the_text(way: Notation, one: Task, text: str, span: str) -> None:
    assume(span == span.strip())
    for grounded in (True, False):
        shape = one.shape(LABELS[:1], asking(grounded))
        answer = way.spell(with_span(shape, span), shape, text)

        assert accepts(way.grammar(shape, text), answer) == (span in text or not grounded)


@every_pair
@grounded_or_not
@settings(max_examples=15)
@given(text=TEXTS, seed=st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_read_and_stands_in_the_text(
    way: Notation, one: Task, grounded: bool, text: str, seed: int
) -> None:
    shape = one.shape(LABELS, asking(grounded))
    answer = written(way.grammar(shape, text), random.Random(seed))

    found = one.decode(way.read(answer, shape), LABELS, asking())

    assert all(span for item in found for span in one.spans(item))
    assert not grounded or all(span in text for item in found for span in one.spans(item))


@every_pair
@grounded_or_not
def test_an_empty_span_is_neither_written_nor_read(way: Notation, one: Task, grounded: bool) -> None:
    shape = one.shape(LABELS, asking(grounded))
    answer = way.spell(with_span(shape, "Q"), shape, "Q")
    hollow = answer.replace("Q", "")

    assert accepts(way.grammar(shape, "Q"), answer)
    assert not accepts(way.grammar(shape, "Q"), hollow)
    with pytest.raises(AnswerError):
        way.read(hollow, shape)


@every_pair
@grounded_or_not
def test_a_label_that_was_not_asked_for_is_neither_written_nor_read(way: Notation, one: Task, grounded: bool) -> None:
    asked, wider = one.shape(LABELS, asking(grounded)), one.shape((*LABELS, "Y"), asking(grounded))
    answer = way.spell(with_span(wider, "Q"), wider, "Q")

    assert accepts(way.grammar(wider, "Q"), answer)
    assert not accepts(way.grammar(asked, "Q"), answer)
    with pytest.raises(AnswerError, match="Y"):
        way.read(answer, asked)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("iepile_json", '{"r": [{"head": "Q", "tail": "Q", "why": "Q"}]}'),
        ("iepile_json", '{"r": [{"head": "Q", "tail": ["Q"]}]}'),
        ("iepile_json", '{"r": [["Q", "Q"]]}'),
        ("iepile_json", '{"r": {"head": "Q", "tail": "Q"}}'),
        ("iepile_json", '[{"head": "Q", "tail": "Q"}]'),
        ("iepile_json", '{"r": [{"head": "Q", "tail": null}]}'),
        ("iepile_json", '{"r": [{"head": "Q", "tail": NaN}]}'),
        ("iepile_json", 'Here it is: {"r": []}'),
        ("triple_lines", "(Q, r, Q, Q)"),
        ("triple_lines", "(Q, r)"),
        ("triple_lines", "Here they are:\n(Q, r, Q)"),
    ],
)
def test_an_answer_of_another_shape_is_neither_written_nor_read(name: str, answer: str) -> None:
    for grounded in (True, False):
        shape = TASKS["RE"].shape(("r",), asking(grounded))
        assert not accepts(NOTATIONS[name].grammar(shape, "Q"), answer)
        with pytest.raises(AnswerError, match=r"^unread: "):
            NOTATIONS[name].read(answer, shape)


@every_pair
@settings(max_examples=20)
@given(text=TEXTS, data=st.data())
def test_a_cut_answer_gives_only_whole_items_and_more_the_later_it_is_cut(
    way: Notation, one: Task, answers: Answers, text: str, data: st.DataObject
) -> None:
    shape = one.shape(LABELS, asking())
    value = data.draw(answers(shape, text))
    answer = way.spell(value, shape, text)

    saved = [keys(one, way.salvage(answer[:end], shape)) for end in range(len(answer) + 1)]

    assert all(fewer <= more for fewer, more in itertools.pairwise(saved))
    assert saved[-1] == keys(one, value)


def test_the_items_before_the_cut_are_kept() -> None:
    ner, triples = TASKS["NER"].shape(("PER", "LOC"), asking()), TASKS["RE"].shape(("r",), asking())
    json_of, lines_of = NOTATIONS["iepile_json"].salvage, NOTATIONS["triple_lines"].salvage

    assert json_of('{"PER": ["Ann", "Bo \\"B\\" B', ner) == {"PER": ["Ann"]}
    assert json_of('{"PER": ["Ann"], "LOC": ["Rome", "Pa', ner) == {"PER": ["Ann"], "LOC": ["Rome"]}
    assert json_of('{"PER": ["Ann"], "LOC": []} and so on', ner) == {"PER": ["Ann"], "LOC": []}
    assert json_of('{"PER": ["Ann"], "ORG": ["UN"]}', ner) == {"PER": ["Ann"]}
    assert lines_of("(a, r, b)\n(c, r, d", triples) == {"r": [{"head": "a", "tail": "b"}]}
    assert lines_of("(a, r, b)\n(c, r, 4）", triples) == {"r": [{"head": "a", "tail": "b"}]}
    assert lines_of("oh:\n（a，r，b）", triples) == {"r": [{"head": "a", "tail": "b"}]}


@every_pair
@given(answer=st.text(st.sampled_from('{}[]"(),\\:\nar，）') | st.characters()))
def test_no_answer_makes_a_reader_raise_anything_else(way: Notation, one: Task, answer: str) -> None:
    shape = one.shape(("a", "r"), asking())
    one.decode(way.salvage(answer, shape), ("a", "r"), asking())
    with contextlib.suppress(AnswerError):
        way.read(answer, shape)


@every_pair
@pytest.mark.parametrize("answer", ["[" * 100_000, '"' * 3_000, '{"a": ["\\ud83d"]}', "(" * 3_000, "\x00"])
def test_a_hopeless_answer_is_unread_and_holds_nothing(way: Notation, one: Task, answer: str) -> None:
    shape = one.shape(("a",), asking())
    with pytest.raises(AnswerError, match=r"^unread: "):
        way.read(answer, shape)
    assert one.decode(way.salvage(answer, shape), ("a",), asking()) == ()


@every_pair
def test_the_order_of_labels_does_not_change_what_is_read(way: Notation, one: Task) -> None:
    shape, turned = (one.shape(labels, asking()) for labels in (LABELS, LABELS[::-1]))
    value = with_span(shape, "Q")

    assert keys(one, way.read(way.spell(value, turned, "Q"), shape)) == keys(one, value)


@every_pair
def test_equal_values_are_spelled_alike_whatever_the_order_of_their_items(way: Notation, one: Task) -> None:
    shape = one.shape(LABELS, asking())
    items = [*one.decode(with_span(shape, "b"), LABELS, asking()), *one.decode(with_span(shape, "a"), LABELS, asking())]
    first, second = (one.encode(some, LABELS, asking()) for some in (items, items[::-1]))

    assert way.spell(first, shape, "a b") == way.spell(second, shape, "a b")


@every_pair
def test_a_list_may_be_as_long_as_the_limit_and_no_longer(way: Notation, one: Task) -> None:
    text = " ".join(f"n{number:03}" for number in range(MAX_ITEMS + 1))
    shape = one.shape(("a", "b"), asking())
    whole = {label: [with_span(shape, name)[label][0] for name in text.split()] for label in ("a", "b")}
    allowed = {label: items[:-1] for label, items in whole.items()}

    full, endless = (way.spell(value, shape, text) for value in (allowed, whole))

    assert keys(one, way.read(full, shape), ("a", "b")) == keys(one, allowed, ("a", "b"))
    assert accepts(way.grammar(shape, text), full)
    assert not accepts(way.grammar(shape, text), endless)
    with pytest.raises(AnswerError, match="129 items, more than 128"):
        way.read(endless, shape)


@every_pair
def test_a_text_without_words_and_no_labels_leave_only_the_empty_answer(way: Notation, one: Task) -> None:
    for labels, text in ((LABELS, ""), (LABELS, "\n\u3000 "), ((), "Q")):
        shape = one.shape(labels, asking())
        nothing = way.spell(one.encode((), labels, asking()), shape, text)

        assert accepts(way.grammar(shape, text), nothing)
        assert one.decode(way.read(nothing, shape), labels, asking()) == ()


def test_json_may_hold_white_space_at_the_ends_of_a_span_and_lines_refuse_to_spell_it() -> None:
    shape = TASKS["RE"].shape(("r",), asking())
    value = with_span(shape, " Q")

    assert NOTATIONS["iepile_json"].read(NOTATIONS["iepile_json"].spell(value, shape, " Q"), shape) == value
    with pytest.raises(AnswerError, match="white space at the ends"):
        NOTATIONS["triple_lines"].spell(value, shape, " Q")


def test_items_are_spelled_in_order_of_mention() -> None:
    ner, triples = TASKS["NER"].shape(("P",), asking()), TASKS["RE"].shape(("r", "s"), asking())
    pair = {"head": "a", "tail": "b"}

    assert NOTATIONS["iepile_json"].spell({"P": ["b", "a"]}, ner, "a b") == '{"P": ["a", "b"]}'
    assert NOTATIONS["triple_lines"].spell({"r": [{"head": "b", "tail": "a"}], "s": [pair]}, triples, "a b") == (
        "(a, s, b)\n(b, r, a)"
    )


def test_only_pairs_can_be_written_as_lines() -> None:
    assert not NOTATIONS["triple_lines"].fits(TASKS["NER"].shape(LABELS, asking()))
    assert NOTATIONS["triple_lines"].fits(TASKS["RE"].shape(LABELS, asking()))


def test_an_unknown_notation_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no notation 'xml'. Known notations: iepile_json, triple_lines"):
        notation("xml")
