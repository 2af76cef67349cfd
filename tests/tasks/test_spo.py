"""Typed triples, by hand: keys of the answer, types that come back, what cannot be asked for."""

from extune.records import Relation
from extune.schema import Schema
from extune.tasks import TASKS

SPO = TASKS["SPO"]
SCHEMA = Schema(
    triples=(("人物", "毕业_于", "学校"), ("公司", "位于", "地点"), ("学校", "位于", "地点")),
    descriptions={"毕业_于": "学历", "公司_位于_地点": "总部"},
)
ZHANG = Relation("张三", "毕业_于", "清华", "人物", "学校")
SCHOOL = Relation("清华", "位于", "北京", "学校", "地点")
ALL = ("人物_毕业_于_学校", "公司_位于_地点", "学校_位于_地点")


def test_labels_are_whole_triples_of_types() -> None:
    assert SPO.labels(SCHEMA) == ALL
    assert SPO.label(ZHANG) == "人物_毕业_于_学校"


def test_the_question_takes_the_label_apart_and_describes_it() -> None:
    assert SPO.question(ALL[:2], SCHEMA) == [
        {"subject_type": "人物", "predicate": "毕业_于", "object_type": "学校", "description": "学历"},
        {"subject_type": "公司", "predicate": "位于", "object_type": "地点", "description": "总部"},
    ]


def test_predicates_are_the_keys_and_the_types_come_back() -> None:
    asked = (ALL[0], ALL[2])
    value = {"毕业_于": [{"subject": "张三", "object": "清华"}], "位于": [{"subject": "清华", "object": "北京"}]}

    assert SPO.encode((ZHANG, SCHOOL), asked, SCHEMA) == value
    assert SPO.decode(value, asked, SCHEMA) == (ZHANG, SCHOOL)


def test_triples_that_share_a_predicate_have_a_key_each() -> None:
    value = SPO.encode((ZHANG, SCHOOL), ALL, SCHEMA)
    assert list(value) == ["毕业_于", "公司_位于_地点", "学校_位于_地点"]
    assert SPO.decode(value, ALL, SCHEMA) == (ZHANG, SCHOOL)
    assert list(SPO.shape(ALL, SCHEMA).fields) == list(value)


def test_a_predicate_named_like_another_label_gets_the_longer_key() -> None:
    schema = Schema(triples=(("a", "b", "c"), ("x", "a_b_c", "y")))
    assert list(SPO.encode((), SPO.labels(schema), schema)) == ["b", "x_a_b_c_y"]


def test_only_a_triple_with_both_types_is_known() -> None:
    assert SPO.known(ZHANG, SCHEMA)
    assert not SPO.known(Relation("张三", "毕业_于", "清华", "人物"), SCHEMA)
    assert not SPO.known(Relation("张三", "毕业_于", "清华", "人物", "地点"), SCHEMA)
    assert not SPO.known(Relation("张三", "", "清华", "", ""), Schema(triples=(("", "", ""),)))
