"""Answers cut into parts: together they say what the answer says, each in the characters it names."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import AnswerError
from extune.notations import NOTATIONS, Notation
from extune.parts import Part, parts
from extune.schema import Schema
from extune.shapes import Fields
from extune.tasks import TASKS, Task

LABELS = ("r", "s")
ROLES = dict.fromkeys(LABELS, ("who", "when"))
SCHEMA = Schema(LABELS, LABELS, ROLES, tuple(("T", label, "U") for label in LABELS), ROLES)
TEXT = '张三 a\n"b\\, (x_y) <r>🏽'

PAIRS = [
    (task, notation)
    for task in TASKS.values()
    for notation in NOTATIONS.values()
    if notation.name != "plain_text" and notation.fits(task.shape(("x",), SCHEMA))
]
every_pair = pytest.mark.parametrize(("task", "notation"), PAIRS, ids=[f"{t.name}-{n.name}" for t, n in PAIRS])

Answers = Callable[[Any, str], st.SearchStrategy[Any]]


def keys(answer: str, task: Task, notation: Notation, shape: Fields) -> list[tuple[str, ...]]:
    return [task.key(item) for item in task.decode(notation.read(answer, shape), LABELS, SCHEMA)]


def said(part: Part, task: Task, notation: Notation, shape: Fields) -> set[tuple[str, ...]]:
    known = keys(part.context, task, notation, shape) if part.context else []
    return set(keys(part.answer, task, notation, shape)) - set(known)


def spelled(task: Task, notation: Notation, shape: Fields, answers: Answers, data: st.DataObject) -> str:
    kept: list[Any] = []
    answer = notation.spell(task.encode([], LABELS, SCHEMA), shape, TEXT)
    for item in task.decode(data.draw(answers(shape, TEXT)), LABELS, SCHEMA):
        with suppress(AnswerError):
            answer = notation.spell(task.encode([*kept, item], LABELS, SCHEMA), shape, TEXT)
            kept.append(item)
    return answer


@every_pair
@settings(max_examples=10)
@given(data=st.data())
def test_the_parts_of_an_answer_say_together_what_it_says(
    task: Task, notation: Notation, answers: Answers, data: st.DataObject
) -> None:
    shape = task.shape(LABELS, SCHEMA)
    answer = spelled(task, notation, shape, answers, data)
    found = list(parts(notation.name, answer, shape))

    together = {key for part in found for key in said(part, task, notation, shape)}

    assert together == set(keys(answer, task, notation, shape))
    for part in found:
        assert part.ranges == tuple(sorted(part.ranges))
        assert all(0 <= start <= end <= len(answer) for start, end in part.ranges)


@every_pair
@settings(max_examples=10)
@given(data=st.data())
def test_the_parts_of_a_cut_answer_are_the_first_of_the_whole(
    task: Task, notation: Notation, answers: Answers, data: st.DataObject
) -> None:
    shape = task.shape(LABELS, SCHEMA)
    answer = spelled(task, notation, shape, answers, data)
    head = answer[: data.draw(st.integers(0, len(answer)))]
    whole, cut = (list(parts(notation.name, one, shape)) for one in (answer, head))
    complete = cut[:-1] if notation.name.endswith("lines") else cut
    assert complete == whole[: len(complete)]


def ranges(notation: str, answer: str, task: str) -> list[list[str]]:
    found = parts(notation, answer, TASKS[task].shape(LABELS, SCHEMA))
    return [[answer[start:end] for start, end in part.ranges] for part in found]


def test_an_element_of_a_list_begins_with_what_decided_that_there_is_one() -> None:
    assert ranges("iepile_json", '{"r": ["a, b", "\\"c"], "s": []}', "NER") == [['["a, b"'], [', "\\"c"']]


def test_an_attribute_has_the_name_of_its_entity_the_attribute_and_its_own_value() -> None:
    answer = '{"r": {"Ann": {"who": ["x", "y"], "when": "z"}, "Bo": {}}, "s": {}}'
    ann = '{"Ann": '
    assert ranges("iepile_json", answer, "KG") == [
        [ann, '{"who": ', '["x"'],
        [ann, '{"who": ', ', "y"'],
        [ann, ', "when": "z"'],
    ]


def test_an_event_is_one_part_with_all_its_arguments() -> None:
    event = '{"trigger": "a", "arguments": {"who": "b"}}'
    assert ranges("iepile_json", f'{{"r": [{event}]}}', "EE") == [[f"[{event}"]]


def test_an_edge_is_read_beside_the_nodes_it_names() -> None:
    nodes = [{"labels": ["r"], "id": name, "name": name} for name in ("n1", "n2")]
    edge = {"type": "s", "source": "n1", "target": "n2"}
    answer = json.dumps({"entities": nodes, "relationships": [edge]})
    shape = TASKS["GRAPH"].shape((), SCHEMA)
    *_, last = parts("graph_json", answer, shape)
    assert said(last, TASKS["GRAPH"], NOTATIONS["graph_json"], shape) == {("edge", "n1", "s", "n2")}


def test_a_line_begins_with_the_newline_before_it() -> None:
    assert ranges("triple_lines", "(a, r, b)\n(c, s, d)", "RE") == [["(a, r, b)"], ["\n(c, s, d)"]]


def test_a_marked_stretch_ends_with_its_closing_tag_and_inner_marks_come_first() -> None:
    assert ranges("tags", r"x \<s> <r>a <s>b</s></r> c", "NER") == [["<s>b</s>"], ["<r>a <s>b</s></r>"]]


@pytest.mark.parametrize("answer", ["", "no JSON", '{"r', '{"r": [', '{"r": {"a"', "[" * 5000, '{"x": ' * 5000])
def test_what_is_no_json_has_no_parts(answer: str) -> None:
    assert ranges("iepile_json", answer, "NER") == []


def test_a_notation_without_parts_has_none() -> None:
    assert list(parts("plain_text", "anything", Fields({}))) == []
