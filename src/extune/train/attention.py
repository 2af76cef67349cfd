"""Attention over rows that lie end to end: each row sees itself only, and nothing is spent on padding.

Registered with transformers as `extune_rows` (https://huggingface.co/docs/transformers/attention_interface).
"""

from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface

from ..footprint import packable

NAME = "extune_rows"


def rows_attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, *,
    cu_seq_lens_q: torch.Tensor, max_length_q: int, cu_seq_lens_k: torch.Tensor | None = None,
    places: torch.Tensor | None = None, scaling: float | None = None, dropout: float = 0.0, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Causal attention inside each row; tensors (1, heads, tokens, width), result (1, tokens, heads, width).

    `cu_seq_lens_q` are the bounds of the rows. Where tokens that rows begin with in common are there once, they bound
    what each row has of its own; `places` then are those of all tokens of all rows, with bounds `cu_seq_lens_k`.
    On a GPU PyTorch's flash attention for rows of varying length, on a CPU one call a row.
    """
    bounds = cu_seq_lens_q if cu_seq_lens_k is None else cu_seq_lens_k
    if places is not None:
        key, value = _Gathered.apply(key, places), _Gathered.apply(value, places)
    if query.device.type != "cuda":
        return _row_by_row(query, key, value, cu_seq_lens_q, bounds, scaling, dropout), None
    kind = torch.bfloat16 if query.dtype is torch.float32 else query.dtype  # flash attention takes no float32
    q, k, v = (t[0].transpose(0, 1).to(kind) for t in (query, key, value))
    out = torch.ops.aten._flash_attention_forward(
        q, k, v, cu_seq_lens_q, bounds, max_length_q, max_length_q, dropout, True, False, scale=scaling
    )[0]
    return out[None].to(query.dtype), None


def _row_by_row(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, own: torch.Tensor, whole: torch.Tensor,
    scaling: float | None, dropout: float,
) -> torch.Tensor:  # fmt: skip
    grouped = query.shape[1] > key.shape[1]

    def row(own: tuple[int, int], whole: tuple[int, int]) -> torch.Tensor:
        kind = torch.float32 if whole[1] - whole[0] <= SHORT else query.dtype
        q, k, v = (
            query[:, :, slice(*own)].to(kind),
            key[:, :, slice(*whole)].to(kind),
            value[:, :, slice(*whole)].to(kind),
        )
        common = k.shape[2] - q.shape[2]
        mask = q.new_ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(common) if common else None
        out = scaled_dot_product_attention(q, k, v, mask, dropout, mask is None, scale=scaling, enable_gqa=grouped)
        return out.to(query.dtype).transpose(1, 2)

    return torch.cat([row(*bounds) for bounds in zip(pairwise(own.tolist()), pairwise(whole.tolist()), strict=True)], 1)


class _Gathered(torch.autograd.Function):
    """Keys or values (1, heads, tokens, width) at `places`. A token's gradients are added up in float32."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(places)
        ctx.tokens = x.shape[2]
        return x.index_select(2, places)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> Any:
        (places,), grad = ctx.saved_tensors, outer[0]
        total = grad.new_zeros(*grad.shape[:2], ctx.tokens, grad.shape[3], dtype=torch.float32)
        return total.index_add_(2, places, grad.float()).to(grad.dtype), None


SHORT = 256
"""Tokens up to which a row's attention is made in float32 on a CPU, where PyTorch's kernel for bfloat16 works in blocks
as long: 80 tokens forward and backward take 1.0 ms instead of 2.6, 300 as long either way, 1,000 half as long again."""


def fits(model: Any, window: int) -> bool:
    """Whether a model can be given rows end to end: it takes its attention from transformers' interface, causal, over
    the whole row."""
    return bool(
        getattr(model, "_supports_attention_backend", False)
        and packable(model.config.get_text_config().to_dict(), window)
    )


def use(model: Any) -> None:
    """Make the model attend row by row."""
    AttentionInterface.register(NAME, rows_attention)
    AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)
    model.set_attn_implementation(NAME)
