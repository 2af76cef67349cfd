"""IEPile's converted rows: many questions about one text become one record again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import instructie
from extune.readers.iepile import read
from extune.records import Argument, Entity, Event, Record, Rejected, Relation

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


def row(text: str, schema: Any, **fields: Any) -> dict[str, Any]:
    """`output` and `label` are given as values and written as JSON, as is the instruction."""
    instruction = json.dumps({"instruction": "抽取", "schema": schema, "input": text})
    return {
        "instruction": instruction,
        **{k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()},
    }


def read_rows(folder: Path, *rows: Any) -> list[Record | Rejected]:
    path = folder / "train.json"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    return list(read(path))


def test_the_parts_of_a_schema_become_one_record(tmp_path: Path) -> None:
    (ada, bob) = read_rows(
        tmp_path,
        row("Ada", ["PER", "ORG"], task="NER", source="s", output={"PER": ["Ada"], "ORG": []}),
        row("Ada", ["LOC"], task="NER", source="s", output={"LOC": ["A"]}),
        row("Bob", ["PER"], task="NER", source="s", output={"PER": ["Bob"]}),
    )

    assert isinstance(ada, Record)
    assert isinstance(bob, Record)
    assert ada.entities == (Entity("Ada", "PER"), Entity("A", "LOC"))
    assert (ada.text, ada.lang, ada.source) == ("Ada", "en", "s")
    assert ada.where.endswith("train.json:1")
    assert bob.entities == (Entity("Bob", "PER"),)


@pytest.mark.parametrize("ends", [("head", "tail"), ("subject", "object")])
def test_a_relation_may_be_spelled_in_both_ways(tmp_path: Path, ends: tuple[str, str]) -> None:
    output = {"wrote": [dict(zip(ends, ("Ada", "notes"), strict=True))], "read": []}

    (record,) = read_rows(tmp_path, row("Ada", ["wrote", "read"], task="RE", output=output))

    assert isinstance(record, Record)
    assert record.relations == (Relation("Ada", "wrote", "notes"),)


def test_spo_types_come_from_the_schema_unless_the_predicate_is_asked_twice(tmp_path: Path) -> None:
    def asked(subject: str, predicate: str) -> dict[str, str]:
        return {"subject_type": subject, "predicate": predicate, "object_type": "WORK"}

    schema = [asked("PER", "wrote"), asked("PER", "read"), asked("ORG", "read")]
    pair = [{"subject": "Ada", "object": "notes"}]

    (record,) = read_rows(tmp_path, row("Ada", schema, task="SPO", output={"wrote": pair, "read": pair}))

    assert isinstance(record, Record)
    assert record.relations == (
        Relation("Ada", "wrote", "notes", "PER", "WORK"),
        Relation("Ada", "read", "notes"),
    )


def test_a_test_label_is_repeated_in_each_row_and_counts_once(tmp_path: Path) -> None:
    label = [{"head": "Ada", "relation": "wrote", "tail": "notes"}]
    rows = [row("Ada", [name], id="h1", label=label) for name in ("read", "wrote", "sold")]

    (record,) = read_rows(tmp_path, *rows)

    assert isinstance(record, Record)
    assert record.id == "h1"
    assert record.relations == (Relation("Ada", "wrote", "notes"),)


def test_a_bad_row_between_the_rows_of_a_text_does_not_split_them(tmp_path: Path) -> None:
    bad, record = read_rows(
        tmp_path,
        row("Ada", ["PER"], task="NER", output={"PER": ["Ada"]}),
        row("Ada", ["ORG"], task="NER", output="{'ORG': []}"),
        row("Ada", ["LOC"], task="NER", output={"LOC": ["A"]}),
    )

    assert isinstance(bad, Rejected)
    assert bad.reason == "field 'output' is not JSON (Expecting property name enclosed in double quotes at column 2)"
    assert isinstance(record, Record)
    assert len(record.entities) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("Ada", [], task="QA", output={}), "no task 'QA', only NER, RE, SPO, EE, EET, EEA, KG"),
        (row("Ada", ["x"], label=[{"event_type": "x"}]), "lacks the field 'event_trigger'"),
        (row("Ada", ["x"], task="EE", output={"x": ["wrote"]}), "field 'x' holds a string where an object is wanted"),
        (row("Ada", ["x"], task="EE", output={"x": [{"arguments": ["a"]}]}), "'arguments' is not an object of roles"),
        (row("Ada", ["x"], task="EET", output={"x": [{"trigger": "wrote"}]}), "field 'x' is an object, not a string"),
        (row("Ada", ["x"], task="KG", output={"x": ["Ada"]}), "field 'x' is not an object"),
        (row("Ada", ["x"], task="KG", output={"x": {"Ada": "notes"}}), "field 'Ada' is not an object"),
        (row("Ada", ["x"], task="NER"), "lacks the field 'output'"),
        (row("Ada", ["x"], task="NER", output=[]), "field 'output' holds no JSON object"),
        (row("Ada", ["x"], task="NER", output={"x": 7}), "field 'x' is a number, not a list"),
        (row("Ada", ["x"], task="NER", output='{"x": [], "x": []}'), "the field 'x' stands twice"),
        (row("Ada", ["x"], task="NER", output='{"x": ["\\ud800"]}'), "lone surrogate"),
        (row("Ada", ["x"], task="RE", output={"x": [{"subject": "Ada"}]}), "lacks the field 'object'"),
        ({"task": "NER", "instruction": "Extract.", "output": "{}"}, "field 'instruction' is not JSON"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected(tmp_path: Path, bad: Any, reason: str) -> None:
    (result,) = read_rows(tmp_path, bad)

    assert isinstance(result, Rejected)
    assert reason in result.reason


@given(
    relations=st.lists(st.builds(Relation, WORD, WORD, WORD), unique=True, max_size=6),
    negatives=st.lists(WORD, max_size=4),
    size=st.integers(1, 3),
)
def test_a_record_cut_into_rows_is_put_together_again(
    tmp_path_factory: pytest.TempPathFactory, relations: list[Relation], negatives: list[str], size: int
) -> None:
    labels = sorted({relation.relation for relation in relations} | {*negatives, "none"})
    parts = [labels[i : i + size] for i in range(0, len(labels), size)]
    rows = [
        row(
            "Ada wrote.",
            part,
            task="RE",
            source="s",
            output={x: [{"head": r.head, "tail": r.tail} for r in relations if r.relation == x] for x in part},
        )
        for part in parts
    ]

    (record,) = read_rows(tmp_path_factory.getbasetemp(), *rows)

    assert isinstance(record, Record)
    assert sorted(record.relations, key=repr) == sorted(relations, key=repr)


def only(results: list[Record | Rejected]) -> Record:
    (record,) = results
    assert isinstance(record, Record), record
    return record


EE_OUTPUT = {"write": [{"trigger": "wrote", "arguments": {"who": "Ada", "what": ["a", "b"], "when": "NAN"}}], "die": []}


def test_an_event_has_its_trigger_and_an_argument_for_each_value(tmp_path: Path) -> None:
    record = only(read_rows(tmp_path, row("Ada wrote.", [], task="EE", output=EE_OUTPUT)))

    arguments = (Argument("who", "Ada"), Argument("what", "a"), Argument("what", "b"))
    assert record.events == (Event("write", "wrote", arguments),)


def test_triggers_alone_are_events_without_arguments(tmp_path: Path) -> None:
    record = only(read_rows(tmp_path, row("Ada", ["write"], task="EET", output={"write": ["wrote", "NAN"]})))

    assert record.events == (Event("write", "wrote"),)


@pytest.mark.parametrize(
    ("item", "trigger"),
    [
        ({"trigger": "wrote", "arguments": {"who": "Ada", "when": ""}}, "wrote"),
        ({"trigger": "NAN", "arguments": {"who": ["Ada"]}}, ""),
        ({"arguments": {"who": "Ada"}}, ""),
        ({"who": "Ada", "when": "NAN"}, ""),
    ],
)
def test_arguments_are_read_in_each_release_s_form(tmp_path: Path, item: Any, trigger: str) -> None:
    record = only(read_rows(tmp_path, row("Ada", [], task="EEA", output={"write": [item]})))

    assert record.events == (Event("write", trigger, (Argument("who", "Ada"),)),)


def test_attributes_of_a_graph_are_relations_with_the_type_of_their_head(tmp_path: Path) -> None:
    output = {"PER": {"Ada": {"wrote": ["notes", "letters"], "born": "NAN"}, "Eve": {}}, "ORG": {}}

    record = only(read_rows(tmp_path, row("Ada", [], task="KG", output=output)))

    assert record.relations == (Relation("Ada", "wrote", "notes", "PER"), Relation("Ada", "wrote", "letters", "PER"))
    assert record.entities == (Entity("Eve", "PER"),)


def test_absent_values_are_no_items(tmp_path: Path) -> None:
    ner, re = {"PER": ["NAN", "", "Ada"], "ORG": "NAN"}, {"wrote": [{"head": "Ada", "tail": "NAN"}]}

    assert only(read_rows(tmp_path, row("Ada", [], task="NER", output=ner))).entities == (Entity("Ada", "PER"),)
    assert only(read_rows(tmp_path, row("Ada", [], task="RE", output=re))).relations == ()


@pytest.mark.parametrize(
    ("task", "output"),
    [
        ("NER", {"ORG": [], "PER": ["Ada"]}),
        ("RE", {"wrote": [{"head": "Ada", "tail": "notes"}]}),
        ("SPO", {"wrote": [{"subject": "Ada", "object": "notes"}]}),
        ("EE", EE_OUTPUT),
        ("EEA", {"write": [{"who": "Ada"}]}),
        ("KG", {"PER": {"Ada": {"wrote": "notes"}}}),
        ("NER", {}),
    ],
)
def test_a_row_that_names_no_task_shows_it(tmp_path: Path, task: str, output: Any) -> None:
    named = only(read_rows(tmp_path, row("Ada", [], task=task, output=output)))

    assert only(read_rows(tmp_path, row("Ada", [], output=output))) == named


def test_only_the_instruction_tells_triggers_from_entities(tmp_path: Path) -> None:
    question = json.dumps({"instruction": "请抽取事件触发词", "schema": ["write"], "input": "Ada wrote."})

    record = only(read_rows(tmp_path, {"instruction": question, "output": json.dumps({"write": ["wrote"]})}))

    assert record.events == (Event("write", "wrote"),)


@pytest.mark.parametrize("schema", [{"PER": "a person", "ORG": ""}, [], ["PER"], None])
def test_descriptions_and_examples_change_nothing(tmp_path: Path, schema: Any) -> None:
    examples = [{"input": "Eve", "output": {"PER": ["Eve"]}}]
    question = json.dumps({"instruction": "x", "schema": schema, "example": examples, "input": "Ada"})

    record = only(read_rows(tmp_path, {"task": "NER", "instruction": question, "output": '{"PER": ["Ada"]}'}))

    assert (record.text, record.entities) == ("Ada", (Entity("Ada", "PER"),))


@given(data=st.data())
def test_events_cut_into_rows_are_put_together_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    word = WORD.filter(lambda text: text.strip() != "NAN")
    roles = st.dictionaries(word, st.lists(word, min_size=1, max_size=2, unique=True), max_size=2)
    drawn = data.draw(st.dictionaries(word, st.lists(st.tuples(word, roles), max_size=2), max_size=3))
    rows = [
        row("Ada", [], task="EE", output={kind: [{"trigger": t, "arguments": a} for t, a in items]})
        for kind, items in drawn.items()
    ] or [row("Ada", [], task="EE", output={})]

    events = [
        Event(kind, trigger, tuple(Argument(role, text) for role in given for text in given[role]))
        for kind, items in drawn.items()
        for trigger, given in items
    ]
    assert only(read_rows(tmp_path_factory.getbasetemp(), *rows)).events == tuple(dict.fromkeys(events))


@pytest.mark.parametrize("task", ["NER", "RE", "SPO", "EE", "EET", "EEA", "KG"])
@pytest.mark.parametrize("prefix", ["deepke_samples/InstructKGC_data_", "iepile_samples/"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_converted_files_of_the_reference_say_what_their_originals_say(
    real_data: Path, prefix: str, task: str, split: str
) -> None:
    original = facts(instructie.read(real_data / f"{prefix}{task}_sample.json"), task)

    assert facts(read(real_data / f"{prefix}{task}_{split}.json"), task) == original
    assert len(original) >= 5


def facts(results: Iterator[Record | Rejected], task: str) -> list[Any]:
    """What the task can say of a record: triggers alone have no arguments, a graph's rows know the type of the head."""
    return [
        (
            record.text,
            set(record.entities),
            {replace(r, head_type=None, tail_type=None) if task == "KG" else r for r in record.relations},
            {(e.event_type, e.trigger, frozenset(e.arguments if task != "EET" else ())) for e in record.events},
        )
        for record in results
        if not isinstance(record, Rejected) or pytest.fail(f"{record.where}: {record.reason}")
    ]
