"""A line of tokens, then a line of tags."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.format import Sample
from extune.readers.tag_lines import matches, read, split_tags
from extune.records import Entity, Record, Rejected


def results(path: Path, text: str) -> list[Record | Rejected]:
    path.write_text(text, encoding="utf-8")
    return list(read(path))


@pytest.mark.parametrize("tags", ["O O B-LOC I-LOC O", "O O B - L O C I - L O C O"])
def test_tags_are_read_whether_their_letters_are_apart_or_not(tmp_path: Path, tags: str) -> None:
    (record,) = results(tmp_path / "x", f"她 在 伦 敦 。\n{tags}\n")

    assert isinstance(record, Record)
    assert (record.text, record.entities) == ("她在伦敦。", (Entity("伦敦", "LOC", 2, 4),))


def test_types_that_are_not_known_cannot_be_told_from_what_follows() -> None:
    with pytest.raises(ValueError, match="not a line of tags"):
        split_tags("B - G P E O")


def test_a_line_without_its_partner_is_rejected_and_the_next_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x"
    lone, ada, short, last = results(path, "lone\n\n\nAda wrote\nB-PER O\nAda wrote\nO\nend\n")

    assert [(r.where, r.reason) for r in (lone, short, last) if isinstance(r, Rejected)] == [
        (f"{path}:1", "no line of tags follows"),
        (f"{path}:6", "2 tokens but 1 tags"),
        (f"{path}:8", "no line of tags follows"),
    ]
    assert isinstance(ada, Record)
    assert ada.where == f"{path}:4"


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("她 在 伦 敦\nO O B-LOC I-LOC\n", True),
        ("她 在\nO O\n\n伦 敦\nB - L O C I - L O C\n她 在 敦\nO O B - L", True),
        ("Ada B-PER\nwrote O\n", False),
        ("O O\nO O\nO O\nO O\n", False),
        ("Ada wrote\nHe read\n", False),
        ("Ada", False),
        ("", False),
    ],
)
def test_it_is_recognised_by_lines_that_are_tags_alone(text: str, is_it: bool) -> None:
    assert matches(Sample(Path("x.txt"), text)) is is_it


@given(noise=st.binary(max_size=60))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tags"
    path.write_bytes(b"Ada\n" + noise)
    list(read(path))
