"""Bytes that a training takes, by part: what is loaded, what is learned, what is kept for the backward pass.

What is kept was counted in the code of train/linear.py, attention.py and loss.py and in transformers' norms and MLPs;
the constants in capitals are the ones to measure again when that code changes (benchmarks/plan.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .shape import ALL, Shape, adapter_parameters, prefix_parameters

SINGLE = 4.0
"""Bytes of a float32."""

BLOCK, NESTED = 64, 256
"""Weights of a 4-bit block that share a scale, and scales that share one in turn (https://arxiv.org/abs/2305.14314)."""

STORAGE = {
    "nf4": 0.5 + SINGLE / BLOCK,
    "fp4": 0.5 + SINGLE / BLOCK,
    "nf4 twice": 0.5 + 1 / BLOCK + SINGLE / (BLOCK * NESTED),
    "fp4 twice": 0.5 + 1 / BLOCK + SINGLE / (BLOCK * NESTED),
    "int8": 1.0 + SINGLE / 4096,
    "bf16": 2.0,
    "fp32": 4.0,
}
"""Bytes a weight of the linear layers takes; `twice` is double quantisation, int8 has one scale a row."""

NORM_KEPT = 4
"""Bytes a norm keeps of each value: transformers' norms work in float32 and keep that copy of their input. A compiled
one keeps the input itself."""

MLP_KEPT = {True: 3, False: 4}
"""Compiled or not -> tensors as wide as the MLP: gate, up, their product, and the gate's activation if not compiled."""

MLP_PASSING = 2
"""Tensors as wide as the MLP that exist for a moment in a backward pass, beside those kept: the gradients of gate and
up; that of their product is in the place of the product."""

HEAD_PASSING = 8.0
"""Bytes for each logit of a chunk of answer rows, at most."""

CHUNK = 2048
"""Answer rows whose logits exist at once."""

OPTIMISERS = {"8bit": 2, "adafactor": 0, "sgd": 0, "lion": 4}
"""Bytes of state for each trained parameter, by a part of the optimiser's name; AdamW's is 8."""


@dataclass(frozen=True, slots=True)
class Training:
    """What is trained, and how it is kept; the rest is chosen.

    `storage`: of STORAGE, for the linear layers. `compute`: bytes of the type that is computed in. `answers`: the share
    of tokens that carry loss. `optimiser`: bytes of state a parameter. `full`: all parameters are trained, without
    LoRA. `prefix`: virtual tokens and the width of their network, instead of LoRA. `gpu`: a GPU's
    attention, and its autocast. `compiled`: norms, gates and rotations are one kernel each (train/kernels.py).
    `common`: the share of tokens that rows begin with in common, where these are computed once.
    """

    storage: str = "nf4 twice"
    compute: int = 2
    rank: int = 16
    targets: str | tuple[str, ...] | None = ALL
    dropout: bool = False
    answers: float = 0.25
    optimiser: int = 8
    full: bool = False
    prefix: tuple[int, int] | None = None
    gpu: bool = True
    compiled: bool = False
    common: float = 0.0

    def trained(self, shape: Shape) -> int:
        """Parameters that learn."""
        if self.prefix:
            return prefix_parameters(shape, *self.prefix)
        return shape.parameters if self.full else adapter_parameters(shape, self.rank, self.targets)

    @property
    def quantised(self) -> bool:
        """Whether a dense copy of the linear layers would differ from what is loaded."""
        return STORAGE[self.storage] < 2

    @property
    def autocast(self) -> bool:
        """Whether the weights are in float32 and products in 16 bit: so is a model trained in full on a GPU."""
        return self.full and self.gpu


def storage_of(quantization: Mapping[str, Any], compute: int = 2) -> str:
    """The name in STORAGE of what `model.quantization` asks for."""
    if quantization.get("load_in_4bit"):
        kind = str(quantization.get("bnb_4bit_quant_type", "fp4"))
        return f"{kind} twice" if quantization.get("bnb_4bit_use_double_quant") else kind
    return "int8" if quantization.get("load_in_8bit") else ("bf16" if compute == 2 else "fp32")


def training_of(
    method: str, lora: Mapping[str, Any], quantization: Mapping[str, Any], *, compute: int, gpu: bool, compiled: bool,
    answers: float, optim: str = "", targets: str | tuple[str, ...] | None = None,
    prefix: tuple[int, int] | None = None,
) -> Training:  # fmt: skip
    """What `train` and `model.quantization` ask for, as the plan and the trainer both count it."""
    named = lora.get("target_modules", ALL)
    named = ALL if named == "family" else named  # what a family names is nearly all of its layers
    return Training(
        storage=storage_of(quantization, compute),
        compute=compute,
        rank=int(lora.get("r", 8)),
        targets=targets or (tuple(named) if isinstance(named, list) else named),
        dropout=bool(lora.get("lora_dropout")),
        answers=answers,
        optimiser=optimiser_bytes(optim),
        full=method == "full",
        prefix=prefix,
        gpu=gpu,
        compiled=compiled,
    )


def optimiser_bytes(name: str) -> int:
    """Bytes of state for each trained parameter."""
    return next((size for part, size in OPTIMISERS.items() if part in name), 8)


def base_bytes(shape: Shape, training: Training, cache: bool = False) -> int:
    """The frozen model in memory; `cache`: with a dense copy in the place of the quantised layers."""
    each = float(training.compute) if cache else STORAGE[training.storage]
    if training.full:
        return int(shape.parameters * SINGLE)
    return int(shape.matrices * each + (shape.embedding + shape.head + shape.small) * training.compute)


def kept_per_token(shape: Shape, training: Training) -> float:
    """Bytes of a row's token that one layer keeps for the backward pass, on average."""
    inward, shared = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    whole, part = divmod(shape.norms, shape.hidden)
    normed = (whole if shape.gated else whole // 2) * shape.hidden + (inward + shared if part else 0)
    into = shape.hidden if shape.family == "falcon" else 2 * shape.hidden
    attention = (2 if training.gpu else 3) * inward + 2 * shared
    mlp = (MLP_KEPT[training.compiled] if shape.gated else 2) * shape.wide
    if training.autocast:  # each product has its own 16-bit copy of its input, beside the float32 that norms keep
        into, attention = into + 3 * shape.hidden, attention + inward
    kept = into + attention + mlp + _lora_kept(shape, training)
    norms = training.compute if training.compiled and not training.autocast else NORM_KEPT
    again = training.compute * 2 * shared  # keys and values are laid out for all rows
    return (1 - training.common) * (normed * norms + training.compute * kept) + training.common * again


def _lora_kept(shape: Shape, training: Training) -> int:
    if training.full or training.prefix:
        return 0
    targets = shape.targets(training.targets)
    return len(targets) * training.rank + (sum(one.inputs for one in targets) if training.dropout else 0)


def activation_bytes(shape: Shape, training: Training, tokens: int, recompute_layers: int = 0) -> int:
    """What a piece of `tokens` keeps for its backward pass; recomputed layers keep their input, one at a time all."""
    each, stream = kept_per_token(shape, training), shape.hidden * training.compute
    whole = shape.layers - recompute_layers + (1 if recompute_layers else 0)
    ends = stream + shape.hidden * (NORM_KEPT + training.compute)
    return int(tokens * (whole * each + (1 - training.common) * (recompute_layers * stream + ends)))


def _cast(shape: Shape, training: Training) -> int:
    """The weights in 16 bit that products of a model in float32 keep."""
    return shape.parameters * training.compute if training.autocast else 0


def passing_bytes(shape: Shape, training: Training, tokens: int, cache: bool) -> int:
    """What exists for a moment: gradients inside an MLP with a dequantised matrix, or logits of a chunk of answers."""
    largest = max(one.weights for one in shape.linears)
    matrix = 0 if cache or not training.quantised else largest * training.compute
    computed = tokens * (1 - training.common)
    mlp = computed * training.compute * (MLP_PASSING * shape.wide + 2 * shape.hidden) + matrix
    rows = min(CHUNK, max(1, round(tokens * training.answers)))
    return max(int(mlp), int(rows * shape.vocab * HEAD_PASSING))


def memory(
    shape: Shape, training: Training, tokens: int, *, cache: bool = False, recompute_layers: int = 0
) -> dict[str, int]:
    """Bytes by part, for pieces of at most `tokens`; their sum is the peak."""
    trained = training.trained(shape)
    return {
        "base": 0 if training.full else base_bytes(shape, training, cache),
        "trained": int(trained * SINGLE),
        "gradients": int(trained * SINGLE),
        "optimiser": trained * training.optimiser,
        "activations": activation_bytes(shape, training, tokens, recompute_layers) + _cast(shape, training),
        "passing": passing_bytes(shape, training, tokens, cache),
    }
