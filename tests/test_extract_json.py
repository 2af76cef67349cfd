"""The JSON of an extraction, to the letter: places, evidence, confidences, sections."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from extune.calibration import Calibration
from extune.extract import Answer, Extraction, Extractor, Generator, from_json, to_json
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.records import QA, Entity, Record
from extune.schema import Schema
from extune.tasks import TASKS

SCHEMA = Schema(("r", "s", "t"), ("r", "s", "t"))
NER_JSON, RE_JSON, RE_LINES = (
    Prompt(TASKS[task], NOTATIONS[notation], SCHEMA)
    for task, notation in (("NER", "iepile_json"), ("RE", "iepile_json"), ("RE", "triple_lines"))
)


def told(*answers: str | Answer) -> Generator:
    """A generator that gives these answers, whatever it is asked."""
    given = [Answer(one) if isinstance(one, str) else one for one in answers]

    def generate(chats: Sequence[Any], grammars: Sequence[Any]) -> list[Answer]:
        return given

    return generate


def test_a_graph_has_a_section_of_its_own_with_nodes_and_edges_told_apart() -> None:
    graph = '"relationships": [{"type": "r", "source": "n1", "target": "n1", "confidence": 0.5}]}'
    said = '{"entities": [{"labels": ["s"], "id": "n1", "name": "Ann"}], ' + graph
    row = to_json(Extractor(told(said), Prompt(TASKS["GRAPH"], NOTATIONS["graph_json"], SCHEMA)).extract("Ann"))
    ann = {"text": "Ann", "start": 0, "end": 3, "mentions": [[0, 3]]}
    edge = {"kind": "edge", "type": "r", "source": ann, "target": ann, "stated": 0.5, "evidence": None}
    node = {"kind": "node", "labels": ["s"], **ann, "description": ""}
    assert row["graph"] == [node | {"confidence": None}, edge | {"confidence": None}]
    assert row["answer"] is None


@pytest.mark.parametrize(("said", "answer"), [("Ann", "Ann"), ("none", "")])
def test_an_answer_has_a_place_of_its_own(said: str, answer: str) -> None:
    extractor = Extractor(told(said), Prompt(TASKS["QA"], NOTATIONS["plain_text"], SCHEMA))
    row = to_json(extractor([Record("1", "Ann came", qa=QA("Who?", ""))])[0])
    assert row["answer"] == answer
    assert [one["question"] for one in row["answers"]] == ["Who?"]


def test_the_json_of_a_relation_to_the_letter() -> None:
    text = "Ann came. Ann met Bo in Rome. Bo left."
    extractor = Extractor(
        told('{"met": [{"head": "Ann", "tail": "Bo"}]}'), replace(RE_JSON, schema=Schema(relations=("met",)))
    )
    assert to_json(extractor.extract(text, "7")) == {
        "id": "7",
        "task": "RE",
        "model": "",
        "entities": [],
        "relations": [
            {
                "relation": "met",
                "head": {"text": "Ann", "start": 10, "end": 13, "mentions": [[0, 3], [10, 13]]},
                "tail": {"text": "Bo", "start": 18, "end": 20, "mentions": [[18, 20], [30, 32]]},
                "evidence": [10, 29],
                "confidence": None,
            }
        ],
        "events": [],
        "answer": None,
        "raw": '{"met": [{"head": "Ann", "tail": "Bo"}]}',
        "problems": [],
    }


def test_the_json_of_an_entity_to_the_letter() -> None:
    extractor = Extractor(told('{"PER": ["张三"]}'), replace(NER_JSON, schema=Schema(entities=("PER",))), model="m/2")
    assert to_json(extractor.extract("🏽张三和张三")) == {
        "id": "0",
        "task": "NER",
        "model": "m/2",
        "entities": [
            {"type": "PER", "text": "张三", "start": 1, "end": 3, "mentions": [[1, 3], [4, 6]], "confidence": None}
        ],
        "relations": [],
        "events": [],
        "answer": None,
        "raw": '{"PER": ["张三"]}',
        "problems": [],
    }


def test_a_span_that_is_not_in_the_text_has_no_place_and_its_relation_no_evidence() -> None:
    extractor = Extractor(told("(Ann, r, Eve)"), RE_LINES)
    (row,) = to_json(extractor.extract("Ann came."))["relations"]
    assert row["head"]["start"] == 0
    assert row["tail"] == {"text": "Eve", "start": None, "end": None, "mentions": []}
    assert row["evidence"] is None


def test_confidence_stays_with_its_item() -> None:
    record = Record("1", "a b", entities=(Entity("a", "r"), Entity("b", "r")))
    extraction = Extraction(record, "NER", confidence={("b", "r"): 0.5})
    row = to_json(extraction)
    assert [entity["confidence"] for entity in row["entities"]] == [None, 0.5]
    assert from_json(row, "a b").confidence == {("b", "r"): 0.5}


def test_an_item_is_as_sure_as_the_surer_of_the_places_that_spell_it() -> None:
    line = "(a, r, b)"
    scored = Answer(f"{line}\n{line}", tokens=((len(line), math.log(0.25)), (2 * len(line) + 1, math.log(0.75))))
    extractor = Extractor(told(scored, "(a, t, b)"), RE_LINES, split_num=2)
    row, unscored = to_json(extractor.extract("a b"))["relations"]
    assert (row["relation"], row["confidence"]) == ("r", 0.75)
    assert unscored["confidence"] is None


def test_confidences_are_calibrated_where_an_extractor_has_a_calibration() -> None:
    line = "(a, r, b)"
    extractor = Extractor(told(""), RE_LINES, calibration=Calibration("temperature", 2.0))
    scored = Answer(line, tokens=((len(line), math.log(0.9)),))
    (row,) = to_json(replace(extractor, generate=told(scored)).extract("a b"))["relations"]
    assert row["confidence"] == 0.75, "odds of 9 to 1 become 3 to 1"
