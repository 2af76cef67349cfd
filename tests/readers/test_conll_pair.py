"""Sentences and their tags in two files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import DataError
from extune.readers.conll_pair import matches, read
from extune.readers.format import Sample
from extune.records import Entity, Record, Rejected


def pair(folder: Path, sentences: str, tags: str, name: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}tags.txt").write_text(tags, encoding="utf-8")
    path = folder / f"{name}sentences.txt"
    path.write_text(sentences, encoding="utf-8")
    return path


def test_lines_of_the_same_number_belong_together(tmp_path: Path) -> None:
    path = pair(tmp_path, "她 在 伦 敦\n\n1 9 9 0\n", "O O B-LOC I-LOC\n\nO O O O\n", "test_")

    london, year = read(path)

    assert isinstance(london, Record)
    assert isinstance(year, Record)
    assert (london.text, london.entities) == ("她在伦敦", (Entity("伦敦", "LOC", 2, 4),))
    assert (year.text, year.where) == ("1990", f"{path}:3")


def test_a_line_without_its_partner_is_rejected_and_the_others_stay_in_step(tmp_path: Path) -> None:
    path = pair(tmp_path, "Ada wrote\nHe read\n\nThey slept\nAda\n", "B-PER O\n\nO\nO\nB-PER\nO\n")

    results = list(read(path))

    reasons = [(r.where, r.reason) for r in results if isinstance(r, Rejected)]
    assert reasons == [
        (f"{path}:2", "a sentence without tags"),
        (f"{path}:3", "tags without a sentence"),
        (f"{path}:4", "2 tokens but 1 tags"),
        (f"{path}:6", "tags without a sentence"),
    ]
    assert [r.text for r in results if isinstance(r, Record)] == ["Ada wrote", "Ada"]


def test_a_folder_is_read_pair_by_pair(tmp_path: Path) -> None:
    pair(tmp_path / "b", "Bob\n", "B-PER\n")
    pair(tmp_path / "a", "Ada\n", "B-PER\n")

    assert [record.text for record in read(tmp_path) if isinstance(record, Record)] == ["Ada", "Bob"]


@pytest.mark.parametrize(
    ("name", "why"), [("", "no \\*sentences.txt"), ("x.txt", "not a file"), ("sentences.txt", "file not found")]
)
def test_files_that_are_not_there_are_an_error_of_the_data(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "x.txt").touch()
    with pytest.raises(DataError, match=why):
        list(read(tmp_path / name))


def test_it_is_recognised_by_the_names(tmp_path: Path) -> None:
    path = pair(tmp_path, "Ada\n", "B-PER\n", "dev_")

    assert matches(Sample(path, "Ada\n"))
    assert matches(Sample(tmp_path, names=("a/sentences.txt", "a/tags.txt")))
    assert not matches(Sample(tmp_path, names=("a/sentences.txt", "b/tags.txt")))
    assert not matches(Sample(path.with_name("other_sentences.txt"), "Ada\n"))
    assert not matches(Sample(path.with_name("dev_tags.txt"), "B-PER\n"))


@given(sentences=st.binary(max_size=60), tags=st.binary(max_size=60))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, sentences: bytes, tags: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise_sentences.txt"
    path.write_bytes(b"Ada\n" + sentences)
    path.with_name("noise_tags.txt").write_bytes(b"B-PER\n" + tags)
    list(read(path))
