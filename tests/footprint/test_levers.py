"""Which ways to be fast exclude each other, and which trainings are left to chance."""

from typing import Any

import pytest

from extune.errors import ConfigError
from extune.footprint import check_together, stochastic


@pytest.mark.parametrize(
    ("given", "lever"),
    [
        ({"packed": False, "graphs": True}, "graphs"),
        ({"graphs": True, "recompute": True}, "graphs"),
        ({"graphs": True, "prefixes": True}, "prefixes"),
        ({"packed": False, "prefixes": True}, "prefixes"),
    ],
)
def test_what_excludes_each_other_is_refused(given: dict[str, bool], lever: str) -> None:
    with pytest.raises(ConfigError, match=f"train.speed.{lever}: needs rows end to end"):
        check_together(**{"packed": True, "graphs": False, "prefixes": False, "recompute": False} | given)


def test_what_goes_together_is_not() -> None:
    check_together(packed=True, graphs=True, prefixes=False, recompute=False)
    check_together(packed=True, graphs=False, prefixes=True, recompute=True)
    check_together(packed=False, graphs=False, prefixes=False, recompute=True)


@pytest.mark.parametrize(
    ("config", "lora", "noise", "expected"),
    [
        ({"attention_dropout": 0.0, "hidden_act": "silu"}, {}, None, False),
        ({"attention_dropout": 0.1}, {}, None, True),
        ({"text_config": {"resid_pdrop": 0.1}}, {}, None, True),
        ({"classifier_dropout": 0.1, "summary_first_dropout": 0.1}, {}, None, False),
        ({}, {"lora_dropout": 0.05}, None, True),
        ({}, {"lora_dropout": 0.0}, 5.0, True),
    ],
)
def test_dropout_and_noise_are_found_wherever_they_are_set(
    config: dict[str, Any], lora: dict[str, Any], noise: float | None, expected: bool
) -> None:
    assert stochastic(config, "lora", lora, noise) is expected


def test_the_adapters_dropout_is_nothing_where_no_adapter_is_trained() -> None:
    assert not stochastic({}, "full", {"lora_dropout": 0.05})
