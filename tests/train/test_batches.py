"""Which rows make a step, and what the model is given of them: every row once, and every answer's token foretold."""

import random
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.integration  # torch alone takes seconds to import

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=70)
STEP = st.integers(1, 9)
PAD = 0


@given(LENGTHS, STEP, st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_an_epoch_has_every_row_once_and_is_the_same_again(
    lengths: list[int], step: int, seed: int, epoch: int, grouped: bool
) -> None:
    from extune.train.batches import order

    found = order(lengths, seed, epoch, step, grouped)
    assert sorted(found) == list(range(len(lengths)))
    assert found == order(lengths, seed, epoch, step, grouped)


@pytest.mark.parametrize("grouped", [False, True])
def test_another_epoch_or_seed_has_another_order(grouped: bool) -> None:
    from extune.train.batches import order

    lengths = [n % 17 + 1 for n in range(100)]
    orders = {tuple(order(lengths, seed, epoch, 4, grouped)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_grouped_steps_have_rows_of_like_length_and_come_in_no_order_of_length() -> None:
    from extune.train.batches import order

    dice = random.Random(1)
    lengths = [dice.randint(1, 1000) for _ in range(803)]

    def steps(grouped: bool) -> list[list[int]]:
        rows = order(lengths, 7, 0, 8, grouped)
        return [[lengths[n] for n in rows[at : at + 8]] for at in range(0, len(rows), 8)]

    def spread(made: list[list[int]]) -> float:
        return sum(max(step) - min(step) for step in made) / len(made)

    assert spread(steps(True)) < spread(steps(False)) / 20
    firsts = [step[0] for step in steps(True)]
    falls = sum(a > b for a, b in pairwise(firsts))
    assert 30 < falls < 70, "neither rising nor falling"
    assert len(steps(True)[-1]) == 3, "the step that is not whole comes last"


@given(LENGTHS, st.integers(1, 200))
def test_pieces_hold_every_row_once_within_the_budget_and_are_few(lengths: list[int], most: int) -> None:
    from extune.train.batches import _tightest, bins

    pieces, tightest = bins(lengths, most), _tightest(lengths, most)
    tokens = [sum(lengths[n] for n in piece) for piece in pieces]
    assert sorted(n for piece in pieces for n in piece) == list(range(len(lengths)))
    assert all(size <= most or len(piece) == 1 for size, piece in zip(tokens, pieces, strict=True))
    assert len(pieces) == len(tightest)
    full = [sum(lengths[n] for n in piece) for piece in tightest]
    assert all(a + b > most for a, b in combinations(full, 2))
    assert max(tokens) - min(tokens) <= max(max(lengths), max(full) - min(full)), "as even as rows allow"


def test_a_step_a_little_larger_than_a_piece_is_cut_in_the_middle() -> None:
    from extune.train.batches import bins

    assert [len(piece) for piece in bins([10] * 17, 160)] == [9, 8]
    assert [len(piece) for piece in bins([10] * 16, 160)] == [16]
    assert [len(piece) for piece in bins([200, *[10] * 16], 160)] == [1, 16]


def test_rows_that_will_be_padded_are_with_those_of_like_length() -> None:
    from extune.train.batches import bins

    assert sorted(map(len, bins([100, 100, *[10] * 20], 200, packed=False))) == [2, 20]
    assert sorted(map(len, bins([100, 100, *[10] * 20], 200))) == [11, 11]


@given(st.integers(1, 100_000), st.sampled_from([1, 4]))
def test_a_size_is_filled_up_by_a_quarter_at_most_where_four_sizes_are_allowed(size: int, each: int) -> None:
    from extune.train.batches import bucket

    filled = bucket(size, each)
    assert size <= filled <= max(16, size * (1 + 1 / each))
    assert bucket(filled, each) == filled


@pytest.mark.parametrize("each", [1, 4])
def test_sizes_are_few(each: int) -> None:
    from extune.train.batches import bucket

    assert len({bucket(size, each) for size in range(1, 32769)}) == 11 * each + 1  # of 16 to 32,768 tokens


# What the model is given, as tensors.

MASKS = st.lists(st.lists(st.booleans(), min_size=1, max_size=40), min_size=1, max_size=6)
WAYS = {"packed": (True, False), "padded": (False, False), "bucketed": (True, True)}


def made(masks: list[list[bool]]) -> list[Any]:
    """Rows of such lengths, no two tokens alike, with loss where it is said."""
    from extune.train.rows import MASKED, Tokenised

    rows, first = [], PAD + 1
    for number, answered in enumerate(masks):
        ids = list(range(first, first + len(answered)))
        labels = [i if told else MASKED for i, told in zip(ids, answered, strict=True)]
        rows.append(Tokenised(f"r{number}", ids, labels))
        first += len(ids)
    return rows


def foretold(rows: list[Any]) -> list[tuple[int, int]]:
    """Each token with loss, behind the token before it. Nothing foretells the first of a row."""
    return [
        (before, label)
        for row in rows
        for before, label in zip(row.input_ids, row.labels[1:], strict=False)
        if label >= 0
    ]


@pytest.mark.parametrize("way", WAYS)
@given(MASKS)
def test_answers_are_the_places_that_foretell_the_labels(way: str, masks: list[list[bool]]) -> None:
    from extune.train.batches import piece
    from extune.train.rows import MASKED

    rows, (packed, bucketed) = made(masks), WAYS[way]
    found = piece(rows, packed, PAD, bucketed)
    ids, labels = found["input_ids"].flatten().tolist(), found["labels"].tolist()
    told = [(ids[at], label) for at, label in zip(found["answers"].tolist(), labels, strict=True) if label != MASKED]
    assert told == foretold(rows)
    assert bucketed or MASKED not in labels


@given(MASKS, st.booleans())
def test_packed_rows_lie_end_to_end_and_each_begins_at_position_0(masks: list[list[bool]], bucketed: bool) -> None:
    from extune.train.batches import piece

    rows = made(masks)
    found = piece(rows, True, PAD, bucketed)
    ids, bounds = found["input_ids"][0].tolist(), found["cu_seq_lens_q"].tolist()
    tokens = sum(len(row.input_ids) for row in rows)
    assert ids[:tokens] == [i for row in rows for i in row.input_ids]
    assert set(ids[tokens:]) <= {PAD}
    assert bucketed or len(ids) == tokens
    parts = [(a, b) for a, b in pairwise(bounds) if a < b]
    assert [ids[a:b] for a, b in parts][: len(rows)] == [row.input_ids for row in rows]
    assert (bounds[0], bounds[-1]) == (0, len(ids))
    assert found["position_ids"][0].tolist() == [n for a, b in parts for n in range(b - a)]
    assert max(b - a for a, b in parts) == max(len(row.input_ids) for row in rows) <= found["max_length_q"]


BEGUN = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=12), min_size=1, max_size=6)


def same_beginnings(texts: list[list[int]]) -> list[Any]:
    """Rows that may begin alike, with loss from their third token on."""
    from extune.train.rows import MASKED, Tokenised

    return [Tokenised(f"r{n}", ids, [MASKED] * min(2, len(ids)) + ids[2:]) for n, ids in enumerate(texts)]


@given(BEGUN)
def test_rows_that_begin_alike_are_whole_in_their_places_and_there_once(texts: list[list[int]]) -> None:
    from extune.footprint import shared
    from extune.train.batches import piece

    found = piece(same_beginnings(texts), True, PAD, prefixes=True)
    ids, positions = found["input_ids"][0].tolist(), found["position_ids"][0].tolist()
    own, saved = found["cu_seq_lens_q"].tolist(), sum(common for _, common in shared(texts))
    assert len(ids) == own[-1] == sum(map(len, texts)) - saved
    assert ("places" in found) == (saved > 0)
    if saved:
        places, bounds = found["places"].tolist(), found["cu_seq_lens_k"].tolist()
        rows = [places[a:b] for a, b in pairwise(bounds)]
        assert sorted([ids[place] for place in row] for row in rows) == sorted(texts)
        assert all([positions[place] for place in row] == list(range(len(row))) for row in rows)
        ends = [row[-(b - a) :] for row, (a, b) in zip(rows, pairwise(own), strict=True)]
        assert ends == [list(range(a, b)) for a, b in pairwise(own)], "a row's own tokens are its last"
        assert max(map(len, rows)) <= found["max_length_q"]


@given(BEGUN)
def test_rows_that_begin_alike_have_every_answer_foretold(texts: list[list[int]]) -> None:
    from extune.train.batches import piece

    rows = same_beginnings(texts)
    found = piece(rows, True, PAD, prefixes=True)
    ids = found["input_ids"][0].tolist()
    told = [(ids[at], label) for at, label in zip(found["answers"].tolist(), found["labels"].tolist(), strict=True)]
    assert sorted(told) == sorted(foretold(rows))


@given(MASKS)
def test_padding_is_masked(masks: list[list[bool]]) -> None:
    from extune.train.batches import piece

    rows = made(masks)
    found = piece(rows, False, PAD)
    longest = max(len(row.input_ids) for row in rows)
    assert found["input_ids"].tolist() == [row.input_ids + [PAD] * (longest - len(row.input_ids)) for row in rows]
    assert found["attention_mask"].tolist() == [[int(i != PAD) for i in row] for row in found["input_ids"].tolist()]


def test_filled_up_pieces_have_few_shapes() -> None:
    from extune.train.batches import piece

    dice, shapes = random.Random(2), {"packed": set(), "bucketed": set()}
    for _ in range(200):
        masks = [[n % 2 == 0 for n in range(dice.randint(5, 60))] for _ in range(dice.randint(1, 12))]
        for way, (packed, bucketed) in list(WAYS.items())[::2]:
            found = piece(made(masks), packed, PAD, bucketed)
            key = tuple((name, v if isinstance(v, int) else tuple(v.shape)) for name, v in found.items())
            shapes[way].add(key)
    assert len(shapes["packed"]) > 150
    assert len(shapes["bucketed"]) < 40
