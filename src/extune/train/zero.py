"""What DeepSpeed's ZeRO holds of an optimiser: in each process a part of the weights in float32 and of their moments.

ZeRO: https://arxiv.org/abs/1910.02054. DeepSpeed's own checkpoints are pickles, a file for each process.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..errors import EnvironmentProblem

FLAT = ("single_partition_of_fp32_groups", "fp32_partitioned_groups_flat")
"""Where DeepSpeed's optimiser has its flat parts: in stages 1 and 2, and in stage 3."""

CHUNK = 2**26
"""Values of a tensor that are sent at once."""


def state(optimizer: Any, first: bool) -> dict[str, Any]:
    """Of all processes, to the first; the others get {}, and have to call this too."""
    inner = optimizer.optimizer
    parts = [
        {"weights": _of_all(flat.data, first)}
        | {name: _of_all(value, first) for name, value in inner.state[flat].items()}
        for flat in _flats(optimizer)
    ]
    groups = [{name: value for name, value in group.items() if name != "params"} for group in inner.param_groups]
    return {"parts": parts, "groups": groups, "scale": _scale(optimizer)} if first else {}


def put_back(optimizer: Any, found: Mapping[str, Any], process: int, processes: int) -> None:
    """Give each process its part. Raises EnvironmentProblem where there were more or fewer processes."""
    inner = optimizer.optimizer
    for flat, part in zip(_flats(optimizer), found["parts"], strict=True):
        if (before := len(part["weights"])) != processes:
            raise EnvironmentProblem(
                f"the checkpoint is of {before} processes under DeepSpeed, and this is a training by {processes}",
                remedy="Run it with as many, or remove .cache/checkpoints to begin again",
            )
        mine = {name: value[process] if isinstance(value, list) else value for name, value in part.items()}
        flat.data.copy_(mine.pop("weights"))
        inner.state[flat] = {name: _placed(value, flat, inner.param_groups) for name, value in mine.items()}
    for group, values in zip(inner.param_groups, found["groups"], strict=True):
        group.update(values)
    vars(optimizer.loss_scaler).update(found["scale"])


def _flats(optimizer: Any) -> list[torch.Tensor]:
    return next(list(getattr(optimizer, name)) for name in FLAT if hasattr(optimizer, name))


def _scale(optimizer: Any) -> dict[str, Any]:
    """float16's scale of the loss, which changes as it goes."""
    return {name: value for name, value in vars(optimizer.loss_scaler).items() if isinstance(value, int | float)}


def _placed(value: Any, flat: torch.Tensor, groups: Sequence[Mapping[str, Any]]) -> Any:
    """Where the weights are; the number of steps only for PyTorch's fused optimisers, else it stays on the CPU."""
    there = isinstance(value, torch.Tensor) and (value.dim() or any(group.get("fused") for group in groups))
    return value.to(flat.device) if there else value


def _of_all(value: Any, first: bool) -> Any:
    """A tensor of each process, on the CPU of the first; what is no part of a tensor is the same in all of them."""
    if not isinstance(value, torch.Tensor) or not value.dim():
        return value
    count = torch.distributed.get_world_size()
    whole = [torch.empty(value.shape, dtype=value.dtype) for _ in range(count)] if first else []
    for at in range(0, len(value), CHUNK):
        piece = value[at : at + CHUNK].contiguous()
        if torch.distributed.get_backend() == "nccl":  # which sends from GPUs only; the optimiser may be offloaded
            piece = piece.cuda()
        parts = [torch.empty_like(piece) for _ in range(count)] if first else None
        torch.distributed.gather(piece, parts, dst=0)
        for held, part in zip(whole, parts or [], strict=True):
            held[at : at + CHUNK].copy_(part)
    return whole
