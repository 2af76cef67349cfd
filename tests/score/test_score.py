"""Scores of every task: a slow second scorer, what adds up, what exchanging sides does, and what must not matter."""

import random
import sys
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.records import QA, Argument, Edge, Entity, Event, Graph, Node, Record, Relation
from extune.score import Counts, Score, bootstrap, score
from extune.score.tally import Sides
from extune.tasks import TASKS, Item, Task

TEXT = "Ann met Bob Lee in Rome, Italy; Bob Lee met Ann"
PRESENT = ["Ann", "Bob", "Bob Lee", "Lee", "Rome", "Rome, Italy", "met"]
Pairs = list[tuple[Record, Record]]

# Few strings, many of them parts of others, so that equal items, near misses and overlaps all come up.
words = st.sampled_from(PRESENT)
types = st.sampled_from(["A", "B"])
any_words = st.sampled_from([*PRESENT, "Zed", "Ann met Zed"])
seen = st.none() | st.frozensets(words)
half = settings(max_examples=settings().max_examples // 2)


@cache
def items_of(name: str, invented: bool) -> st.SearchStrategy:
    strings = any_words if invented else words
    argument = st.builds(Argument, types, strings)
    relation = st.builds(Relation, strings, types, strings, types, types)
    event = st.builds(Event, types, strings, st.lists(argument, max_size=3).map(tuple))
    node = st.builds(Node, strings, st.sampled_from([(), ("A",), ("B",), ("A", "B")]))
    kinds = {
        "NER": st.builds(Entity, strings, types),
        **dict.fromkeys(("RE", "SPO", "KG"), relation),
        **dict.fromkeys(("EE", "EET", "EEA"), event),
        "GRAPH": node | st.builds(Edge, types, strings, strings),
        "QA": st.builds(QA, st.just("who?"), strings | st.just("")),
    }
    return kinds[name]


def record_of(name: str, items: Sequence[Item], number: int) -> Record:
    empty = Record(f"d{number}", TEXT, source="ab"[number % 2])
    if name == "GRAPH":
        nodes = tuple(part for part in items if isinstance(part, Node))
        return replace(empty, graph=Graph(nodes, tuple(part for part in items if isinstance(part, Edge))))
    return TASKS[name].with_items(empty, items)


@st.composite
def pairs_of(draw: st.DrawFn, name: str, invented: bool = True) -> Pairs:
    """Documents whose two sides share some items."""
    most = 1 if name == "QA" else 5
    pairs = []
    for number in range(draw(st.integers(0, 5))):
        gold = draw(st.lists(items_of(name, False), max_size=most))
        item = st.sampled_from(gold) | items_of(name, invented) if gold else items_of(name, invented)
        sides = (gold, draw(st.lists(item, max_size=most)))
        pairs.append(tuple(record_of(name, side, number) for side in sides))
    return pairs


def cases(invented: bool = True, names: Sequence[str] = tuple(TASKS)) -> st.SearchStrategy[tuple[Task, Pairs]]:
    return st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(TASKS[name]), pairs_of(name, invented)))


def slow_counts(one: Task, gold: list[Item], predicted: list[Item]) -> list[int]:
    """tp, predicted, gold, exact, documents, invented, spans of one document, by crossing out: no sets, no sums."""
    left, right = list(gold), 0
    for item in predicted:
        for other in left:
            if one.key(item) == one.key(other):
                left.remove(other)
                right += 1
                break
    spans = [span for item in predicted for span in one.spans(item)]
    invented = len([span for span in spans if TEXT.find(span) < 0])
    exact = not left and right == len(predicted)
    return [right, len(predicted), len(gold), int(exact), 1, invented, len(spans)]


def first_of_each(one: Task, items: Sequence[Item]) -> list[Item]:
    """The items without repetitions, each held against all before it."""
    kept: list[Item] = []
    for item in items:
        if not any(one.key(item) == one.key(before) for before in kept):
            kept.append(item)
    return kept


def figures(counts: Counts) -> list[int]:
    names = ("tp", "predicted", "gold", "exact", "documents", "invented", "spans")
    return [getattr(counts, name) for name in names]


@pytest.mark.parametrize("name", TASKS)
@half
@given(data=st.data())
def test_a_slow_independent_scorer_agrees(name: str, data: st.DataObject) -> None:
    one, pairs = TASKS[name], data.draw(pairs_of(name))
    total, labels = [0] * 7, {}
    for gold, predicted in pairs:
        wanted, found = (first_of_each(one, one.items(record)) for record in (gold, predicted))
        total = [a + b for a, b in zip(total, slow_counts(one, wanted, found), strict=True)]
        for label in {one.label(item) for item in (*wanted, *found)}:
            sides = ([item for item in side if one.label(item) == label] for side in (wanted, found))
            counts = slow_counts(one, *sides)
            labels[label] = [a + b for a, b in zip(labels.get(label, [0] * 7), counts, strict=True)]

    got = score(pairs, one)
    assert figures(got.total) == total
    assert {label: figures(counts) for label, counts in got.per_label.items()} == labels


@given(cases(), seen)
def test_one_side_is_all_there_is_to_count_where_both_are_the_same(case, met):
    task, pairs = case
    pairs = [*pairs, *((gold, gold) for gold, _ in pairs)]

    def compared(*pair) -> Sides:
        sides = Sides(*pair)
        sides.same = False
        return sides

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[Score.__module__], "Sides", compared)
        whole = score(pairs, task, met)
    assert score(pairs, task, met) == whole


