"""Records become queries and examples: groups of labels, negatives, gold answers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import ConfigError, DataError
from extune.instruct import chunks, examples, queries
from extune.notations import NOTATIONS
from extune.records import Entity, Query, Record, Relation
from extune.schema import Schema
from extune.tasks import TASKS

NER, RE = TASKS["NER"], TASKS["RE"]
JSON, LINES = NOTATIONS["iepile_json"], NOTATIONS["triple_lines"]
SCHEMA = Schema(entities=tuple("ABCDEFGH"))
RECORD = Record("7", "Ann met Bo", entities=(Entity("Bo", "F"), Entity("Ann", "B"), Entity("Ann", "unknown")))


@pytest.mark.parametrize(
    ("count", "split_num", "sizes"),
    [
        (10, -1, [10]),
        (0, -1, [0]),
        (0, 4, [0]),
        (3, 4, [3]),
        (4, 4, [4]),
        (5, 4, [5]),
        (6, 4, [4, 2]),
        (9, 4, [4, 5]),
        (10, 4, [4, 4, 2]),
        (3, 2, [2, 1]),
        (3, 1, [1, 1, 1]),
        (13, 6, [6, 7]),
        (15, 6, [6, 6, 3]),
    ],
)
def test_labels_are_grouped_as_deepke_does(count: int, split_num: int, sizes: list[int]) -> None:
    assert [len(group) for group in chunks([str(n) for n in range(count)], split_num)] == sizes


@given(st.lists(st.text(), unique=True, max_size=30), st.integers(1, 12) | st.just(-1))
def test_every_label_is_asked_once_and_in_order(labels: list[str], split_num: int) -> None:
    assert [label for group in chunks(labels, split_num) for label in group] == labels


def test_groups_of_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"task\.split_num is 0\. Use -1"):
        chunks(["a", "b"], 0)


def test_a_served_text_is_asked_for_every_label_of_the_schema() -> None:
    assert queries(RECORD, NER, SCHEMA, 4) == [
        Query("7", "NER", "Ann met Bo", tuple("ABCD")),
        Query("7", "NER", "Ann met Bo", tuple("EFGH")),
    ]


def labels_asked(record: Record, negatives: float, seed: int = 1, split_num: int = -1) -> list[tuple[str, ...]]:
    made = examples(record, NER, JSON, SCHEMA, split_num=split_num, negatives=negatives, seed=seed)
    return [example.query.labels for example in made]


def test_training_asks_for_all_labels_or_for_those_there_are() -> None:
    assert labels_asked(RECORD, 1.0) == [tuple("ABCDEFGH")]
    assert labels_asked(RECORD, 0.0) == [("B", "F")]
    assert labels_asked(RECORD, 1.0, split_num=4) == [tuple("ABCD"), tuple("EFGH")]


@settings(max_examples=50)
@given(st.text(min_size=1), st.floats(0, 1), st.integers())
def test_some_negatives_are_drawn_by_seed_and_record_alone(name: str, negatives: float, seed: int) -> None:
    record = replace(RECORD, id=name)
    (drawn,) = labels_asked(record, negatives, seed)

    assert set(drawn) >= {"B", "F"}
    assert list(drawn) == sorted(drawn)
    assert labels_asked(record, negatives, seed) == [drawn]
    assert set(labels_asked(record, negatives / 2, seed)[0]) <= set(drawn)


def test_the_draw_is_the_same_on_every_machine_and_another_with_another_seed() -> None:
    assert labels_asked(RECORD, 0.5, seed=1) == [tuple("BDFG")]
    assert labels_asked(RECORD, 0.5, seed=2) == [tuple("ABCDEF")]


def test_half_of_the_negatives_is_about_half_of_them() -> None:
    drawn = [labels_asked(replace(RECORD, id=str(n)), 0.5)[0] for n in range(300)]
    assert len(set(drawn)) > 30
    assert 0.45 < sum(len(labels) - 2 for labels in drawn) / (6 * 300) < 0.55


def test_the_gold_answer_is_about_the_asked_labels_in_order_of_mention() -> None:
    record = Record("1", "a b", relations=(Relation("b", "r", "a"), Relation("a", "s", "b"), Relation("a", "r", "b")))
    schema = Schema(relations=("s", "r"))
    options = {"negatives": 1.0, "seed": 0}

    (lines,) = examples(record, RE, LINES, schema, split_num=-1, **options)
    first, second = examples(record, RE, JSON, schema, split_num=1, **options)

    assert lines.answer == "(a, s, b)\n(a, r, b)\n(b, r, a)"
    assert first.answer == '{"s": [{"head": "a", "tail": "b"}]}'
    assert second.answer == '{"r": [{"head": "a", "tail": "b"}, {"head": "b", "tail": "a"}]}'


def test_a_record_without_items_has_an_empty_answer_to_learn() -> None:
    (example,) = examples(Record("1", "x"), NER, JSON, Schema(("A",)), split_num=-1, negatives=1.0, seed=0)
    assert example.answer == '{"A": []}'


def test_an_answer_that_cannot_be_spelled_names_its_record() -> None:
    record = Record("1", "a ", relations=(Relation("a ", "r", "a"),), where="a.jsonl:3")
    with pytest.raises(DataError, match=r"^a\.jsonl:3: triple_lines cannot spell"):
        list(examples(record, RE, LINES, Schema(relations=("r",)), split_num=-1, negatives=1.0, seed=0))
