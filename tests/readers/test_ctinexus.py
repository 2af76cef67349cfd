"""CTINexus: a folder of reports."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import DataError
from extune.readers import AUTO, find_format
from extune.readers.ctinexus import read
from extune.records import Entity, Record, Rejected, Relation

REPORT: dict[str, Any] = {
    "text": "Ada used the worm. Ada left.",
    "explicit_triplets": [{"subject": "Ada", "relation": "used", "object": "the worm"}],
    "entities": [
        {"entity_id": 0, "entity_name": "Ada", "entity_type": "Attacker", "mentions": []},
        {"entity_id": 1, "entity_name": "Worm.A", "entity_type": "Malware", "mentions": ["the worm"]},
    ],
    "implicit_triplets": [],
}


def test_a_report_is_named_by_its_file_and_types_the_ends_of_its_relations(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(REPORT, indent=4))
    (tmp_path / "a.json").write_text(json.dumps({**REPORT, "entities": []}))

    first, second = read(tmp_path)

    assert isinstance(first, Record)
    assert (first.id, first.entities, first.relations) == ("a", (), (Relation("Ada", "used", "the worm"),))
    entities = (Entity("Ada", "Attacker", 0, 3), Entity("the worm", "Malware", 9, 17))
    assert second == Record(
        "b", REPORT["text"], "en", entities, (Relation("Ada", "used", "the worm", "Attacker", "Malware"),)
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"explicit_triplets": [{"subject": "Ada"}]}, "lacks the field 'relation'"),
        ({"entities": [{"entity_name": "Ada"}]}, "lacks the field 'entity_type'"),
        ({"entities": [{"entity_name": "A", "entity_type": "B", "mentions": [7]}]}, "field 'mentions' is a number"),
    ],
)
def test_a_report_of_another_shape_is_rejected(tmp_path: Path, change: Any, reason: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(REPORT | change))
    (result,) = read(tmp_path)

    assert isinstance(result, Rejected)
    assert reason in result.reason
    assert result.where == f"{tmp_path}/x.json:1"


def test_a_folder_without_reports_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no JSON file in the folder"):
        list(read(tmp_path))


def test_the_originals_give_the_neutral_reports(real_data: Path) -> None:
    folder = real_data / "ctinexus"
    found = {result.id: result for result in read(folder / "raw") if isinstance(result, Record)}
    lines = [line for s in ("train", "dev", "test") for line in (folder / f"{s}.jsonl").read_text().splitlines()]

    assert len(found) == len(lines) == 149
    for row in map(json.loads, lines):
        record = found[row["id"]]
        assert record.text == row["text"]
        assert [(e.text, e.type, e.start, e.end) for e in record.entities] == [
            tuple(e.values()) for e in row["entities"]
        ]
        assert [(r.head, r.head_type, r.relation, r.tail, r.tail_type) for r in record.relations] == [
            tuple(r.values()) for r in row["relations"]
        ]
    assert find_format(AUTO, folder / "raw").name == "ctinexus"
