"""KG as the reference trains it: one entity type, entities and values by their place in the text."""

import json
from typing import Any

import pytest

from extune.deepke import Options, converter
from extune.errors import DataError

SCHEMA: Any = (["P"], ["b", "a", "c"], {"P": ["a", "b"], "Q": ["c"]})


def triples(*values: str) -> dict[str, Any]:
    return {
        "text": "x y z 1 2 3",
        "relation": [dict(zip(("head", "relation", "tail"), v, strict=True)) for v in values],
    }


def outputs(row: Any, **changes: Any) -> list[Any]:
    lines = converter(SCHEMA, Options("KG", **changes), "s")(row).splitlines()
    return [json.loads(json.loads(line)["output"]) for line in lines]


def test_entities_and_values_stand_by_place_attributes_by_name() -> None:
    row = triples("zb2", "zb1", "za3", "ya1", "?a1", "xd1")
    (answer,) = outputs(row)
    expected = {"P": {"?": {"a": "1"}, "x": {}, "y": {"a": "1"}, "z": {"a": "3", "b": ["1", "2"]}}}
    assert json.dumps(answer) == json.dumps(expected)


def test_a_row_without_triples_is_asked_all_the_same() -> None:
    assert outputs(triples()) == [{"P": {}}]


def test_without_splitting_a_line_that_asks_nothing_goes_first() -> None:
    assert outputs(triples("xa1"), split_num=-1) == [{}, {"P": {"x": {"a": "1"}}}]


def test_confusable_labels_are_no_entity_types() -> None:
    assert outputs(triples("xa1"), hard_negatives={"P": ["Q"]}) == outputs(triples("xa1"))


def test_a_schema_without_entity_types_is_refused() -> None:
    with pytest.raises(DataError, match="KG needs entity types in line 3"):
        converter(([], ["a"], {}), Options("KG"), "s")
