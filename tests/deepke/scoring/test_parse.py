"""Items of answers, by hand; the rest is held by the recorded cases."""

import json
from typing import Any

import pytest

from extune.deepke.scoring.parse import RULES, rule

ASKED = [
    {"subject_type": "film", "predicate": "star", "object_type": "person"},
    {"subject_type": "film", "predicate": "year", "object_type": "date"},
    {"subject_type": "play", "predicate": "year", "object_type": "date"},
]


def spo(answer: Any, gold: Any, asked: Any = ASKED) -> tuple[list[Any], list[Any]]:
    row = {"instruction": json.dumps({"schema": asked}), "label": json.dumps(gold)}
    return list(RULES["SPO"].answer(answer, row, [])[0]), list(RULES["SPO"].gold(gold)[0])


def triple(head: str, head_type: str, relation: str, tail: str, tail_type: str) -> dict[str, str]:
    return {"head": head, "head_type": head_type, "relation": relation, "tail": tail, "tail_type": tail_type}


def test_a_triple_has_the_types_its_question_asks_for() -> None:
    answer = {"star": [{"subject": "X", "object": "Ann"}]}
    found, gold = spo(answer, [triple("X", "film", "star", "Ann", "person")])
    assert found == gold == [("X", "star", "Ann", ("film", "person"))]
    found, gold = spo(answer, [triple("X", "song", "star", "Ann", "person")])
    assert found == [("X", "star", "Ann", ("film", "person"))] != gold


def test_of_several_asked_types_those_of_the_gold_are_taken() -> None:
    answer = {"year": [{"subject": "X", "object": "1990"}, {"subject": "Y", "object": "1990"}]}
    found, gold = spo(answer, [triple("X", "play", "year", "1990", "date")])
    assert found == [*gold, ("Y", "year", "1990", ("film", "date"))]


@pytest.mark.parametrize("asked", [[], ["star"], None, [{"predicate": None}], [{"predicate": []}]])
def test_a_question_that_does_not_say_leaves_the_types_to_the_gold(asked: Any) -> None:
    found, gold = spo({"star": [{"subject": "X", "object": "Ann"}]}, [triple("X", "t", "star", "Ann", "u")], asked)
    assert found == gold


def test_odd_values_in_triples_do_not_stop_the_score() -> None:
    found, _ = spo({"star": [{"subject": ["X"], "object": {}}, {}, "Ann"]}, [triple("X", "t", "star", "Ann", "u")])
    assert [item[:3] for item in found] == [(["X"], "star", {}), ("", "star", "")]


def test_iepile_reads_relations_under_its_own_keys() -> None:
    answer = {"r": [{"head": "a", "tail": "b"}, {"subject": "c", "object": "d"}]}
    assert rule("RE", "deepke").answer(answer, {}, [])[0] == [("a", "r", "b"), ("", "r", "")]
    assert rule("RE", "iepile").answer(answer, {}, [])[0] == [("", "r", ""), ("c", "r", "d")]


def test_only_nan_as_it_is_spelled_is_no_argument() -> None:
    roles = {"a": "NAN", "b": ["NAN", "x"], "c": "nan", "d": None}
    _, arguments = rule("EE", "deepke").answer({"E": [{"trigger": "t", "arguments": roles}]}, {}, [])
    assert arguments == [("E", "x", "b"), ("E", "nan", "c"), ("E", None, "d")]
