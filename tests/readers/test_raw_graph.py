"""Raw graphs, and the pairs of text and graph that are made of them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import AUTO, find_format
from extune.readers.raw_graph import confidence, read
from extune.records import Edge, Graph, Node, Record, Rejected

TEXT = "Ada wrote the worm."
NODES = [
    {"labels": "Actor", "id": 0, "name": "Ada", "description": "a writer"},
    {"labels": ["Malware", "Worm"], "id": "m1", "name": "the worm"},
]
EDGE = {"type": "wrote", "source": 0, "target": "m1", "confidence": "0.9", "evidence": TEXT}
ROW: dict[str, Any] = {"entities": NODES, "relationships": [EDGE]}
GRAPH = Graph(
    (Node("Ada", ("Actor",), "0", "a writer"), Node("the worm", ("Malware", "Worm"), "m1")),
    (Edge("wrote", "0", "m1", 0.9, TEXT),),
)
SPELLED = json.dumps(ROW)


def read_one(folder: Path, row: Any, indent: int | None = None) -> Record | Rejected:
    path = folder / "x.json"
    path.write_text(json.dumps(row, indent=indent))
    (result,) = read(path)
    return result


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "row",
    [
        {"text": TEXT, **ROW},
        {"input": TEXT, **ROW},
        {"instruction": "Find the graph.", "input": TEXT, "output": SPELLED},
        {"instruction": TEXT, "input": "", "output": ROW},
        {"text": TEXT, "output": f"```json\n{SPELLED}\n```"},
    ],
)
def test_every_form_gives_the_same_graph(tmp_path: Path, row: Any, indent: int | None) -> None:
    result = read_one(tmp_path, row, indent)

    assert isinstance(result, Record)
    assert (result.text, result.graph) == (TEXT, GRAPH)
    assert find_format(AUTO, tmp_path / "x.json").name == "raw_graph"


def test_a_text_without_a_graph_is_a_record(tmp_path: Path) -> None:
    result = read_one(tmp_path, {"text": TEXT, "entities": [], "relationships": []})

    assert isinstance(result, Record)
    assert result.graph == Graph()


def edited(**change: Any) -> dict[str, Any]:
    return {"text": TEXT, **ROW, "relationships": [{**EDGE, **change}]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW, "has no text in any of the fields 'text', 'input'"),
        ({"text": TEXT}, "lacks the field 'output'"),
        ({"text": TEXT, "entities": []}, "lacks the field 'relationships'"),
        ({"text": TEXT, "output": "no graph"}, "field 'output' is not JSON"),
        ({"text": TEXT, "output": "[]"}, "field 'output' is not a graph"),
        ({"text": TEXT, "output": {}}, "lacks the field 'entities'"),
        ({"text": TEXT, **ROW, "entities": [{"id": "a"}]}, "entities[0] lacks the field 'name'"),
        ({"text": TEXT, **ROW, "entities": [{"name": "a", "labels": 7}]}, "entities[0]: field 'labels' is a number"),
        ({"text": TEXT, **ROW, "entities": [NODES[0], NODES[0]]}, "the id '0' is that of two entities"),
        ({"text": TEXT, **ROW, "relationships": [{"type": "a"}]}, "relationships[0] lacks the field 'source'"),
        (edited(type=""), "relationships[0]: field 'type' is empty"),
        (edited(source="x"), "relationships[0]: source 'x' is no id or name of an entity"),
        (edited(confidence="high"), "relationships[0]: confidence 'high' is not a number from 0 to 1"),
        (edited(confidence=95), "confidence '95' is not a number"),
        (edited(confidence="nan"), "confidence 'nan' is not a number"),
        (edited(confidence=True), "confidence 'True' is not a number"),
        (edited(evidence=["a"]), "relationships[0]: field 'evidence' is a list"),
    ],
)
def test_a_graph_of_another_shape_is_rejected_with_its_place(tmp_path: Path, row: Any, reason: str) -> None:
    result = read_one(tmp_path, row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_ends_may_be_names(tmp_path: Path) -> None:
    result = read_one(tmp_path, edited(source="Ada"))

    assert isinstance(result, Record)
    assert result.graph
    assert result.graph.edges[0].source == "Ada"


@given(st.floats(0, 1))
def test_a_confidence_may_stand_in_a_string(number: float) -> None:
    assert confidence(str(number)) == confidence(number) == number


@given(
    st.floats().filter(lambda number: not 0 <= number <= 1)
    | st.text(st.characters(exclude_categories=("Nd",)), min_size=1)
)
def test_no_other_confidence_is_taken(value: Any) -> None:
    assert math.isnan(value) if isinstance(value, float) and value != value else True
    with pytest.raises(ValueError, match="is not a number from 0 to 1"):
        confidence(value)


def test_a_folder_is_read_for_its_raw_graphs_alone(tmp_path: Path) -> None:
    row = {"text": TEXT, **ROW}
    (tmp_path / "training_data.json").write_text(json.dumps([row, row]))
    assert len(list(read(tmp_path))) == 2

    (tmp_path / "raw_graph_a.json").write_text(json.dumps({**row, "text": "One."}, indent=2))
    (tmp_path / "raw_graph_b.json").write_text(json.dumps({**row, "text": "Two."}, indent=2))
    assert [result.text for result in read(tmp_path) if isinstance(result, Record)] == ["One.", "Two."]
    assert find_format(AUTO, tmp_path).name == "raw_graph"
