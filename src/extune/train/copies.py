"""Whole modules that LoRA trains beside it (peft's `modules_to_save`): float32 copies in a model of another type."""

from typing import Any

import torch


def cast(model: Any) -> None:
    """Let every copy take what the model computes with, and give the type that the original would give.

    https://huggingface.co/docs/peft/developer_guides/troubleshooting#randomly-initialized-layers
    """
    from peft.utils import ModulesToSaveWrapper

    for module in model.modules():
        if isinstance(module, ModulesToSaveWrapper):
            module.register_forward_pre_hook(_into)
            module.register_forward_hook(_out_of)


def _into(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_in_type(value, module.weight.dtype) for value in given)


def _out_of(module: Any, given: tuple[Any, ...], made: Any) -> Any:
    return _in_type(made, module.original_module.weight.dtype)


def _in_type(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
