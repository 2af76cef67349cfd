"""A LoRA linear layer in one autograd function, over a frozen weight that is quantised or a dense copy of that.

peft's own layer makes a scaled product, a sum and two casts of every output; here the low-rank part is added in place
of the frozen product, forward and backward, and only the input is kept. LoRA: https://arxiv.org/abs/2106.09685.
"""

from types import MethodType
from typing import Any

import torch
from torch.nn.functional import linear

ADAPTER = "default"


def dense(weight: Any, dtype: torch.dtype) -> torch.Tensor:
    """A frozen weight as a matrix; one in 4 bits is dequantised."""
    state = getattr(weight, "quant_state", None)
    if state is None:
        return weight.to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, state).to(dtype)


class _LoraLinear(torch.autograd.Function):
    """y = x W' + b + s (x A') B' with W frozen. `dropped` is x after dropout, or x itself."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dropped: torch.Tensor | None, a: torch.Tensor, b: torch.Tensor,
                weight: Any, bias: torch.Tensor | None, scale: float) -> torch.Tensor:  # fmt: skip
        down, up = a.to(x.dtype), (b * scale).to(x.dtype)
        out = linear(x, dense(weight, x.dtype), bias)
        source = x if dropped is None else dropped
        low = linear(source, down)
        out.view(-1, out.shape[-1]).addmm_(low.view(-1, low.shape[-1]), up.t())
        ctx.save_for_backward(source, low, down, up)
        ctx.weight, ctx.scale, ctx.apart, ctx.kinds = weight, scale, dropped is not None, (a.dtype, b.dtype)
        return out

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> Any:
        source, low, down, up = ctx.saved_tensors
        grad = outer[0].reshape(-1, outer[0].shape[-1])
        rows, thin = source.reshape(-1, source.shape[-1]), low.reshape(-1, low.shape[-1])
        back = grad @ up
        to_a = (back.t() @ rows).to(ctx.kinds[0])
        to_b = ((grad.t() @ thin) * ctx.scale).to(ctx.kinds[1])
        to_x = grad @ dense(ctx.weight, grad.dtype) if ctx.needs_input_grad[0] else None
        to_dropped = None
        if ctx.apart:
            to_dropped = (back @ down).view(source.shape)
        elif to_x is not None:
            to_x.addmm_(back, down)
        return None if to_x is None else to_x.view(source.shape), to_dropped, to_a, to_b, None, None, None


def _forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """In place of the layer's own forward."""
    if self.disable_adapters or self.merged:
        return type(self).forward(self, x, *args, **kwargs)
    drop = self.lora_dropout[ADAPTER]
    dropped = drop(x) if self.training and getattr(drop, "p", 0.0) else None
    base = self.base_layer
    a, b = self.lora_A[ADAPTER].weight, self.lora_B[ADAPTER].weight
    return _LoraLinear.apply(x, dropped, a, b, base.weight, base.bias, self.scaling[ADAPTER])


def fuse(model: Any) -> int:
    """Give every plain LoRA layer the fused forward; returns how many got it."""
    layers = [module for module in model.modules() if _plain(module)]
    for module in layers:
        module.forward = MethodType(_forward, module)
    return len(layers)


def _plain(module: Any) -> bool:
    from bitsandbytes.nn import Linear4bit
    from peft.tuners.lora import LoraLayer

    if not isinstance(module, LoraLayer) or list(getattr(module, "lora_A", {})) != [ADAPTER]:
        return False
    base = module.base_layer
    return (
        type(base) in (torch.nn.Linear, Linear4bit)
        and not base.weight.requires_grad
        and not getattr(module, "lora_variant", {}).get(ADAPTER)
        and getattr(module.lora_B[ADAPTER], "bias", None) is None
    )


def cache(model: Any, dtype: torch.dtype) -> int:
    """Put a dense copy in the place of every 4-bit weight, dequantised once; returns the bytes that takes.

    The numbers are those the 4-bit weight stands for, so what is trained is the same; the time to dequantise is saved.
    """
    from bitsandbytes.nn import Linear4bit

    taken = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Linear4bit):
                setattr(parent, name, _dense_layer(child, dtype))
                taken += child.in_features * child.out_features * dtype.itemsize
    return taken


def _dense_layer(layer: Any, dtype: torch.dtype) -> torch.nn.Linear:
    with torch.device("meta"):
        made = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    made.weight = torch.nn.Parameter(dense(layer.weight, dtype), requires_grad=False)
    if layer.bias is not None:
        made.bias = torch.nn.Parameter(layer.bias.data, requires_grad=False)
    return made
