"""IEPile's converted rows: many questions about one text become one record again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import instructie
from extune.readers.iepile import read
from extune.records import Entity, Record, Rejected, Relation

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
        (row("Ada", [], task="KG", output={}), "task KG is not read yet, only NER, RE, SPO"),
        (row("Ada", ["x"], label=[{"event_type": "x"}]), "is not read yet"),
        (row("Ada", [{"event_type": "x"}], label=[]), "is not read yet"),
        (row("Ada", ["x"], task="NER"), "lacks the field 'output'"),
        (row("Ada", ["x"], output={}), "lacks the field 'task'"),
        (row("Ada", ["x"], task="NER", output=[]), "field 'output' holds no JSON object"),
        (row("Ada", ["x"], task="NER", output={"x": "Ada"}), "field 'x' is a string, not a list"),
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


@pytest.mark.parametrize("task", ["NER", "RE", "SPO"])
@pytest.mark.parametrize("prefix", ["deepke_samples/InstructKGC_data_", "iepile_samples/"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_converted_files_of_the_reference_say_what_their_originals_say(
    real_data: Path, prefix: str, task: str, split: str
) -> None:
    original = facts(instructie.read(real_data / f"{prefix}{task}_sample.json"))

    assert facts(read(real_data / f"{prefix}{task}_{split}.json")) == original
    assert len(original) >= 5


def facts(results: Iterator[Record | Rejected]) -> list[tuple[str, set[Entity], set[Relation]]]:
    return [(r.text, set(r.entities), set(r.relations)) for r in results if isinstance(r, Record)]


@pytest.mark.parametrize("task", ["KG", "EE", "EET", "EEA"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_tasks_that_are_not_read_yet_are_rejected_row_by_row(real_data: Path, task: str, split: str) -> None:
    results = list(read(real_data / f"iepile_samples/{task}_{split}.json"))

    assert {isinstance(result, Rejected) and "not read yet" in result.reason for result in results} == {True}
