"""A bad line of any kind is rejected with its place and a reason; its neighbours are read."""

import gzip
import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune import files
from extune.errors import ConfigError, DataError
from extune.files import Unread
from extune.readers import elements, reader, records
from extune.readers.lines import KEPT, read_line, read_row, renamed
from extune.records import Record, Rejected

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
        (b"[1, 2]", "a JSON array where one object a line is wanted; `jq -c '.[]' FILE`"),
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


# Arrays, and objects over several lines.

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(str.strip)


def told(results: list[Record | Rejected]) -> list[str]:
    """The text of a record, the reason of a rejected one."""
    return [result.text if isinstance(result, Record) else result.reason for result in results]


def places(results: list[Record | Rejected]) -> list[int]:
    return [int(result.where.rpartition(":")[2]) for result in results]


@given(texts=st.lists(TEXT, max_size=6), indent=st.sampled_from([None, 0, 1, 4, "\t"]), ascii_only=st.booleans())
def test_an_array_says_what_its_lines_would_say(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], indent: int | str | None, ascii_only: bool
) -> None:
    rows = [{"text": text, "id": str(number), "x": ['}]"', {"y": "\\"}]} for number, text in enumerate(texts)]
    content = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode()

    results = read(tmp_path_factory.getbasetemp() / "array.json", content)

    assert told(results) == texts
    lines = content.decode().split("\n")
    assert indent is None or all(lines[place - 1].strip() == "{" for place in places(results))


@pytest.mark.parametrize("indent", [1, 2])
def test_objects_may_be_spread_over_lines(tmp_path: Path, indent: int) -> None:
    content = "\n".join(json.dumps({"text": text, "id": text}, indent=indent) for text in "abc")

    results = read(tmp_path / "x.json", b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode())

    assert (told(results), places(results)) == (["a", "b", "c"], [1, 5, 9])


def test_one_object_over_many_lines_may_begin_on_the_first(tmp_path: Path) -> None:
    assert told(read(tmp_path / "x.json", b'{"id": "1",\n "text":\n"a"}')) == ["a"]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_an_element_may_end_anywhere_in_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(elements, "BLOCK", size)
    rows = [{"text": text} for text in ('a\\"]', "字}", 'b\\\\"')]

    results = read(tmp_path / "x.json", json.dumps(rows, ensure_ascii=False).encode() + b"\n" * 100)

    assert told(results) == [row["text"] for row in rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"text": "a"},\n{"text": "b"\n,\n{"text": "c"}\n]', ["a", "not JSON", "c"]),
        ('[{"text": "a"},\n{"text": "b},\n{"text": "c"}\n]', ["a", "not JSON", "c"]),
        (
            '[{"text": "a},\n{"text": "b"},\n{"text": "c},\n{"text": "d"}\n]',
            ["not JSON", "b", "not JSON", "d"],
        ),
        ('[\n {"text": "a"]},\n {"text": "c"}\n]', ["not JSON", "c"]),
        ('[{"text": "a"}, 7, NaN, ["b"], {"text": "c"}]', ["a", "a number", "NaN is not JSON", "a JSON array", "c"]),
        ('[{"text": "a"}, {"text": "c"}', ["a", "c", "the array is not closed"]),
        ('[\n  {\n    "text": "a"\n  },\n  {\n    "te', ["a", "not JSON", "the array is not closed"]),
        ("[", ["the array is not closed"]),
        ("[]", []),
        ('[{"text": "a"}]\n{"text": "b"}', ["a", "b"]),
        ('{\n"text": "a"\n}\n{\n"text": \n', ["a", "not JSON"]),
    ],
)
def test_what_is_broken_in_an_array_leaves_the_rest_whole(tmp_path: Path, content: str, expected: list[str]) -> None:
    results = told(read(tmp_path / "x.json", content.encode()))

    assert len(results) == len(expected)
    assert all(map(str.startswith, results, expected)), results


@pytest.mark.parametrize("layout", ["{}\n{}\n{}", "[{}, {}, {}]", "[\n{},\n{},\n{}\n]"])
@pytest.mark.parametrize("length", [1100, 3000, 200_000])
def test_a_record_that_is_too_long_is_rejected_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, length: int
) -> None:
    for module in (files, elements):
        monkeypatch.setattr(module, "MAX_RECORD", 1000)
    monkeypatch.setattr(elements, "BLOCK", 256)
    long = json.dumps({"text": "x" * length})
    content = layout.replace("{}", "%s") % ('{"text": "a"}', long, '{"text": "b"}')

    first, bad, last = read(tmp_path / "x.json", content.encode())

    assert told([first, last]) == ["a", "b"]
    assert isinstance(bad, Rejected)
    assert (bad.reason, len(bad.line)) == (f"{len(long)} bytes long, more than 1000 a record", KEPT)
    assert int(bad.where.rpartition(":")[2]) == {"[{}": 1, "{}\n": 2, "[\n{": 3}[layout[:3]]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc, which Linux has")
