"""Bad input of every kind, to every format it can happen to: a place and a reason for it, and the rest is read."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extune import files
from extune.readers import FORMATS, open_format, texts
from extune.records import Record, Rejected, record_to_json

PAIR = {"head": "Ada", "head_type": "PER", "relation": "wrote", "tail": "notes", "tail_type": "WORK"}
EVENT = {"event_type": "write", "trigger": "wrote", "arguments": [{"role": "who", "text": "Ada"}]}
QUESTION = {"instruction": "x", "schema": [{"predicate": "wrote", "subject_type": "PER"}], "input": "Ada wrote."}
# A good row of every format that is JSON objects; "Ada" stands in the text of each.
ROWS: dict[str, Any] = {
    "records": {
        "id": "1",
        "text": "Ada wrote.",
        "entities": [{"text": "Ada", "type": "PER", "start": 0, "end": 3}],
        "relations": [PAIR],
        "events": [EVENT],
        "qa": {"question": "who?", "answer": "Ada", "document": "Ada wrote."},
    },
    "triple_instruct": {"instruction": "x", "lang": "en", "input": "Ada wrote.", "output": "(Ada, wrote, notes)"},
    "entity_instruct": {"instruct": "x", "query": "Ada wrote.", "answer": "Ada_PER"},
    "instructie": {
        "text": "Ada wrote.",
        "entity": [{"entity": "Ada", "entity_type": "PER"}],
        "relation": [PAIR],
        "event": [{"event_type": "x", "event_trigger": "", "arguments": [{"role": "who", "argument": "Ada"}]}],
    },
    "iepile": {
        "task": "SPO",
        "source": "s",
        "instruction": json.dumps(QUESTION),
        "output": json.dumps({"wrote": [{"subject": "Ada", "object": "notes"}]}),
    },
    "messages": {"messages": [{"role": "user", "content": "Ada wrote."}, {"role": "assistant", "content": "Ada_PER"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "Ada wrote."}, {"from": "gpt", "value": "Ada_PER"}]},
    "alpaca": {"instruction": "Find names.", "input": "Ada wrote.", "output": "Ada_PER"},
    "raw_graph": {
        "text": "Ada wrote.",
        "entities": [{"labels": ["PER"], "id": "1", "name": "Ada", "description": "x"}],
        "relationships": [{"type": "x", "source": "1", "target": "Ada", "confidence": 0.5, "evidence": "wrote"}],
    },
    "ctinexus": {
        "text": "Ada wrote.",
        "explicit_triplets": [{"subject": "Ada", "relation": "wrote", "object": "notes"}],
        "entities": [{"entity_name": "Ada", "entity_type": "PER", "mentions": []}],
    },
    "squad": {"id": "1", "context": "Ada wrote.", "question": "Who?", "answers": {"text": ["Ada"]}},
    "duie": {
        "text": "Ada wrote.",
        "spo_list": [
            {
                "subject": "Ada",
                "subject_type": "PER",
                "predicate": "wrote",
                "object": {"@value": "notes"},
                "object_type": {"@value": "WORK"},
            }
        ],
    },
    "duee": {
        "text": "Ada wrote.",
        "event_list": [{"event_type": "x", "trigger": "wrote", "arguments": [{"role": "who", "argument": "Ada"}]}],
    },
    "fewfc": {
        "content": "Ada wrote.",
        "events": [{"type": "x", "mentions": [{"word": "Ada", "span": [0, 3], "role": "trigger"}]}],
    },
    "casrel": {"text": "Ada wrote.", "triple_list": [["Ada", "wrote", "notes"]]},
    "spert": {
        "tokens": ["Ada", "wrote"],
        "entities": [{"type": "PER", "start": 0, "end": 1}],
        "relations": [{"type": "x", "head": 0, "tail": 0}],
    },
    "spo_details": {"tokens": ["Ada", "wrote"], "spo_list": [], "spo_details": [[0, 1, "PER", "x", 1, 2, "ACT"]]},
    "doccano": {"text": "Ada wrote.", "label": [[0, 3, "PER"]]},
    "spacy": {"text": "Ada wrote.", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
}
# A good file of the formats that are plain text.
TEXTS = {
    "conll": "Ada B-PER\nwrote O\n\nBob B-PER\nread O\n",
    "conll04": "#doc 1\n0\tAda\tB-Peop\t['N']\t[0]\n1\twrote\tO\t['N']\t[1]\n"
    "#doc 2\n0\tBob\tB-Peop\t['N']\t[0]\n1\tread\tO\t['N']\t[1]\n",
    "tag_lines": "Ada wrote\nB-PER O\nBob read\nB-PER O\n",
}
"""Formats of several files, such as brat, have tests of their own."""

OF_ROWS = [name for name in ROWS if name in FORMATS]
OF_TEXT = [name for name in TEXTS if name in FORMATS]


def spelled(name: str, person: str = "Ada") -> bytes:
    return json.dumps(ROWS[name], ensure_ascii=False).replace("Ada", person).encode()


def read(path: Path, content: bytes, name: str) -> list[Record | Rejected]:
    path.write_bytes(content)
    return list(open_format(name, path))


def test_every_format_of_rows_has_a_good_row_here() -> None:
    assert {name for name, one in FORMATS.items() if one.parse} <= set(ROWS)


def test_the_rows_that_are_spoiled_below_are_good_ones(tmp_path: Path) -> None:
    for name in OF_ROWS:
        (record,) = read(tmp_path / "x", spelled(name), name)

        assert isinstance(record, Record), name
        assert record.text.startswith("Ada wrote"), name


SPOIL: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (lambda row: row[: len(row) // 2], "not JSON"),
    "raw NUL": (lambda row: row.replace(b"Ada", b"A\0a"), "Invalid control character"),
    "NUL": (lambda row: row.replace(b"Ada", b"A\\u0000a"), ""),
    "lone surrogate": (lambda row: row.replace(b"Ada", b"A\\ud800a"), "lone surrogate"),
    "invalid UTF-8": (lambda row: row.replace(b"Ada", b"A\xff"), "not UTF-8 (invalid start byte"),
    "GBK": (lambda row: row.replace(b"Ada", "艾达".encode("gbk")), "looks like GBK"),
    "array": (lambda row: b"[" + row + b"]", "a JSON array where one object"),
    "deep arrays": (lambda row: b"[" * 10_000, "nested too deeply"),
    "deep objects": (lambda row: row[:-1] + b', "x":' + b'{"x":' * 10_000, "nested too deeply"),
    "key twice": (lambda row: row[:-1] + b', "x": 1, "x": 2}', "the field 'x' stands twice"),
    "NaN": (lambda row: row[:-1] + b', "x": NaN}', "NaN is not JSON"),
    "Infinity": (lambda row: row[:-1] + b', "x": -Infinity}', "-Infinity is not JSON"),
    "empty": (lambda row: b"{}", "lacks the field"),
}


@pytest.mark.parametrize("how", SPOIL)
@pytest.mark.parametrize("layout", ["%b\n%b\n%b\n", "[%b,\n%b,\n%b\n]"])
def test_good_rows_survive_around_a_bad_one(tmp_path: Path, how: str, layout: str) -> None:
    spoil, reason = SPOIL[how]
    path = tmp_path / "x.json"
    for name in OF_ROWS:
        content = layout.encode() % (spelled(name), spoil(spelled(name)), spelled(name, "Eve"))

        results = read(path, content, name)

        good = [result.text[:3] for result in results if isinstance(result, Record)]
        (bad, *more) = (result for result in results if isinstance(result, Rejected))
        assert good == ["Ada", "Eve"], name
        assert bad.where == f"{path}:2", name
        assert reason in bad.reason or (name, how) in REASONS
        assert bad.reason, name
        assert not more or layout[0] == "[", name


# Where the format's own check comes first, or an array may be a row.
REASONS = {*((name, "empty") for name in ROWS), ("spacy", "array")}
# Three code points, as many as "Ada" has.
ODD = {
    "zero width": "A\u200b\ufeff",
    "bidi": "\u202eA\u202c",
    "emoji": "\U0001f469\u200d\U0001f4bb",
    "astral": "𠮷𠮷𠮷",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_characters_in_rows_are_kept(tmp_path: Path, odd: str) -> None:
    for name in OF_ROWS:
        (record,) = read(tmp_path / "x", spelled(name, odd), name)

        assert isinstance(record, Record), name
        assert odd in record.text, name
        assert {entity.text for entity in record.entities} <= {odd, "wrote"}, name


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_characters_in_texts_are_kept(tmp_path: Path, odd: str) -> None:
    for name in OF_TEXT:
        first, *_ = read(tmp_path / "x.txt", TEXTS[name].replace("Ada", odd).encode(), name)

        assert isinstance(first, Record), name
        assert [entity.text for entity in first.entities] == [odd], name


@pytest.mark.parametrize("name", [*OF_ROWS, *OF_TEXT])
def test_a_bom_and_crlf_change_nothing(tmp_path: Path, name: str) -> None:
    content = TEXTS[name].encode() if name in TEXTS else spelled(name) + b"\n" + spelled(name, "Eve") + b"\n"

    plain = read(tmp_path / "x.txt", content, name)

    assert read(tmp_path / "x.txt", b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"), name) == plain
    assert [isinstance(result, Record) for result in plain] == [True, True]


@pytest.mark.parametrize("name", OF_TEXT)
@pytest.mark.parametrize(
    ("word", "reason"), [(b"A\xffa", "not UTF-8"), ("艾达".encode("gbk"), "looks like GBK"), (b"A\0a", "NUL")]
)
def test_a_good_sentence_survives_a_bad_one(tmp_path: Path, name: str, word: bytes, reason: str) -> None:
    bad, good = read(tmp_path / "x.txt", TEXTS[name].encode().replace(b"Ada", word), name)

    assert isinstance(bad, Rejected)
    assert reason in bad.reason
    assert bad.where.startswith(f"{tmp_path / 'x.txt'}:")
    assert isinstance(good, Record)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


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


def unpacked(row: Any) -> Any:
    """IEPile rows hold JSON in strings: those are spoiled inside, too."""
    return {name: json.loads(v) if isinstance(v, str) and v[0] == "{" else v for name, v in row.items()}


def packed(row: Any) -> str:
    if isinstance(row, dict):
        row = {
            k: json.dumps(v) if k in ("instruction", "output") and isinstance(v, dict) else v for k, v in row.items()
        }
    return json.dumps(row)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


@pytest.mark.parametrize("name", OF_ROWS)
@settings(max_examples=12)
@given(data=st.data(), noise=st.binary(max_size=30))
def test_no_line_makes_a_reader_raise(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject, noise: bytes
) -> None:
    row = data.draw(spoiled(unpacked(ROWS[name])))
    path = tmp_path_factory.getbasetemp() / f"{name}.jsonl"

    for result in read(path, packed(row).encode() + b"\n" + noise, name):
        if isinstance(result, Record):
            json.dumps(record_to_json(result), ensure_ascii=False).encode()
            assert {type(leaf) for leaf in leaves(asdict(result))} <= {str, int, float, type(None)}
            assert result.text.strip()
        else:
            assert result.reason


def test_a_bad_text_among_texts_is_rejected_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_RECORD", 100)
    path = tmp_path / "x.txt"
    path.write_bytes(b"Ada\n" + b"x" * 200 + b"\n" + "艾达".encode("gbk") + b'\nA\0a\n{"text": 1}\nEve\n')

    results = list(texts.read(path))

    assert [result.text for result in results if isinstance(result, Record)] == ["Ada", "Eve"]
    long, gbk, nul, number = (result.reason for result in results if isinstance(result, Rejected))
    assert long == "200 bytes long, more than 100 a record"
    assert "looks like GBK" in gbk
    assert "NUL" in nul
    assert number == "field 'text' is a number, not a string"


def test_texts_may_come_as_an_array(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"text": "Ada"}, {"text": "Eve"}], indent=1))

    assert [result.text for result in texts.read(path) if isinstance(result, Record)] == ["Ada", "Eve"]
