"""Tensors that are spread over processes: made whole to be written, and taken apart again when read.

FSDP2 holds a DTensor (https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html); DeepSpeed's ZeRO-3 an
empty tensor with `ds_id`. Every process has to call these functions, since each has a part.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch


def whole(value: Any, keep: bool) -> Any:
    """The same nested state with whole tensors, on the CPU where they were spread; {} in processes that keep none."""
    made = _whole(value, keep)
    return made if keep else {}


def _whole(value: Any, keep: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(item, keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_whole(item, keep) for item in value)
    if hasattr(value, "full_tensor"):
        full = value.full_tensor()
        return full.cpu() if keep else None
    return value


def trained(model: Any, keep: bool) -> dict[str, torch.Tensor]:
    """The weights that are trained, by name."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if any(hasattr(p, "ds_id") for _, p in named):
        return {name: tensor for name, p in named for tensor in _gathered(p) if keep}
    return dict(whole({name: p.data for name, p in named}, keep))


def _gathered(parameter: Any) -> Iterable[torch.Tensor]:
    import deepspeed

    with deepspeed.zero.GatheredParameters([parameter]):
        yield parameter.data.to("cpu", copy=True)


def like(parameter: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """A whole tensor spread as a parameter is."""
    mesh = getattr(parameter, "device_mesh", None)
    if mesh is None or tensor.shape != parameter.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(parameter.device), mesh, parameter.placements)


def spread(state: dict[str, Any], groups: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """An optimiser's whole state spread as its parameters are; `groups` are its `param_groups`."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    moments = {
        number: {
            name: like(parameters[number], value) if isinstance(value, torch.Tensor) else value
            for name, value in held.items()
        }
        for number, held in state["state"].items()
    }
    return {**state, "state": moments}
