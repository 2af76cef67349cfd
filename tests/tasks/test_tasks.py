"""What every task promises, held against each entry of TASKS; then the answers of each, by hand."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import ConfigError
from extune.ground import locate
from extune.records import QA, Entity, Record, Relation
from extune.schema import Schema
from extune.shapes import Shape, check
from extune.tasks import TASKS, Task, task
from extune.tasks.task import unique

TEXT = '张三 said "C:\\x, (y)"\n🏽'
LABELS = ("人物", 'a "label", (x)')

Items = dict[str, st.SearchStrategy[tuple[Any, ...]]]

CLOSED = {name: one for name, one in TASKS.items() if one.asked is None}

every_task = pytest.mark.parametrize("one", TASKS.values(), ids=TASKS)
every_closed_task = pytest.mark.parametrize("one", CLOSED.values(), ids=CLOSED)


def asking(grounded: bool = True) -> Schema:
    """A schema with every label these tests use; of its triples two share a predicate."""
    labels = (*LABELS, "Y")
    roles = dict.fromkeys(labels, ("时间", 'r "2"'))
    triples = tuple(("T", label, "U") for label in labels)
    return Schema(
        entities=labels,
        relations=labels,
        events=roles,
        attributes=roles,
        triples=(*triples, ("V", "人物", "U")),
        grounded=grounded,
    )


def labels_of(one: Task) -> tuple[str, ...]:
    """The labels that a task is asked for here; one question at most."""
    own = {"SPO": ("T_人物_U", "V_人物_U"), "QA": LABELS[:1], "GRAPH": ("graph",)}
    return own.get(one.name, LABELS)


def keys(one: Task, items: Any) -> set[tuple[str, ...]]:
    return set(map(one.key, items))


@pytest.fixture(scope="module")
def items(answers: Callable[[Shape, str], st.SearchStrategy[Any]]) -> Items:
    """Items of a task in TEXT."""

    def of(one: Task) -> st.SearchStrategy[tuple[Any, ...]]:
        labels, schema = labels_of(one), asking()
        return answers(one.shape(labels, schema), TEXT).map(lambda value: one.decode(value, labels, schema))

    return {name: of(one) for name, one in TASKS.items()}


@every_task
@settings(max_examples=15)
@given(data=st.data())
def test_decoding_is_the_inverse_of_encoding(one: Task, items: Items, data: st.DataObject) -> None:
    found = data.draw(items[one.name])
    value = one.encode(found, labels_of(one), asking())

    check(value, one.shape(labels_of(one), asking()))
    assert keys(one, one.decode(value, labels_of(one), asking())) == keys(one, found)


@every_task
@settings(max_examples=15)
@given(data=st.data())
def test_the_order_of_labels_does_not_change_what_is_decoded(one: Task, items: Items, data: st.DataObject) -> None:
    found = data.draw(items[one.name])
    turned = labels_of(one)[::-1]

    assert keys(one, one.decode(one.encode(found, turned, asking()), turned, asking())) == keys(one, found)
    assert keys(one, one.decode(one.encode(found, labels_of(one), asking()), turned, asking())) == keys(one, found)


@every_closed_task
@settings(max_examples=15)
@given(data=st.data())
def test_labels_that_were_not_asked_for_are_left_out(one: Task, items: Items, data: st.DataObject) -> None:
    found = data.draw(items[one.name])
    asked = labels_of(one)[:1]

    expected = {one.key(item) for item in found if one.label(item) in asked}
    assert keys(one, one.decode(one.encode(found, asked, asking()), asked, asking())) == expected


@every_task
@settings(max_examples=15)
@given(data=st.data())
def test_an_item_given_twice_is_answered_once(one: Task, items: Items, data: st.DataObject) -> None:
    found = data.draw(items[one.name])

    assert one.encode([*found, *found], labels_of(one), asking()) == one.encode(found, labels_of(one), asking())
    assert len(one.decode(one.encode(found, labels_of(one), asking()), labels_of(one), asking())) == len(
        keys(one, found)
    )


@every_task
@settings(max_examples=15)
@given(data=st.data())
def test_items_put_into_a_record_come_out_again(one: Task, items: Items, data: st.DataObject) -> None:
    found = data.draw(items[one.name])
    record = Record("1", TEXT)

    assert one.items(one.with_items(record, found)) == found
    assert one.items(record) == ()


@every_task
@settings(max_examples=15)
@given(data=st.data())
def test_the_json_of_an_item_names_it_whole(one: Task, items: Items, data: st.DataObject) -> None:
    for item in data.draw(items[one.name]):
        row = one.to_json(item, lambda span: locate(TEXT, span))
        assert one.key(one.from_json(row)) == one.key(item)


@every_closed_task
@settings(max_examples=15)
@given(data=st.data())
def test_an_item_has_a_label_and_spans_of_its_text(one: Task, items: Items, data: st.DataObject) -> None:
    for item in data.draw(items[one.name]):
        assert one.label(item) in labels_of(one)
        assert one.spans(item)
        assert all(span in TEXT for span in one.spans(item))


@every_closed_task
def test_no_items_are_an_empty_value_for_each_label(one: Task) -> None:
    value = one.encode((), labels_of(one), asking())
    assert not any(value.values())
    assert len(value) == 2
    assert one.decode(value, labels_of(one), asking()) == one.decode({}, labels_of(one), asking()) == ()


@every_task
def test_what_is_asked_of_a_record_is_plain_json(one: Task) -> None:
    record = Record("1", TEXT, qa=QA(LABELS[0], ""))
    asked = one.ask(record, asking())

    assert set(labels_of(one)) <= set(asked)
    assert json.loads(json.dumps(one.question(asked, asking()))) == one.question(asked, asking())


@every_task
def test_instructions_are_there_in_both_languages(one: Task) -> None:
    assert "iepile_json" in one.instructions
    assert all({"zh", "en"} <= set(wording) for wording in one.instructions.values())


def test_ner_answers_with_mentions_by_type() -> None:
    entities = (Entity("张三", "PER", 0, 2), Entity("Bo", "PER"), Entity("北京", "LOC"), Entity("张三", "PER", 9, 11))
    value = {"LOC": ["北京"], "PER": ["张三", "Bo"], "ORG": []}

    assert TASKS["NER"].encode(entities, ("LOC", "PER", "ORG"), asking()) == value
    assert TASKS["NER"].decode(value, ("LOC", "PER", "ORG"), asking()) == (
        Entity("北京", "LOC"),
        Entity("张三", "PER"),
        Entity("Bo", "PER"),
    )


def test_re_answers_with_pairs_by_relation() -> None:
    relations = (Relation("张三", "毕业于", "清华", "人物", "学校"), Relation("清华", "位于", "北京"))
    value = {"位于": [{"head": "清华", "tail": "北京"}], "毕业于": [{"head": "张三", "tail": "清华"}]}

    assert TASKS["RE"].encode(relations, ("位于", "毕业于"), asking()) == value
    assert TASKS["RE"].decode(value, ("毕业于",), asking()) == (Relation("张三", "毕业于", "清华"),)


def test_a_pair_without_both_ends_is_no_triple() -> None:
    value = {"r": [{"head": "a"}, {"tail": "b"}, {}, {"head": "a", "tail": "b"}]}
    assert TASKS["RE"].decode(value, ("r",), asking()) == (Relation("a", "r", "b"),)


def test_each_task_asks_for_its_own_part_of_the_schema() -> None:
    schema = Schema(entities=("PER",), relations=("位于",))
    assert TASKS["NER"].labels(schema) == ("PER",)
    assert TASKS["RE"].labels(schema) == ("位于",)


def test_of_equal_items_the_first_is_kept() -> None:
    first, second, other = Entity("a", "T", 0, 1), Entity("a", "T", 5, 6), Entity("b", "T")
    assert unique([first, other, second], TASKS["NER"].key) == [first, other]


def test_an_unknown_task_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no task 'POS'. Known tasks: NER, RE, SPO, EE, EET, EEA, KG, QA, GRAPH$"):
        task("POS")
