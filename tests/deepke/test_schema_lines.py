"""The three lines of a schema file, and what is said about other files."""

from pathlib import Path

import pytest

from extune.deepke import read_schema_lines
from extune.errors import DataError


def test_three_lines_are_read_with_bom_crlf_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_bytes('\ufeff["人"]\r\n\r\n[]\r\n{"人": ["a\u2028"]}\r\n'.encode())
    assert read_schema_lines(path) == (["人"], [], {"人": ["a\u2028"]})


def test_without_a_file_nothing_is_asked_beyond_a_rows_own_labels() -> None:
    assert read_schema_lines(None) == ([], [], {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[]\n[]\n", "schema.json: 2 lines instead of three"),
        (b"[]\n[]\n{}\n{}\n", "4 lines instead of three"),
        (b"[]\n[\n{}\n", "schema.json:2: not JSON"),
        (b"{}\n[]\n{}\n", "schema.json:1: another form"),
        (b"[]\n[1]\n{}\n", "schema.json:2: another form"),
        (b"[]\n\n[]\n[]\n", "schema.json:4: another form"),
        (b'[]\n[]\n{"a": "b"}\n', "schema.json:3: another form"),
        (b"[" * 100_000 + b"\n[]\n{}\n", "schema.json:1: not JSON"),
        (b'["\xb0\xa1"]\n[]\n{}\n', "not UTF-8"),
    ],
)
def test_another_file_is_refused_with_its_place(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=why):
        read_schema_lines(path)


def test_a_missing_file_is_no_empty_schema(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="schema file not found"):
        read_schema_lines(tmp_path / "none.json")
