"""Slots, optional keys, choices, numbers and ids in IEPile JSON: how each is spelled, written and read."""

from collections.abc import Callable

import pytest

from extune.errors import AnswerError
from extune.notations import NOTATIONS
from extune.schema import Schema
from extune.shapes import Choice, Fields, Id, Many, Number, Slot, Span
from extune.tasks import TASKS

Accepts = Callable[[str, str], bool]

EVENT = Fields(
    {"t": Many(Fields({"trigger": Slot(limit=1), "arguments": Fields({"r": Slot(), "s": Slot()}, ("r", "s"))}))}
)


@pytest.mark.parametrize(
    ("fillers", "spelled"),
    [([], '"NAN"'), (["a"], '"a"'), (["NAN"], '["NAN"]'), (["b", "a"], '["a", "b"]'), (["NAN", "a"], '["a", "NAN"]')],
)
def test_a_slot_is_a_string_a_list_or_nan(accepts: Accepts, fillers: list[str], spelled: str) -> None:
    way, shape, text = NOTATIONS["iepile_json"], Fields({"r": Slot()}), "a b NAN"
    answer = way.spell({"r": fillers}, shape, text)

    assert answer == f'{{"r": {spelled}}}'
    assert sorted(way.read(answer, shape)["r"]) == sorted(fillers)
    assert accepts(way.grammar(shape, text), answer)


@pytest.mark.parametrize("span", ["N", "NA", "NANA", "ANAN", "NAN x"])
def test_a_filler_that_looks_like_nan_passes(accepts: Accepts, span: str) -> None:
    for shape in (Fields({"r": Slot()}), Fields({"r": Slot(grounded=False)})):
        grammar = NOTATIONS["iepile_json"].grammar(shape, f"in {span}")
        assert accepts(grammar, f'{{"r": "{span}"}}')
        assert accepts(grammar, '{"r": "NAN"}')
        assert accepts(grammar, '{"r": "Nix"}') == (not shape.fields["r"].grounded)


def test_every_spelling_of_a_slot_is_read() -> None:
    shape = Fields({"r": Slot(limit=1)})
    read = NOTATIONS["iepile_json"].read
    assert [read(f'{{"r": {slot}}}', shape)["r"] for slot in ("[]", '"NAN"', '["x"]', '"x"')] == [[], [], ["x"], ["x"]]
    with pytest.raises(AnswerError, match=r"answer\.r has 2 items, more than 1"):
        read('{"r": ["x", "y"]}', shape)


@pytest.mark.parametrize("keys", [(), ("r",), ("s",), ("r", "s")])
def test_optional_keys_may_be_left_out_but_not_turned(accepts: Accepts, keys: tuple[str, ...]) -> None:
    way, shape = NOTATIONS["iepile_json"], EVENT
    pairs = [f'"{key}": "Q"' for key in keys]
    answers = [f'{{"t": [{{"trigger": "NAN", "arguments": {{{", ".join(some)}}}}}]}}' for some in (pairs, pairs[::-1])]

    assert accepts(way.grammar(shape, "Q"), answers[0])
    assert way.spell(way.read(answers[0], shape), shape, "Q") == answers[0]
    assert len(keys) < 2 or not accepts(way.grammar(shape, "Q"), answers[1])


@pytest.mark.parametrize(
    ("figure", "good"),
    [
        ("0", True),
        ("0.5", True),
        ("0.25", True),
        ("1", True),
        ("1.0", True),
        ("1.01", False),
        ("0.125", False),
        ("-0.5", False),
        ("2", False),
        (".5", False),
        ("true", False),
        ('"0.5"', False),
        ("NaN", False),
        ("1e9", False),
    ],
)
def test_a_number_has_two_decimals_and_is_at_most_one(accepts: Accepts, figure: str, good: bool) -> None:
    way, shape = NOTATIONS["iepile_json"], Fields({"c": Number()})
    answer = f'{{"c": {figure}}}'

    assert accepts(way.grammar(shape, "x"), answer) == good
    if good:
        assert way.read(answer, shape) == {"c": float(figure)}
    else:
        with pytest.raises(AnswerError):
            way.read(answer, shape)


def test_only_a_choice_is_written_and_read(accepts: Accepts) -> None:
    way, shape = NOTATIONS["iepile_json"], Fields({"k": Choice(("a", 'b"'))})
    for word, good in (("a", True), ('b"', True), ("b", False)):
        answer = way.spell({"k": word}, shape, "b")
        assert accepts(way.grammar(shape, "b"), answer) == good
    with pytest.raises(AnswerError, match=r"answer\.k is 'b', which is not among the choices"):
        way.read(answer, shape)


def test_ids_are_numbered_as_they_are_spelled_and_edges_follow() -> None:
    node = Fields({"id": Id(), "name": Span()})
    edge = Fields({"source": Id(), "target": Id()})
    shape = Fields({"nodes": Many(node), "edges": Many(edge)})
    value = {
        "nodes": [{"id": "x", "name": "b"}, {"id": "y", "name": "a"}],
        "edges": [{"source": "x", "target": "y"}, {"source": "x", "target": "x"}, {"source": "y", "target": "x"}],
    }
    assert NOTATIONS["iepile_json"].spell(value, shape, "a b") == (
        '{"nodes": [{"id": "n1", "name": "a"}, {"id": "n2", "name": "b"}], "edges": [{"source": "n1", "target": "n2"}, '
        '{"source": "n2", "target": "n1"}, {"source": "n2", "target": "n2"}]}'
    )


def test_an_event_cut_short_is_dropped_and_the_whole_ones_are_kept() -> None:
    whole = '{"t": [{"trigger": "Q", "arguments": {"r": "Q"}}'
    salvage = NOTATIONS["iepile_json"].salvage
    kept = {"t": [{"trigger": ["Q"], "arguments": {"r": ["Q"]}}]}
    assert salvage(whole + ', {"trigger": "Q", "arguments": {"r": ["Q", "Q"', EVENT) == kept
    assert salvage(whole + ', {"trigger": "Q"', EVENT) == kept
    assert salvage(whole, EVENT) == kept


def test_json_may_hold_white_space_at_the_ends_of_a_span_and_lines_refuse_to_spell_it() -> None:
    shape = TASKS["RE"].shape(("r",), Schema())
    value = {"r": [{"head": " Q", "tail": " Q"}]}

    assert NOTATIONS["iepile_json"].read(NOTATIONS["iepile_json"].spell(value, shape, " Q"), shape) == value
    with pytest.raises(AnswerError, match="white space at the ends"):
        NOTATIONS["triple_lines"].spell(value, shape, " Q")


def test_items_are_spelled_in_order_of_mention() -> None:
    ner, triples = TASKS["NER"].shape(("P",), Schema()), TASKS["RE"].shape(("r", "s"), Schema())
    pair = {"head": "a", "tail": "b"}

    assert NOTATIONS["iepile_json"].spell({"P": ["b", "a"]}, ner, "a b") == '{"P": ["a", "b"]}'
    assert NOTATIONS["triple_lines"].spell({"r": [{"head": "b", "tail": "a"}], "s": [pair]}, triples, "a b") == (
        "(a, s, b)\n(b, r, a)"
    )
