"""The format of a file is told from its head; one of no known format is described and nothing is guessed."""

import json
import lzma
from pathlib import Path

import pytest

from extune.errors import ConfigError, DataError
from extune.files import BLOCK
from extune.readers import FORMATS, find_format, open_format, reader
from extune.readers.detect import MOST_NAMES, sample
from extune.records import Entity, Record

# Files of the real data -> the format they are in.
EXPECTED = {
    "*/*.jsonl": "records",
    "cmrc2018/raw/cmrc*": "squad",
    "conll04/raw/*.json": "spert",
    "conll04/raw/*.txt": "conll04",
    "conll2003/raw/eng*": "conll",
    "ctinexus/raw": "ctinexus",
    "ctinexus/raw/*.json": "ctinexus",
    "deepke_samples/*_sample.json": "instructie",
    "deepke_samples/*_train.json": "iepile",
    "deepke_samples/*_test.json": "iepile",
    "deepke_samples/CodeKGC*": "casrel",
    "deepke_samples/LLMICL_data_ee_*": "duee",
    "duie2/raw/*train*": "duie",
    "duie2/raw/duie_dev*": "duie",
    "fewfc/raw/*.json*": "fewfc",
    "iepile_samples/*_sample.json": "instructie",
    "iepile_samples/*_train.json": "iepile",
    "iepile_samples/*_test.json": "iepile",
    "msra_ner/raw/springdub*": "tag_lines",
    "msra_ner/raw/*_sentences.txt": "conll_pair",
    "webnlg/raw/*_triples.json*": "casrel",
    "webnlg/raw/train.json*": "spo_details",
    "webnlg/raw/dev.json": "spo_details",
    "webnlg/raw/test.json": "spo_details",
}
NO_FORMAT = (
    "*/types.json",
    "*_samples/*_schema.json",
    "*/raw/*LICEN*",
    "duie2/raw/*schema.json",
    "webnlg/raw/rel2id.json",
)


@pytest.mark.parametrize("pattern", EXPECTED)
def test_every_real_file_is_recognised(real_data: Path, pattern: str) -> None:
    assert EXPECTED[pattern] in FORMATS
    paths = sorted(real_data.glob(pattern))

    assert {path.name: find_format("auto", path).name for path in paths} == dict.fromkeys(
        (path.name for path in paths), EXPECTED[pattern]
    )
    assert paths


@pytest.mark.parametrize("pattern", NO_FORMAT)
def test_what_is_no_labelled_text_is_of_no_format(real_data: Path, pattern: str) -> None:
    paths = sorted(real_data.glob(pattern))

    for path in paths:
        with pytest.raises(DataError, match="no known format"):
            find_format("auto", path)
    assert paths


@pytest.mark.parametrize(
    ("content", "look"),
    [
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (b"\x89PNG\0\0\0", "not UTF-8 text"),
        ("艾达写了笔记。".encode("gbk"), "not UTF-8 text"),
        (b"Dear Ada,\nhow are you?", "text that begins 'Dear Ada,'"),
        (b'{"a": 1, "b": 2}', "JSON objects with the fields a, b"),
        (json.dumps({f"k{i}": i for i in range(40)}).encode(), "fields k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, ..."),
    ],
)  # fmt: skip
def test_a_file_of_no_format_is_described(tmp_path: Path, content: bytes, look: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)

    with pytest.raises(DataError) as raised:
        find_format("auto", path)
    assert look in str(raised.value)
    assert "Set data.reader to one of records, iepile" in str(raised.value)


def test_a_folder_shows_the_names_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/1.txt", "c.txt", ".hidden"):
        (tmp_path / name).touch()

    assert sample(tmp_path).names == ("b/1.txt", "c.txt")
    with pytest.raises(DataError, match=r"a folder with b/1\.txt, c\.txt"):
        find_format("auto", tmp_path)


def test_a_folder_shows_no_more_names_than_are_needed(tmp_path: Path) -> None:
    for number in range(MOST_NAMES + 5):
        (tmp_path / str(number)).touch()

    assert len(sample(tmp_path).names) == MOST_NAMES


def test_the_head_of_a_file_is_all_that_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "entities": []}\n' * BLOCK)

    found = sample(path)

    assert len(found.text) == BLOCK
    assert len(found.rows) <= BLOCK // 28


def test_a_first_row_longer_than_the_head_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": "a" * 2 * BLOCK, "entities": []}) + "\n")

    assert find_format("auto", path).name == "records"


def test_a_compressed_file_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "x.xz"
    path.write_bytes(lzma.compress(b'\xef\xbb\xbf[\n{"text": "Ada", "entity": []}\n]'))

    assert find_format("auto", path).name == "instructie"
    assert [result.text for result in reader("auto")(path) if isinstance(result, Record)] == ["Ada"]


def test_broken_rows_in_the_head_do_not_hide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"text": "a", "ent\n[1]\n{"text": "Ada", "entities": [{"text": "Ada", "type": "PER"}]}\n{"x": NaN}\n'
    )

    assert find_format("auto", path).name == "records"


def test_a_named_format_is_taken_at_its_word(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Ada", "entity": []}\n')

    assert find_format("records", path).name == "records"
    with pytest.raises(ConfigError, match=r"no reader 'recrods'.*'records'.*auto"):
        find_format("recrods", path)


@pytest.mark.parametrize("name", ["auto", "instructie"])
def test_columns_have_the_names_that_the_user_gives(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"sentence": "Ada", "names": [{"entity": "Ada", "entity_type": "PER"}]}\n{"text": "Eve"}\n')

    record, bad = open_format(name, path, {"text": "sentence", "entity": "names"})

    assert isinstance(record, Record)
    assert (record.text, record.entities) == ("Ada", (Entity("Ada", "PER"),))
    assert not isinstance(bad, Record)


def test_rows_about_one_text_are_merged_under_other_names_too(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"q": json.dumps({"schema": [label], "input": "Ada"}), "a": json.dumps({label: ["Ada"]})} for label in "PQ"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    (record,) = open_format("iepile", path, {"instruction": "q", "output": "a"})

    assert isinstance(record, Record)
    assert record.entities == (Entity("Ada", "P"), Entity("Ada", "Q"))


def test_a_column_that_a_row_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Ada", "entity": []}\n')

    (bad,) = open_format("instructie", path, {"text": "sentence"})

    assert not isinstance(bad, Record)
    assert bad.reason == "lacks the field 'sentence'"


def test_a_format_without_columns_refuses_them(tmp_path: Path) -> None:
    without = [name for name, one in FORMATS.items() if one.parse is None]
    for name in without:
        with pytest.raises(ConfigError, match="is not a format of rows with columns"):
            open_format(name, tmp_path, {"text": "sentence"})
    assert without


def test_rows_of_another_form_with_the_same_names_are_not_taken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Ada", "entities": [[0, 3, "PER"]]}\n{"text": "Ada", "entities": []}\n')

    assert not FORMATS["records"].matches(sample(path))
