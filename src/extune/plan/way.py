"""Which of `train`'s ways to be fast a training will have, by its configuration: as train/speed.py chooses them."""

from collections.abc import Mapping
from typing import Any

from ..config import Config
from ..footprint import WORTH, Choice, Lengths, Shape, Training, Work, check_together, choose, stochastic, waits
from .devices import Device
from .steps import Schedule, rows_of


def forced(config: Config) -> dict[str, Any]:
    """What `train.speed` says of its own."""
    return {key: value for key, value in config.train.speed.model_dump().items() if value not in ("auto", None)}


def choice_of(
    config: Config, shape: Shape, training: Training, lengths: Lengths, device: Device, packs: bool
) -> Choice:  # fmt: skip
    """The setting that fits the memory of the device, for steps that may be of the longest rows."""
    wanted = forced(config)
    recompute: Any = wanted.get("recompute")
    return choose(
        shape,
        device.memory,
        training,
        longest=min(lengths.longest, lengths.window),
        step_tokens=sum(sorted(lengths.kept)[-rows_of(config.train.sft) :]) or None,
        packed=wanted.get("packed", packs and not training.prefix and (device.bf16 or not device.gpu)),
        cache=wanted.get("cache"),
        recompute_layers=shape.layers if recompute == "all" else recompute,
        tokens=wanted.get("tokens"),
    )


def graphs_of(
    config: Config, shape: Shape, lengths: Lengths, made: Schedule, choice: Choice, device: Device
) -> bool:  # fmt: skip
    """Whether a piece is launched as one."""
    if made.processes > 1 and (config.train.sft.get("fsdp") or config.train.sft.get("deepspeed")):
        return False
    wanted = False if forced(config).get("prefixes") else forced(config).get("graphs")
    if wanted is not None or not (device.gpu and choice.packed and not choice.recompute_layers):
        return bool(wanted)
    rows = made.rows / made.processes
    step = rows * sum(lengths.kept) / max(1, len(lengths.kept))
    return waits(shape, Work(step, step * lengths.answer_share, step**2 / rows))


def prefixes_of(config: Config, keys: Mapping[str, Any], lengths: Lengths, choice: Choice, graphs: bool) -> bool:
    """Whether what rows begin with in common is computed once. Raises ConfigError where that is asked for in vain."""
    wanted, train = forced(config).get("prefixes"), config.train
    check_together(choice.packed, graphs, bool(wanted), bool(choice.recompute_layers))
    if wanted is not None or graphs or not choice.packed:
        return bool(wanted)
    left = stochastic(keys, train.method, train.lora, train.sft.get("neftune_noise_alpha"))
    return lengths.common > WORTH and not left
