"""Seconds of a training from its work and a device's rates."""

from collections.abc import Iterable, Sequence

from ..footprint import LAUNCH, Choice, Shape, Training, Work, flop
from ..footprint.memory import STORAGE, kept_per_token
from .devices import Device

EFFICIENCY = {True: 0.76, False: 0.85}
"""GPU or not -> of a large product's rate, what the layers' products reach."""

NARROW = 200
"""Width of a model, on a GPU, whose products reach half of that rate."""

MOVED = {(True, 2): 10.0, (False, 2): 55.0, (False, 4): 6.0}
"""GPU or not, bytes of the type -> how many times the bytes kept for the backward pass are moved beside the products.
CPUs compute such operations in bfloat16 far slower than they read it."""

PLAIN = 0.6
"""Of a layer's launches, those that are left without an adapter."""

PYTHON = 3.0e-3
"""Seconds of Python for each layer of a piece on a CPU, forward and backward."""

PASSES = 5
"""On a CPU: how many times a piece reads the weights, and what belongs to each adapter value, beside the products."""

TRAINED = 16
"""Bytes that belong to an adapter value: itself, its gradient, two of AdamW's."""

STEP, TENSORS = 10e-3, 0.8e-3
"""Seconds of an optimiser step and its logging beside the pieces, and of that for each layer."""

STARTED = 4.0
"""Seconds in which a GPU's kernels are compiled and made ready."""

RECORDED, MAPPED = 0.1, 1e-11
"""Seconds in which a graph is recorded beside its passes, and of that for each byte, which the passes take and give
back."""


def seconds(
    shape: Shape,
    training: Training,
    choice: Choice,
    steps: Sequence[Sequence[Work]],
    device: Device,
    graphs: bool = False,
) -> float:
    """Of these steps, each a list of pieces; `graphs`: a piece is launched as one (train/graphs.py)."""
    launch = LAUNCH * (PLAIN if training.full or training.prefix else 1.0) if device.gpu else PYTHON
    adapter = training.trained(shape) * TRAINED * PASSES / device.bandwidth
    spent = (
        _piece(shape, training, choice, work, device, 0.0 if graphs else launch) for step in steps for work in step
    )
    return sum(spent) + len(steps) * (STEP + TENSORS * shape.layers + adapter)


def once(shape: Shape, steps: Iterable[Sequence[Work]], device: Device, graphs: bool, peak: int) -> float:
    """Seconds at the beginning of a training that takes `peak` bytes.

    For graphs, one is recorded for every size of piece, after two passes.
    """
    if not device.gpu:
        return 0.0
    sizes = {(work.tokens, work.answers) for step in steps for work in step}
    each = RECORDED + MAPPED * peak + 3 * LAUNCH * shape.layers
    return STARTED + (each * len(sizes) if graphs else 0.0)


def recorded(steps: Iterable[Sequence[Work]]) -> list[list[Work]]:
    """The pieces of steps as graphs have them: filled up to one of few sizes."""
    from ..train.batches import bucket

    def filled(work: Work) -> Work:
        tokens = bucket(int(work.tokens))
        return Work(tokens, bucket(int(work.answers), 1), work.squares * tokens / work.tokens)

    return [[filled(work) for work in step] for step in steps]


def _piece(shape: Shape, training: Training, choice: Choice, work: Work, device: Device, launch: float) -> float:
    """Forward and backward. On a GPU the launching runs beside the computing, so the longer of the two counts."""
    gpu = device.gpu
    again = choice.recompute_layers / shape.layers
    kept = kept_per_token(shape, training) * shape.layers
    moved = work.tokens * kept * MOVED[gpu, training.compute] * (1 + again / 2) / device.bandwidth
    reached = EFFICIENCY[gpu] * (shape.hidden / (shape.hidden + NARROW) if gpu else 1.0)
    busy = flop(shape, training, work, choice.recompute_layers) / (device.flops * reached) + moved
    if training.quantised and not choice.cache:
        busy += _dequantised(shape, training, device) * (2 + again)
    launch *= shape.layers * (1 + again / 2)
    weights = shape.matrices * training.compute + training.trained(shape) * TRAINED
    return max(busy, launch) if gpu else busy + launch + PASSES * weights / device.bandwidth


def _dequantised(shape: Shape, training: Training, device: Device) -> float:
    """Seconds to dequantise all layers once: the codes read, the values written and read."""
    return shape.matrices * (STORAGE[training.storage] + 2 * training.compute) / device.bandwidth
