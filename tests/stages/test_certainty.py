"""Confidences of an evaluation: what is fitted on dev, measured on test, and written."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from extune.extract import Extraction
from extune.records import Entity, Record
from extune.stages.certainty import CALIBRATION, RELIABILITY, THRESHOLDS, assess, write_certainty
from extune.tasks import TASKS

NER = TASKS["NER"]


def split(name: str, size: int) -> dict[str, Any]:
    """Documents of one predicted item: half of those at 0.99 are right, one in twenty at 0.2."""
    draw = random.Random(name)
    gold, found = [], []
    for number in range(size):
        sure = draw.choice([0.99, 0.2])
        right = draw.random() < {0.99: 0.5, 0.2: 0.05}[sure]
        record = Record(f"{name}{number}", "a", entities=(Entity("a", "r"),))
        gold.append(record if right else Record(record.id, "a", entities=(Entity("a", "s"),)))
        found.append(Extraction(record, "NER", confidence={("a", "r"): sure}))
    return {"gold": gold, "found": found}


@pytest.fixture(scope="module")
def known() -> Any:
    return assess({"dev": split("dev", 1000), "test": split("test", 1000)}, NER)


def test_what_dev_teaches_makes_test_better(known: Any) -> None:
    test = known.figures["test"]
    assert known.calibration.items == 1000
    assert test["ece"] > 0.2
    assert test["ece_calibrated"] < 0.05
    assert test["brier_calibrated"] < test["brier"]


def test_dev_is_not_praised_for_what_was_fitted_on_it(known: Any) -> None:
    assert set(known.figures["dev"]) == {"ece", "brier"}


def test_the_last_split_is_what_is_shown(known: Any) -> None:
    assert known.shown["split"] == "test"
    assert known.shown["ece"] == known.figures["test"]["ece"]
    assert sum(row["items"] for row in known.shown["after"]) == known.shown["thresholds"][0]["items"] == 1000


def test_files_hold_the_same_rows(known: Any, tmp_path: Path) -> None:
    write_certainty(tmp_path, known)
    rows = csv.DictReader((tmp_path / RELIABILITY).read_text().splitlines())
    assert [row["kind"] for row in rows] == ["before"] * 2 + ["after"] * 2
    assert len((tmp_path / THRESHOLDS).read_text().splitlines()) == 1 + 101
    assert json.loads((tmp_path / CALIBRATION).read_text())["method"] == known.calibration.method


def test_without_dev_confidences_stay_as_they_are() -> None:
    known = assess({"test": split("test", 100)}, NER)
    assert known.calibration.method == "identity"
    assert known.figures["test"]["ece"] == known.figures["test"]["ece_calibrated"]


def test_without_confidences_there_are_heads_alone(tmp_path: Path) -> None:
    silent = {"gold": [Record("1", "a")], "found": [Extraction(Record("1", "a"), "NER")]}
    known = assess({"dev": silent, "test": silent}, NER)
    write_certainty(tmp_path, known)
    assert known.shown is None
    assert known.figures == {"dev": {}, "test": {}}
    assert (tmp_path / THRESHOLDS).read_text() == "threshold,precision,recall,f1,items\n"
