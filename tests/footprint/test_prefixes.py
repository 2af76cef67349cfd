"""Tokens that rows begin with in common are found, all of them, and no others."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.footprint import Training, Work, common_among, common_share, flop, memory, shape_of, shared
from extune.footprint.memory import kept_per_token

SHAPE = shape_of({
    "model_type": "llama", "vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2,
})  # fmt: skip
ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=9)


@given(ROWS)
def test_every_row_comes_once_behind_one_that_begins_as_it_does(rows: list[list[int]]) -> None:
    found = shared(rows)
    assert sorted(number for number, _ in found) == list(range(len(rows)))
    assert found[0][1] == 0
    for (before, _), (number, common) in pairwise(found):
        assert rows[before][:common] == rows[number][:common]
        assert common < len(rows[number]), "each row has a token of its own"


@given(ROWS)
def test_a_beginning_is_counted_once_however_many_rows_have_it(rows: list[list[int]]) -> None:
    beginnings = {tuple(row[:end]) for row in rows for end in range(1, len(row) + 1)}
    again = len(rows) - len({tuple(row) for row in rows})
    left = sum(map(len, rows)) - sum(common for _, common in shared(rows))
    assert left == len(beginnings) + again, "of a row that is there twice, the last token is too"


def test_the_share_is_that_of_rows_of_one_step() -> None:
    rows = [[7] * 9 + [n] for n in range(100)]
    assert common_share(rows, 1) == 0
    assert common_share(rows, 4) == pytest.approx(3 * 9 / 40)
    assert common_share(rows, 100) == common_share(rows, 1000) == pytest.approx(99 * 9 / 1000)
    assert common_share([[n] * 10 for n in range(100)], 4) == 0
    assert common_share([], 4) == 0


def test_the_share_of_a_piece_is_that_of_its_rows() -> None:
    assert common_among(0.4, 8, 8) == pytest.approx(0.4)
    assert common_among(0.4, 8, 1) == common_among(0.4, 1, 1) == common_among(0.4, 8, 0) == 0
    rows = [[7] * 9 + [n] for n in range(100)]
    assert common_among(common_share(rows, 4), 4, 50) == pytest.approx(common_share(rows, 50))


def test_common_tokens_cost_neither_time_nor_memory_but_for_their_keys_and_values_in_every_row() -> None:
    once, plain = Training(common=0.25), Training()
    assert flop(SHAPE, once, Work(100, 0, 400)) == 0.75 * flop(SHAPE, plain, Work(100, 0, 400))
    assert flop(SHAPE, once, Work(0, 20, 0)) == flop(SHAPE, plain, Work(0, 20, 0))
    all_of_it, kept = kept_per_token(SHAPE, plain), kept_per_token(SHAPE, once)
    assert kept == pytest.approx(0.75 * all_of_it + 0.25 * 2 * 2 * SHAPE.kv_heads * SHAPE.head_dim)
    whole, saved = memory(SHAPE, plain, 1000), memory(SHAPE, once, 1000)
    assert saved["activations"] < whole["activations"]
    assert {name: saved[name] for name in ("base", "optimiser")} == {
        name: whole[name] for name in ("base", "optimiser")
    }
