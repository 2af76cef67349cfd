"""How a training is spread over processes: copies (DDP), parts of the model (FSDP2, ZeRO-3) or optimiser (ZeRO-2)."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..model import Base, compute_dtype, device
from ..processes import joined, size
from .resume import Keeping

log = logging.getLogger(__name__)

SHARDED = ("fsdp", "zero3")
"""Where no process holds the whole model."""


def checked(sft: Mapping[str, Any]) -> dict[str, Any]:
    """`train.sft` without what has no effect here, which is logged. Raises ConfigError if DeepSpeed cannot be had."""
    given = {key: value for key, value in sft.items() if value or key not in ("deepspeed", "fsdp", "fsdp_config")}
    if "deepspeed" in given:
        _check_deepspeed(given["deepspeed"])
    lacking = {"fsdp": size() == 1, "deepspeed": not joined()}
    for key in [key for key in lacking if key in given and (lacking[key] or device() == "cpu")]:
        log.warning("train.sft.%s has no effect: it takes several processes with a GPU each", key)
        del given[key]
    if "fsdp" not in given:
        given.pop("fsdp_config", None)
    return given


def _check_deepspeed(config: Any) -> None:
    if find_spec("deepspeed") is None:
        raise ConfigError(
            "train.sft.deepspeed: DeepSpeed is not installed",
            remedy="pip install deepspeed; or train.sft.fsdp=true, which needs nothing more",
        )
    if isinstance(config, str) and not Path(config).is_file():
        raise ConfigError("train.sft.deepspeed: no such file", where=config, remedy="presets/ has ready ones")


def kind(args: Any) -> str:
    """How a training is spread over processes, by the options it was given; "" if it is not."""
    if args.deepspeed:
        return "zero3" if args.hf_deepspeed_config.is_zero3() else "zero2"
    if args.world_size == 1:
        return ""
    return "fsdp" if args.fsdp else "ddp"


def shardable(base: Base, spread: str) -> Base:
    """A base whose 4-bit weights are stored as numbers: bytes, as they are by default, would be whole on every GPU."""
    if spread not in SHARDED or not base.quantization.get("load_in_4bit"):
        return base
    return replace(base, quantization={"bnb_4bit_quant_storage": compute_dtype(), **base.quantization})


def keepable(keeping: Keeping, spread: str, args: Any) -> Keeping:
    """No checkpoints where DeepSpeed has the optimiser's state on a disk, or does not divide it."""
    if not spread.startswith("zero") or keeping.folder is None:
        return keeping
    config = args.hf_deepspeed_config
    stage = config.get_value("zero_optimization.stage", 0)
    if stage and config.get_value("zero_optimization.offload_optimizer.device") != "nvme":
        return keeping
    log.warning("no checkpoints: DeepSpeed has no stage or its optimiser on nvme; interrupted, this begins again")
    return replace(keeping, folder=None)
