"""Sources that only the schema shows to be wrong: what the user is told, and what is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError
from extune.gather import BadSource
from extune.prepare import Prepared, prepare
from extune.readers import open_format
from extune.records import Record
from extune.sections import Data
from extune.tasks import TASKS


def prepared(folder: Path, rows: list[Any], schema: Any = None, **values: Any) -> Prepared:
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    if schema is not None:
        (folder / "schema.yaml").write_text(json.dumps(schema), encoding="utf-8")
    values = {"source": ".", "reader": "instructie", "split": {"dev": 0, "test": 0}, **values}
    (folder / "out").mkdir()
    return prepare(Data.model_validate(values), TASKS["NER"], folder, folder / "out")


def first(result: Prepared) -> Record:
    return next(iter(result.splits["train"]))


def row_of(*pairs: tuple[str, str]) -> Any:
    """Words with their types, the text made of the words."""
    items = [{"entity": word, "entity_type": label} for word, label in pairs]
    return {"text": " ".join(word for word, _ in pairs), "entity": items}


def test_a_label_that_the_schema_lacks_is_counted_and_said(tmp_path: Path) -> None:
    result = prepared(tmp_path, [row_of(("Ada", "PER"), ("notes", "WORK"))], {"entities": ["PER"]})

    assert [entity.type for entity in first(result).entities] == ["PER"]
    assert result.stats["unknown_labels"] == {"WORK": 1}
    assert "the schema lacks their label: WORK 1" in result.warnings[0]


def test_a_span_that_the_text_lacks_is_counted_and_said(tmp_path: Path) -> None:
    row = {"text": "Ada", "entity": [{"entity": "Eve", "entity_type": "PER"}, {"entity": "Ada", "entity_type": "PER"}]}

    result = prepared(tmp_path, [row], grounding="always")

    assert [entity.text for entity in first(result).entities] == ["Ada"]
    assert "1 train items are not in their text" in result.warnings[0]


def test_a_wrong_offset_is_refused_with_its_line(tmp_path: Path) -> None:
    rows = [{"text": "Ada", "entities": [{"text": "Ada", "type": "PER", "start": start, "end": 3}]} for start in (0, 1)]

    with pytest.raises(BadSource, match=r"train\.jsonl:2: span does not match its offsets"):
        prepared(tmp_path, rows, reader="records")


@pytest.mark.parametrize("schema", [{}, {"entities": []}, "", []])
def test_an_empty_schema_is_refused(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(DataError, match="schema"):
        prepared(tmp_path, [row_of(("Ada", "PER"))], schema)


def test_ten_thousand_labels_are_read(tmp_path: Path) -> None:
    labels = [f"T{i}" for i in range(10_000)]

    result = prepared(tmp_path, [row_of(("Ada", label)) for label in labels[::100]], {"entities": labels})
    (tmp_path / "x").write_text(json.dumps(row_of(*(("Ada", label) for label in labels))))
    (record,) = open_format("instructie", tmp_path / "x")

    assert len(result.schema.entities) == 10_000
    assert result.stats["splits"]["train"]["items"] == 100
    assert isinstance(record, Record)
    assert [entity.type for entity in record.entities] == labels
