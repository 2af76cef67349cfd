"""Records become queries and examples: groups of labels, negatives, gold answers."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import ConfigError, DataError
from extune.instruct import Asking, chunks, examples, queries
from extune.notations import NOTATIONS
from extune.records import QA, Entity, Graph, Node, Query, Record, Relation
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
    made = examples(record, NER, JSON, SCHEMA, Asking(split_num=split_num, negatives=negatives, seed=seed))
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

    (lines,) = examples(record, RE, LINES, schema, Asking(split_num=-1, **options))
    first, second = examples(record, RE, JSON, schema, Asking(split_num=1, **options))

    assert lines.answer == "(a, s, b)\n(a, r, b)\n(b, r, a)"
    assert first.answer == '{"s": [{"head": "a", "tail": "b"}]}'
    assert second.answer == '{"r": [{"head": "a", "tail": "b"}, {"head": "b", "tail": "a"}]}'


def test_a_record_without_items_has_an_empty_answer_to_learn() -> None:
    (example,) = examples(Record("1", "x"), NER, JSON, Schema(("A",)), Asking(split_num=-1, negatives=1.0, seed=0))
    assert example.answer == '{"A": []}'


def test_an_answer_that_cannot_be_spelled_names_its_record() -> None:
    record = Record("1", "a ", relations=(Relation("a ", "r", "a"),), where="a.jsonl:3")
    with pytest.raises(DataError, match=r"^a\.jsonl:3: triple_lines cannot spell"):
        list(examples(record, RE, LINES, Schema(relations=("r",)), Asking(split_num=-1, negatives=1.0, seed=0)))


def test_labels_that_are_all_left_out_make_no_example() -> None:
    assert labels_asked(Record("1", "x"), 0.0) == []
    assert labels_asked(Record("1", "x"), 0.0, split_num=4) == []
    assert queries(Record("1", "x"), NER, Schema(), -1) == []


def test_a_question_of_its_own_is_asked_whatever_the_negatives() -> None:
    asked = Record("1", "Ann", qa=QA("Who?", ""), graph=Graph((Node("Ann"),)))
    options: dict[str, Any] = {"split_num": 4, "negatives": 0.0, "seed": 0}

    (found,) = examples(asked, TASKS["QA"], JSON, SCHEMA, Asking(**options))
    (graph,) = examples(asked, TASKS["GRAPH"], JSON, Schema(), Asking(**options))

    assert (found.query.labels, found.answer) == (("Who?",), '{"Who?": "NAN"}')
    assert graph.answer == '{"entities": [{"labels": [], "id": "n1", "name": "Ann"}], "relationships": []}'
    assert list(examples(Record("1", "Ann"), TASKS["QA"], JSON, SCHEMA, Asking(**options))) == []


def kept(records: list[Record], task: str, keep_empty: float, seed: int = 1) -> list[tuple[str, str]]:
    made = (
        examples(r, TASKS[task], JSON, SCHEMA, Asking(split_num=4, negatives=1.0, seed=seed, keep_empty=keep_empty))
        for r in records
    )
    return [(example.query.id, example.answer) for some in made for example in some]


def test_a_share_of_the_empty_examples_is_kept_and_all_that_hold_something() -> None:
    records = [replace(RECORD, id=str(n), entities=(Entity("Ann", "B"),)) for n in range(300)]
    whole, half, none = (kept(records, "NER", share) for share in (1.0, 0.5, 0.0))

    assert len(whole) == 600
    assert len(none) == 300
    assert all('"Ann"' in answer for _, answer in none)
    assert set(none) < set(half) < set(whole)
    assert 400 < len(half) < 500
    assert kept(records[100:], "NER", 0.5) == [pair for pair in half if int(pair[0]) >= 100]
    assert kept(records, "NER", 0.5, seed=2) != half


def test_an_unanswerable_question_is_an_empty_example() -> None:
    records = [Record("1", "Ann", qa=QA("Who?", "Ann")), Record("2", "Ann", qa=QA("Why?", ""))]
    assert [name for name, _ in kept(records, "QA", 0.0)] == ["1"]


HARD = {"B": ("C", "A", "unheard"), "F": ("G",), "D": ("E",)}


def asked_hard(record: Record, split_num: int, seed: int = 1, negatives: float = 1.0) -> list[str]:
    made = examples(record, NER, JSON, SCHEMA, Asking(split_num=split_num, negatives=negatives, seed=seed, hard=HARD))
    return [label for example in made for label in example.query.labels]


def test_confusable_labels_are_asked_with_some_others_in_schema_order() -> None:
    asked = [asked_hard(RECORD, 2, seed) for seed in range(20)]

    assert all(set("ABCFG") < set(labels) for labels in asked)
    assert all(len(labels) == 7 for labels in asked)
    assert all(labels == sorted(labels) for labels in asked)
    assert len({*map(tuple, asked)}) == 3
    assert asked_hard(RECORD, 1) == asked_hard(RECORD, 1)
    assert asked_hard(RECORD, -1) == asked_hard(RECORD, 5) == list("ABCDEFGH")


def test_a_record_without_items_is_asked_about_half_as_many_and_one_at_least() -> None:
    empty = [replace(RECORD, id=str(n), entities=()) for n in range(200)]
    counts = [len(asked_hard(record, 4)) for record in empty]

    assert min(counts) >= 1
    assert 3.5 < sum(counts) / len(counts) < 4.5
    assert {len(asked_hard(record, 4, negatives=0.0)) for record in empty} == {1}
