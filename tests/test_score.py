"""Scores: cases by hand with the arithmetic beside them, a slow second scorer, and what must not matter."""

import json
import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from extune.errors import DataError
from extune.records import Entity, Record, Relation
from extune.schema import Schema
from extune.score import Counts, Score, bootstrap, count, count_labels, count_problems, score, summary
from extune.tasks import TASKS, Task

NER, RE = TASKS["NER"], TASKS["RE"]


def ner(*entities: tuple[str, str], id: str = "d", text: str = "Ann met Bob in Rome") -> Record:
    return Record(id, text, entities=tuple(Entity(text, type_) for text, type_ in entities))


def triples(*relations: tuple[str, str, str], text: str = "Ann met Bob in Rome") -> Record:
    return Record("d", text, relations=tuple(Relation(*relation) for relation in relations))


def test_two_of_three_predicted_are_among_four_gold():
    gold = ner(("Ann", "PER"), ("Bob", "PER"), ("Rome", "LOC"), ("met", "EVT"))
    predicted = ner(("Ann", "PER"), ("Rome", "LOC"), ("Bob", "LOC"))
    counts = count(gold, predicted, NER)
    assert (counts.tp, counts.predicted, counts.gold) == (2, 3, 4)
    assert counts.precision == 2 / 3
    assert counts.recall == 2 / 4
    assert counts.f1 == 2 * 2 / (3 + 4)
    assert counts.f1 == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert counts.exact_match == 0


def test_a_triple_is_right_only_with_its_head_relation_and_tail():
    gold = triples(("Ann", "met", "Bob"))
    wrong = [("Bob", "met", "Ann"), ("Ann", "likes", "Bob"), ("Ann", "met", "Rome"), ("ann", "met", "Bob")]
    assert all(count(gold, triples(relation), RE).tp == 0 for relation in wrong)
    assert count(gold, triples(("Ann", "met", "Bob")), RE).tp == 1


def test_the_micro_average_sums_counts_and_not_rates():
    good = (ner(("Ann", "PER")), ner(("Ann", "PER")))
    poor = (ner(("Ann", "PER"), ("Bob", "PER"), ("Rome", "LOC")), ner(("met", "PER")))
    total = score([good, poor], NER).total
    assert total.precision == (1 + 0) / (1 + 1)
    assert total.recall == (1 + 0) / (1 + 3)
    assert total.exact_match == 1 / 2


def test_nothing_expected_and_nothing_found_is_an_exact_match_and_no_figure_divides_by_zero():
    counts = count(ner(), ner(), NER)
    assert counts.exact_match == 1
    assert (counts.precision, counts.recall, counts.f1, counts.invented_rate) == (0, 0, 0, 0)
    assert summary(Score(), {}, 10, 0)["f1"] == 0


def test_spans_that_are_not_in_the_text_are_invented_ends_of_triples_counted_one_by_one():
    predicted = triples(("Ann", "met", "Bob"), ("Zoe", "met", "Zed"), ("Zoe", "met", "Bobby"))
    counts = count(triples(), predicted, RE)
    assert (counts.invented, counts.spans) == (4, 6)
    assert counts.invented_rate == 4 / 6


def test_figures_by_label_keep_labels_only_one_side_knows():
    gold = ner(("Ann", "PER"), ("Bob", "PER"), ("Rome", "LOC"))
    predicted = ner(("Ann", "PER"), ("Rome", "GPE"))
    labels = count_labels(gold, predicted, NER)
    assert [(name, c.tp, c.predicted, c.gold) for name, c in labels.items()] == [
        ("GPE", 0, 1, 0),
        ("LOC", 0, 0, 1),
        ("PER", 1, 1, 2),
    ]


def test_records_of_different_documents_are_not_compared():
    with pytest.raises(DataError, match="'b' was paired with the gold record 'a'"):
        count(ner(id="a"), ner(id="b"), NER)


