"""Schemas: every form that is read, what is refused, and what records imply."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import DataError
from extune.records import Argument, Entity, Event, Record, Relation
from extune.schema import (
    Schema,
    canonical_record,
    collect,
    read_schema,
    schema_from_json,
    schema_to_json,
)
from extune.stages.data import write_schema

# PyYAML folds these line ends even in quotes; no label has them.
LABEL = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), min_size=1, max_size=6)
LABELS = st.lists(LABEL, unique=True, max_size=3).map(tuple)
SCHEMAS = st.builds(
    Schema,
    entities=LABELS,
    relations=LABELS,
    events=st.dictionaries(LABEL, LABELS, max_size=2),
    aliases=st.dictionaries(LABEL, LABEL, max_size=2),
    descriptions=st.dictionaries(LABEL, LABEL, max_size=2),
    grounded=st.booleans(),
)


def read(tmp_path: Path, content: str) -> Schema:
    (tmp_path / "schema").write_text(content, encoding="utf-8")
    return read_schema(tmp_path / "schema")


@given(SCHEMAS)
def test_the_plain_form_gives_the_schema_back(schema: Schema) -> None:
    assert schema_from_json(schema_to_json(schema)) == schema


@settings(max_examples=30)
@given(schema=SCHEMAS)
def test_a_schema_file_gives_the_schema_back(tmp_path_factory: pytest.TempPathFactory, schema: Schema) -> None:
    path = tmp_path_factory.getbasetemp() / "schema.yaml"
    write_schema(path, schema)
    assert read_schema(path) == schema


def test_our_yaml_is_read(tmp_path: Path) -> None:
    content = """
entities: [人物, 2024, "no"]
relations:
events: {会议: [时间, 地点]}
aliases: {PER: 人物}
descriptions: {人物: a person}
grounded: false
"""
    assert read(tmp_path, content) == Schema(
        entities=("人物", "2024", "no"),
        events={"会议": ("时间", "地点")},
        aliases={"PER": "人物"},
        descriptions={"人物": "a person"},
        grounded=False,
    )


def test_the_three_lines_of_iepile_are_read(tmp_path: Path) -> None:
    both = ("时间", "地点")
    assert read(tmp_path, '["PER", "LOC"]\n["PER", "LOC"]\n{}\n').entities == ("PER", "LOC")
    assert read(tmp_path, '[]\n["位于", "毕业于"]\n{}\n') == Schema(relations=("位于", "毕业于"))
    assert read(tmp_path, '["会议"]\n["时间", "地点"]\n{"会议": ["时间"]}\n').events == {"会议": ("时间",)}
    assert read(tmp_path, '["会议"]\n["时间", "地点"]\n{}\n').events == {"会议": both}


def test_labels_with_their_counts_are_read(tmp_path: Path) -> None:
    content = '{"entity_types": {"PER": 9, "LOC": 3}, "relation_types": ["位于"], "event_types": {"会议": {"roles": {"时间": 2}}}}'
    assert read(tmp_path, content) == Schema(("PER", "LOC"), ("位于",), {"会议": ("时间",)})


def test_a_label_that_stands_twice_is_asked_for_once(tmp_path: Path) -> None:
    assert read(tmp_path, "entities: [a, b, a]").entities == ("a", "b")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("entities: PER", "'PER' is not a list of labels"),
        ("entities: {PER: 1}", "not a list of labels"),
        ("entities: [PER, null]", "None is not a label"),
        ("relations: [no]", "False is not a label; put it in quotes"),
        ("relations: ['']", "'' is not a label"),
        ("events: {a: bc}", "'bc' is not a list of labels"),
        ("events: [a]", "wrong type"),
        ("aliases: [a]", "wrong type"),
        ("aliases: {a: [b]}", r"\['b'\] is not a label"),
        ("entity_types: PER", "'PER' is not a list of labels"),
        ("event_types: [a]", "wrong type"),
        ("[1]\n2\n3", "wrong type"),
        ('["a"]\n["r"]\n{"a": "xy"}', "'xy' is not a list of labels"),
        ("entity: [a]", "unknown key 'entity' in schema. Known keys: entities, relations"),
        ("- a", "a schema is a mapping"),
        ("", "a schema is a mapping"),
        ("a: [", "not a schema"),
        ("[1]\n[2\n{}", "not a schema"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_fault(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"schema: .*{reason}"):
        read(tmp_path, content)


def test_a_file_that_is_missing_or_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"entities: [\xe9]")
    for name, reason in (("none", "schema file not found"), (".", "schema file not found"), ("latin", "not UTF-8")):
        with pytest.raises(DataError, match=reason):
            read_schema(tmp_path / name)


def test_records_imply_their_labels_most_frequent_first_and_ties_by_name() -> None:
    records = [
        Record("1", "x", entities=(Entity("x", "b"), Entity("x", "a"), Entity("x", "c"))),
        Record("2", "x", entities=(Entity("x", "c"),), relations=(Relation("x", "r", "x"),)),
        Record("3", "x", events=(Event("e", "x", (Argument("z", "x"), Argument("y", "x"))), Event("d", "x"))),
    ]
    assert collect(records) == Schema(("c", "a", "b"), ("r",), {"d": (), "e": ("y", "z")})
    assert collect(records[::-1]) == collect(records)


@pytest.mark.parametrize("aliases", [{}, {"PER": "人物", "in": "位于"}])
def test_aliased_labels_are_replaced_and_nothing_else(aliases: dict[str, str]) -> None:
    def record(person: str, place: str) -> Record:
        entities = (Entity("Ann", person, 0, 3), Entity("Rome", "LOC"))
        return Record("1", "Ann in Rome", "en", entities, (Relation("Ann", place, "Rome", "PER", "LOC"),), source="s")

    before: Any = record("PER", "in")
    assert canonical_record(before, Schema(aliases=aliases)) == (record("人物", "位于") if aliases else before)


def test_the_schema_files_of_duie_and_duee_are_read(tmp_path: Path) -> None:
    duie = '{"subject_type": "B", "predicate": "p", "object_type": {"@value": "C", "inWork": "D"}}\n' * 2
    assert read(tmp_path, duie) == Schema(
        ("B", "C", "D"), ("p", "p_inWork"), triples=(("B", "p", "C"), ("B", "p_inWork", "D"))
    )
    duee = '{"event_type": "E", "role_list": [{"role": "time"}, {"role": "who"}]}'
    assert read(tmp_path, duee).events == {"E": ("time", "who")}


def test_every_data_sets_schema_is_read_again_as_it_was_written(real_data: Path) -> None:
    paths = sorted(real_data.glob("*/types.json"))
    assert paths
    for path in paths:
        schema = read_schema(path)
        assert schema_from_json(json.loads(json.dumps(schema_to_json(schema)))) == schema, path.parent.name


@pytest.mark.parametrize("name", ["duie_schema.json", "lawson_duie_schema.json"])
def test_original_schema_files_name_typed_triples(real_data: Path, name: str) -> None:
    assert len(read_schema(real_data / "duie2" / "raw" / name).triples) > 15
