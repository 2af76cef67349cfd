"""Each limit: silent when off or kept, one sentence with figure, limit and remedy when overstepped."""

import pytest
from pydantic import ValidationError

from extune.inspect import Limits, check, inspect_splits
from extune.inspect.limits import LEAK_RULES, SPLIT_RULES
from extune.records import Entity, Record, Rejected
from extune.schema import Schema

BAD = Record("1", "Ann", "en", (Entity("Ann", "PER"), Entity("Ann", "ORG"), Entity("Zed", "dog")), where="f:1")
NEAR = "a text that is long enough for one changed word to leave most of its grams as they were, {}"
SPLITS = {
    "train": [
        BAD,
        BAD,
        Record("2", "", "en"),
        Rejected("f:3", "bad"),
        *(Record(w, NEAR.format(w), "en") for w in "ab"),
    ],
    "test": [BAD],
}


def found(limits: Limits) -> list[str]:
    schema = Schema(entities=("PER", "ORG"))
    return check(inspect_splits(SPLITS, schema=schema, window=lambda r: len(r.text), max_length=50), limits)


def test_no_limit_is_set_by_default():
    assert found(Limits()) == []


def test_every_limit_has_a_rule():
    assert {*SPLIT_RULES, *LEAK_RULES, "min_per_label"} == set(Limits.model_fields)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("max_rejected", "train: 1 of 6 (16.7 %) records cannot be read, max_rejected is 0 %. "),
        ("max_not_in_text", "train: 2 of 6 (33.3 %) entities have a string that is not in the text, "),
        ("max_conflicts", "train: 1 of 2 (50 %) distinct strings of entities have more than one label, "),
        ("max_exact_duplicates", "train: 1 of 5 (20 %) records repeat another, "),
        ("max_near_duplicates", "train: 1 of 5 (20 %) records are nearly the same as another, "),
        ("max_over_window", "train: 2 of 5 (40 %) records are longer than the window, "),
        ("max_empty", "train: 3 of 5 (60 %) records have no annotation, "),
        ("max_unknown_labels", "train: 2 of 6 (33.3 %) entities have a label that the schema lacks, "),
        ("max_leaked_texts", "test: 1 of 1 (100 %) records have a text that is in train too, or nearly, "),
        ("max_leaked_items", "test: 3 of 3 (100 %) entities occur in train too, "),
    ],
)
def test_an_overstepped_limit_is_one_sentence(key: str, sentence: str):
    first = found(Limits(**{key: 0.0}))[0]
    assert first.startswith(sentence)
    assert len(first.partition(f"{key} is 0 %. ")[2]) > 20
    assert found(Limits(**{key: 1.0})) == []


def test_a_figure_at_the_limit_is_allowed():
    assert found(Limits(max_exact_duplicates=0.2)) == []
    assert len(found(Limits(max_exact_duplicates=0.19))) == 1


def test_labels_need_their_items_in_train_only():
    assert found(Limits(min_per_label=2)) == []
    (line,) = found(Limits(min_per_label=3))
    assert line.startswith("train: 3 labels of entities have fewer than min_per_label, 3: ORG 2, PER 2, dog 2. ")


@pytest.mark.parametrize("limits", [{"max_empty": 1.1}, {"min_per_label": 0}, {"max_emty": 0.5}])
def test_a_limit_that_cannot_be_is_refused(limits: dict):
    with pytest.raises(ValidationError):
        Limits(**limits)
