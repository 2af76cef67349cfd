"""Which ways to be fast go together, and which would change what is learned: told to `plan` and to `train` alike."""

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError

WORTH = 0.02
"""The share of tokens common to rows of a step above which they are computed once."""

ELSEWHERE = ("classifier", "summary", "head")
"""Beginnings of dropouts in a config.json that belong to other tasks."""


def check_together(packed: bool, graphs: bool, prefixes: bool, recompute: bool) -> None:
    """Raises ConfigError for parts of `train.speed` that exclude each other."""
    if graphs and (recompute or not packed):
        raise ConfigError("train.speed.graphs: needs rows end to end and no recomputation", where="params.yaml")
    if prefixes and (graphs or not packed):
        raise ConfigError("train.speed.prefixes: needs rows end to end and no CUDA graphs", where="params.yaml")


def stochastic(config: Mapping[str, Any], method: str, lora: Mapping[str, Any], noise: float | None = None) -> bool:
    """Whether dropout or noise falls on tokens, by the base's config.json, `train.lora` and neftune_noise_alpha.

    Rows that have tokens in common would then share it.
    """
    keys = {**config, **config.get("text_config", {})}
    dropped = [
        value
        for name, value in keys.items()
        if ("dropout" in name or name.endswith("_pdrop")) and not name.startswith(ELSEWHERE)
    ]
    adapter = lora.get("lora_dropout") if method == "lora" else 0
    return any(isinstance(value, int | float) and value > 0 for value in (*dropped, adapter, noise))