def test_problems_are_counted_by_document_and_kind():
    notes = [["unread: x", "unread: y"], ["truncated: z", "repetition"], [], ["too long: 9"], ["odd"]]
    assert count_problems(notes) == {"unread": 1, "truncated": 1, "repetition": 1, "too_long": 1, "other": 1}


def test_the_summary_is_plain_json_with_labels_by_frequency():
    pairs = [(ner(("Ann", "PER"), ("Bob", "PER"), ("Rome", "LOC")), ner(("Ann", "PER"), ("Oslo", "LOC")))]
    row = summary(score(pairs * 4, NER), count_problems([["unread: x"], [], [], []]), 100, 7)
    assert json.loads(json.dumps(row)) == row
    assert row["f1"] == row["f1_low"] == row["f1_high"] == 2 * 4 / (8 + 12)
    assert row["parse_rate"] == 3 / 4
    assert row["unread_rate"] == 1 / 4
    assert (row["invented_spans"], row["invented_rate"]) == (4, 4 / 8)
    assert [label["label"] for label in row["per_label"]] == ["PER", "LOC"]
    assert row["per_label"][0] == {
        "label": "PER", "precision": 1.0, "recall": 1 / 2, "f1": 2 / 3, "gold": 8, "predicted": 4,
    }  # fmt: skip


# Few words and labels, so that equal items, near misses and repetitions all come up.
words = st.sampled_from(["Ann", "Bob", "Rome", "Zed"])
items = st.lists(st.tuples(words, st.sampled_from(["met", "likes"]), words), max_size=6)
pair = st.tuples(items, items).map(lambda sides: (triples(*sides[0]), triples(*sides[1])))
pairs = st.lists(pair, max_size=8)


def slow_score(pairs: list[tuple[Record, Record]]) -> dict[str, float]:
    """The same figures by crossing out: no sets, no keys, no sums of counts."""
    hits = misses = extras = exact = 0
    for gold, predicted in pairs:
        left = [r for i, r in enumerate(gold.relations) if r not in gold.relations[:i]]
        document_extras = 0
        for i, relation in enumerate(predicted.relations):
            if relation in predicted.relations[:i]:
                continue
            if relation in left:
                left.remove(relation)
                hits += 1
            else:
                document_extras += 1
        misses, extras = misses + len(left), extras + document_extras
        exact += not left and not document_extras
    precision = hits / (hits + extras) if hits + extras else 0.0
    recall = hits / (hits + misses) if hits + misses else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    exact_match = exact / len(pairs) if pairs else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "exact_match": exact_match}


@given(pairs)
def test_a_slow_independent_scorer_agrees(pairs):
    total = score(pairs, RE).total
    assert {name: getattr(total, name) for name in slow_score(pairs)} == pytest.approx(slow_score(pairs))


@given(pairs)
def test_exchanging_gold_and_prediction_exchanges_precision_and_recall(pairs):
    there = score(pairs, RE).total
    back = score([(predicted, gold) for gold, predicted in pairs], RE).total
    assert (there.precision, there.recall, there.f1) == (back.recall, back.precision, back.f1)
    assert there.exact_match == back.exact_match


