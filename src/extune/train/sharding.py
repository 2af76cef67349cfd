"""Tensors that are spread over processes: made whole to be written, and taken apart again when read.

FSDP2 holds a DTensor (https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html); DeepSpeed's ZeRO-3 an
empty tensor with `ds_id`. Every process has to call these functions, since each has a part.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def spread_out(model: Any) -> bool:
    """Whether no process holds the whole model."""
    return any(hasattr(parameter, "ds_id") or hasattr(parameter, "device_mesh") for parameter in model.parameters())


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


def put_back(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Give the weights that are trained their whole values, by name: the first process's, where they are spread.

    `weights`: all of them, or none in another process.
    """
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        value = weights[name] if weights else None
        if hasattr(parameter, "ds_id"):
            _spread_again(parameter, value)
        elif hasattr(parameter, "device_mesh"):
            parameter.data.copy_(like(parameter, torch.empty(parameter.shape) if value is None else value))
        elif value is not None:
            parameter.data.copy_(value)


def _spread_again(parameter: Any, value: torch.Tensor | None) -> None:
    import deepspeed

    with deepspeed.zero.GatheredParameters([parameter], modifier_rank=0):
        if value is not None:
            parameter.data.copy_(value)


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


def share(parameters: Iterable[torch.Tensor]) -> None:
    """Give every process the first one's values: a continued adapter may have been read from another disk."""
    for parameter in parameters:
        torch.distributed.broadcast(parameter.data, 0)


BUCKET = 2**25
"""Values of gradients that are sent at once."""


def average(parameters: Iterable[torch.Tensor]) -> None:
    """Give every process the mean of all processes' gradients; one that a process lacks, where another has it, is 0."""
    for bucket in _buckets(_gradients(list(parameters))):
        flat = bucket[0].reshape(-1) if len(bucket) == 1 else torch.cat([gradient.reshape(-1) for gradient in bucket])
        torch.distributed.all_reduce(flat)
        flat /= torch.distributed.get_world_size()
        for gradient, mean in zip(bucket, flat.split([gradient.numel() for gradient in bucket]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def _gradients(parameters: Sequence[torch.Tensor]) -> Iterable[torch.Tensor]:
    """The same ones in every process: a layer may have been left out in some."""
    had = torch.tensor([p.grad is not None for p in parameters], dtype=torch.uint8, device=parameters[0].device)
    torch.distributed.all_reduce(had, torch.distributed.ReduceOp.MAX)
    for parameter, anywhere in zip(parameters, had.tolist(), strict=True):
        if anywhere and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        if parameter.grad is not None:
            yield parameter.grad


def _buckets(gradients: Iterable[torch.Tensor]) -> Iterable[list[torch.Tensor]]:
    held: list[torch.Tensor] = []
    size = 0
    for gradient in gradients:
        if held and size + gradient.numel() > BUCKET:
            yield held
            held, size = [], 0
        held.append(gradient)
        size += gradient.numel()
    if held:
        yield held
