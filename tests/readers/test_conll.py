"""CoNLL files: a token and its tag on a line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.conll import matches, read
from extune.readers.format import Sample
from extune.records import Entity, Record, Rejected

ENGLISH = b"""-DOCSTART- -X- O

# id = 1
Ada NNP B-PER
Byron NNP I-PER
wrote VBD O

London NNP S-LOC
"""


def results(path: Path, content: bytes) -> list[Record | Rejected]:
    path.write_bytes(content)
    return list(read(path))


def test_sentences_end_at_blank_lines_and_comments_are_left_out(tmp_path: Path) -> None:
    ada, london = results(tmp_path / "x", ENGLISH)

    assert isinstance(ada, Record)
    assert isinstance(london, Record)
    assert (ada.text, ada.lang, ada.entities) == ("Ada Byron wrote", "en", (Entity("Ada Byron", "PER", 0, 9),))
    assert ada.where == f"{tmp_path / 'x'}:3"
    assert london.entities == (Entity("London", "LOC", 0, 6),)


@pytest.mark.parametrize("gap", ["\t", " ", "   "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tabs_spaces_and_line_ends_are_no_trouble(tmp_path: Path, gap: str, end: str) -> None:
    lines = [f"Ada{gap}B-PER", f"wrote{gap}O ", "  ", f"#ada{gap}O"]
    first, second = results(tmp_path / "x", ("\ufeff" + end.join(lines)).encode())

    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.text, second.text) == ("Ada wrote", "#ada")


def test_characters_of_chinese_are_put_together_without_spaces(tmp_path: Path) -> None:
    lines = [*(f"{char}\tO" for char in "她在"), "伦\tB-LOC", "敦\tE-LOC", "", *(f"{char}\tO" for char in "1990")]
    first, second = results(tmp_path / "x", "\n".join(lines).encode())

    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.text, first.lang, first.entities) == ("她在伦敦", "zh", (Entity("伦敦", "LOC", 2, 4),))
    assert second.text == "1990"


def test_a_blank_that_is_no_ascii_blank_is_a_token(tmp_path: Path) -> None:
    (record,) = results(tmp_path / "x", "爱\tB-PER\n\u3000\tO\n达\tO\n".encode())

    assert isinstance(record, Record)
    assert record.text == "爱\u3000达"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"Ada X-PER", "unknown tag 'X-PER'"),
        (b"Ada", "one column where a token and its tag are wanted"),
        (b"\tO", "the token is empty"),
        (b"\xff O", "not UTF-8 (invalid start byte at byte 1)"),
    ],
)
def test_a_sentence_with_a_bad_line_is_rejected_there_and_the_next_one_is_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    bad, good = results(tmp_path / "x", b"He O\n" + line + b"\nwrote O\n\nAda B-PER\n")

    assert isinstance(bad, Rejected)
    assert bad.where == f"{tmp_path / 'x'}:2"
    assert reason in bad.reason
    assert bad.line.startswith(line.decode("utf-8", "backslashreplace"))
    assert isinstance(good, Record)
    assert good.text == "Ada"


WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"], exclude_characters="#-"), min_size=1
)
TOKEN = st.tuples(WORD, st.sampled_from(["O", "S-PER", "S-LOC"]))


@given(sentences=st.lists(st.lists(TOKEN, min_size=1, max_size=5), max_size=5), gap=st.sampled_from(" \t"))
def test_what_was_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[str, str]]], gap: str
) -> None:
    blocks = ["\n".join(gap.join(token) for token in sentence) for sentence in sentences]
    found = results(tmp_path_factory.getbasetemp() / "x.conll", "\n\n".join(blocks).encode())

    assert len(found) == len(sentences)
    for record, sentence in zip(found, sentences, strict=True):
        assert isinstance(record, Record)
        assert record.text.replace(" ", "") == "".join(token for token, _ in sentence)
        assert [(e.text, e.type) for e in record.entities] == [(w, t[2:]) for w, t in sentence if t != "O"]
        assert all(record.text[e.start : e.end] == e.text for e in record.entities)


@given(noise=st.binary(max_size=200))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    results(tmp_path_factory.getbasetemp() / "noise.conll", b"Ada B-PER\n" + noise)


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        (ENGLISH.decode(), True),
        ("爱\tB-PER\n达\tI-PER\n", True),
        ("Ada B-PER\nwrote O\nno", True),
        ("O O B-LOC\nO O B-PER\n", False),
        ("He was born\nin Group O\n", False),
        ('{"text": "Ada"}\n', False),
        ("", False),
    ],
)
def test_it_is_recognised_by_the_tags_at_the_ends_of_lines(text: str, is_it: bool) -> None:
    assert matches(Sample(Path("x.txt"), text)) is is_it


def test_a_sentence_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extune.readers.conll.MOST_LINES", 4)
    endless, good = results(tmp_path / "x", ("Ada O\n" * 5 + "\nBob O\n").encode())

    assert isinstance(endless, Rejected)
    assert "more than 4 lines without a" in endless.reason
    assert isinstance(good, Record)
    assert good.text == "Bob"