@pytest.mark.parametrize(("layout", "megabytes"), [((b"\n", b"\n", b""), 100), ((b"[", b",", b"]"), 50)])
def test_a_record_of_100_mb_is_never_held(tmp_path: Path, layout: tuple[bytes, bytes, bytes], megabytes: int) -> None:
    before, between, after = layout
    path = tmp_path / "x.json"
    with open(path, "wb") as handle:
        handle.write(before + b'{"text": "a"}' + between + b'{"text": "')
        for _ in range(megabytes):
            handle.write(b"x" * 1_000_000)
        handle.write(b'"}' + between + b'{"text": "b"}' + after)
    code = (
        "import sys; from pathlib import Path; from extune.readers import reader\n"
        "print(*(getattr(r, 'text', None) or r.reason for r in reader('records')(Path(sys.argv[1]))), sep='\\n')\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )

    output = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)

    a, bad, b, peak = output.stdout.split("\n")[:4]
    assert (a, b, bad.split()[0]) == ("a", "b", f"{megabytes}000012")
    assert int(peak) < 200 * 1024


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_compressed_files_are_read_through(tmp_path: Path, pack: Any) -> None:
    packed = pack(b"[" + GOOD + b",\n" + GOOD + b"]")

    assert told(read(tmp_path / "x.json.packed", packed)) == ["Ada wrote."] * 2
    with pytest.raises(DataError, match="damaged compressed file"):
        read(tmp_path / "x.json.packed", packed[:-9])


@pytest.mark.parametrize(
    ("encoding", "hint"),
    [("gb18030", "; looks like GBK/GB18030: `iconv -f GB18030 -t UTF-8 FILE`"), ("utf-16", "looks like UTF-16")],
)
def test_a_file_in_another_encoding_says_which(tmp_path: Path, encoding: str, hint: str) -> None:
    rows = "\n".join('{"text": "艾达写了笔记。"}' for _ in range(3))

    results = read(tmp_path / "x.jsonl", rows.encode(encoding))

    assert hint in told(results)[0]
    assert all(isinstance(result, Rejected) for result in results)


@pytest.mark.parametrize("text", ["été déjà vécu à côté", "créées", "naïve idée sincère"])
def test_latin_1_is_not_taken_for_chinese(tmp_path: Path, text: str) -> None:
    (bad,) = read(tmp_path / "x.jsonl", f'{{"text": "{text}"}}'.encode("latin-1"))

    assert isinstance(bad, Rejected)
    assert bad.reason.endswith(")")


# Columns.


def test_columns_may_have_names_of_their_own() -> None:
    def parse(row: dict[str, Any], where: str) -> Record:
        return Record(str(row.get("id")), row["text"])

    assert renamed(parse, {"text": "sentence"})({"sentence": "a", "id": 3}, "") == Record("3", "a")
    with pytest.raises(KeyError, match="sentence"):
        renamed(parse, {"text": "sentence"})({"text": "the wrong one"}, "")
    with pytest.raises(KeyError, match="text"):
        renamed(parse, {"id": "number"})({"number": 3}, "")


@pytest.mark.parametrize("depth", [*range(900, 1000, 7), 5000])
def test_no_depth_of_nesting_makes_a_row_raise(depth: int) -> None:
    row: dict[str, Any] = {}
    for _ in range(depth):
        row = {"x": row}

    assert isinstance(read_row(row, "x:1", lambda row, where: Record("1", row["text"])), Rejected)


ODD = [
    ('{"id": "a", "text": "x", "id": "a"}', "stands twice"),
    ('{"id": "a", "id": "b", "text": "\\u0022\\u0022\\u0022\\u0022"}', "stands twice"),
    ('{"id": "a", "text": "x", "entities": [{"text": "x", "text": "x", "type": "t"}]}', "stands twice"),
    ('{"id": "a", "text": "x", "more": NaN}', "NaN is not JSON"),
    ('{"id": "a", "text": "x", "more": "\\udc00"}', "lone surrogate"),
    ('{"id": 1.5, "text": "x"}', "is a number, not a string"),
]


@pytest.mark.parametrize(("line", "reason"), ODD)
def test_what_the_fast_parser_takes_and_json_does_not_is_refused(line: str, reason: str) -> None:
    found = read_line(line.encode(), "x:1", records.parse)
    assert isinstance(found, Rejected)
    assert reason in found.reason


@pytest.mark.parametrize("text", ['say \\"x\\"', "\\u0022", "\\u4e00", "\\ud83d\\ude00", "a: \\\\", "a\\n"])
def test_escapes_are_read_as_json_reads_them(text: str) -> None:
    found = read_line(f'{{"id": "a", "text": "{text}"}}'.encode(), "x:1", records.parse)
    assert isinstance(found, Record)
    assert found.text == json.loads(f'"{text}"')


def test_a_whole_number_of_any_length_is_an_id() -> None:
    graph = {"entities": [{"id": 10**25, "name": "n"}]}
    for row in ({"id": 10**25, "text": "x"}, {"id": "a", "text": "x", "graph": graph}):
        found = read_line(json.dumps(row).encode(), "x:1", records.parse)
        assert isinstance(found, Record)
        assert str(10**25) in (found.id, *(node.id for node in (found.graph.nodes if found.graph else ())))


def test_a_line_that_was_not_read_is_not_parsed_whatever_its_head_is() -> None:
    found = read_line(Unread(b'{"id": "a", "text": "x"}', "too long"), "x:1", records.parse)
    assert isinstance(found, Rejected)
    assert found.reason == "too long"


def test_a_graph_that_is_no_object_is_refused() -> None:
    found = read_line(b'{"id": "a", "text": "x", "graph": "x"}', "x:1", records.parse)
    assert isinstance(found, Rejected)
    assert "'graph' holds a string where an object is wanted" in found.reason
