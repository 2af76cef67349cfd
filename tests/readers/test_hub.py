"""Data sets of the hub: a local folder is read by the very code that reads a remote one."""

import json
from pathlib import Path
from typing import Any

import pytest

from extune.errors import ConfigError, DataError
from extune.readers import hub, instructie, open_hub
from extune.records import Entity, Record, Rejected


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def write(folder: Path, **splits: list[Any]) -> Path:
    folder.mkdir()
    for name, rows in splits.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def row(text: str, **fields: Any) -> Any:
    return {"text": text, "entity": [{"entity": text, "entity_type": "PER"}], **fields}


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
def test_each_split_of_a_folder_is_recognised_and_read(tmp_path: Path) -> None:
    write(tmp_path / "set", train=[row("Ada"), row("Eve"), row(" ")], test=[row("Bob")])

    splits = {name: list(results) for name, results in open_hub("hf:./set", root=tmp_path).items()}

    assert sorted(splits) == ["test", "train"]
    ada, eve, bad = splits["train"]
    assert isinstance(ada, Record)
    assert (ada.text, ada.entities, ada.where) == ("Ada", (Entity("Ada", "PER"),), "hf:./set/train:1")
    assert isinstance(eve, Record)
    assert isinstance(bad, Rejected)
    assert (bad.where, bad.reason) == ("hf:./set/train:3", "field 'text' is empty")


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
def test_parquet_and_columns_are_read(tmp_path: Path) -> None:
    import pandas

    (tmp_path / "set").mkdir()
    rows = [{"id": None, "q": "Ada wrote.", "a": "Ada_PER"}, {"id": "2", "q": "Eve", "a": None}]
    pandas.DataFrame(rows).to_parquet(tmp_path / "set" / "train.parquet")

    found = open_hub(f"hf:{tmp_path / 'set'}", "entity_instruct", {"query": "q", "answer": "a"})
    record, bad = found["train"]

    assert isinstance(record, Record)
    assert (record.text, record.entities) == ("Ada wrote.", (Entity("Ada", "PER"),))
    assert isinstance(bad, Rejected)
    assert bad.reason == "field 'answer' is null, not a string"


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
def test_rows_about_one_text_become_one_record(tmp_path: Path) -> None:
    rows = [
        {"instruction": json.dumps({"input": "Ada"}), "output": json.dumps({label: ["Ada"]}), "task": "NER"}
        for label in "PQ"
    ]
    write(tmp_path / "set", train=rows)

    (record,) = open_hub("hf:./set", root=tmp_path)["train"]

    assert isinstance(record, Record)
    assert [entity.type for entity in record.entities] == ["P", "Q"]


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
def test_rows_of_no_format_are_described(tmp_path: Path) -> None:
    write(tmp_path / "set", train=[{"sentence": "Ada", "score": 1}])

    with pytest.raises(DataError, match=r"hf:\./set: no known format: JSON objects with the fields sentence, score"):
        open_hub("hf:./set", root=tmp_path)
    with pytest.raises(ConfigError, match="conll is not a format of rows"):
        open_hub("hf:./set", "conll", root=tmp_path)


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("source", ["hf:zjunlp/InstructIE", "hf:zjunlp/InstructIE:zh", "hf:no such name"])
def test_what_the_hub_does_not_give_is_one_clear_error(source: str) -> None:
    with pytest.raises(DataError, match="cannot be loaded") as raised:
        open_hub(source)
    assert str(raised.value).startswith(f"{source}: ")
    assert "hf:./FOLDER" in str(raised.value)


@pytest.mark.parametrize(("source", "what"), [("hf:", "no data set is named"), ("hf:./none", "no such folder")])
def test_what_names_nothing_is_one_clear_error(tmp_path: Path, source: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as raised:
        open_hub(source, root=tmp_path)
    assert str(raised.value).startswith(f"{source}: ")
    assert "hf:./FOLDER" in str(raised.value)


@pytest.mark.integration  # the library alone takes seconds to import
@pytest.mark.usefixtures("offline")
def test_a_broken_file_of_a_data_set_is_one_clear_error(tmp_path: Path) -> None:
    (write(tmp_path / "set", train=[row("Ada")]) / "train.jsonl").write_text('{"text": [\n{"text"\n')

    with pytest.raises(DataError, match=r"the data set cannot be (loaded|read)"):
        list(open_hub("hf:./set", "instructie", root=tmp_path)["train"])


def test_a_source_says_itself_where_it_lies() -> None:
    assert hub.is_hub("hf:zjunlp/InstructIE")
    assert not hub.is_hub("data/hf")


def test_the_rows_that_told_the_format_are_read_too() -> None:
    given = [row(str(number), cate=None) for number in range(hub.SAMPLED + 3)]

    sample, rows = hub.sampled("hf:x", iter(given), {"title": "text"})

    assert list(rows) == given
    assert len(sample.rows) == hub.SAMPLED
    assert sample.rows[0] == {"title": "0", "entity": given[0]["entity"]}


def test_a_row_that_cannot_be_written_is_rejected() -> None:
    (bad,) = hub.parsed([row("\ud800")], "hf:x/train", instructie.parse)

    assert isinstance(bad, Rejected)
    assert (bad.where, "lone surrogate" in bad.reason) == ("hf:x/train:1", True)
    assert bad.line.startswith('{"text": "\\ud800"')
