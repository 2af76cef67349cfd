"""Differences and how sure they are: held against slow loops, against what must be, and against scipy."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.errors import DataError
from extune.significance import paired_bootstrap, randomisation, spread, t_quantile

Rows = list[tuple[int, int, int]]


@st.composite
def sides(draw: st.DrawFn, most: int = 12) -> tuple[Rows, Rows]:
    """Counts of two systems on the same documents."""
    both: tuple[Rows, Rows] = ([], [])
    for gold in draw(st.lists(st.integers(0, 4), max_size=most)):
        for rows in both:
            tp = draw(st.integers(0, gold))
            rows.append((tp, tp + draw(st.integers(0, 2)), gold))
    return both


def f1(rows: Rows) -> float:
    tp, predicted, gold = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 0)
    return 2 * tp / (predicted + gold) if predicted + gold else 0.0


def slow_exact_p(first: Rows, second: Rows) -> float:
    """Every way to exchange the two answers of each document."""
    observed = abs(f1(second) - f1(first))
    shifts = []
    for swaps in itertools.product((False, True), repeat=len(first)):
        pairs = [(b, a) if swap else (a, b) for a, b, swap in zip(first, second, swaps, strict=True)]
        shifts.append(abs(f1([b for _, b in pairs]) - f1([a for a, _ in pairs])))
    return sum(shift >= observed - 1e-12 for shift in shifts) / len(shifts)


def slow_bootstrap(first: Rows, second: Rows, resamples: int) -> tuple[float, float, float]:
    rng = random.Random(0)
    places = range(len(first))
    shifts = []
    for _ in range(resamples):
        drawn = rng.choices(places, k=len(first))
        shifts.append(f1([second[i] for i in drawn]) - f1([first[i] for i in drawn]))
    observed = f1(second) - f1(first)
    shifts.sort()
    far = sum(abs(shift - observed) >= abs(observed) - 1e-12 for shift in shifts)
    return shifts[int(0.025 * resamples)], shifts[int(0.975 * resamples)], (far + 1) / (resamples + 1)


def system(seed: int, skill: float, documents: int = 300) -> Rows:
    rng = random.Random(seed)
    golds = random.Random(0)
    rows = []
    for _ in range(documents):
        gold = golds.randint(0, 5)
        tp = sum(rng.random() < skill for _ in range(gold))
        rows.append((tp, tp + sum(rng.random() < 1 - skill for _ in range(gold)), gold))
    return rows


@given(sides(most=8))
def test_the_exact_p_is_that_of_a_slow_enumeration(both: tuple[Rows, Rows]) -> None:
    found = randomisation(*both)
    assert found.exact
    assert found.p == pytest.approx(slow_exact_p(*both))
    assert found.difference == pytest.approx(f1(both[1]) - f1(both[0]))


def test_the_drawn_p_comes_near_the_exact_one() -> None:
    both = system(1, 0.6, 20), system(2, 0.75, 20)
    every, drawn = randomisation(*both, rounds=2**18), randomisation(*both, rounds=2**10)
    assert (every.exact, drawn.exact) == (True, False)
    assert 0.01 < every.p < 0.9
    assert drawn.p == pytest.approx(every.p, abs=0.05)


def test_the_bootstrap_comes_near_a_slow_one() -> None:
    both = system(1, 0.6, 40), system(2, 0.7, 40)
    low, high, p = slow_bootstrap(*both, 2000)
    found = paired_bootstrap(*both)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.015), pytest.approx(high, abs=0.015))
    assert found.p == pytest.approx(p, abs=0.03)


@given(sides())
def test_exchanging_the_systems_only_turns_the_sign(both: tuple[Rows, Rows]) -> None:
    there, back = paired_bootstrap(*both, 100), paired_bootstrap(*reversed(both), 100)
    assert (there.difference, there.p) == (-back.difference, back.p)
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
    one, two = randomisation(*both, 50), randomisation(*reversed(both), 50)
    assert (one.p, one.exact) == (two.p, two.exact)
    assert one.difference == -two.difference


@given(sides(), st.randoms(use_true_random=False))
def test_the_order_of_the_documents_makes_no_difference(both: tuple[Rows, Rows], rng: random.Random) -> None:
    order = list(range(len(both[0])))
    rng.shuffle(order)
    shuffled = tuple([rows[i] for i in order] for rows in both)
    assert paired_bootstrap(*both, 50) == paired_bootstrap(*shuffled, 50)
    assert randomisation(*both, 50) == randomisation(*shuffled, 50)


@given(sides())
def test_a_system_does_not_differ_from_itself(both: tuple[Rows, Rows]) -> None:
    found = paired_bootstrap(both[0], both[0], 100)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert randomisation(both[0], both[0]).p == 1


def test_a_clearly_better_system_is_significantly_better() -> None:
    both = system(1, 0.6), system(2, 0.8)
    found = paired_bootstrap(*both)
    assert found.p < 0.01
    assert 0 < found.low < found.difference < found.high
    assert randomisation(*both).p < 0.01
    assert paired_bootstrap(system(1, 0.7), system(2, 0.7)).p > 0.05


def test_chance_alone_is_seldom_significant() -> None:
    ps = [randomisation(system(seed, 0.7, 60), system(seed + 999, 0.7, 60), 400).p for seed in range(100)]
    assert sum(p < 0.05 for p in ps) <= 12
    assert sum(p < 0.5 for p in ps) >= 30


def test_the_seed_decides_the_draws() -> None:
    both = system(1, 0.6, 50), system(2, 0.63, 50)
    assert paired_bootstrap(*both, seed=1) == paired_bootstrap(*both, seed=1)
    assert paired_bootstrap(*both, seed=1) != paired_bootstrap(*both, seed=2)
    assert randomisation(*both, seed=1) != randomisation(*both, seed=2)


def test_ten_thousand_resamples_of_three_thousand_documents_take_about_a_second() -> None:
    both = system(1, 0.6, 3000), system(2, 0.61, 3000)
    began = time.process_time()
    paired_bootstrap(*both)
    randomisation(*both)
    assert time.process_time() - began < 2


def test_sides_of_unequal_length_are_refused() -> None:
    for compare in (paired_bootstrap, randomisation):
        with pytest.raises(DataError, match="1 documents on one side and 2 on the other"):
            compare([(1, 1, 1)], [(1, 1, 1)] * 2)


def test_no_documents_show_no_difference() -> None:
    assert paired_bootstrap([], []).p == randomisation([], []).p == 1


def test_students_t_is_that_of_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    for freedom in (*range(1, 40), 99, 200):
        for share in (0.5, 0.9, 0.975, 0.999):
            assert t_quantile(share, freedom) == pytest.approx(special.stdtrit(freedom, share), rel=1e-9, abs=1e-9)


def test_several_seeds_are_summarised() -> None:
    found = spread([0.70, 0.74, 0.72])
    assert (found.n, found.mean, found.min, found.max) == (3, pytest.approx(0.72), 0.70, 0.74)
    assert found.sd == pytest.approx(0.02)
    # By the table: t of two degrees of freedom is 4.303.
    assert (found.low, found.high) == (pytest.approx(0.72 - 0.04968, abs=1e-4), pytest.approx(0.76968, abs=1e-4))


def test_one_seed_has_no_spread_and_none_is_refused() -> None:
    assert (spread([0.5]).mean, spread([0.5]).sd, spread([0.5]).low) == (0.5, None, None)
    with pytest.raises(DataError, match="no figure to summarise"):
        spread([])
