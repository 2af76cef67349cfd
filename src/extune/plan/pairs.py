"""The plan of an encoder-decoder: both of its stacks, with prompts in the one and answers in the other, padded.

As train/pairs.py lays them; train/speed.py plans no memory for them, so the size of a piece is fixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..config import Config
from ..footprint import Choice, Lengths, Shape, Training, Work
from ..footprint.memory import memory as parts_of
from .devices import Device
from .model import stored_bytes
from .pace import once, seconds
from .sized import Sized, on_host
from .steps import Schedule
from .way import forced

PIECE = 4096
"""Tokens of a piece, prompts and answers together, unless `train.speed.tokens` says so."""

SCORES = 9
"""Bytes kept of an attention score: softmax in float32, its 16-bit copy, what dropout did and what it left."""

LOGITS = 12
"""Bytes of a logit of an answer, all of which exist at once: of the model's type, in float32, and its gradient."""

Stacks = tuple[Shape, Shape]
Piece = tuple[Work, Work]


def pieces(lengths: Lengths, step: Sequence[int], most: int) -> list[Piece]:
    """The work of both stacks for each piece of a step."""
    from ..train.batches import bins

    parts = bins([lengths.kept[row] for row in step], most, packed=False)
    return [_work([step[number] for number in part], lengths) for part in parts]


def _work(rows: Sequence[int], lengths: Lengths) -> Piece:
    answer = max(lengths.answers[row] for row in rows)
    prompt = max(lengths.kept[row] - lengths.answers[row] for row in rows)
    count = len(rows)
    below = Work(count * prompt, 0, count * prompt**2)
    return below, Work(count * answer, count * answer, count * (answer**2 + answer * prompt))


def of_pair(
    config: Config, keys: Mapping[str, Any], stacks: Stacks, training: Training, lengths: Lengths, made: Schedule,
    device: Device,
) -> Sized:  # fmt: skip
    """Of a model with two stacks."""
    choice = _choice(config, stacks)
    steps = [pieces(lengths, step, choice.tokens) for step in made.own(lengths.kept)]
    each = _of_each(stacks, training)
    parts = _memory(stacks, each, choice, steps)
    if not device.gpu:
        matrices = sum(stack.matrices for stack in stacks)
        if training.quantised:
            parts["base"] += matrices * training.compute  # bitsandbytes keeps what it dequantised for the backward pass
        parts = on_host(parts, matrices, training, stored_bytes(keys))
    needs = sum(parts.values())
    spent = (
        seconds(stack, one, choice, [[piece[number] for piece in step] for step in steps], device)
        for number, (stack, one) in enumerate(zip(stacks, each, strict=True))
    )
    return Sized(
        parameters=sum(stack.parameters for stack in stacks),
        trainable=sum(one.trained(stack) for stack, one in zip(stacks, each, strict=True)),
        memory=parts,
        seconds=sum(spent),
        apart=once(stacks[1], (), device, False, 0),
        choice=replace(choice, needs=needs, fits=needs <= device.memory),
    )


def _choice(config: Config, stacks: Stacks) -> Choice:
    """What train/speed.py does with a model whose memory it does not plan."""
    wanted = forced(config)
    again = wanted.get("recompute", 0)
    layers = max(stack.layers for stack in stacks) if again == "all" else int(again)
    tokens = int(wanted.get("tokens", PIECE))
    return Choice(False, bool(wanted.get("cache")), layers, tokens, f"rows padded, pieces of up to {tokens} tokens", 0)


def _of_each(stacks: Stacks, training: Training) -> list[Training]:
    """With the targets that each stack has: only a decoder looks at the other stack."""
    if not isinstance(training.targets, tuple):
        return [training, training]
    has = [{linear.name for linear in stack.linears} for stack in stacks]
    short = [name.rpartition(".")[2] for name in training.targets]
    stacks[1].targets([name for name in short if name not in has[0]])  # which names one that there is nowhere
    return [replace(training, targets=tuple(name for name in short if name in names)) for names in has]


def _memory(
    stacks: Stacks, each: Sequence[Training], choice: Choice, steps: Sequence[Sequence[Piece]]
) -> dict[str, int]:  # fmt: skip
    largest = max((piece for step in steps for piece in step), key=lambda piece: piece[0].tokens + piece[1].tokens)
    found: dict[str, int] = {}
    for stack, one, work in zip(stacks, each, largest, strict=True):
        again = min(choice.recompute_layers, stack.layers)
        parts = parts_of(stack, one, int(work.tokens), cache=choice.cache, recompute_layers=again)
        scores = max(stack.layers - again, 1) * stack.heads * work.squares * SCORES
        parts["activations"] += int(scores)
        parts["passing"] = max(parts["passing"], int(work.answers * stack.vocab * LOGITS))
        found = {name: found.get(name, 0) + size for name, size in parts.items()}
    return found
