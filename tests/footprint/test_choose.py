"""The fastest setting that fits: memory decides, speed orders."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.footprint import Choice, Training, choose, memory, shape_of
from extune.footprint.choose import _Setting

CONFIGS = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
QWEN = CONFIGS["qwen2.5-7b"]
SMOL = CONFIGS["smollm2-135m"]
GB = 10**9
SHAPE = shape_of(QWEN)


def chosen(gigabytes: float, **given: object) -> Choice:
    return choose(SHAPE, int(gigabytes * GB), Training(), longest=1024, **given)  # type: ignore[arg-type]


def cost(choice: Choice) -> float:
    return _Setting(choice.cache, choice.recompute_layers, choice.tokens).cost(SHAPE.layers, True)


def test_an_h200_gets_the_dense_copy_no_recompute_and_large_pieces() -> None:
    choice = chosen(141)
    assert (choice.cache, choice.recompute_layers, choice.tokens >= 16384, choice.fits) == (True, 0, True, True)


def test_a_gpu_of_80_gb_gets_the_copy_with_the_least_piece_that_is_worth_it() -> None:
    choice = chosen(80)
    assert (choice.cache, choice.recompute_layers) == (True, 0)
    assert choice.tokens >= 8192


def test_24_gb_do_without_the_copy_and_8_gb_recompute_everything() -> None:
    assert (chosen(24).cache, chosen(24).recompute_layers) == (False, 0)
    assert (chosen(8).cache, chosen(8).recompute_layers) == (False, SHAPE.layers)


def test_what_does_not_fit_is_the_least_there_is_and_says_so() -> None:
    choice = chosen(5)
    assert not choice.fits
    assert choice.recompute_layers == SHAPE.layers
    assert choice.tokens == 1024
    assert "does not fit" in choice.why


@given(st.floats(6, 200), st.integers(64, 4096), st.integers(64, 60000), st.floats(0.1, 1))
def test_the_choice_fits_holds_every_row_and_a_larger_memory_is_never_slower(
    gigabytes: float, longest: int, step: int, answers: float
) -> None:
    training = Training(answers=answers)
    one, more = (
        choose(SHAPE, int(size * GB), training, longest=longest, step_tokens=max(step, longest))
        for size in (gigabytes, gigabytes * 1.5)
    )
    assert one.tokens >= longest
    if one.fits:
        parts = memory(SHAPE, training, one.tokens, cache=one.cache, recompute_layers=one.recompute_layers)
        assert sum(parts.values()) == one.needs <= 0.9 * gigabytes * GB
        assert more.fits
        assert cost(more) <= cost(one)


def test_pieces_are_no_larger_than_a_step() -> None:
    assert chosen(141, step_tokens=2500).tokens == 2500


def test_what_is_forced_is_kept_and_named() -> None:
    choice = chosen(141, cache=False, recompute_layers=4, tokens=2048)
    assert (choice.cache, choice.recompute_layers, choice.tokens) == (False, 4, 2048)
    assert "forced: cache, recompute, tokens" in choice.why


def test_an_unquantised_base_has_no_copy_to_make() -> None:
    choice = choose(SHAPE, 141 * GB, Training(storage="bf16"), longest=1024)
    assert not choice.cache
    assert "dequantised" not in choice.why


def test_a_loaded_base_counts_as_memory_that_is_there() -> None:
    assert chosen(80) == choose(SHAPE, 74 * GB, Training(), longest=1024, loaded=6 * GB)


@pytest.mark.parametrize("packed", [True, False])
def test_why_is_one_readable_line(packed: bool) -> None:
    why = choose(shape_of(SMOL), 20 * GB, Training(), longest=200, step_tokens=800, packed=packed).why
    assert why.startswith("rows end to end" if packed else "rows padded")
    assert "pieces of up to 800 tokens" in why
    assert "\n" not in why
