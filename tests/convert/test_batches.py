"""Batches of a file hold what reading it line by line gives, wherever they are cut."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extune import files
from extune.convert import batches as module
from extune.convert.batches import Line, file_batches
from extune.files import Block, Unread, raw_lines
from extune.readers.elements import raw_records

LINE = st.sampled_from(
    [b"{}", b"", b"  ", b'{"a": 1}', b"\xef\xbb\xbf{}", b"{" + b"x" * 9, b"{" + b"x" * 10, b"{" + b"x" * 90]
)


def told(lines: list[Line]) -> list[tuple[int, bytes, str]]:
    return [(number, bytes(line), line.reason if isinstance(line, Unread) else "") for number, line in lines]


@example(lines=[b"{" + b"x" * 10, b"{}"], end=b"\r\n", closed=False, size=1)  # cut between CR and LF
@given(lines=st.lists(LINE), end=st.sampled_from([b"\n", b"\r\n"]), closed=st.booleans(), size=st.integers(1, 40))
def test_every_line_is_in_one_batch_under_its_number(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, closed: bool, size: int
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.jsonl"
    path.write_bytes(end.join(lines) + end * closed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAX_RECORD", 10)
        patch.setattr(files, "HEAD", 5)
        expected = told(list(raw_lines(path)))
        found = told([line for block in files.line_blocks(path, size) for line in block])
    assert found == expected


def test_batches_of_json_lines_are_blocks_and_packed_ones_too(tmp_path: Path) -> None:
    content = b"".join(b'{"n": %d}\n' % n for n in range(40_000))
    (tmp_path / "x.jsonl").write_bytes(content)
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(content, 1))
    plain, packed = (list(file_batches(tmp_path / name)) for name in ("x.jsonl", "x.jsonl.gz"))
    assert len(plain) > 2
    assert all(isinstance(batch, Block) for batch in plain)
    assert plain == packed
    assert [line for batch in plain for line in batch] == list(raw_lines(tmp_path / "x.jsonl"))


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array_and_objects_over_many_lines_are_batches_of_their_elements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"n": n} for n in range(20)], indent=indent))
    monkeypatch.setattr(module, "BATCH_LINES", 8)
    found = list(file_batches(path))
    assert [line for batch in found for line in batch] == list(raw_records(path))
    assert len(found) == 3


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_that_is_too_long_is_told_without_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(files, "MAX_RECORD", 10)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"x" * 11 + end)
    blocks = (line for block in files.line_blocks(path, 1) for line in block)
    for lines in (raw_lines(path), blocks):
        assert [line.reason for _, line in lines if isinstance(line, Unread)] == [
            "11 bytes long, more than 10 a record"
        ]
