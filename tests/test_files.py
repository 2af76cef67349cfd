"""Files appear whole or not at all; what cannot be read is named by file and line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune.errors import DataError
from extune.files import atomic, numbered_lines, read_json, read_jsonl, write_json, write_jsonl

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@settings(max_examples=30)
@given(rows=st.lists(JSON, max_size=4))
def test_rows_that_were_written_are_read_back(scratch: Path, rows: list[Any]) -> None:
    path = scratch / "rows.jsonl"
    assert write_jsonl(path, rows) == len(rows)
    assert list(read_jsonl(path)) == rows


@settings(max_examples=30)
@given(value=JSON)
def test_a_document_that_was_written_is_read_back(scratch: Path, value: Any) -> None:
    write_json(scratch / "value.json", value)
    assert read_json(scratch / "value.json") == value


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "张"})
    write_json(tmp_path / "b.json", {"a": "张", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "张",\n  "b": 1\n}\n'


def test_a_row_is_one_line_of_utf_8_whatever_it_holds(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", ["张\n\u2028🏽"])
    assert (tmp_path / "a.jsonl").read_bytes() == '"张\\n\u2028🏽"\n'.encode()


def test_a_failure_half_way_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, ["old"])

    def rows() -> Iterator[str]:
        yield "new"
        raise RuntimeError("out of rows")

    with pytest.raises(RuntimeError, match="out of rows"):
        write_jsonl(path, rows())
    assert list(read_jsonl(path)) == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_to_be_seen_under_the_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic(path) as handle:
        handle.write("x\n")
        assert not path.exists()
    assert path.read_bytes() == b"x\n"


def test_lines_keep_their_numbers_and_lose_bom_line_ends_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n  \ntwo \x0b\xe2\x80\xa8three\nfour")
    assert list(numbered_lines(path)) == [(1, "one"), (4, "two \x0b\u2028three"), (5, "four")]


@pytest.mark.parametrize("read", [read_json, lambda *given: list(read_jsonl(*given))])
def test_a_missing_file_is_named_with_its_remedy(tmp_path: Path, read: Any) -> None:
    for path in (tmp_path / "a.json", tmp_path):
        with pytest.raises(DataError) as caught:
            read(path, "Run it")
        assert str(caught.value) == f"{path}: file not found. Run it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1}\n\n{"a": \n', "not JSON (Expecting value)"),
        (b'{"a": 1}\n\n"\xff"\n', "not UTF-8 (invalid start byte)"),
    ],
)
def test_a_bad_line_is_named_after_the_good_ones_are_read(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    rows = read_jsonl(path)

    assert next(rows) == {"a": 1}
    with pytest.raises(DataError) as caught:
        next(rows)
    assert str(caught.value) == f"{path}:3: {reason}"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", json.dumps({}).encode() + b"x"])
def test_a_document_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json: not JSON \(.+\)$"):
        read_json(path)
