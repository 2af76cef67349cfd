"""Instruction rows made fast are those that the prompt and the task would make one by one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.convert import Plan, iepile, open_lines, schema_for
from extune.convert.gold import FORMS
from extune.errors import ConfigError
from extune.instruct import Asking, examples
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.readers.iepile import read as read_iepile
from extune.records import QA, Graph, Node, Record, Rejected, record_to_json
from extune.schema import Schema, collect
from extune.tasks import TASKS, Task

JSON = NOTATIONS["iepile_json"]
LABELS = ('a "quoted", (x)\\', "人物", "b", "c", "d")
SCHEMA = Schema(
    entities=LABELS,
    relations=LABELS,
    events=dict.fromkeys(LABELS, ("role", "时间")),
    triples=tuple((label, "r", "t") for label in LABELS),
    attributes=dict.fromkeys(LABELS, ("出生地", "job")),
    descriptions={"b": "the second"},
)
TEXT = 'He said "C:\\x"\n张三 🏽 {"input": "一"}'
CONVERTED = [TASKS[name] for name in FORMS if name != "QA"]

Answers = Callable[[Any, str], st.SearchStrategy[Any]]


def line(record: Record) -> tuple[int, bytes]:
    return 1, json.dumps(record_to_json(record), ensure_ascii=False).encode()


def rows(record: Record, plan: Plan) -> list[dict[str, Any]]:
    made = iepile(plan)(line(record))
    assert not isinstance(made, Rejected), made
    return [json.loads(row) for row in made.splitlines()]


def plan_of(task: Task, **settings: Any) -> Plan:
    return Plan(Prompt(task, JSON, SCHEMA), Asking(**settings), "records", "x.jsonl", "here")


@pytest.mark.parametrize("task", CONVERTED, ids=lambda task: task.name)
@settings(max_examples=20)
@given(
    data=st.data(), split_num=st.sampled_from([-1, 1, 2]), negatives=st.sampled_from([0.0, 0.5, 1.0]),
    keep_empty=st.sampled_from([0.5, 1.0]), shuffle=st.booleans(),
)  # fmt: skip
def test_train_rows_are_those_of_the_prompt_and_the_examples(
    task: Task, answers: Answers, data: st.DataObject, split_num: int, negatives: float, keep_empty: float,
    shuffle: bool,
) -> None:  # fmt: skip
    value = data.draw(answers(task.shape(task.labels(SCHEMA), SCHEMA), TEXT))
    record = task.with_items(Record("7", TEXT, "en"), task.decode(value, task.labels(SCHEMA), SCHEMA))
    plan = plan_of(task, split_num=split_num, negatives=negatives, keep_empty=keep_empty, shuffle=shuffle)

    slow = list(examples(record, task, JSON, SCHEMA, plan.asking))

    assert rows(record, plan) == [
        {"task": task.name, "source": "here", "instruction": plan.prompt.text(e.query), "output": e.answer}
        for e in slow
    ]


@pytest.mark.parametrize("task", CONVERTED, ids=lambda task: task.name)
def test_test_rows_ask_every_label_whatever_is_in_the_text(task: Task) -> None:
    plan = replace(plan_of(task, split_num=2, negatives=0.0), test=True)
    made = rows(Record("7", TEXT, "en"), plan)

    assert [json.loads(row["instruction"])["schema"] for row in made] == [
        json.loads(plan.prompt.text(e.query))["schema"]
        for e in examples(Record("7", TEXT), task, JSON, SCHEMA, Asking(split_num=2))
    ]
    assert {(row["id"], row["task"], row["source"], row["label"]) for row in made} == {("7", task.name, "here", "[]")}


def test_records_of_one_text_keep_ids_of_their_own() -> None:
    plan = Plan(Prompt(TASKS["NER"], JSON, SCHEMA), Asking(), "instructie", "x.jsonl", "here", test=True)
    convert = iepile(plan)
    raw = json.dumps({"text": "same", "entity": []}).encode()
    ids = {json.loads(convert((number, raw)))["id"] for number in (1, 2)}  # type: ignore[arg-type]
    assert len(ids) == 2


def test_a_line_that_cannot_be_read_is_refused_with_its_place() -> None:
    refused = iepile(plan_of(TASKS["NER"]))((3, b"{"))
    assert isinstance(refused, Rejected)
    assert refused.where == "x.jsonl:3"


@pytest.mark.parametrize(
    ("name", "task"), [("conll04", "RE"), ("msra_ner", "NER"), ("duie2", "SPO"), ("fewfc", "EE"), ("fewfc", "EET")]
)
def test_real_records_come_back_from_their_rows(real_data: Path, tmp_path: Path, name: str, task: str) -> None:
    one = TASKS[task]
    source = str(real_data / name / "dev.jsonl")
    schema = schema_for(source, "auto", {}, None)
    batches, form, found = open_lines(source, "auto", {})
    plan = Plan(Prompt(one, JSON, schema), Asking(split_num=4), form, source, name)
    given = [json.loads(raw) for _, raw in islice(chain.from_iterable(batches), 150)]
    convert = iepile(plan)
    made = [convert((n, json.dumps(row, ensure_ascii=False).encode())) for n, row in enumerate(given, 1)]
    (tmp_path / "rows.jsonl").write_bytes(b"".join(made))  # type: ignore[arg-type]

    back = [r for r in read_iepile(tmp_path / "rows.jsonl") if isinstance(r, Record)]

    assert (form, found) == ("records", "records")
    assert [r.text for r in back] == _merged(given)
    assert _keys(one, back) == _keys(one, records(given, one, schema))


def records(rows: list[Mapping[str, Any]], task: Task, schema: Schema) -> list[Record]:
    from extune.records import record_from_json

    made = [record_from_json(row) for row in rows]
    return [task.with_items(r, [item for item in task.items(r) if task.known(item, schema)]) for r in made]


def _merged(rows: list[Mapping[str, Any]]) -> list[str]:
    """Texts; neighbours that are the same are one record to the reader."""
    texts = [row["text"] for row in rows]
    return [text for n, text in enumerate(texts) if not n or text != texts[n - 1]]


def _keys(task: Task, records: list[Record]) -> set[tuple[str, ...]]:
    return {(record.text, *task.key(item)) for record in records for item in task.items(record)}


def test_the_schema_of_a_source_is_the_file_given_the_one_beside_it_or_what_it_implies(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"id": "1", "text": "Ann", "entities": [{"text": "Ann", "type": "PER"}]}\n')
    own = tmp_path / "own.yaml"
    own.write_text("entities: [ORG]\n")
    assert schema_for(str(path), "auto", {}, None) == collect([Record("1", "Ann")]).__class__(entities=("PER",))
    (tmp_path / "schema.yaml").write_text("entities: [LOC]\n")
    assert schema_for(str(path), "auto", {}, None).entities == ("LOC",)
    assert schema_for(str(path), "auto", {}, own).entities == ("ORG",)


def test_a_question_and_a_graph_keep_their_answer() -> None:
    qa = Record("1", "Ann is here.", qa=QA("Who?", "Ann", "Ann is here."))
    graph = Record("1", "Ann", graph=Graph((Node("Ann", ("b",)),)))
    for task, record in (("QA", qa), ("GRAPH", graph)):
        (row,) = rows(record, Plan(Prompt(TASKS[task], JSON, SCHEMA), Asking(), "records", "x", "here"))
        assert "Ann" in row["output"]
    with pytest.raises(ConfigError, match="no evaluator has a form for the gold of GRAPH"):
        iepile(Plan(Prompt(TASKS["GRAPH"], JSON, SCHEMA), Asking(), "records", "x", "here", test=True))


@pytest.mark.parametrize("name", ["spacy", "squad"])
def test_formats_with_a_reading_of_their_own_are_read_so(tmp_path: Path, name: str) -> None:
    content = {
        "spacy": '["Ann left.", {"entities": [[0, 3, "PER"]]}]\n',
        "squad": '{"data": [{"paragraphs": [{"context": "Ann left.", "qas": [{"id": "1", "question": "Who?", '
        '"answers": [{"text": "Ann", "answer_start": 0}]}]}]}]}',
    }[name]
    (tmp_path / "x.json").write_text(content)
    batches, form, found = open_lines(str(tmp_path / "x.json"), "auto", {})
    assert (form, found) == ("records", name)
    assert [json.loads(raw)["text"] for batch in batches for _, raw in batch] == ["Ann left."]
