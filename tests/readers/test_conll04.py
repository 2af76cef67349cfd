"""The table of tokens, tags and relations of CoNLL-2004."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.conll04 import matches, read
from extune.readers.format import Sample
from extune.records import Entity, Record, Rejected, Relation

ADA = """#doc 7
0\tAda\tB-Peop\t['N']\t[0]
1\tByron\tI-Peop\t['Live_In', 'Work_For']\t[3, 5]
2\tin\tO\t['N']\t[2]
3\tLondon\tB-Loc\t['N']\t[3]
4\tfor\tO\t['N']\t[4]
5\tBabbage\tB-Org\t['N']\t[5]
"""


def results(path: Path, text: str) -> list[Record | Rejected]:
    path.write_text(text, encoding="utf-8")
    return list(read(path))


def test_a_relation_leads_from_last_token_to_last_token(tmp_path: Path) -> None:
    (record,) = results(tmp_path / "x", ADA)

    assert record == Record(
        id="7",
        text="Ada Byron in London for Babbage",
        lang="en",
        entities=(Entity("Ada Byron", "Peop", 0, 9), Entity("London", "Loc", 13, 19), Entity("Babbage", "Org", 24, 31)),
        relations=(
            Relation("Ada Byron", "Live_In", "London", "Peop", "Loc"),
            Relation("Ada Byron", "Work_For", "Babbage", "Peop", "Org"),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("[3, 5]", "[3]", 3, "2 relations but 1 ends"),
        ("[3, 5]", "[2, 5]", 1, "relation 'Live_In' from token 1 to 2: not the last tokens of entities"),
        ("[3, 5]", "[3, 50]", 1, "relation 'Work_For' from token 1 to 50: not the last tokens"),
        ("[3, 5]", "[3, x]", 3, "Expecting value"),
        ("['N']\t[2]", "[7]\t[2]", 4, "not a list of names: '[7]'"),
        ("[3, 5]", "[" * 100_000, 3, "not a list of numbers"),
        ("'Live_In'", "'\\ud800'", 3, "lone surrogate"),
        ("2\tin", "4\tin", 4, "token '4' where 2 is wanted"),
        ("2\tin", "2\t", 4, "the token is empty"),
        ("in\tO", "in\tX", 4, "unknown tag 'X'"),
        ("2\tin\t", "2\t", 4, "4 columns where 5 are wanted"),
    ],
)
def test_a_document_with_a_bad_line_is_rejected_and_the_next_one_is_read(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    bad, good = results(tmp_path / "x", ADA.replace(old, new) + "#doc 8\n0\tAda\tB-Peop\t['N']\t[0]\n")

    assert isinstance(bad, Rejected)
    assert bad.where == f"{tmp_path / 'x'}:{line}"
    assert reason in bad.reason
    assert isinstance(good, Record)
    assert good.id == "8"


def test_it_is_recognised_by_its_first_two_lines() -> None:
    assert matches(Sample(Path("x.txt"), ADA))
    assert not matches(Sample(Path("x.txt"), ADA.removeprefix("#doc 7\n")))
    assert not matches(Sample(Path("x.txt"), "#doc 7\nAda B-Peop\n"))
    assert not matches(Sample(Path("x.txt"), ""))


@given(noise=st.binary(max_size=60))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.conll04"
    path.write_bytes(ADA.encode() + noise)
    list(read(path))


def test_a_sentence_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extune.readers.conll04.MOST_LINES", 4)
    endless, good = results(tmp_path / "x", ADA + "#doc 8\n0\tBob\tO\t['N']\t[0]\n")

    assert isinstance(endless, Rejected)
    assert "more than 4 lines without a" in endless.reason
    assert isinstance(good, Record)
    assert good.text == "Bob"
