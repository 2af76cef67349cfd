"""Where spans stand in a text, and which sentences hold them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.ground import evidence, locate, nearest, occurrences, sentences

TEXT = st.text(st.sampled_from("ab。. \n🏽"), max_size=12)
PART = st.text(st.sampled_from("ab。. \n🏽"), max_size=3)


@given(TEXT, PART)
def test_occurrences_are_all_the_places_where_the_text_says_so(text: str, span: str) -> None:
    places = [(n, n + len(span)) for n in range(len(text)) if span and text[n : n + len(span)] == span]
    assert occurrences(text, span) == places


def test_offsets_count_code_points() -> None:
    assert occurrences("🏽é张三张三", "张三") == [(2, 4), (4, 6)]
    assert occurrences("aaa", "aa") == [(0, 2), (1, 3)]


@given(TEXT, PART)
def test_a_located_span_is_the_text_between_its_offsets(text: str, span: str) -> None:
    row = locate(text, span)
    if row["start"] is None:
        assert (row["end"], row["mentions"]) == (None, [])
        assert not span or span not in text
    else:
        assert text[row["start"] : row["end"]] == row["text"] == span
        assert row["mentions"][0] == [row["start"], row["end"]]


@given(TEXT, PART, PART)
def test_the_nearest_mentions_are_mentions_and_no_other_pair_is_nearer(text: str, head: str, tail: str) -> None:
    a, b = nearest(text, head, tail)
    heads, tails = occurrences(text, head), occurrences(text, tail)
    assert a in (heads or [None])
    assert b in (tails or [None])

    def distance(a: tuple[int, int], b: tuple[int, int]) -> tuple[bool, int]:
        return (a[0] < b[1] and b[0] < a[1], max(b[0] - a[1], a[0] - b[1], 0))

    if a and b:
        assert distance(a, b) == min(distance(x, y) for x in heads for y in tails)


@pytest.mark.parametrize(
    ("text", "head", "tail", "places"),
    [
        ("a x x b a", "a", "b", ((8, 9), (6, 7))),
        ("a b a", "a", "b", ((0, 1), (2, 3))),
        ("张三丰和张三", "张三", "张三丰", ((4, 6), (0, 3))),
        ("张三丰", "张三", "张三丰", ((0, 2), (0, 3))),
        ("a", "a", "a", ((0, 1), (0, 1))),
        ("a", "a", "b", ((0, 1), None)),
        ("b", "a", "b", (None, (0, 1))),
    ],
)
def test_ends_are_taken_close_together_apart_and_from_the_left(text, head, tail, places) -> None:
    assert nearest(text, head, tail) == places


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("张三来了。李四走了！", ["张三来了。", "李四走了！"]),
        ("Ann came. Bo left?  Yes", ["Ann came.", "Bo left?", "Yes"]),
        ("It cost 3.5 million at example.com today.", ["It cost 3.5 million at example.com today."]),
        ("one\n\n two ", ["one", "two"]),
        ("好！！好", ["好！！", "好"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_sentences(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@given(TEXT)
def test_sentences_are_in_order_apart_and_leave_out_only_white_space(text: str) -> None:
    found = sentences(text)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
    assert "".join("".join(text[s:e] for s, e in found).split()) == "".join(text.split())


@given(TEXT, st.lists(st.tuples(st.integers(0, 11), st.integers(1, 4)), min_size=1, max_size=3))
def test_the_evidence_covers_all_its_spans_in_whole_sentences(text: str, spans: list[tuple[int, int]]) -> None:
    spans = [(start, min(start + length, len(text))) for start, length in spans if start < len(text)]
    if not spans:
        return
    first, last = evidence(text, *spans)
    assert all(first <= start and end <= last for start, end in spans)
    assert all(e <= first or s >= last or (first <= s and e <= last) for s, e in sentences(text))


def test_the_evidence_of_ends_in_two_sentences_is_both_and_no_third() -> None:
    text = "Ann came. She met Bo. They left."
    assert text[slice(*evidence(text, (0, 3), (18, 20)))] == "Ann came. She met Bo."
    assert text[slice(*evidence(text, (18, 20)))] == "She met Bo."
