"""A bad line of any kind is rejected with its place and a reason; its neighbours are read."""

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import ConfigError, DataError
from extune.readers import FORMATS, reader
from extune.readers.lines import KEPT
from extune.records import Record, Rejected, record_to_json

GOOD = b'{"id": "good", "text": "Ada wrote."}'


def read(path: Path, content: bytes, name: str = "records") -> list[Record | Rejected]:
    path.write_bytes(content)
    return list(reader(name)(path))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "1", "text": "cut of', "not JSON (Unterminated string"),
        (b'{"id": "1", "text": "\xff"}', "not UTF-8 (invalid start byte at byte 22)"),
        (b"\x00\x00\x00", "not JSON"),
        (b'{"id": "1", "text": "a\\u0000b"}', "NUL"),
        (b'{"id": "1", "text": "\\ud800"}', "lone surrogate"),
        (b'{"id": "1", "text": "a", "\\uDFFF": 1}', "lone surrogate"),
        (b'[{"id": "1", "text": "a"}]', "a JSON array where one object a line is wanted; `jq -c '.[]' FILE`"),
        (b'[{"id": "1", "text": "a"},', "a JSON array where one object a line is wanted"),
        (b"7", "a number, not an object"),
        (b"null", "null, not an object"),
        (b"9" * 5000, "integer string"),
        (b"[" * 10_000, "nested too deeply"),
        (b'{"a": ' * 10_000, "nested too deeply"),
        (b'{"id": "1", "text": "a", "id": "2"}', "the field 'id' stands twice"),
        (b'{"id": "1", "text": "a", "x": {"y": 1, "y": 1}}', "the field 'y' stands twice"),
        (b'{"id": "1", "text": "a", "x": NaN}', "NaN is not JSON"),
        (b'{"id": "1", "text": "a", "x": -Infinity}', "-Infinity is not JSON"),
        (b'{"id": "1", "text": " \\n"}', "field 'text' is empty"),
        (b'{"id": "1"}', "lacks the field 'text'"),
        (b'{"id": "1", "text": ["a"]}', "field 'text' is a list, not a string"),
        (b'{"id": {}, "text": "a"}', "field 'id' is an object, not a string"),
        (b'{"id": true, "text": "a"}', "field 'id' is true or false, not a string"),
        (b'{"id": "1", "text": "a", "lang": 7}', "field 'lang' is a number, not a string"),
    ],
)
def test_a_bad_line_is_rejected_with_its_reason_and_the_next_one_is_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    bad, good = read(tmp_path / "x.jsonl", line + b"\n" + GOOD)

    assert isinstance(bad, Rejected)
    assert bad.where == f"{tmp_path / 'x.jsonl'}:1"
    assert reason in bad.reason
    assert isinstance(good, Record)
    assert good.where == f"{tmp_path / 'x.jsonl'}:2"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + GOOD + b"\r\n", b"\n  \n" + GOOD, GOOD + b"\n\n"])
def test_a_bom_crlf_and_blank_lines_are_no_trouble(tmp_path: Path, content: bytes) -> None:
    (record,) = read(tmp_path / "x.jsonl", content)

    assert isinstance(record, Record)
    assert record.text == "Ada wrote."


def test_a_pair_of_surrogate_escapes_is_one_character(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "x.jsonl", b'{"text": "\\ud83d\\ude00"}')

    assert isinstance(record, Record)
    assert record.text == "\U0001f600"


def test_a_rejected_line_is_kept_up_to_its_limit(tmp_path: Path) -> None:
    (bad,) = read(tmp_path / "x.jsonl", b"\xff" + b"y" * 9000)

    assert isinstance(bad, Rejected)
    assert bad.line.startswith("\\xffyyy")
    assert len(bad.line) == KEPT


def test_ids_are_unique_in_a_file(tmp_path: Path) -> None:
    rows = [
        {"text": "a"},
        {"text": "a"},
        {"text": "b", "id": "x"},
        {"text": "c", "id": "x"},
        {"text": "d", "id": 5},
    ]
    records = read(tmp_path / "x.jsonl", "\n".join(map(json.dumps, rows)).encode())

    ids = [record.id for record in records if isinstance(record, Record)]
    assert ids == ["ca978112ca1bbdca", "ca978112ca1bbdca-2", "x", "x-4", "5"]


def test_a_missing_file_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file not found"):
        list(reader("records")(tmp_path / "none.jsonl"))


def test_an_unknown_reader_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no reader 'instructIE'.* Did you mean 'instructie'.*iepile"):
        reader("instructIE")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PAIR = {"head": "Ada", "head_type": "PER", "relation": "wrote", "tail": "notes", "tail_type": "WORK"}
EVENT = {"event_type": "write", "trigger": "wrote", "arguments": [{"role": "who", "text": "Ada"}]}
QUESTION = {
    "instruction": "x",
    "schema": [{"predicate": "wrote", "subject_type": "PER"}],
    "input": "Ada wrote.",
}
VALID = {
    "records": {
        "id": "1",
        "text": "Ada wrote.",
        "entities": [{"text": "Ada", "type": "PER", "start": 0, "end": 3}],
        "relations": [PAIR],
        "events": [EVENT],
        "qa": {"question": "who?", "answer": "Ada", "document": "Ada wrote."},
    },
    "triple_instruct": {"id": 1, "lang": "en", "input": "Ada wrote.", "output": "(Ada, wrote, notes)"},
    "instructie": {
        "text": "Ada wrote.",
        "entity": [{"entity": "Ada", "entity_type": "PER"}],
        "relation": [PAIR],
        "event": [{"event_type": "x", "event_trigger": "", "arguments": [{"role": "who", "argument": "Ada"}]}],
    },
    "iepile": {
        "task": "SPO",
        "source": "s",
        "instruction": QUESTION,
        "output": {"wrote": [{"subject": "Ada", "object": "notes"}]},
    },
}


@st.composite
def spoiled(draw: st.DrawFn, row: Any) -> Any:
    """The row with some value in it, at any depth, replaced or taken away."""
    if not isinstance(row, dict | list) or not row or draw(st.integers(0, 3)) == 0:
        return draw(JSON)
    row = copy.copy(row)
    key = draw(st.sampled_from(sorted(row) if isinstance(row, dict) else range(len(row))))
    if draw(st.integers(0, 4)) == 0:
        del row[key]
    else:
        row[key] = draw(spoiled(row[key]))
    return row


def written(row: Any) -> str:
    """IEPile rows hold JSON in strings."""
    if isinstance(row, dict):
        row = {
            k: json.dumps(v) if k in ("instruction", "output") and not isinstance(v, str) else v for k, v in row.items()
        }
    return json.dumps(row)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


@pytest.mark.parametrize("name", FORMATS)
def test_the_rows_that_are_spoiled_below_are_good_ones(tmp_path: Path, name: str) -> None:
    (record,) = read(tmp_path / "x", written(VALID[name]).encode(), name)

    assert isinstance(record, Record)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data(), noise=st.binary(max_size=30))
def test_no_line_makes_a_reader_raise(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject, noise: bytes
) -> None:
    row = data.draw(spoiled(VALID[name]))
    path = tmp_path_factory.getbasetemp() / f"{name}.jsonl"

    for result in read(path, written(row).encode() + b"\n" + noise, name):
        if isinstance(result, Record):
            json.dumps(record_to_json(result), ensure_ascii=False).encode()
            assert {type(leaf) for leaf in leaves(asdict(result))} <= {str, int, type(None)}
            assert result.text.strip()
        else:
            assert result.reason
