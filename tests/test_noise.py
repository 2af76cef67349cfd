"""Noise on characters: what it does to a text, and where everything stands afterwards."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.noise import NOISES, Aligned, Noise, identity, join, outside

TEXTS = st.text(st.sampled_from("abmnrlO01 ,.ＡＢ１，　ß𠀀头髮发发未己的他后皇們🙂é\n"), max_size=40)
RATES = st.floats(0, 1)


def noised(name: str, text: str, rate: float = 1.0, seed: int = 0) -> str:
    return NOISES[name](text, random.Random(seed), rate).text


@pytest.mark.parametrize("noise", NOISES.values(), ids=list(NOISES))
@given(TEXTS, RATES, st.integers(0, 99))
def test_every_boundary_has_its_place_in_order(noise: Noise, text: str, rate: float, seed: int) -> None:
    new = noise(text, random.Random(seed), rate)

    assert len(new.starts) == len(text) + 1
    assert (new.starts[0], new.starts[-1]) == (0, len(new.text))
    assert list(new.starts) == sorted(new.starts)
    assert new == noise(text, random.Random(seed), rate)


@pytest.mark.parametrize("noise", NOISES.values(), ids=list(NOISES))
@given(TEXTS)
def test_at_rate_zero_nothing_changes(noise: Noise, text: str) -> None:
    assert noise(text, random.Random(1), 0.0) == identity(text)


@pytest.mark.parametrize("noise", NOISES.values(), ids=list(NOISES))
@given(TEXTS, st.data())
def test_what_is_kept_stays_and_is_found_again(noise: Noise, text: str, data: st.DataObject) -> None:
    bounds = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    kept = list(zip(bounds[::2], bounds[1::2], strict=False))
    new = outside(noise, text, random.Random(2), 1.0, kept)

    assert len(new.starts) == len(text) + 1
    for start, end in kept:
        assert new.text[slice(*new.span(start, end))] == text[start:end]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("full_width", "CVE-1 号", "ＣＶＥ－１　号"),
        ("half_width", "ＣＶＥ－１　号，", "CVE-1 号,"),
        ("traditional", "头发发现，皇后后来", "頭髮發現，皇后後來"),
        ("simplified", "頭髮發現，乾坤", "头发发现，乾坤"),
        ("ocr", "rn 己 [", "m 已 ["),
        ("typo", "做2不。", "作2不。"),
    ],
)
def test_what_each_noise_writes(name: str, text: str, expected: str) -> None:
    seeds = range(20)
    assert expected in {noised(name, text, seed=seed) for seed in seeds}


def test_case_turns_whole_words_one_way_and_follows_growing_letters() -> None:
    assert {noised("case", "Old Straße", seed=seed) for seed in range(9)} == {"OLD STRASSE", "old straße"}
    upper = next(new for seed in range(9) if (new := NOISES["case"]("aßb", random.Random(seed), 1.0)).text == "ASSB")
    assert upper.starts == (0, 1, 3, 4)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_half_width_undoes_full_width(text: str) -> None:
    assert noised("half_width", noised("full_width", text)) == text


@given(TEXTS)
def test_scripts_keep_every_character_in_its_place(text: str) -> None:
    for name in ("traditional", "simplified", "full_width", "half_width"):
        assert NOISES[name](text, random.Random(0), 1.0).starts == identity(text).starts


@given(st.integers(0, 999))
def test_typos_leave_digits_and_negations_alone(seed: int) -> None:
    text = "2019 年 3.5 % 不 没 无"
    assert noised("typo", text, seed=seed) == text


def test_boundaries_inside_a_piece_go_as_far_as_it_does() -> None:
    assert join([(2, "m"), (1, "rn"), (3, "abc"), (1, "")]) == Aligned("mrnabc", (0, 1, 1, 3, 4, 5, 6, 6))
