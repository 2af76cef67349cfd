"""Records that were annotated for another task are not taken for texts in which nothing is found."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, ExtuneError
from extune.foreign import OWN, SERVES, foreign, sections, told, unfit
from extune.gather import QUARANTINE, BadSource
from extune.prepare import Prepared, prepare
from extune.records import Entity, Event, Record, Rejected, Relation
from extune.sections import Data
from extune.tasks import TASKS

NER, RE = TASKS["NER"], TASKS["RE"]


def iepile(number: int, task: str) -> dict[str, Any]:
    """A row of IEPile, with one answer."""
    answer = {"NER": {"PER": ["Ada"]}, "RE": {"at": [{"head": "Ada", "tail": "IBM"}]}, "EET": {"hire": ["joined"]}}[
        task
    ]
    asked = {"instruction": "x", "schema": list(answer), "input": f"Ada joined IBM {number}"}
    return {"task": task, "source": "", "instruction": json.dumps(asked), "output": json.dumps(answer)}


def run(root: Path, rows: list[Any], task: Any = NER, **values: Any) -> Prepared:
    (root / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (root / "out").mkdir()
    data = Data.model_validate({"source": "train.jsonl", "split": {"dev": 0, "test": 0}, **values})
    return prepare(data, task, root, root / "out")


def test_a_file_that_mixes_tasks_is_refused_with_place_and_remedy(tmp_path: Path) -> None:
    rows = [iepile(number, "RE" if number == 2 else "NER") for number in range(5)]

    with pytest.raises(BadSource, match=r"1 of 5 .*train\.jsonl:3: it is annotated for RE, not for NER") as info:
        run(tmp_path, rows)

    assert "check data.reader and task.name" in info.value.remedy
    assert info.value.exit_code == ConfigError("x").exit_code == 2
    (line,) = (tmp_path / "out" / QUARANTINE).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["line"] == "Ada joined IBM 2"


def test_with_a_limit_that_allows_it_the_rows_of_the_task_are_taken(tmp_path: Path) -> None:
    prepared = run(tmp_path, [iepile(number, ("NER", "RE")[number % 2]) for number in range(6)], max_bad=1)

    assert [record.text for record in prepared.splits["train"]] == [f"Ada joined IBM {n}" for n in (0, 2, 4)]
    assert prepared.stats["rejected"] == 3


def test_rows_of_two_tasks_about_one_text_are_one_record_of_both(tmp_path: Path) -> None:
    rows = [iepile(number // 2, ("NER", "RE")[number % 2]) for number in range(6)]

    prepared = run(tmp_path, rows)

    assert prepared.stats["rejected"] == 0
    assert [len(record.relations) for record in prepared.splits["train"]] == [1, 1, 1]


@pytest.mark.parametrize("name", list(TASKS))
def test_rows_of_a_task_serve_it_and_those_that_say_nothing_serve_all(name: str) -> None:
    for task in TASKS.values():
        assert unfit(Record("a", "x"), task).__class__ is Record
        if name in SERVES:
            fits = isinstance(unfit(Record("a", "x", tasks=(name,)), task), Record)
            assert fits == (task.name in SERVES[name])
    assert name in SERVES.get(name, (name,))
    assert OWN[name]


WITH_ENTITY = Record("e", "Ada", entities=(Entity("Ada", "PER"),))
WITH_TRIPLE = Record("r", "Ada IBM", relations=(Relation("Ada", "at", "IBM"),))
WITH_BOTH = Record("b", "Ada IBM", entities=(Entity("Ada", "PER"),), relations=(Relation("Ada", "at", "IBM"),))
WITH_EVENT = Record("v", "Ada left", events=(Event("leave", "left"),))
EMPTY = Record("n", "rain")


def kinds(*records: tuple[Record, int]) -> Any:
    return {("train", sections(record)): count for record, count in records}


def test_records_that_never_have_both_were_annotated_for_one_each() -> None:
    found = kinds((WITH_ENTITY, 50), (WITH_TRIPLE, 50), (WITH_EVENT, 3), (EMPTY, 9))

    assert set(foreign(found, NER)) == {("relations",), ("events",)}
    assert set(foreign(found, RE)) == {("entities",), ("events",)}
    assert "it has relations and no entities" in foreign(found, NER)["relations",]


def test_a_record_that_lacks_what_others_have_beside_it_is_kept() -> None:
    assert foreign(kinds((WITH_ENTITY, 500), (WITH_BOTH, 5), (EMPTY, 9)), RE) == {}
    assert foreign(kinds((WITH_TRIPLE, 9), (WITH_BOTH, 1)), NER) == {}


def test_data_without_any_item_of_the_task_is_left_to_the_error_that_says_so(tmp_path: Path) -> None:
    assert foreign(kinds((WITH_TRIPLE, 9)), NER) == {}
    with pytest.raises(ExtuneError, match="train has no NER item left"):
        run(tmp_path, [{"text": "Ada IBM", "relations": [{"head": "Ada", "relation": "at", "tail": "IBM"}]}])


def test_records_of_another_task_go_to_the_quarantine_with_their_line(tmp_path: Path) -> None:
    rows: list[Any] = [{"text": f"Ada {n}", "entities": [{"text": "Ada", "type": "PER"}]} for n in range(99)]
    rows.append({"text": "Ada IBM", "relations": [{"head": "Ada", "relation": "at", "tail": "IBM"}]})

    prepared = run(tmp_path, rows)

    assert prepared.stats["splits"]["train"]["records"] == 99
    (line,) = (tmp_path / "out" / QUARANTINE).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["where"].endswith("train.jsonl:100")
    assert Rejected(**json.loads(line)).reason.startswith("it has relations and no entities")


def source(root: Path, rows: list[Any]) -> Data:
    (root / "train.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return Data(source="train.json")


def nameless(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "task"}


@pytest.mark.parametrize("task", ["NER", "RE", "EET"])
@pytest.mark.parametrize("named", [True, False])
def test_rows_tell_the_task_that_they_are_for(tmp_path: Path, task: str, named: bool) -> None:
    rows = [iepile(number, task) for number in range(3)]
    if task == "EET":  # an entity and a trigger are told apart by the wording alone
        rows = [row | {"instruction": row["instruction"].replace('"x"', '"event"')} for row in rows]
    data = source(tmp_path, rows if named else [nameless(row) for row in rows])
    assert told(data, "auto", tmp_path)[0] == task
    assert told(data, "EE", tmp_path)[0] == "EE"


def test_typed_ends_tell_spo_and_arguments_events(tmp_path: Path) -> None:
    typed = {"head": "Ada", "head_type": "PER", "relation": "at", "tail": "IBM"}
    event = {"event_type": "hire", "event_trigger": "joined", "arguments": [{"argument": "Ada", "role": "who"}]}
    for row, task in (
        ({"relation": [typed | {"tail_type": "ORG"}]}, "SPO"),
        ({"relation": [typed]}, "KG"),
        ({"event": [event]}, "EE"),
        ({"event": [event | {"arguments": []}]}, "EET"),
    ):
        assert told(source(tmp_path, [{"text": "Ada joined IBM"} | row]), "auto", tmp_path)[0] == task


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([iepile(0, "NER"), iepile(1, "RE")], r"they are for NER and RE\. Set task.name; data.max_bad=1 then"),
        ([{"text": "Ada", "entity": []}], r"they are for no task\. Set task.name$"),
    ],
)
def test_rows_for_several_tasks_or_none_do_not_tell(tmp_path: Path, rows: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        told(source(tmp_path, rows), "auto", tmp_path)


@pytest.mark.parametrize(
    ("sizes", "number"),
    [
        ([[4, 4, 2], [4, 4, 2]], 4),  # the last holds a rest
        ([[5], [2, 3]], 2),  # one alone may be joined with a rest
        ([[3], [9]], 9),  # none has several: all of its labels, which must not be parted
        ([[3], [3]], 6),  # DeepKE-LLM's advice for NER
    ],
)
def test_the_first_of_several_questions_about_a_text_tells_how_many_labels_are_asked_at_once(
    tmp_path: Path, sizes: list[list[int]], number: int
) -> None:
    rows = []
    for text, each in enumerate(sizes):
        for size in each:
            asked = {"instruction": "x", "schema": [f"L{n}" for n in range(size)], "input": f"Ada {text}"}
            rows.append({"task": "NER", "instruction": json.dumps(asked), "output": json.dumps({"L0": ["Ada"]})})
    assert told(source(tmp_path, rows), "auto", tmp_path) == ("NER", number)


def test_a_task_that_is_set_needs_no_rows(tmp_path: Path) -> None:
    assert [told(Data(source="none"), name, tmp_path) for name in ("RE", "NER", "QA")] == [
        ("RE", 4), ("NER", 6), ("QA", -1),
    ]  # fmt: skip