@given(cases(), st.integers(0, 5), seen)
def test_shards_add_up_to_the_whole(case, cut, met):
    task, pairs = case
    whole = score(pairs, task, met)
    assert score(pairs[:cut], task, met) + score(pairs[cut:], task, met) == whole
    assert Score() + whole == whole


@given(cases(), st.frozensets(words))
def test_labels_groups_and_views_add_up(case, met):
    task, pairs = case
    whole = score(pairs, task, met)
    names = ("tp", "predicted", "gold", "invented", "spans")
    for part in (whole.per_label, *(whole.groups.get(name, {}) for name in ("source", "language", "length", "seen"))):
        total = sum(part.values(), Counts())
        assert [getattr(total, name) for name in names] == [getattr(whole.total, name) for name in names]
    for name, total in whole.groups.get("view", {}).items():
        parts = sum(whole.views.get(name, {}).values(), Counts())
        assert [getattr(parts, field) for field in names] == [getattr(total, field) for field in names]


@given(cases(invented=False))
def test_exchanging_the_sides_exchanges_precision_and_recall_in_every_view(case):
    task, pairs = case
    there, back = score(pairs, task), score([(found, gold) for gold, found in pairs], task)
    for left, right in (
        ({"": there.total}, {"": back.total}),
        (there.per_label, back.per_label),
        (there.groups.get("view", {}), back.groups.get("view", {})),
    ):
        for name, counts in left.items():
            other = right[name]
            assert (counts.tp, counts.gold, counts.predicted) == (other.tp, other.predicted, other.gold), name
            assert (counts.precision, counts.recall, counts.f1) == (other.recall, other.precision, other.f1), name
            assert counts.exact == other.exact, name

    def numbers(found: Score) -> dict[str, int]:
        return {kind: sum(labels.values()) for kind, labels in found.mistakes.counts.items()}

    swapped = {"missed": "spurious", "spurious": "missed"}
    assert {swapped.get(kind, kind): number for kind, number in numbers(back).items()} == numbers(there)


@given(cases(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(case, rng: random.Random):
    task, pairs = case

    def shaken(record: Record) -> Record:
        if task.name == "QA":
            return record
        if record.graph:
            nodes, edges = ([*parts, *parts[:2]] for parts in (record.graph.nodes, record.graph.edges))
            rng.shuffle(nodes)
            rng.shuffle(edges)
            return replace(record, graph=Graph(tuple(nodes), tuple(edges)))
        items = [*task.items(record), *task.items(record)[:2]]
        rng.shuffle(items)
        return task.with_items(record, items)

    again = [(shaken(gold), shaken(found)) for gold, found in pairs]
    rng.shuffle(again)
    one, other = score(pairs, task), score(again, task)
    assert (one.total, one.per_label, one.groups, one.views) == (
        other.total,
        other.per_label,
        other.groups,
        other.views,
    )
    assert one.mistakes == other.mistakes
    assert bootstrap(one.per_document, 20, 1) == bootstrap(other.per_document, 20, 1)


@given(cases(names=tuple(name for name in TASKS if name != "QA")))
def test_a_lenient_view_never_counts_less_than_a_strict_one(case):
    task, pairs = case
    views = score(pairs, task).groups.get("view", {})
    for name, counts in views.items():
        if name.endswith("relaxed"):
            assert counts.tp <= views[name.replace("relaxed", "type")].tp
            assert counts.tp >= (views[name.removesuffix("_relaxed")].tp if "_" in name else 0)


@given(cases())
def test_every_wrong_item_is_one_mistake_and_no_right_one_is(case):
    task, pairs = case
    whole = score(pairs, task)
    number = {kind: sum(labels.values()) for kind, labels in whole.mistakes.counts.items()}
    missed, alone = number.pop("missed", 0), number.pop("spurious", 0) + number.pop("invented", 0)
    paired = sum(number.values())
    assert missed + paired == whole.total.gold - whole.total.tp
    assert alone + paired == whole.total.predicted - whole.total.tp


def test_a_document_with_four_thousand_items_a_side_takes_linear_time():
    def seconds(number: int) -> float:
        names = [f"n{i}x" for i in range(number)]
        text = " ".join(names)
        gold = Record("d", text, relations=tuple(Relation(names[0], f"r{i % 9}", name) for i, name in enumerate(names)))
        near = (Relation(f"{name} n", f"r{i % 9}", names[0]) for i, name in enumerate(names[:-1]))
        began = time.process_time()
        score([(gold, replace(gold, relations=(*gold.relations[::3], *near)))], TASKS["RE"])
        return time.process_time() - began

    small, large = min(seconds(500) for _ in range(3)), seconds(4000)
    assert large < 24 * small  # linear: 8 times, quadratic: 64


def test_pairs_are_taken_one_by_one_and_not_kept():
    class Watched(Record):
        __slots__ = ("__weakref__",)

    alive: list[weakref.ref] = []

    def pairs():
        for i in range(50):
            assert sum(ref() is not None for ref in alive) <= 4
            gold, found = Watched(str(i), TEXT, entities=(Entity("Ann", "A"),)), Watched(str(i), TEXT)
            alive.extend((weakref.ref(gold), weakref.ref(found)))
            yield gold, found
            del gold, found

    assert score(pairs(), TASKS["NER"]).total.gold == 50
