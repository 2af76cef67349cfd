"""FewFC: events whose trigger is one of the mentions."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.readers import AUTO, find_format
from extune.readers.fewfc import parse, read
from extune.records import Argument, Event, Record, Rejected

TRIGGER = {"word": "收购", "span": [2, 4], "role": "trigger"}
BUYER = {"word": "甲方", "span": [0, 2], "role": "sub"}


def row(*mentions: Any) -> dict[str, Any]:
    return {"id": "1", "content": "甲方收购乙方", "events": [{"type": "收购", "mentions": list(mentions)}]}


def test_the_trigger_is_told_from_the_arguments_wherever_it_stands() -> None:
    assert parse(row(BUYER, TRIGGER, BUYER), "").events == (Event("收购", "收购", (Argument("sub", "甲方"),)),)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"content": "a"}, "lacks the field 'events'"),
        (row(BUYER), "an event has 0 triggers, not one"),
        (row(TRIGGER, TRIGGER), "an event has 2 triggers, not one"),
        (row(TRIGGER, {**BUYER, "span": [1, 3]}), "'甲方' is not at 1:3"),
        (row(TRIGGER, {**BUYER, "span": [-6, -4]}), "'甲方' is not at -6:-4"),
        (row(TRIGGER, {**BUYER, "span": [1]}), "the span of '甲方' is not two whole numbers"),
        (row(TRIGGER, {"word": "甲方"}), "lacks the field 'role'"),
    ],
)
def test_a_row_of_another_shape_is_rejected(tmp_path: Path, given: Any, reason: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(given))
    (result,) = read(tmp_path / "x.json")

    assert isinstance(result, Rejected)
    assert reason in result.reason


def test_the_originals_give_the_neutral_events(real_data: Path) -> None:
    folder = real_data / "fewfc"
    names = ("train_base.json.xz", "train_trans.json")
    read_ones = {
        f"{name.partition('.')[0]}-{result.id}": result
        for name in names
        for result in read(folder / "raw" / name)
        if isinstance(result, Record)
    }
    lines = [line for split in ("train", "dev") for line in (folder / f"{split}.jsonl").read_text().splitlines()]
    rows = [one for one in map(json.loads, lines) if one["id"].startswith("train_")]

    assert len(rows) > 3000
    for one in rows:
        record = read_ones[one["id"]]
        assert record.text == one["text"]
        assert record.events == tuple(
            Event(e["event_type"], e["trigger"], tuple(Argument(a["role"], a["text"]) for a in e["arguments"]))
            for e in one["events"]
        )


def test_the_original_is_recognised(real_data: Path) -> None:
    assert find_format(AUTO, real_data / "fewfc/raw/train_trans.json").name == "fewfc"
