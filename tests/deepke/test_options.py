"""Values that the reference would crash on are refused by name."""

from typing import Any

import pytest

from extune.deepke import Options
from extune.errors import ConfigError


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"split_num": 0}, "split_num is 0"),
        ({"negatives": 1.5}, "neg_schema is 1.5"),
        ({"negatives": float("nan")}, "neg_schema is nan"),
        ({"language": "fr"}, "no language 'fr'"),
        ({"variant": "other"}, "no variant 'other'"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Options("NER", **changes)


@pytest.mark.parametrize(
    ("changes", "all_asked"),
    [
        ({}, True),
        ({"negatives": -1}, True),
        ({"negatives": 0}, False),
        ({"negatives": 0.5}, False),
        ({"random_sort": True}, False),
        ({"hard_negatives": {}}, False),
    ],
)
def test_whether_every_row_is_asked_the_same(changes: dict[str, Any], all_asked: bool) -> None:
    assert Options("NER", **changes).asks_all is all_asked
