"""Floating-point operations of a training: what its time is made of."""

from dataclasses import dataclass

from .memory import Training
from .shape import Shape


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens of rows: all, those that carry loss, and the sum of squared row lengths, for attention."""

    tokens: float
    answers: float
    squares: float


def flop(shape: Shape, training: Training, work: Work, recompute_layers: int = 0) -> float:
    """Of a forward and a backward pass.

    A frozen matrix costs 2 a weight and token forward and 2 backward, a trained one 2 more; recomputing a layer its
    forward pass again. The head is run on answers only. Attention is causal inside each row: two products forward, five
    backward, since flash attention makes its scores again.
    """
    again = recompute_layers / shape.layers
    trained = 0 if training.full or training.prefix else training.trained(shape)
    frozen = (6 if training.full else 4) + 2 * again
    head = (6 if training.full else 4) * shape.embedding * work.answers
    products = 7 + 2 * again
    attention = products * shape.layers * shape.heads * shape.head_dim * work.squares
    each = frozen * shape.matrices + (6 + 2 * again) * trained
    return (1 - training.common) * (work.tokens * each + attention) + head


LAUNCH = 3.7e-3
"""Seconds of Python and kernel starts that a layer of a piece costs on a GPU, forward and backward, whatever its size;
3.5 to 6 on machines seen."""

BUSY = 400e12
"""FLOP a second that a GPU does at least on small products."""


def waits(shape: Shape, work: Work) -> bool:
    """Whether a GPU is done with a piece before Python has asked for all of it."""
    return flop(shape, Training(), work) / BUSY < LAUNCH * shape.layers
