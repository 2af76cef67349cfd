"""The memorising baseline: what it predicts, and that its scores are where they should be."""

import time
from pathlib import Path

import pytest

from extune.baseline import memorise
from extune.prepare import prepare
from extune.records import Entity, Record, Relation
from extune.sections import Data
from extune.tasks import TASKS, Item, Task

NER, RE = TASKS["NER"], TASKS["RE"]


def test_it_predicts_what_it_saw_wherever_all_spans_occur() -> None:
    train = [Record("a", "Ada joined IBM", relations=(Relation("Ada", "at", "IBM"), Relation("IBM", "of", "Ada")))]
    predict = memorise(train, RE)

    assert predict(Record("t", "IBM fired Ada")) == train[0].relations
    assert predict(Record("t", "Ada left")) == ()


def test_it_carries_no_offsets_into_another_text() -> None:
    train = [Record("a", "Ada wrote", entities=(Entity("Ada", "PER", 0, 3),))]

    assert memorise(train, NER)(Record("t", "so Ada did")) == (Entity("Ada", "PER"),)


def test_it_takes_the_longest_span_at_a_place() -> None:
    train = [
        Record("a", "New York", entities=(Entity("New York", "LOC"),)),
        Record("b", "York", entities=(Entity("York", "LOC"),)),
    ]
    predict = memorise(train, NER)

    assert predict(Record("t", "in New York")) == (Entity("New York", "LOC"),)
    assert predict(Record("t", "New York, York")) == (Entity("New York", "LOC"), Entity("York", "LOC"))


def test_it_does_not_repeat_what_was_mostly_wrong_in_train() -> None:
    train = [
        Record("a", "in May", entities=(Entity("May", "PER"),)),
        Record("b", "last May"),
        Record("c", "May it"),
        Record("d", "Ada", entities=(Entity("Ada", "PER"),)),
        Record("e", "Ada?"),
    ]

    assert memorise(train, NER)(Record("t", "Ada in May")) == (Entity("Ada", "PER"),)


def test_it_has_nothing_to_say_without_items() -> None:
    assert memorise([Record("a", "Ada")], NER)(Record("t", "Ada")) == ()


def test_many_spans_and_long_texts_take_no_minutes() -> None:
    train = [Record(str(i), f"name{i} and so on " * 5, entities=(Entity(f"name{i}", "PER"),)) for i in range(2000)]
    start = time.process_time()

    found = memorise(train, NER)(Record("t", " ".join(f"name{i}" for i in range(0, 2000, 20))))

    assert len(found) == 100
    assert time.process_time() - start < 2


def f1(real_data: Path, name: str, task: Task, folder: Path) -> float:
    splits = prepare(Data(source=name), task, real_data, folder).splits
    predict = memorise(splits["train"], task)

    def keys(items: tuple[Item, ...]) -> set[tuple[str, ...]]:
        return {task.key(item) for item in items}

    pairs = [(keys(predict(record)), keys(task.items(record))) for record in splits["test"]]
    right = sum(len(predicted & gold) for predicted, gold in pairs)
    return round(200 * right / sum(len(predicted) + len(gold) for predicted, gold in pairs), 1)


@pytest.mark.parametrize(
    ("name", "task", "floor"),
    [
        ("conll04", RE, 27.6),
        ("msra_ner", NER, 61.3),
        ("weibo_ner", NER, 46.7),
    ],
)
def test_it_comes_near_the_known_floor_or_above(
    real_data: Path, name: str, task: Task, floor: float, tmp_path: Path
) -> None:
    assert floor - 1 < f1(real_data, name, task, tmp_path) < floor + 10