@given(pairs, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(pairs, rng: random.Random):
    def shaken(record: Record) -> Record:
        relations = [*record.relations, *record.relations[:2]]
        rng.shuffle(relations)
        return RE.with_items(record, relations)

    again = [(shaken(gold), shaken(predicted)) for gold, predicted in pairs]
    rng.shuffle(again)
    one, other = score(pairs, RE), score(again, RE)
    assert (one.total, one.per_label) == (other.total, other.per_label)
    assert bootstrap(one.per_document, 50, 1) == bootstrap(other.per_document, 50, 1)


@given(pairs, st.integers(0, 8))
def test_shards_add_up_to_the_whole(pairs, cut):
    assert score(pairs[:cut], RE) + score(pairs[cut:], RE) == score(pairs, RE)


@given(pairs)
def test_labels_add_up_to_the_whole(pairs):
    whole = score(pairs, RE)
    by_label = sum(whole.per_label.values(), Counts())
    names = ("tp", "predicted", "gold", "invented", "spans")
    assert [getattr(by_label, name) for name in names] == [getattr(whole.total, name) for name in names]


def some_counts(documents: int, seed: int) -> list[Counts]:
    rng = random.Random(seed)
    gold = [rng.randint(1, 5) for _ in range(documents)]
    return [Counts(rng.randint(0, n), n, n, documents=1) for n in gold]


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_the_point_estimate_and_narrows_with_more_documents(seed):
    few, many = some_counts(50, seed), some_counts(5000, seed)
    (low, high), (lower, upper) = bootstrap(few, 500, seed), bootstrap(many, 500, seed)
    assert low < sum(few, Counts()).f1 < high
    assert lower < sum(many, Counts()).f1 < upper
    # 100 times the documents: about a tenth of the width
    assert 5 < (high - low) / (upper - lower) < 20


def test_the_interval_agrees_with_drawing_documents_one_by_one():
    counts, rng = some_counts(60, 3), random.Random(0)
    figures = sorted(sum(rng.choices(counts, k=60), Counts()).f1 for _ in range(2000))
    assert bootstrap(counts, 4000, 0) == pytest.approx((figures[50], figures[1950]), abs=0.01)


def test_the_interval_is_the_same_for_the_same_seed_and_no_other():
    counts = some_counts(80, 1)
    assert bootstrap(counts, 200, 5) == bootstrap(counts, 200, 5)
    assert bootstrap(counts, 200, 5) != bootstrap(counts, 200, 6)


def test_equal_documents_leave_nothing_to_chance():
    assert bootstrap([Counts(1, 2, 3)] * 9, 100, 0) == (2 / 5, 2 / 5)
    assert bootstrap([], 100, 0) == (0.0, 0.0)


# Every task: documents whose predictions share some items with the gold.

TEXT = '张三 met "Bo", (y)'
LABELS = ("人物", "a (x)", "Y")
ROLES = dict.fromkeys(LABELS, ("时间", "r"))
SCHEMA = Schema(
    entities=LABELS,
    relations=LABELS,
    events=ROLES,
    attributes=ROLES,
    triples=(*(("T", label, "U") for label in LABELS), ("V", LABELS[0], "U")),
)
OWN_LABELS = {"SPO": ("T_人物_U", "V_人物_U", "T_Y_U"), "QA": ("Who?",), "GRAPH": ("graph",)}

Pairs = list[tuple[Record, Record]]

BATCH = 5
"""Documents of each example: drawing their items takes most of the time."""
CASES = 100_000 if os.environ.get("EXTUNE_MANY") == "1" else 50 * len(TASKS)
"""Documents over all tasks together, for each property below; $EXTUNE_MANY=1 takes minutes."""

every_task = pytest.mark.parametrize("one", TASKS.values(), ids=TASKS)
# The documents are small as drawn; shrinking them would take minutes for each task.
some_cases = settings(
    max_examples=-(-CASES // BATCH // len(TASKS)),
    phases=[phase for phase in Phase if phase is not Phase.shrink and phase is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def documents(answers) -> dict[str, st.SearchStrategy[Pairs]]:
    """BATCH documents of the items of two answers, gold and predicted, by task."""

    def pairs_of(one: Task) -> st.SearchStrategy[Pairs]:
        labels = OWN_LABELS.get(one.name, LABELS)
        found = answers(one.shape(labels, SCHEMA), TEXT).map(lambda value: one.decode(value, labels, SCHEMA))
        return st.tuples(found, found, st.integers(0, 2**32)).map(
            lambda drawn: [document_of(one, f"{drawn[2]}-{number}", *drawn[:2]) for number in range(BATCH)]
        )

    return {name: pairs_of(one) for name, one in TASKS.items()}


def document_of(one: Task, id: str, first: Any, second: Any) -> tuple[Record, Record]:
    """A gold record and a prediction that share some items; a shorter text lacks some of the spans."""
    rng = random.Random(id)

    def some(items: Any) -> list[Any]:
        share = rng.choice((0, 0.5, 0.9, 1))
        return [item for item in items if rng.random() < share]

    gold = first_of_each(one, [*some(first), *some(second)])
    predicted = first_of_each(one, [*some(gold), *some(second)])
    record = Record(id, TEXT[: rng.choice((8, len(TEXT)))])
    return one.with_items(record, gold), one.with_items(record, predicted)


def first_of_each(one: Task, items: Any) -> list[Any]:
    """The items without repetitions, each held against all before it."""
    kept: list[Any] = []
    for item in items:
        if not any(one.key(item) == one.key(before) for before in kept):
            kept.append(item)
    return kept


def slow_counts(one: Task, gold: list[Any], predicted: list[Any], text: str) -> list[int]:
    """tp, predicted, gold, exact, documents, invented, spans of one document, by crossing out."""
    left, right = list(gold), 0
    for item in predicted:
        for other in left:
            if one.key(item) == one.key(other):
                left.remove(other)
                right += 1
                break
    spans = [span for item in predicted for span in one.spans(item)]
    invented = len([span for span in spans if text.find(span) < 0])
    exact = not left and right == len(predicted)
    return [right, len(predicted), len(gold), int(exact), 1, invented, len(spans)]


def figures(counts: Counts) -> list[int]:
    names = ("tp", "predicted", "gold", "exact", "documents", "invented", "spans")
    return [getattr(counts, name) for name in names]


@every_task
@some_cases
@given(data=st.data())
def test_of_every_task_a_slow_independent_scorer_agrees(one: Task, documents: Any, data: st.DataObject) -> None:
    pairs = data.draw(documents[one.name])
    total, labels = [0] * 7, {}
    for gold, predicted in pairs:
        wanted, found = (first_of_each(one, one.items(record)) for record in (gold, predicted))
        total = [a + b for a, b in zip(total, slow_counts(one, wanted, found, gold.text), strict=True)]
        for name in {one.label(item) for item in (*wanted, *found)}:
            sides = ([item for item in side if one.label(item) == name] for side in (wanted, found))
            counts = slow_counts(one, *sides, gold.text)
            labels[name] = [a + b for a, b in zip(labels.get(name, [0] * 7), counts, strict=True)]

    got = score(pairs, one)
    assert figures(got.total) == total
    assert {name: figures(counts) for name, counts in got.per_label.items()} == labels


@every_task
@some_cases
@given(data=st.data())
def test_of_every_task_exchanging_the_sides_exchanges_precision_and_recall(
    one: Task, documents: Any, data: st.DataObject
) -> None:
    pairs = data.draw(documents[one.name])
    there = score(pairs, one)
    back = score([(predicted, gold) for gold, predicted in pairs], one)
    for a, b in ((there.total, back.total), *zip(there.per_label.values(), back.per_label.values(), strict=True)):
        assert (a.precision, a.recall, a.f1, a.exact_match) == (b.recall, b.precision, b.f1, b.exact_match)


@every_task
@some_cases
@given(data=st.data(), rng=st.randoms())
def test_of_every_task_order_and_repetition_do_not_matter(
    one: Task, documents: Any, data: st.DataObject, rng: random.Random
) -> None:
    def shaken(record: Record) -> Record:
        items = [*one.items(record), *one.items(record)[:2]]
        rng.shuffle(items)
        return one.with_items(record, items)

    pairs = data.draw(documents[one.name])
    again = [(shaken(gold), shaken(predicted)) for gold, predicted in pairs]
    rng.shuffle(again)
    before, after = score(pairs, one), score(again, one)
    assert (before.total, before.per_label) == (after.total, after.per_label)
