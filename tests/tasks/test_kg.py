"""Entities with attributes, by hand."""

import pytest

from extune.records import Record, Relation
from extune.schema import Schema
from extune.tasks import TASKS

KG = TASKS["KG"]
SCHEMA = Schema(attributes={"人物": ("配偶", "职业"), "地点": ("人口",)}, descriptions={"配偶": "婚姻", "地点": "地名"})
TYPES = ("人物", "地点")
FACTS = (
    Relation("张三", "配偶", "李四", "人物"),
    Relation("北京", "人口", "两千万", "地点"),
    Relation("张三", "职业", "医生", "人物"),
    Relation("张三", "职业", "作家", "人物"),
)
VALUE = {"人物": {"张三": {"配偶": ["李四"], "职业": ["医生", "作家"]}}, "地点": {"北京": {"人口": ["两千万"]}}}


def test_every_entity_type_is_asked_for_with_its_attributes() -> None:
    assert KG.labels(SCHEMA) == TYPES
    assert KG.question(TYPES, SCHEMA) == [
        {"entity_type": "人物", "attributes": {"配偶": "婚姻", "职业": ""}},
        {"entity_type": "地点", "attributes": ["人口"], "description": "地名"},
    ]


def test_an_entity_is_answered_with_the_attributes_it_has() -> None:
    assert KG.encode(FACTS, TYPES, SCHEMA) == VALUE
    assert set(KG.decode(VALUE, TYPES, SCHEMA)) == set(FACTS)
    assert KG.decode({"人物": {"张三": {}}}, TYPES, SCHEMA) == ()


def test_relations_whose_head_has_no_type_are_no_attributes() -> None:
    record = Record("1", "x", relations=(*FACTS, Relation("张三", "配偶", "王五")))
    assert KG.items(record) == FACTS


@pytest.mark.parametrize(
    ("item", "known"),
    [(FACTS[0], True), (Relation("北京", "配偶", "a", "地点"), False), (Relation("a", "配偶", "b", "x"), False)],
)
def test_an_attribute_is_known_with_its_type(item: Relation, known: bool) -> None:
    assert KG.known(item, SCHEMA) == known
    assert bool(KG.decode(KG.encode((item,), TYPES, SCHEMA), TYPES, SCHEMA)) == known


def test_typed_triples_imply_attributes_where_the_schema_names_none() -> None:
    schema = Schema(
        triples=(("人物", "配偶", "人物"), ("地点", "人口", "数"), ("人物", "职业", "x"), ("人物", "职业", "y"))
    )
    assert KG.question(KG.labels(schema), schema) == [
        {"entity_type": "人物", "attributes": ["配偶", "职业"]},
        {"entity_type": "地点", "attributes": ["人口"]},
    ]
    assert all(KG.known(item, schema) for item in FACTS)
    assert not KG.known(FACTS[1], Schema(attributes={"人物": ("人口",)}, triples=schema.triples))
