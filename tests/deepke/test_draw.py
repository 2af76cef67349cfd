"""Which labels a training row is asked about."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.deepke import Options
from extune.deepke.draw import asked, negatives

LABELS = list("abcdefghij")
FOUND = st.lists(st.sampled_from([*LABELS, "y", "z"]), unique=True)


@given(FOUND, st.floats(-1, 1), st.booleans(), st.integers())
def test_a_rows_own_labels_are_asked_and_no_label_twice(
    found: list[str], share: float, shuffle: bool, seed: int
) -> None:
    chosen = asked(LABELS, found, Options("NER", negatives=share, random_sort=shuffle), Random(seed))
    assert set(found) <= set(chosen) <= {*LABELS, *found}
    assert len(chosen) == len(set(chosen))
    assert shuffle or chosen == sorted(chosen)


@pytest.mark.parametrize(("share", "count"), [(-1, 9), (1, 9), (0, 0)])
def test_all_or_none_of_the_other_labels(share: float, count: int) -> None:
    assert len(negatives(LABELS, ["a", "z"], share, Random(0))) == count


def test_a_share_is_drawn_over_all_labels() -> None:
    counts = [len(negatives(LABELS, ["a"], 0.3, Random(seed))) for seed in range(400)]
    assert 2.8 < sum(counts) / len(counts) < 3.2
    assert min(counts) == 0
    assert min(len(negatives(LABELS, [], 0.01, Random(seed))) for seed in range(50)) == 1


@given(FOUND.filter(bool), st.integers(-1, 12), st.integers())
def test_hard_negatives_are_all_confusable_ones_and_some_others(found: list[str], split_num: int, seed: int) -> None:
    hard = {"a": ["b", "outside"], "b": ["a"], "z": []}
    options = Options("NER", hard_negatives=hard, split_num=split_num or 1)
    chosen = asked(LABELS, found, options, Random(seed))
    near = {*found, *(other for label in found for other in hard.get(label, ()))}
    assert near <= set(chosen)
    others = set(chosen) - near
    assert len(others) == max(0, min(options.split_num, len(set(LABELS) - near)))


def test_a_row_without_labels_gets_a_few_at_random() -> None:
    options = Options("NER", hard_negatives={}, negatives=0.2)
    counts = [len(asked(LABELS, [], options, Random(seed))) for seed in range(200)]
    assert min(counts) == 1
    assert max(counts) < 7


def test_where_nothing_is_drawn_only_the_rows_own_labels_are_asked() -> None:
    assert asked(None, ["b", "a"], Options("EEA", hard_negatives={"a": ["c"]}), Random(0)) == ["a", "b"]
