"""The robustness suite: what is disturbed, what stays true, and what is left out."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from extune.carry import annotated
from extune.errors import ConfigError
from extune.ground import occurrences
from extune.injection import orders
from extune.instruct import queries
from extune.notations import NOTATIONS
from extune.prompt import Prompt
from extune.records import QA, Argument, Entity, Event, Record, Relation, record_to_json
from extune.robustness import (
    NAMES,
    NOT_CARRIED,
    PROMPTS,
    TEXTS,
    UNCHANGED,
    Variant,
    distracted,
    flat,
    suite,
    table,
)
from extune.schema import Schema
from extune.tasks import TASKS

LABELS = ("person", "company", "place")
ROLES = dict.fromkeys(LABELS, ("who", "when"))
SCHEMA = Schema(LABELS, LABELS, ROLES, tuple(("T", label, "U") for label in LABELS), ROLES)
NER = Prompt(TASKS["NER"], NOTATIONS["entity_lines"], SCHEMA)
PROMPTED = [Prompt(t, n, SCHEMA) for t in TASKS.values() for n in NOTATIONS.values() if n.fits(t.shape(("x",), SCHEMA))]

ENGLISH = Record(
    "en", "Ann Lee bought the old firm in Rome for 12 million.", "en",
    entities=(Entity("Ann Lee", "person", 0, 7), Entity("Rome", "place", 31, 35)),
    relations=(Relation("Ann Lee", "place", "Rome"),),
    events=(Event("place", "bought", (Argument("who", "Ann Lee"),)),),
    qa=QA("Who bought it?", "Ann Lee"),
)  # fmt: skip
CHINESE = Record(
    "zh", "张伟在广东的ABC公司发展了业务，今年已经离开。", "zh", entities=(Entity("张伟", "person", 0, 2),)
)
TRADITIONAL = Record("tw", "王小明離開了臺灣的電腦公司。", "zh", entities=(Entity("電腦公司", "company", 9, 13),))
WIDE = Record("wide", "ＩＢＭ在北京。", "zh", entities=(Entity("ＩＢＭ", "company", 0, 3),))
TWINS = Record("twins", "US told us.", "en", entities=(Entity("US", "place", 0, 2), Entity("us", "person", 8, 10)))
RECORDS = (ENGLISH, CHINESE, TRADITIONAL, WIDE, TWINS)


def variants(*names: str, prompt: Prompt = NER, seed: int = 7) -> dict[str, Variant]:
    return {variant.name: variant for variant in suite(RECORDS, prompt, seed, names)}


def test_all_disturbances_come_in_order_and_every_record_is_there_or_counted() -> None:
    found = variants()
    assert tuple(found) == NAMES
    for variant in found.values():
        assert len(variant.records) + sum(variant.left_out.values()) == len(RECORDS)
        assert [record.id for record in variant.records] == [RECORDS[n].id for n in variant.places]
        assert variant.records, f"{variant.name} disturbs none of the records"


@pytest.mark.parametrize("name", TEXTS)
def test_a_disturbed_text_keeps_every_annotation_true_and_the_prompt_as_it_was(name: str) -> None:
    variant = variants(name)[name]
    assert variant.prompt is NER
    for record, place in zip(variant.records, variant.places, strict=True):
        before = RECORDS[place]
        assert record.text != before.text
        assert [(e.type, record.text[e.start : e.end]) for e in record.entities] == [
            (e.type, e.text) for e in record.entities
        ]
        assert [len(occurrences(record.text, s)) for s in annotated(record)] == [
            len(occurrences(before.text, s)) for s in annotated(before)
        ]


def test_a_script_changes_the_annotations_too_and_a_slip_does_not() -> None:
    found = variants("full_width", "half_width", "simplified")
    texts = {name: [e.text for r in variant.records for e in r.entities] for name, variant in found.items()}
    assert "Ａｎｎ　Ｌｅｅ" in texts["full_width"]
    assert "IBM" in texts["half_width"]
    assert texts["simplified"] == ["电脑公司"]
    for variant in (v for seed in range(10) for v in variants("typo", "ocr", seed=seed).values()):
        assert [annotated(record) for record in variant.records] == [annotated(RECORDS[n]) for n in variant.places]


def test_what_cannot_be_carried_or_changed_is_left_out_with_its_reason() -> None:
    found = variants("case", "half_width")
    assert "twins" not in {record.id for record in found["case"].records}, "US and us would be one name"
    assert found["case"].left_out[NOT_CARRIED] == 1
    assert found["half_width"].left_out == {UNCHANGED: 3, NOT_CARRIED: 0}, "only two have full-width signs"


def test_an_injected_order_stands_before_or_after_and_names_nothing_of_the_gold() -> None:
    for seed in range(8):
        for record, place in zip(*_injected(seed), strict=True):
            added = record.text.replace(RECORDS[place].text, "").strip()
            assert added in [order.text for order in orders()[record.lang]]
            assert not [s for s in annotated(record) if s in added]
    starts = {record.text.startswith(ENGLISH.text) for seed in range(8) for record in _injected(seed)[0][:1]}
    assert starts == {True, False}


def _injected(seed: int) -> tuple[tuple[Record, ...], tuple[int, ...]]:
    variant = variants("injection", seed=seed)["injection"]
    return variant.records, variant.places


def test_where_every_order_holds_an_annotated_string_none_is_put_in() -> None:
    record = Record("1", "the end", "en", entities=(Entity("e", "person"),))
    (variant,) = suite([record], NER, 1, ["injection"])
    assert variant.left_out[UNCHANGED] == 1


@pytest.mark.parametrize("prompt", PROMPTED, ids=lambda p: f"{p.task.name}-{p.notation.name}")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_task_and_notation_is_paraphrased_in_both_languages(prompt: Prompt, lang: str) -> None:
    record = replace(CHINESE if lang == "zh" else ENGLISH, qa=QA("Who?", ""), events=ENGLISH.events)
    (query, *_) = queries(record, prompt.task, prompt.schema, -1)
    trained = replace(prompt, instruction={"zh": "抽取：", "en": "Extract:"})
    found = list(suite([record], trained, 1, ["paraphrase_1", "paraphrase_2"]))
    wordings = {prompt.text(query), trained.text(query), *(variant.prompt.text(query) for variant in found)}
    assert len(wordings) == 4
    assert [variant.records for variant in found] == [(record,), (record,)], "the record stays as it is"


@pytest.mark.parametrize("prompt", PROMPTED, ids=lambda p: f"{p.task.name}-{p.notation.name}")
def test_label_order_changes_no_label_and_distractors_only_add(prompt: Prompt) -> None:
    shuffled, more = (variant.prompt for variant in suite([], prompt, 3, ["label_order", "distractors"]))
    labels = prompt.task.labels(SCHEMA)
    assert sorted(prompt.task.labels(shuffled.schema)) == sorted(labels)
    assert prompt.task.labels(shuffled.schema) != labels or not labels
    added = prompt.task.labels(more.schema)
    assert added[: len(labels)] == labels
    assert len(added) == 2 * len(labels) == 2 * len(set(labels))
    assert prompt.task.shape(added, more.schema)


def test_label_order_is_no_change_where_the_prompt_lists_no_labels() -> None:
    lines = replace(NER, task=TASKS["RE"], notation=NOTATIONS["triple_lines"])
    found = variants("label_order", "distractors", prompt=lines)
    assert found["label_order"].left_out[UNCHANGED] == len(RECORDS)
    assert found["distractors"].left_out[UNCHANGED] == 0, "the grammar allows more"


def test_distractors_speak_the_labels_languages_and_leave_out_own_labels() -> None:
    import random

    own = ("Disease", "drug", "gene")
    added = distracted(Schema(entities=own), random.Random(1)).entities[3:]
    assert len(added) == 3
    assert not {"disease", "drug", "gene"} & set(added)
    assert all(label.isascii() for label in added)
    chinese = distracted(Schema(entities=("人物",)), random.Random(1)).entities
    assert not chinese[1].isascii()
    assert distracted(Schema(), random.Random(1)) == Schema()


def test_an_unknown_name_is_refused_before_anything_is_disturbed() -> None:
    with pytest.raises(ConfigError, match=r"no disturbance 'noise'\. Known ones: typo, ocr"):
        suite(RECORDS, NER, 1, ["noise"])


@pytest.mark.integration
def test_the_same_seed_gives_the_same_bytes_in_every_process_and_another_one_others() -> None:
    program = "from test_robustness import spelled; print(spelled(7))"
    told = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=os.path.dirname(__file__),
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1] == spelled(7) + "\n"
    assert spelled(8) != spelled(7)


def spelled(seed: int) -> str:
    rows: list[Any] = []
    for variant in suite(RECORDS, NER, seed):
        rows.append([variant.name, list(map(record_to_json, variant.records)), variant.prompt.schema.entities])
    return json.dumps(rows)


REPORT = {
    "clean": {"documents": 5, "f1": 0.9, "parse_rate": 1.0, "schema_valid_rate": 1.0, "invented_spans": 0},
    "variants": [
        {"name": "typo", "records": 4, "left_out": {UNCHANGED: 1, NOT_CARRIED: 0}, "clean_f1": 0.875, "f1": 0.75,
         "drop": 0.125, "low": 0.05, "high": 0.2, "parse_rate": 0.5,
         "schema_valid_rate": 0.25, "invented_spans": 2},
        {"name": "injection", "records": 4, "left_out": {UNCHANGED: 1, NOT_CARRIED: 0}, "clean_f1": 0.5, "f1": 0.5,
         "drop": 0.0, "low": 0.0, "high": 0.0, "parse_rate": 1.0, "schema_valid_rate": 1.0, "invented_spans": 0,
         "orders": 4, "obeyed": 3, "obeyed_rate": 0.75},
        {"name": "label_order", "records": 0, "left_out": {UNCHANGED: 5, NOT_CARRIED: 0}},
    ],
}  # fmt: skip


def test_the_table_has_a_line_a_disturbance_and_no_figures_where_nothing_was_disturbed() -> None:
    assert [line.split() for line in table(REPORT)][1:] == [
        ["clean", "5", "90.0", "100.0%", "100.0%", "0"],
        ["typo", "4", "1", "87.5", "75.0", "12.5", "5.0", "to", "20.0", "50.0%", "25.0%", "2"],
        ["injection", "4", "1", "50.0", "50.0", "0.0", "0.0", "to", "0.0", "100.0%", "100.0%", "0", "75.0%"],
        ["label_order", "0", "5"],
    ]
    lines = table(REPORT)
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[1].index("90.0") == lines[2].index("75.0"), "F1 stands below F1"


def test_figures_are_named_by_disturbance_where_there_are_any() -> None:
    assert {name: value for name, value in flat(REPORT).items() if "typo" in name} == {
        "robustness.typo.f1": 0.75,
        "robustness.typo.drop": 0.125,
        "robustness.typo.records": 4.0,
        "robustness.typo.parse_rate": 0.5,
        "robustness.typo.schema_valid_rate": 0.25,
        "robustness.typo.invented_spans": 2.0,
    }
    assert flat(REPORT)["robustness.injection.obeyed_rate"] == 0.75
    assert not [name for name in flat(REPORT) if "label_order" in name]


def test_every_name_is_of_a_text_or_of_a_prompt() -> None:
    assert sorted([*TEXTS, *PROMPTS]) == sorted(NAMES)
