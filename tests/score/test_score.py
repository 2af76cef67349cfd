"""Every task's counts: what adds up, what exchanging sides does, what must not matter, and groups by hand."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.records import QA, Argument, Edge, Entity, Event, Graph, Node, Record, Relation
from extune.score import VIEWS, Counts, Score, known_mentions, macro, score
from extune.tasks import TASKS

TEXT = "Ann met Bob Lee in Rome, Italy; Bob Lee met Ann"
PRESENT = ["Ann", "Bob", "Bob Lee", "Lee", "Rome", "Rome, Italy", "met"]
TYPES = ["A", "B"]

# Few strings, many of them parts of others, so that equal items, near misses and overlaps all come up.
words = st.sampled_from(PRESENT)
types = st.sampled_from(TYPES)
any_words = st.sampled_from([*PRESENT, "Zed", "Ann met Zed"])
seen = st.none() | st.frozensets(words)


def items_of(name: str, strings: st.SearchStrategy[str]) -> st.SearchStrategy:
    entity = st.builds(Entity, strings, types)
    relation = st.builds(Relation, strings, types, strings, types, types)
    argument = st.builds(Argument, types, strings)
    event = st.builds(Event, types, strings, st.lists(argument, max_size=3).map(tuple))
    node = st.builds(Node, strings, st.lists(types, max_size=2).map(tuple))
    edge = st.builds(Edge, types, strings, strings)
    pair = st.builds(QA, st.just("who?"), strings | st.just(""))
    kinds = {
        "NER": entity, "RE": relation, "SPO": relation, "KG": relation, "EE": event, "EET": event, "EEA": event,
        "GRAPH": node | edge, "QA": pair,
    }  # fmt: skip
    return st.lists(kinds[name], max_size=1 if name == "QA" else 5)


def record_of(name: str, items: list, number: int) -> Record:
    empty = Record(f"d{number}", TEXT, source="ab"[number % 2])
    if name == "GRAPH":
        nodes = tuple(part for part in items if isinstance(part, Node))
        return replace(empty, graph=Graph(nodes, tuple(part for part in items if isinstance(part, Edge))))
    return TASKS[name].with_items(empty, items)


@st.composite
def task_pairs(draw, strings=any_words, names=tuple(TASKS)):
    name = draw(st.sampled_from(names))
    sides = draw(st.lists(st.tuples(items_of(name, words), items_of(name, strings)), max_size=5))
    pairs = [(record_of(name, gold, i), record_of(name, found, i)) for i, (gold, found) in enumerate(sides)]
    return TASKS[name], pairs


def test_every_task_has_its_views():
    assert set(VIEWS) == set(TASKS)


@settings(max_examples=40, deadline=None)
@given(task_pairs(), st.integers(0, 5), seen)
def test_shards_of_every_task_add_up_to_the_whole(case, cut, met):
    task, pairs = case
    whole = score(pairs, task, met)
    assert score(pairs[:cut], task, met) + score(pairs[cut:], task, met) == whole
    assert Score() + whole == whole


@settings(max_examples=40, deadline=None)
@given(task_pairs(), st.frozensets(words))
def test_labels_groups_and_views_add_up(case, met):
    task, pairs = case
    whole = score(pairs, task, met)
    parts = [whole.groups.get(name, {}) for name in ("source", "language", "length", "seen")]
    if task.name != "GRAPH":  # a node may list its labels in two orders: same key, other first label
        parts.append(whole.per_label)
    names = ("tp", "predicted", "gold", "invented", "spans")
    for part in parts:
        total = sum(part.values(), Counts())
        assert [getattr(total, name) for name in names] == [getattr(whole.total, name) for name in names]
    for name, total in whole.groups.get("view", {}).items():
        parts = sum(whole.views.get(name, {}).values(), Counts())
        assert [getattr(parts, field) for field in names] == [getattr(total, field) for field in names]


@settings(max_examples=40, deadline=None)
@given(task_pairs(words))
def test_exchanging_the_sides_exchanges_gold_and_predicted_in_every_view(case):
    task, pairs = case
    there, back = score(pairs, task), score([(found, gold) for gold, found in pairs], task)
    for name, counts in there.groups.get("view", {}).items():
        other = back.groups["view"][name]
        assert (counts.tp, counts.gold, counts.predicted) == (other.tp, other.predicted, other.gold), name
        assert counts.exact == other.exact

    def numbers(found: Score) -> dict[str, int]:
        return {kind: sum(labels.values()) for kind, labels in found.mistakes.counts.items()}

    swapped = {"missed": "spurious", "spurious": "missed"}
    assert {swapped.get(kind, kind): number for kind, number in numbers(back).items()} == numbers(there)


@settings(max_examples=40, deadline=None)
@given(task_pairs(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter_to_any_task(case, rng: random.Random):
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
    assert (one.groups, one.views) == (other.groups, other.views)
    assert one.mistakes.worst.keys() == other.mistakes.worst.keys()
    if task.name != "GRAPH":
        assert (one.per_label, one.mistakes) == (other.per_label, other.mistakes)


@settings(max_examples=40, deadline=None)
@given(task_pairs(names=tuple(name for name in TASKS if name != "QA")))
def test_a_lenient_view_never_counts_less_than_a_strict_one(case):
    task, pairs = case
    views = score(pairs, task).groups.get("view", {})
    for name, counts in views.items():
        if name.endswith("relaxed"):
            assert counts.tp <= views[name.replace("relaxed", "type")].tp
            assert counts.tp >= (views[name.removesuffix("_relaxed")].tp if "_" in name else 0)


@settings(max_examples=40, deadline=None)
@given(task_pairs())
def test_every_wrong_item_is_one_mistake_and_no_right_one_is(case):
    task, pairs = case
    whole = score(pairs, task)
    number = {kind: sum(labels.values()) for kind, labels in whole.mistakes.counts.items()}
    missed, alone = number.pop("missed", 0), number.pop("spurious", 0) + number.pop("invented", 0)
    paired = sum(number.values())
    assert missed + paired == whole.total.gold - whole.total.tp
    assert alone + paired == whole.total.predicted - whole.total.tp


def view_of(task: str, gold: Record, found: Record, name: str) -> tuple[int, int, int]:
    counts = score([(gold, found)], TASKS[task]).groups["view"][name]
    return counts.tp, counts.predicted, counts.gold


def test_the_views_of_a_mention():
    gold = Record("d", TEXT, entities=(Entity("Bob Lee", "A"), Entity("Ann", "A"), Entity("Rome, Italy", "B")))
    found = Record("d", TEXT, entities=(Entity("Bob", "A"), Entity("Ann", "B"), Entity("Italy", "B")))
    assert view_of("NER", gold, found, "boundary") == (1, 3, 3)  # Ann
    assert view_of("NER", gold, found, "type") == (2, 3, 3)  # Bob over Bob Lee, Italy over Rome, Italy
    assert view_of("NER", gold, found, "relaxed") == (0, 3, 3)  # 3 of 7 characters, 5 of 11
    longer = Record("d", TEXT, entities=(Entity("Bob Lee in", "A"),))
    assert view_of("NER", gold, longer, "relaxed") == (1, 1, 3)  # 7 of 10


def test_half_of_the_longer_span_is_enough():
    gold, found = (Record("d", "张三先生", entities=(Entity(name, "A"),)) for name in ("张三先生", "张三"))
    assert view_of("NER", gold, found, "relaxed") == view_of("NER", found, gold, "relaxed") == (1, 1, 1)


def test_a_node_whose_labels_stand_in_another_order_is_right_in_the_whole():
    gold, found = (Record("d", "Ann", graph=Graph((Node("Ann", labels),))) for labels in (("A", "B"), ("B", "A")))
    whole = score([(gold, found)], TASKS["GRAPH"])
    assert (whole.total.tp, whole.total.exact, whole.groups["view"]["node"].tp) == (1, 1, 1)
    assert {name: (c.tp, c.predicted, c.gold) for name, c in whole.per_label.items()} == {
        "A": (0, 0, 1),
        "B": (0, 1, 0),
    }


def test_one_gold_mention_is_not_found_twice():
    gold = Record("d", "Bob Lee", entities=(Entity("Bob Lee", "A"),))
    found = Record("d", "Bob Lee", entities=(Entity("Bob Le", "A"), Entity("ob Lee", "A")))
    assert view_of("NER", gold, found, "relaxed") == (1, 2, 1)


def test_the_views_of_a_triple():
    gold = Record("d", TEXT, relations=(Relation("Ann", "met", "Bob Lee", "PER", "PER"),))

    def of(task: str, view: str, *triple: str) -> int:
        return view_of(task, gold, Record("d", TEXT, relations=(Relation(*triple),)), view)[0]

    assert of("RE", "undirected", "Bob Lee", "met", "Ann") == 1
    assert of("RE", "boundary", "Bob Lee", "met", "Ann") == 0
    assert of("RE", "boundary", "Ann", "likes", "Bob Lee") == 1
    assert of("RE", "relaxed", "Ann", "met", "Bob") == 0
    assert of("RE", "relaxed", "Ann", "met", "Bob Lee in") == 1
    assert of("RE", "type", "Ann", "met", "Lee") == 1
    assert of("SPO", "untyped", "Ann", "met", "Bob Lee", "PER", "LOC") == 1
    assert of("SPO", "boundary", "Ann", "met", "Bob Lee", "PER", "LOC") == 1
    assert of("SPO", "undirected", "Bob Lee", "met", "Ann", "PER", "PER") == 1
    assert of("SPO", "undirected", "Bob Lee", "met", "Ann", "PER", "LOC") == 0
    assert of("KG", "untyped", "Ann", "met", "Bob Lee", "DOG") == 1
    assert of("KG", "entity", "Ann", "left", "Rome", "PER") == 1


def test_triggers_and_arguments_are_scored_apart_arguments_of_a_type_together():
    gold = Record("d", TEXT, events=(
        Event("Meet", "met", (Argument("who", "Ann"), Argument("whom", "Bob Lee"))),
        Event("Meet", "in", (Argument("who", "Rome"),)),
    ))  # fmt: skip
    found = Record("d", TEXT, events=(
        Event("Meet", "met", (Argument("who", "Rome"), Argument("who", "Bob Lee"))),
        Event("Go", "in", (Argument("who", "Ann"),)),
    ))  # fmt: skip
    strict = score([(gold, found)], TASKS["EE"]).total
    assert (strict.tp, strict.predicted, strict.gold) == (0, 2, 2)
    assert view_of("EE", gold, found, "trigger") == (1, 2, 2)
    assert view_of("EE", gold, found, "trigger_boundary") == (2, 2, 2)
    assert view_of("EE", gold, found, "argument") == (1, 3, 3)  # Rome, of the other event of the type
    assert view_of("EE", gold, found, "argument_boundary") == (2, 3, 3)  # and Bob Lee in another role
    assert view_of("EEA", gold, found, "argument") == (1, 3, 3)
    rows = score([(gold, found)], TASKS["EE"]).views["argument"]
    assert {name: (c.tp, c.predicted, c.gold) for name, c in rows.items()} == {
        "Go/who": (0, 1, 0),
        "Meet/who": (1, 2, 2),
        "Meet/whom": (0, 0, 1),
    }


def test_nodes_and_edges_of_a_graph_are_scored_apart():
    gold = Record("d", TEXT, graph=Graph((Node("Ann", ("A",)), Node("Rome", ("B",))), (Edge("in", "Ann", "Rome"),)))
    found = Record("d", TEXT, graph=Graph((Node("Ann", ("A",)), Node("Rome", ("A",))), (Edge("in", "Rome", "Ann"),)))
    assert view_of("GRAPH", gold, found, "node") == (1, 2, 2)
    assert view_of("GRAPH", gold, found, "node_boundary") == (2, 2, 2)
    assert view_of("GRAPH", gold, found, "edge") == (0, 1, 1)
    assert view_of("GRAPH", gold, found, "edge_undirected") == (1, 1, 1)


def test_macro_figures_are_means_over_the_labels_of_either_side():
    figures = macro(
        {"A": Counts(tp=1, predicted=1, gold=2), "B": Counts(tp=1, predicted=2, gold=1), "C": Counts(predicted=1)}
    )
    assert figures.precision == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert figures.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert figures.f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert macro({}).f1 == 0


def test_documents_are_grouped_by_source_language_and_length():
    records = [
        Record("a", "Ann", "en", (Entity("Ann", "A"),), source="wiki"),
        Record("b", "张三" * 30, "", (Entity("张三", "A"),), source="news"),
        Record("c", "x" * 5000, "en", source="news"),
    ]
    silent = [replace(record, entities=()) for record in records]
    groups = score(zip(records, silent, strict=True), TASKS["NER"]).groups
    assert {name: c.documents for name, c in groups["source"].items()} == {"news": 2, "wiki": 1}
    assert {name: c.gold for name, c in groups["language"].items()} == {"en": 1, "zh": 1}
    assert {name: c.documents for name, c in groups["length"].items()} == {"0-49": 1, "50-99": 1, "5000-": 1}
    assert groups["source"]["news"].empty_on_nonempty_rate == 1
    assert (groups["source"]["news"].empty, groups["source"]["news"].nonempty) == (1, 1)


def test_items_are_grouped_by_what_training_data_names():
    train = [Record("t", TEXT, relations=(Relation("Ann", "met", "Rome"),))]
    known = known_mentions(train, TASKS["RE"])
    assert known == {"Ann", "Rome"}
    gold = Record(
        "d", TEXT, relations=(Relation("Ann", "r", "Rome"), Relation("Ann", "r", "Bob"), Relation("Bob", "r", "Lee"))
    )
    found = Record("d", TEXT, relations=(Relation("Ann", "r", "Bob"), Relation("Rome", "r", "Ann")))
    groups = score([(gold, found)], TASKS["RE"], known).groups["seen"]
    assert {name: (c.tp, c.predicted, c.gold) for name, c in groups.items()} == {
        "partly": (1, 1, 1),
        "seen": (0, 1, 1),
        "unseen": (0, 0, 1),
    }
    event = [Record("t", TEXT, events=(Event("Meet", "met", (Argument("who", "Ann"),)),))]
    assert known_mentions(event, TASKS["EE"]) == {"met"}
    assert known_mentions(event, TASKS["EEA"]) == {"Ann"}


def test_a_document_with_eight_thousand_items_a_side_takes_linear_time():
    def seconds(number: int) -> float:
        names = [f"n{i}x" for i in range(number)]
        text = " ".join(names)
        gold = Record("d", text, relations=tuple(Relation(names[0], f"r{i % 9}", name) for i, name in enumerate(names)))
        near = (Relation(f"{name} n", f"r{i % 9}", names[0]) for i, name in enumerate(names[:-1]))
        began = time.process_time()
        score([(gold, replace(gold, relations=(*gold.relations[::3], *near)))], TASKS["RE"])
        return time.process_time() - began

    small, large = min(seconds(1000) for _ in range(2)), seconds(8000)
    assert large < 24 * small  # linear: 8 times, quadratic: 64


def test_pairs_are_taken_one_by_one_and_not_kept():
    import weakref

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
