"""Which solved records the prompts show."""

from extune.records import Entity, Record
from extune.shots import choose_shots
from extune.tasks import TASKS

NER = TASKS["NER"]


def record(name: str, *labels: str, text: str = "t") -> Record:
    return Record(name, text, entities=tuple(Entity("t", label) for label in labels))


RECORDS = [record("none"), record("a", "A"), record("b", "A"), record("ab", "A", "B"), record("c", "C")]


def test_few_records_show_as_many_labels_as_can_be() -> None:
    assert {r.id for r in choose_shots(RECORDS, NER, 2, 0)} == {"ab", "c"}
    assert len(choose_shots(RECORDS, NER, 9, 0)) == 4
    assert choose_shots(RECORDS, NER, 0, 0) == []


def test_long_texts_and_empty_records_are_not_shown() -> None:
    assert choose_shots([record("none"), record("long", "A", text="t" * 301)], NER, 2, 0) == []


def test_the_choice_does_not_depend_on_the_order_of_the_records() -> None:
    assert choose_shots(RECORDS, NER, 3, 7) == choose_shots(RECORDS[::-1], NER, 3, 7)
