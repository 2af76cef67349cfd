"""Entities out of tag sequences."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.readers.tags import Span, is_tag, spans

LABEL = st.sampled_from(["PER", "LOC", "MISC-other", "人名"])


def written(length: int, found: list[Span], first: str, inner: str, last: str, single: str) -> list[str]:
    tags = ["O"] * length
    for start, end, label in found:
        places = [single] if end - start == 1 else [first, *[inner] * (end - start - 2), last]
        tags[start:end] = [f"{place}-{label}" for place in places]
    return tags


def iob1(length: int, found: list[Span]) -> list[str]:
    """B only where an entity follows another one of its type."""
    tags = written(length, found, "I", "I", "I", "I")
    for before, (start, _, label) in itertools.pairwise(found):
        if before[1:] == (start, label):
            tags[start] = f"B-{label}"
    return tags


SCHEMES: dict[str, Callable[[int, list[Span]], list[str]]] = {
    "BIO": lambda length, found: written(length, found, "B", "I", "I", "B"),
    "BIOES": lambda length, found: written(length, found, "B", "I", "E", "S"),
    "BMES": lambda length, found: written(length, found, "B", "M", "E", "S"),
    "BILOU": lambda length, found: written(length, found, "B", "I", "L", "U"),
    "IOB1": iob1,
}


@st.composite
def annotated(draw: st.DrawFn) -> tuple[int, list[Span]]:
    """A number of tokens and entities that do not overlap."""
    found: list[Span] = []
    place = 0
    for gap, size in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=5)):
        found.append((place + gap, place + gap + size, draw(LABEL)))
        place += gap + size
    return place + draw(st.integers(0, 2)), found


@pytest.mark.parametrize("scheme", SCHEMES)
@given(case=annotated())
def test_entities_written_in_any_scheme_are_read_back(scheme: str, case: tuple[int, list[Span]]) -> None:
    assert spans(SCHEMES[scheme](*case)) == case[1]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O I-PER I-PER O", [(1, 3, "PER")]),
        ("B-PER I-LOC", [(0, 1, "PER"), (1, 2, "LOC")]),
        ("B-PER O E-PER", [(0, 1, "PER"), (2, 3, "PER")]),
        ("S-PER I-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER E-PER E-PER", [(0, 2, "PER"), (2, 3, "PER")]),
        ("B-PER S-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER B-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER M-PER", [(0, 2, "PER")]),
        ("B_ns I_ns", [(0, 2, "ns")]),
    ],
)
def test_an_invalid_sequence_is_repaired(tags: str, found: list[Span]) -> None:
    assert spans(tags.split()) == found


@given(tags=st.lists(st.sampled_from([*"BIMELSU"]).flatmap(lambda p: LABEL.map(f"{p}-{{}}".format)) | st.just("O")))
def test_of_any_sequence_each_tagged_token_is_in_one_entity(tags: list[str]) -> None:
    inside = [token for start, end, _ in spans(tags) for token in range(start, end)]
    assert inside == [token for token, tag in enumerate(tags) if tag != "O"]


@pytest.mark.parametrize("tag", ["", "B", "B-", "X-PER", "0", "o", "PER", "b-PER", "B-A B"])
def test_an_unknown_tag_is_refused(tag: str) -> None:
    assert not is_tag(tag)
    with pytest.raises(ValueError, match="unknown tag"):
        spans([tag])
