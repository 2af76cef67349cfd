"""The figures of a data set, by hand on small records and against known counts on real ones."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.inspect import Figures, SplitFigures, inspect, inspect_splits, to_json
from extune.inspect.figures import lengths
from extune.readers import reader
from extune.records import QA, Argument, Edge, Entity, Event, Graph, Node, Record, Rejected, Relation
from extune.schema import Schema


def alone(results: Iterable[Record | Rejected], schema: Schema | None = None) -> SplitFigures:
    return inspect(results, schema=schema, window=None, max_length=10).splits["data"]


def in_splits(**splits: Iterable[Record | Rejected]) -> Figures:
    return inspect_splits(splits, schema=None, window=None, max_length=10)


ANN = Record("1", "Ann met Bob in Rome.", "en", (Entity("Ann", "PER"), Entity("Rome", "LOC")), where="a.jsonl:1")


def test_every_section_is_counted_by_label():
    event = Event("attack", "struck", (Argument("who", "Eve"),))
    graph = Graph((Node("Eve", ("Actor", "Person"), "n1"), Node("Bob", (), "n2")), (Edge("hit", "n1", "n2"),))
    record = Record(
        "1", "Eve struck Bob", "en", (), (Relation("Eve", "hit", "Bob"),), (event,), QA("Who?", "Eve"), graph
    )
    assert alone([record]).labels == {
        "relations": {"hit": 1},
        "events": {"attack": 1},
        "arguments": {"attack: who": 1},
        "answers": {"answered": 1},
        "nodes": {"": 1, "Actor": 1, "Person": 1},
        "edges": {"hit": 1},
    }
    assert all(found.missing == 0 for found in alone([record]).ungrounded.values())


def test_rejected_lines_are_counted_and_their_reasons_told():
    figures = alone([ANN, Rejected("a.jsonl:2", "not JSON")])
    assert (figures.records, figures.rejected, figures.rejections) == (1, 1, ("a.jsonl:2: not JSON",))


def test_a_record_is_empty_without_items_and_where_its_question_has_no_answer():
    unanswered = Record("2", "b", "en", qa=QA("Who?", ""))
    answered = Record("3", "c", "en", qa=QA("Who?", "c"))
    figures = alone([ANN, Record("4", "d", "zh"), unanswered, answered])
    assert (figures.empty, figures.empty_share, figures.languages) == (2, 0.5, {"en": 3, "zh": 1})


def test_an_item_with_any_string_outside_its_text_is_reported_with_its_line():
    record = replace(ANN, relations=(Relation("Ann", "met", "Zed"), Relation("Ann", "met", "Bob")))
    figures = alone([record])
    assert figures.ungrounded["relations"].missing == 1
    assert figures.ungrounded["relations"].share == 0.5
    (missing,) = figures.missing
    assert (missing.where, missing.label, missing.text) == ("a.jsonl:1", "met", "Zed")


def test_a_string_under_two_types_is_a_conflict_and_said_to_be_within_one_text_only_where_it_is():
    other = Record("2", "Rome wins.", "en", (Entity("Rome", "ORG"),))
    apart = alone([ANN, other]).conflicts["entities"]
    assert (apart.subjects, apart.conflicting, apart.in_one_text, apart.share) == (2, 1, 0, 0.5)
    assert (apart.examples[0].subject, apart.examples[0].labels) == (("Rome",), {"LOC": 1, "ORG": 1})
    both = replace(ANN, entities=(*ANN.entities, Entity("Rome", "ORG")))
    assert alone([both]).conflicts["entities"].in_one_text == 1


def test_a_pair_under_two_relations_is_a_conflict_but_not_in_the_other_direction():
    one = Record("1", "a b", "en", relations=(Relation("a", "r", "b"), Relation("b", "s", "a")))
    two = Record("2", "a b .", "en", relations=(Relation("a", "s", "b"),))
    assert alone([one]).conflicts["relations"].conflicting == 0
    assert alone([one, two]).conflicts["relations"].conflicting == 1


def test_labels_are_held_against_the_schema_after_its_aliases_and_only_in_sections_that_it_names():
    schema = Schema(entities=("PER", "CITY", "ORG"), aliases={"LOC": "CITY"})
    record = replace(ANN, entities=(*ANN.entities, Entity("Bob", "dog")), relations=(Relation("Ann", "met", "Bob"),))
    figures = alone([record], schema)
    assert figures.unknown == {"entities": {"dog": 1}}
    assert figures.rare["entities"] == {"CITY": 1, "PER": 1, "dog": 1, "ORG": 0}


def test_a_role_is_known_only_for_its_own_event_type():
    schema = Schema(events={"attack": ("who",), "sale": ("price",)})
    record = Record("1", "x", "en", events=(Event("attack", "x", (Argument("price", "x"), Argument("who", "x"))),))
    assert alone([record], schema).unknown == {"arguments": {"attack: price": 1}}


def test_five_items_are_not_rare_and_test_data_has_no_rare_labels():
    five = [Record(str(n), f"Ann {n}", "en", (Entity("Ann", "PER"),)) for n in range(5)]
    assert alone(five).rare == {}
    assert alone(five[1:]).rare == {"entities": {"PER": 4}}
    assert in_splits(train=five, test=five[:1]).splits["test"].rare == {}


def test_rows_longer_than_the_window_are_counted_and_the_window_itself_fits():
    rows = [Record(str(n), "x" * n, "en") for n in (9, 10, 11)]
    by_tokens = inspect(rows, schema=None, window=lambda record: len(record.text), max_length=10).splits["data"]
    assert (by_tokens.over_window, by_tokens.over_window_share) == (1, 0.3333)
    assert by_tokens.tokens is not None
    assert by_tokens.tokens.max == 11
    assert alone(rows).over_window is alone(rows).tokens is None


@given(st.lists(st.integers(0, 5000), max_size=60))
def test_percentiles_are_values_in_order_and_the_histogram_counts_each_once(values: list[int]):
    found = lengths(Counter(values))
    order = [found.p50, found.p90, found.p95, found.p99, found.max]
    assert order == sorted(order)
    assert set(order) <= set(values or [0])
    assert sum(count for _, count in found.histogram) == len(values)


def test_nearest_rank_percentiles_of_one_to_a_hundred():
    found = lengths(Counter(range(100, 0, -1)))
    assert (found.p50, found.p90, found.p95, found.p99, found.max) == (50, 90, 95, 99, 100)


def test_items_of_test_whose_strict_key_train_has_are_counted_each_time():
    rome = Record("2", "Rome, old Rome", "en", (Entity("Rome", "LOC"), Entity("Rome", "LOC"), Entity("Rome", "ORG")))
    leak = in_splits(test=[rome], train=[ANN]).leakage
    assert list(leak) == ["test"]
    seen = leak["test"].items["entities"]
    assert (seen.items, seen.seen, seen.share) == (3, 2, 0.6667)


def test_without_train_nothing_leaks_and_without_records_all_figures_are_zero():
    assert in_splits(dev=[ANN], test=[ANN]).leakage == {}
    nothing = alone([])
    assert (nothing.records, nothing.empty_share, nothing.characters.max, nothing.duplicates.near) == (0, 0, 0, 0)


def test_the_figures_are_json():
    assert json.loads(json.dumps(to_json(in_splits(train=[ANN], test=[ANN]))))["leakage"]["test"]["texts"]["exact"] == 1


@pytest.mark.parametrize(
    ("name", "section", "missing"),
    [
        ("nyt", "relations", 42),
        ("ctinexus", "relations", 270),
        ("cmrc2018", "answers", 11),
        ("conll04", "relations", 0),
        ("weibo_ner", "entities", 0),
    ],
)
def test_strings_missing_from_real_texts_are_as_many_as_known(real_data: Path, name: str, section: str, missing: int):
    read = reader("records")
    found = [
        alone(read(real_data / name / f"{split}.jsonl")).ungrounded[section].missing
        for split in ("train", "dev", "test")
    ]
    assert sum(found) == missing


def test_events_are_all_in_their_text_and_no_real_text_is_in_two_splits(real_data: Path):
    read = reader("records")
    parts = {name: read(real_data / "fewfc" / f"{name}.jsonl") for name in ("train", "test")}
    figures = in_splits(**parts)
    assert {s: found.missing for s, found in figures.splits["train"].ungrounded.items()} == {
        "events": 0,
        "arguments": 0,
    }
    assert figures.splits["train"].records == 3142
    assert figures.leakage["test"].texts.exact == 0
    assert figures.leakage["test"].texts.near > 0


def test_the_figures_are_the_same_where_items_go_to_disk(monkeypatch: pytest.MonkeyPatch):
    def figures() -> Figures:
        rows = [
            Record(str(n), f"x{n}", "en", tuple(Entity(f"e{n % m}", f"T{(n + m) % 3}") for m in (2, 3, 5, 7)))
            for n in range(60)
        ]
        return in_splits(train=rows[:40], test=rows[40:])

    held = figures()
    monkeypatch.setattr("extune.inspect.parts.WAITING", 7)
    monkeypatch.setattr("extune.inspect.parts.IN_MEMORY", 10)

    assert figures() == held
    assert held.splits["train"].conflicts["entities"].conflicting > 0
    assert held.leakage["test"].items["entities"].seen > 0
