"""What every notation promises, held against each task it fits; the grammars are run by llguidance itself."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extune.errors import AnswerError, ConfigError
from extune.notations import NOTATIONS, Notation, notation
from extune.records import Record
from extune.schema import Schema
from extune.score import score
from extune.shapes import MAX_ITEMS, Choice, Fields, Id, Keyed, Many, Number, Shape, Slot
from extune.tasks import TASKS, Task

LABELS = ("位于", 'a "b", (c)\\', "new\nline\x7f")
NASTY = "\"'\\,()[]{}: \n\t\r，（）：“”🏽é中\u200b\u2028\u00a0\x01\x7f无n"
TEXTS = st.text(st.sampled_from(NASTY) | st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)

Answers = Callable[[Any, str], st.SearchStrategy[Any]]
Accepts = Callable[[str, str], bool]
Written = Callable[[str, int], str]


def asking(grounded: bool = True) -> Schema:
    """A schema with every label these tests use."""
    labels = (*LABELS, "Y", "a", "b", "r")
    roles = dict.fromkeys(labels, ("时间", 'r "2"'))
    triples = tuple(("T", label, "U") for label in labels)
    return Schema(labels, labels, events=roles, attributes=roles, triples=triples, grounded=grounded)


def asked(one: Task, labels: tuple[str, ...]) -> tuple[str, ...]:
    """What the task is asked for where another is asked for these labels; one question at most."""
    own = {"SPO": tuple(f"T_{label}_U" for label in labels), "QA": labels[:1], "GRAPH": ("graph",)}
    return own.get(one.name, labels)


# Tags repeat the text and plain text takes any words for an answer: each is tested by itself.
GENERAL = [n for n in NOTATIONS.values() if n.name not in ("tags", "plain_text")]
PAIRS = [(n, t) for n in GENERAL for t in TASKS.values() if n.fits(t.shape(asked(t, LABELS), asking()))]
CLOSED = [(n, t) for n, t in PAIRS if t.asked is None]
every_pair = pytest.mark.parametrize(("way", "one"), PAIRS, ids=[f"{n.name}-{t.name}" for n, t in PAIRS])
every_closed_pair = pytest.mark.parametrize(("way", "one"), CLOSED, ids=[f"{n.name}-{t.name}" for n, t in CLOSED])


def decoded(one: Task, value: Any, labels: tuple[str, ...] = LABELS) -> tuple[Any, ...]:
    return one.decode(value, asked(one, labels), asking())


def keys(one: Task, value: Any, labels: tuple[str, ...] = LABELS) -> set[tuple[str, ...]]:
    return set(map(one.key, decoded(one, value, labels)))


def with_span(shape: Shape, *spans: str) -> Any:
    """A value made of these spans alone: in each list or object an item of each, elsewhere the first."""
    match shape:
        case Fields(fields=fields):
            return {key: with_span(inner, *spans) for key, inner in fields.items()}
        case Many(of=inner):
            return [with_span(inner, span) for span in spans]
        case Keyed(of=inner):
            return {span: with_span(inner, span) for span in spans}
        case Slot():
            return [spans[0]]
        case Choice(options=options):
            return options[0] if options else spans[0]
        case Number():
            return 0.5
        case Id():
            return f"n{1 + sum(map(ord, spans[0])) % 9999}"
    return spans[0]


@every_pair
@settings(max_examples=10)
@given(text=TEXTS, data=st.data())
def test_what_was_spelled_is_read_back_and_scores_full_marks(
    way: Notation, one: Task, answers: Answers, text: str, data: st.DataObject
) -> None:
    shape = one.shape(asked(one, LABELS), asking())
    value = data.draw(answers(shape, text))

    read = way.read(way.spell(value, shape, text), shape)

    assert keys(one, read) == keys(one, value)
    gold, predicted = (one.with_items(Record("1", text), decoded(one, v)) for v in (value, read))
    total = score([(gold, predicted)], one).total
    assert (total.exact_match, total.invented, total.f1) == (1, 0, 1.0 if total.gold else 0.0)


@every_pair
@settings(max_examples=8)
@given(text=TEXTS, data=st.data())
def test_every_gold_answer_is_one_its_grammar_lets_through(
    accepts: Accepts, way: Notation, one: Task, answers: Answers, text: str, data: st.DataObject
) -> None:
    grounded, free = (one.shape(asked(one, LABELS), asking(copied)) for copied in (True, False))
    answer = way.spell(data.draw(answers(grounded, text)), grounded, text)

    assert accepts(way.grammar(grounded, text), answer)
    assert accepts(way.grammar(free, text), answer)


@every_pair
@settings(max_examples=8)
@given(text=TEXTS, span=st.text(st.sampled_from(NASTY), min_size=1, max_size=3))
def test_a_span_passes_if_and_only_if_it_stands_in_the_text(
    accepts: Accepts, way: Notation, one: Task, text: str, span: str
) -> None:
    assume(span == span.strip())
    for grounded in (True, False):
        shape = one.shape(asked(one, LABELS[:1]), asking(grounded))
        answer = way.spell(with_span(shape, span), shape, text)

        assert accepts(way.grammar(shape, text), answer) == (span in text or not grounded)


@every_pair
@settings(max_examples=6)
@given(text=TEXTS, seed=st.integers(0, 2**32))
def test_whatever_the_grammar_lets_through_is_read_and_stands_in_the_text(
    written: Written, way: Notation, one: Task, text: str, seed: int
) -> None:
    for grounded in (True, False):
        shape = one.shape(asked(one, LABELS), asking(grounded))
        found = decoded(one, way.read(written(way.grammar(shape, text), seed), shape))

        assert all(all(one.spans(item)) for item in found)
        assert not grounded or all(span in text for item in found for span in one.spans(item))


@every_pair
def test_an_empty_span_is_neither_written_nor_read(accepts: Accepts, way: Notation, one: Task) -> None:
    for grounded in (True, False):
        shape = one.shape(asked(one, LABELS), asking(grounded))
        answer = way.spell(with_span(shape, "Q"), shape, "Q")
        hollow = answer.replace("Q", "")

        assert accepts(way.grammar(shape, "Q"), answer)
        assert not accepts(way.grammar(shape, "Q"), hollow)
        with pytest.raises(AnswerError):
            way.read(hollow, shape)


@every_closed_pair
def test_a_label_that_was_not_asked_for_is_neither_written_nor_read(accepts: Accepts, way: Notation, one: Task) -> None:
    for grounded in (True, False):
        narrow, wider = (one.shape(asked(one, labels), asking(grounded)) for labels in (LABELS, (*LABELS, "Y")))
        answer = way.spell(with_span(wider, "Q"), wider, "Q")

        assert accepts(way.grammar(wider, "Q"), answer)
        assert not accepts(way.grammar(narrow, "Q"), answer)
        with pytest.raises(AnswerError, match="Y"):
            way.read(answer, narrow)


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
def test_an_answer_of_another_shape_is_neither_written_nor_read(accepts: Accepts, name: str, answer: str) -> None:
    for grounded in (True, False):
        shape = TASKS["RE"].shape(("r",), asking(grounded))
        assert not accepts(NOTATIONS[name].grammar(shape, "Q"), answer)
        with pytest.raises(AnswerError, match=r"^unread: "):
            NOTATIONS[name].read(answer, shape)


@every_pair
@settings(max_examples=8)
@given(text=TEXTS, data=st.data())
def test_a_cut_answer_gives_only_whole_items_and_more_the_later_it_is_cut(
    way: Notation, one: Task, answers: Answers, text: str, data: st.DataObject
) -> None:
    shape = one.shape(asked(one, LABELS), asking())
    value = data.draw(answers(shape, text))
    answer = way.spell(value, shape, text)

    ends = sorted(data.draw(st.sets(st.integers(0, len(answer)), max_size=40)) | {len(answer)})
    saved = [keys(one, way.salvage(answer[:end], shape)) for end in ends]

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
@settings(max_examples=25)
@given(answer=st.text(st.sampled_from('{}[]"(),\\:\nar，）') | st.characters()))
def test_no_answer_makes_a_reader_raise_anything_else(way: Notation, one: Task, answer: str) -> None:
    shape = one.shape(asked(one, ("a", "r")), asking())
    decoded(one, way.salvage(answer, shape), ("a", "r"))
    with contextlib.suppress(AnswerError):
        way.read(answer, shape)


@every_pair
def test_a_hopeless_answer_is_unread_and_holds_nothing(way: Notation, one: Task) -> None:
    shape = one.shape(asked(one, ("a",)), asking())
    for answer in ("[" * 100_000, '"' * 500, '{"a": ["\\ud83d"]}', "(" * 3_000, "\x00"):
        with pytest.raises(AnswerError, match=r"^unread: "):
            way.read(answer, shape)
        assert decoded(one, way.salvage(answer, shape), ("a",)) == ()


@every_closed_pair
def test_the_order_of_labels_does_not_change_what_is_read(way: Notation, one: Task) -> None:
    shape, turned = (one.shape(asked(one, labels), asking()) for labels in (LABELS, LABELS[::-1]))
    value = with_span(shape, "Q")

    assert keys(one, way.read(way.spell(value, turned, "Q"), shape)) == keys(one, value)


@pytest.mark.parametrize(("way", "one"), [(n, t) for n, t in PAIRS if t.name != "QA"])
def test_equal_values_are_spelled_alike_whatever_the_order_of_their_items(way: Notation, one: Task) -> None:
    labels = asked(one, LABELS)
    shape = one.shape(labels, asking())
    items = [item for span in ("b", "a", "Q") for item in decoded(one, with_span(shape, span))]
    first, second = (one.encode(some, labels, asking()) for some in (items, items[::-1]))

    assert way.spell(first, shape, "a b") == way.spell(second, shape, "a b")


@pytest.mark.integration
@pytest.mark.parametrize(("way", "one"), [(n, t) for n, t in PAIRS if t.name != "QA"])
def test_a_list_may_be_as_long_as_the_limit_and_no_longer(accepts: Accepts, way: Notation, one: Task) -> None:
    names = [f"n{number:03}" for number in range(MAX_ITEMS + 1)]
    text = " ".join(names)
    shape = one.shape(asked(one, ("a", "b")), asking())
    allowed, whole = with_span(shape, *names[:-1]), with_span(shape, *names)

    full, endless = (way.spell(value, shape, text) for value in (allowed, whole))

    assert keys(one, way.read(full, shape), ("a", "b")) == keys(one, allowed, ("a", "b"))
    assert accepts(way.grammar(shape, text), full)
    assert not accepts(way.grammar(shape, text), endless)
    with pytest.raises(AnswerError, match=f"{MAX_ITEMS + 1} items, more than {MAX_ITEMS}"):
        way.read(endless, shape)


@every_pair
def test_a_text_without_words_and_no_labels_leave_only_the_empty_answer(
    accepts: Accepts, way: Notation, one: Task
) -> None:
    for labels, text in ((LABELS, ""), (LABELS, "\n\u3000 "), ((), "Q")):
        shape = one.shape(asked(one, labels), asking())
        value = one.encode((), asked(one, labels), asking())
        nothing = way.spell({**{key: [] for key in shape.fields}, **value}, shape, text)

        assert accepts(way.grammar(shape, text), nothing)
        assert not any(map(one.spans, decoded(one, way.read(nothing, shape), labels)))


def test_each_notation_is_for_the_tasks_whose_answers_it_can_spell() -> None:
    fitting = {
        n.name: [t.name for t in TASKS.values() if n.fits(t.shape(("a",), asking()))] for n in NOTATIONS.values()
    }
    assert fitting == {
        "iepile_json": list(TASKS),
        "triple_lines": ["RE"],
        "entity_lines": ["NER", "EET"],
        "tags": ["NER", "EET"],
        "graph_json": ["GRAPH"],
        "plain_text": ["QA"],
    }


def test_an_unknown_notation_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no notation 'xml'. Known notations: iepile_json, triple_lines"):
        notation("xml")
