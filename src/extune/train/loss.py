"""The loss of the answer tokens alone: the head is run on their rows only, some thousand at a time.

A vocabulary of 150,000 makes a row of logits 600 KB; kept for every token of a batch they would be most of the memory.
Idea: https://arxiv.org/abs/2411.09009 (Cut Your Losses), here in plain PyTorch.
"""

from types import MethodType
from typing import Any

import torch
from torch.nn.functional import cross_entropy, linear

from .rows import MASKED

CHUNK = 2048
"""Rows of logits held at once."""


class _Frozen(torch.autograd.Function):
    """Summed cross-entropy under a frozen head; the gradient is made in the forward pass, so no logits are kept."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: torch.Tensor, bias: torch.Tensor | None,
                labels: torch.Tensor) -> torch.Tensor:  # fmt: skip
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad = torch.empty_like(hidden)
        for at in range(0, len(hidden), CHUNK):
            rows, wanted = hidden[at : at + CHUNK], labels[at : at + CHUNK, None]
            counts = (wanted != MASKED).float()
            logits = linear(rows, head, bias).float()
            wanted = wanted.clamp(min=0)
            best = logits.logsumexp(-1, keepdim=True)
            total += ((best - logits.gather(1, wanted)) * counts).sum()
            slope = logits.sub_(best).exp_().scatter_add_(1, wanted, -torch.ones_like(counts)).mul_(counts)
            grad[at : at + CHUNK] = slope.to(hidden.dtype) @ head
        ctx.save_for_backward(grad)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> Any:
        (grad,) = ctx.saved_tensors
        return grad * outer[0].to(grad.dtype), None, None, None


def answer_loss(hidden: torch.Tensor, answers: torch.Tensor, labels: torch.Tensor, head: Any) -> torch.Tensor:
    """Cross-entropy of `labels` (answers,), summed; `hidden` (batch, tokens, width) foretells them at `answers`."""
    rows = hidden.reshape(-1, hidden.shape[-1])[answers]
    at_hand = type(head) is torch.nn.Linear and not hasattr(head.weight, "ds_id")  # else only inside of its own call
    if at_hand and not head.weight.requires_grad:
        return _Frozen.apply(rows, head.weight, head.bias, labels)
    return cross_entropy(head(rows).float(), labels, ignore_index=MASKED, reduction="sum")


def score_answers_only(model: Any) -> None:
    """Make a causal model's forward, where it is given answers, return their summed loss, without logits.

    It is the model's own forward that is replaced, and not the call, so that wrappers for several processes work.
    """
    whole = model.forward

    def forward(self: Any, input_ids: Any = None, answers: Any = None, labels: Any = None, **given: Any) -> Any:
        if answers is None:
            return whole(input_ids=input_ids, labels=labels, **given)
        if _changes_logits(self.config):
            logits = whole(input_ids=input_ids, use_cache=False, **given).logits
            rows = logits.reshape(-1, logits.shape[-1])[answers].float()
            return {"loss": cross_entropy(rows, labels, ignore_index=MASKED, reduction="sum")}
        hidden = self.base_model(input_ids=input_ids, use_cache=False, **given).last_hidden_state
        return {"loss": answer_loss(hidden, answers, labels, self.get_output_embeddings())}

    model.forward = MethodType(forward, model)


def _changes_logits(config: Any) -> bool:
    """Whether the model does something to its logits after the head."""
    names = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier")
    return any(getattr(config.get_text_config(), name, None) not in (None, 1, 1.0) for name in names)
