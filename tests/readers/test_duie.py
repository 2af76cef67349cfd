"""DuIE: plain objects and those of several slots."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers import AUTO, find_format
from extune.readers.duie import parse, read
from extune.records import Record, Rejected, Relation

WORD = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
SLOTS = st.dictionaries(st.sampled_from(["inWork", "onDate", "inArea"]), st.tuples(WORD, WORD))
SPO: dict[str, Any] = {
    "subject": "刘翔",
    "subject_type": "人物",
    "predicate": "获奖",
    "object": {"@value": "金牌", "onDate": "2004年", "period": ""},
    "object_type": {"@value": "奖项", "onDate": "Date", "period": "Number"},
}


def read_row(folder: Path, row: Any) -> Record | Rejected:
    path = folder / "x.json"
    path.write_text(json.dumps(row) + "\n")
    (result,) = read(path)
    return result


@given(value=st.tuples(WORD, WORD), slots=SLOTS)
def test_each_slot_of_an_object_is_a_relation_of_the_subject(
    value: tuple[str, str], slots: dict[str, tuple[str, str]]
) -> None:
    both = {"@value": value, **slots}
    spo = {**SPO, "object": {k: v for k, (v, _) in both.items()}, "object_type": {k: t for k, (_, t) in both.items()}}

    relations = parse({"text": "刘翔夺金", "spo_list": [spo, spo]}, "").relations

    assert relations[0] == Relation("刘翔", "获奖", value[0], "人物", value[1])
    assert [(r.relation, r.tail, r.tail_type) for r in relations[1:]] == [(f"获奖_{k}", *slots[k]) for k in slots]


def test_an_empty_slot_says_nothing(tmp_path: Path) -> None:
    result = read_row(tmp_path, {"text": "刘翔夺金", "spo_list": [SPO]})

    assert isinstance(result, Record)
    assert [r.relation for r in result.relations] == ["获奖", "获奖_onDate"]


def test_the_plain_objects_of_the_first_version_are_read(tmp_path: Path) -> None:
    result = read_row(tmp_path, {"text": "刘翔夺金", "spo_list": [{**SPO, "object": "金牌", "object_type": "奖项"}]})

    assert isinstance(result, Record)
    assert result.relations == (Relation("刘翔", "获奖", "金牌", "人物", "奖项"),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "a"}, "lacks the field 'spo_list'"),
        ({"text": "a", "spo_list": ["b"]}, "field 'spo_list' holds a string"),
        ({"text": "a", "spo_list": [{**SPO, "object": 7}]}, "field 'object' is a number"),
        ({"text": "a", "spo_list": [{**SPO, "object": {"onDate": "b"}}]}, "lacks the field '@value'"),
        ({"text": "a", "spo_list": [{**SPO, "object_type": "奖项"}]}, "lacks the field 'onDate'"),
        ({"text": "a", "spo_list": [{**SPO, "subject": " "}]}, "field 'subject' is empty"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, row: Any, reason: str) -> None:
    result = read_row(tmp_path, row)

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_the_originals_give_the_neutral_relations(real_data: Path) -> None:
    folder = real_data / "duie2"
    neutral = {}
    for split in ("dev", "test"):
        for line in (folder / f"{split}.jsonl").read_text().splitlines():
            row = json.loads(line)
            neutral[row["text"]] = [tuple(r.values()) for r in row["relations"]]
    found = 0
    for name in ("duie_dev.json.xz", "duie_train.json.xz"):
        for result in read(folder / "raw" / name):
            assert isinstance(result, Record), result
            if result.text in neutral:
                found += 1
                assert [(r.head, r.head_type, r.relation, r.tail, r.tail_type) for r in result.relations] == neutral[
                    result.text
                ]
    assert found >= 2000


def test_the_original_is_recognised(real_data: Path) -> None:
    assert find_format(AUTO, real_data / "duie2/raw/duie_dev.json.xz").name == "duie"
