"""What one document adds to the counts, by hand with the arithmetic beside it, and the groups it is counted in."""

from dataclasses import replace

import pytest

from extune.errors import DataError
from extune.records import Argument, Entity, Event, Graph, Node, Record, Relation
from extune.score import Score, count, count_labels, known_mentions, score, summary
from extune.tasks import TASKS

TEXT = "Ann met Bob in Rome"
NER, RE = TASKS["NER"], TASKS["RE"]


def ner(*entities: tuple[str, str], id: str = "d", text: str = TEXT) -> Record:
    return Record(id, text, entities=tuple(Entity(text, type_) for text, type_ in entities))


def triples(*relations: tuple[str, str, str], text: str = TEXT) -> Record:
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


def test_a_document_that_says_nothing_is_counted_in_every_group_and_view():
    silent, spoken = (ner(), ner()), (ner(("Ann", "PER")), ner(("Ann", "PER")))
    whole = score([silent, spoken, silent], NER)
    assert {name: list(names) for name, names in whole.groups.items()} == {
        "language": ["en"],
        "length": ["0-49"],
        "source": [""],
        "view": ["boundary", "relaxed", "type"],
    }
    counts = [one for names in whole.groups.values() for one in names.values()]
    assert {(one.documents, one.exact, one.nonempty, one.tp) for one in counts} == {(3, 3, 1, 1)}
    assert score([silent], NER).views == {"boundary": {}, "relaxed": {}, "type": {}}


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


def test_a_node_whose_labels_stand_in_another_order_is_right_in_the_whole():
    gold, found = (Record("d", "Ann", graph=Graph((Node("Ann", labels),))) for labels in (("A", "B"), ("B", "A")))
    whole = score([(gold, found)], TASKS["GRAPH"])
    assert (whole.total.tp, whole.total.exact, whole.groups["view"]["node"].tp) == (1, 1, 1)
    assert {name: (c.tp, c.predicted, c.gold) for name, c in whole.per_label.items()} == {
        "A": (0, 0, 1),
        "B": (0, 1, 0),
    }


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
