"""brat's pairs of a text and its annotations."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import DataError
from extune.readers.brat import matches, read
from extune.readers.format import Sample
from extune.records import Argument, Entity, Event, Record, Rejected, Relation

TEXT = "Acme bought Bolt in Rome. North and South Ohio cheered.\n"
ANN = """T1\tOrg 0 4\tAcme
T2\tMerge 5 11\tbought
T3\tOrg 12 16\tBolt
T4\tLoc 20 24\tRome
T5\tLoc 26 31;42 46\tNorth Ohio
E1\tMerge:T2 Org1:T1 Org2:T3 Place:T4
T6\tCheer 47 54\tcheered
E2\tCheer:T6 Cause:E1
R1\tSeat Arg1:T1 Arg2:T4
R2\tAfter Arg2:E1 Arg1:E2
A1\tNegation E1
M1\tConfidence E2 L1
N1\tReference T4 Wikipedia:25458\tRome
*\tEquiv T1 T3
*\tEquiv T4 T5
#1\tAnnotatorNotes T1\ta note
"""


def document(folder: Path, text: str | bytes, ann: str | bytes, name: str = "a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / f"{name}.ann").write_bytes(ann.encode() if isinstance(ann, str) else ann)
    return path


def one(path: Path) -> Record | Rejected:
    (result,) = read(path)
    return result


def test_spans_events_and_relations_are_read_and_the_rest_is_let_go(tmp_path: Path) -> None:
    assert one(document(tmp_path, TEXT, ANN)) == Record(
        id="a",
        text=TEXT,
        lang="en",
        entities=(
            Entity("Acme", "Org", 0, 4),
            Entity("Bolt", "Org", 12, 16),
            Entity("Rome", "Loc", 20, 24),
            Entity("North Ohio", "Loc"),
        ),
        relations=(
            Relation("Acme", "Seat", "Rome", "Org", "Loc"),
            Relation("cheered", "After", "bought", "Cheer", "Merge"),
        ),
        events=(
            Event("Merge", "bought", (Argument("Org", "Acme"), Argument("Org", "Bolt"), Argument("Place", "Rome"))),
            Event("Cheer", "cheered", (Argument("Cause", "bought"),)),
        ),
    )


def test_parts_of_a_span_that_are_apart_by_a_line_break_are_one(tmp_path: Path) -> None:
    result = one(document(tmp_path, "New\nYork", "T1\tLoc 0 3;4 8\tNew York\n"))

    assert isinstance(result, Record)
    assert result.entities == (Entity("New\nYork", "Loc", 0, 8),)


@pytest.mark.parametrize(
    ("raw", "start", "text"),
    [
        (b"Hi\r\nAda", 4, "Hi\r\nAda"),
        (b"Hi\r\nAda", 3, "Hi\nAda"),
        (b"\xef\xbb\xbfHi Ada", 3, "Hi Ada"),
        (b"\xef\xbb\xbfHi Ada", 4, "Hi Ada"),
        ("😀 Ada".encode(), 2, "😀 Ada"),
    ],
)
def test_offsets_are_true_however_a_bom_and_line_ends_were_counted(
    tmp_path: Path, raw: bytes, start: int, text: str
) -> None:
    result = one(document(tmp_path, raw, f"T1\tPER {start} {start + 3}\tAda\r\n"))

    assert isinstance(result, Record)
    assert result.text == text
    assert result.entities == (Entity("Ada", "PER", len(text) - 3, len(text)),)


def test_a_folder_is_read_with_those_in_it_and_a_text_alone_is_rejected(tmp_path: Path) -> None:
    document(tmp_path / "b", "Bob", "", "x")
    document(tmp_path / "a", "Ada", "", "x")
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "z.ann").touch()
    (tmp_path / "annotation.conf").touch()

    a, b, text, ann = read(tmp_path)

    assert [(r.id, r.text) for r in (a, b) if isinstance(r, Record)] == [("a/x", "Ada"), ("b/x", "Bob")]
    assert [r.reason for r in (text, ann) if isinstance(r, Rejected)] == [
        "no readme.ann beside it",
        "no z.txt beside it",
    ]


@pytest.mark.parametrize(
    ("ann", "line", "reason"),
    [
        ("T1\tPER 0 3\tBob\n", 1, "its offsets do not hold the text 'Bob'"),
        ("T1\tPER 0 3\tAda\n\nT1\tPER 0 3\tAda\n", 3, "the id T1 stands twice"),
        ("T1\tPER 0 3\n", 1, "not a T line"),
        ("T1 PER 0 3 Ada\n", 1, "not a T line"),
        ("T1\tPER 3 3\t\n", 1, "a span that is empty or ends before it begins"),
        ("T1\tPER 0 99\tAda wrote\n", 1, "its offsets do not hold"),
        ("R1\tknows Arg1:T1 Arg2:T2\n", 1, "names T1, which the file does not have"),
        ("R1\tknows T1 T2\n", 1, "not an R line"),
        ("E1\tWrite\n", 1, "not an E line"),
        ("E1\tWrite:E1\n", 1, "names E1, which the file does not have"),
        ("T1\tWrite 4 9\twrote\nE1\tWrite:T1 Who:T9\n", 2, "names T9"),
        ("X1\twhat\n", 1, "a line of unknown kind 'X1'"),
        ("\tx\n", 1, "a line of unknown kind ''"),
    ],
)
def test_a_document_with_a_bad_line_is_rejected_there(tmp_path: Path, ann: str, line: int, reason: str) -> None:
    result = one(document(tmp_path, "Ada wrote", ann))

    assert isinstance(result, Rejected)
    assert result.where == f"{tmp_path / 'a.ann'}:{line}"
    assert reason in result.reason


@pytest.mark.parametrize(("text", "reason"), [(b"\xff", "not UTF-8"), (b" \n", "the text is empty"), (b"a\0b", "NUL")])
def test_a_text_that_cannot_be_read_is_rejected(tmp_path: Path, text: bytes, reason: str) -> None:
    result = one(document(tmp_path, text, ""))

    assert isinstance(result, Rejected)
    assert result.where == f"{tmp_path / 'a.txt'}:1"
    assert reason in result.reason


def test_a_file_or_folder_without_documents_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.txt and \.ann files"):
        list(read(tmp_path))
    with pytest.raises(DataError, match="file not found"):
        list(read(tmp_path / "none.txt"))


LABEL = st.sampled_from(["PER", "Loc-in", "人名"])


@st.composite
def records(draw: st.DrawFn) -> Record:
    text = draw(st.text(st.sampled_from("ab 中\n😀\u3000\r"), min_size=2, max_size=30).filter(str.strip))
    places = [(s, e) for e in range(1, len(text) + 1) for s in range(e) if text[s:e].strip() == text[s:e]]
    spans = draw(st.lists(st.tuples(st.sampled_from(places), LABEL), unique=True, min_size=1, max_size=5))
    entities = [Entity(text[s:e], label, s, e) for (s, e), label in spans]
    ends = st.sampled_from(entities)
    relation = st.builds(lambda h, label, t: Relation(h.text, label, t.text, h.type, t.type), ends, LABEL, ends)
    return Record("a", text, entities=tuple(entities), relations=tuple(draw(st.lists(relation, max_size=3))))


def written(record: Record) -> str:
    lines = [f"T{n}\t{e.type} {e.start} {e.end}\t{' '.join(e.text.split())}" for n, e in enumerate(record.entities)]
    ids = {(e.text, e.type): f"T{n}" for n, e in enumerate(record.entities)}
    for n, r in enumerate(record.relations):
        head, tail = ids[r.head, r.head_type or ""], ids[r.tail, r.tail_type or ""]
        lines.append(f"R{n}\t{r.relation} Arg1:{head} Arg2:{tail}")
    return "\n".join(lines)


@given(record=records())
def test_what_was_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, record: Record) -> None:
    result = one(document(tmp_path_factory.getbasetemp() / "brat", record.text, written(record)))

    assert isinstance(result, Record)
    assert (result.text, result.entities, result.relations) == (record.text, record.entities, record.relations)


@given(noise=st.text(st.sampled_from("TER1*A#:; \tArg0\n9中"), max_size=40))
def test_no_annotations_make_it_raise(tmp_path_factory: pytest.TempPathFactory, noise: str) -> None:
    one(document(tmp_path_factory.getbasetemp() / "noise", "Ada wrote", f"T1\tPER 0 3\tAda\n{noise}"))


def test_it_is_recognised_by_its_pairs_of_files(tmp_path: Path) -> None:
    path = document(tmp_path, TEXT, ANN)

    assert matches(Sample(path, TEXT))
    assert matches(Sample(tmp_path, names=("a.ann", "a.txt", "annotation.conf")))
    assert not matches(Sample(tmp_path, names=("a.ann", "b.txt")))
    assert not matches(Sample(tmp_path / "b.txt", TEXT))
