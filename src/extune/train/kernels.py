"""The small operations between the products, each fused into one kernel by PyTorch's compiler.

Left to themselves a norm is eight passes over memory and a gated activation five, a fifth of a training step.
"""

import shutil
import sys
from functools import cache
from types import MethodType
from typing import Any

import torch
from torch.nn.functional import silu


def available() -> bool:
    """Whether kernels can be compiled here: PyTorch does that for GPUs, with Triton and a C compiler."""
    from importlib.util import find_spec

    return torch.cuda.is_available() and find_spec("triton") is not None and shutil.which("cc") is not None


def _norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype)


def _gated(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    return silu(gate) * up


def _rotated(
    query: torch.Tensor, key: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)

    def rotated(x: torch.Tensor) -> torch.Tensor:
        half = x.shape[-1] // 2
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin

    return rotated(query), rotated(key)


def fuse(model: Any) -> int:
    """Give every RMSNorm, every SiLU-gated MLP and the rotation of positions, where they have the common form, a fused
    forward; returns how many modules got one. The rotation is a function of the family's module, for all its models."""
    _rotate(model)
    norm, gated = torch.compile(_norm, dynamic=True), torch.compile(_gated, dynamic=True)

    def norm_forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return norm(x, self.weight, self.variance_epsilon)

    def mlp_forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(gated(self.gate_proj(x), self.up_proj(x)))

    fused = 0
    for module in model.modules():
        forward = norm_forward if _is_norm(module) else mlp_forward if _is_gated(module) else None
        if forward is not None:
            module.forward = MethodType(forward, module)
            fused += 1
    return fused


ROTATED = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
"""Families that compute exactly `_rotated`."""


@cache
def _compiled_rotation() -> Any:
    return torch.compile(_rotated, dynamic=True)


def _rotate(model: Any) -> None:
    home = type(model).__module__
    if model.config.model_type in ROTATED and home.startswith("transformers.models."):  # and no code of its own
        sys.modules[home].apply_rotary_pos_emb = _compiled_rotation()  # type: ignore[attr-defined]


NORMS = ("LlamaRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm", "MistralRMSNorm", "Glm4RMSNorm", "GlmRMSNorm")
"""Classes that compute exactly `_norm`; others, such as Gemma's with its 1 + weight, are left alone."""


def _is_norm(module: Any) -> bool:
    return type(module).__name__ in NORMS


def _is_gated(module: Any) -> bool:
    parts = {name for name, _ in module.named_children()}
    return parts == {"gate_proj", "up_proj", "down_proj", "act_fn"} and type(module.act_fn).__name__ in (
        "SiLU",
        "SiLUActivation",
    )
