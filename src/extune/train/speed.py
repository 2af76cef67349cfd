"""How a training run is made fast on the machine it finds, and why so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch

from ..errors import ConfigError, ModelError
from ..footprint import WORTH, Shape, Work, check_together, shape_of, training_of, waits
from ..footprint import choose as fitting
from . import attention, kernels
from .rows import MASKED, Tokenised


@dataclass(frozen=True, slots=True)
class Choice:
    """`packed`: rows end to end instead of padded. `cache`: a dense copy of the 4-bit weights. `fused`: one function
    a LoRA layer. `recompute`: so many layers are computed again in the backward pass. `compile`: norms, gates and
    rotations as kernels of their own. `graphs`: a piece is launched as one. `prefixes`: what rows of a piece begin with
    in common is computed once. `tokens`: the most in a piece."""

    packed: bool
    cache: bool
    fused: bool
    recompute: int
    compile: bool
    graphs: bool
    tokens: int
    why: str = ""
    prefixes: bool = False


GRAPHS = {"graphs": "a CUDA graph does not wait for the parts that other processes have"}
WHOLE = {"cache": "a dense copy is made before the base is spread over the processes, and would fill each GPU"}
FUSED = {"fused": "only peft's own layer finds the parts of a weight that is spread over processes"}
OFF: dict[str, dict[str, str]] = {
    "": {},
    "ddp": {},
    "fsdp": {**GRAPHS, **WHOLE, **FUSED},
    "zero2": GRAPHS,
    "zero3": {**GRAPHS, **WHOLE, **FUSED},
}
"""What cannot be had where a training is spread over processes, and why."""


FLASH = (8, 0)
"""The compute capability from which on PyTorch has flash attention: Ampere, and so not V100 or T4."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is trained, and on what: the rows, how many make a step of one process, and the longest there may be.

    `scaled`: the loss is, for float16. `stochastic`: dropout or noise falls on tokens. `common`: the share
    of tokens that rows of a step begin with in common.
    """

    rows: Sequence[Tokenised]
    step: int
    window: int
    method: str = "lora"
    lora: Mapping[str, Any] = field(default_factory=dict)
    quantization: Mapping[str, Any] = field(default_factory=dict)
    optim: str = ""
    scaled: bool = False
    stochastic: bool = False
    common: float = 0.0

    @property
    def tokens(self) -> float:
        """Of a step, on average."""
        return self.step * sum(len(row.input_ids) for row in self.rows) / len(self.rows)

    @property
    def answers(self) -> float:
        """The share of tokens with loss."""
        answers = sum(label != MASKED for row in self.rows for label in row.labels)
        return answers / sum(len(row.input_ids) for row in self.rows)


def choose(forced: Mapping[str, Any], model: Any, load: Workload, spread: str = "") -> Choice:
    """The fastest setting that fits the free memory, each part of it overruled by `train.speed`.

    Raises ConfigError for a part that cannot be had.
    """
    packs = attention.fits(model, load.window) and load.method != "prefix"
    wanted = {"packed": packs} | _allowed(forced, OFF[spread] | _unable(packs, load) | _lacking())
    shape = _shape(model)
    found = _fitting(wanted, shape, model, load) | {"fused": load.method == "lora", "compile": kernels.available()}
    found = {"graphs": False, "prefixes": False, **found, **wanted}
    if found["recompute"] == "all":
        found["recompute"] = model.config.get_text_config().num_hidden_layers
    whole = found["packed"] and not found["recompute"]
    check_together(found["packed"], found["graphs"], found["prefixes"], bool(found["recompute"]))
    if "graphs" not in wanted and torch.cuda.is_available() and whole and isinstance(shape, Shape):
        found["graphs"] = not found["prefixes"] and _waits(shape, load)
    if "prefixes" not in wanted and found["packed"] and not found["graphs"]:
        found["prefixes"] = load.common > WORTH and not load.stochastic
    levers = [name for name in ("packed", "cache", "fused", "compile", "graphs", "prefixes") if found[name]]
    why = f"{', '.join(levers) or 'nothing special'}; {found.pop('why')}"
    return Choice(**found, why=why)


def _allowed(forced: Mapping[str, Any], off: Mapping[str, str]) -> dict[str, Any]:
    """What is asked for, and False for what is off."""
    wanted = {key: value for key, value in forced.items() if value != "auto"}
    for lever, why in off.items():
        if wanted.get(lever):
            raise ConfigError(f"train.speed.{lever}: {why}", where="params.yaml", remedy="Set it to auto")
    return wanted | dict.fromkeys(off, False)


def _unable(packs: bool, load: Workload) -> dict[str, str]:
    """What this model and this training cannot have, and why."""
    off = {} if packs else {"packed": "this model's attention takes padded batches only"}
    return off | ({"graphs": "a CUDA graph does not scale the loss, as float16 needs"} if load.scaled else {})


def _lacking() -> dict[str, str]:
    """What this machine cannot do, and why."""
    gpu = torch.cuda.is_available()
    graphs = {} if gpu else {"graphs": "a CUDA graph needs a GPU"}
    if gpu and torch.cuda.get_device_capability() < FLASH:
        graphs |= {"packed": "rows end to end take flash attention, and this GPU is older than that"}
    return graphs | ({} if kernels.available() else {"compile": "kernels are compiled for a GPU, with Triton and cc"})


def _fitting(wanted: Mapping[str, Any], shape: Shape | str, model: Any, load: Workload) -> dict[str, Any]:
    """Cache, recomputation and size of the pieces, by the arithmetic of `footprint`; careful for a shape it lacks."""
    gpu = torch.cuda.is_available()
    if isinstance(shape, str):
        return {"cache": False, "recompute": 0, "tokens": 4096, "why": f"memory not planned ({shape})"}
    training = training_of(
        load.method, load.lora, load.quantization, compute=model.dtype.itemsize, gpu=gpu,
        compiled=bool(wanted.get("compile", kernels.available())), answers=load.answers, optim=load.optim,
    )  # fmt: skip
    recompute = wanted.get("recompute")
    chosen = fitting(
        shape,
        torch.cuda.mem_get_info()[0] if gpu else psutil.virtual_memory().available,
        training,
        longest=max(len(row.input_ids) for row in load.rows),
        step_tokens=_most(load),
        packed=wanted["packed"],
        cache=wanted.get("cache"),
        recompute_layers=shape.layers if recompute == "all" else recompute,
        tokens=wanted.get("tokens"),
        loaded=torch.cuda.memory_allocated() if gpu else 0,
    )
    return {"cache": chosen.cache, "recompute": chosen.recompute_layers, "tokens": chosen.tokens, "why": chosen.why}


def _most(load: Workload) -> int:
    """The most tokens that a step can have."""
    lengths = sorted((len(row.input_ids) for row in load.rows), reverse=True)
    return sum(lengths[: load.step])


def _shape(model: Any) -> Shape | str:
    """The model's shape, or why `footprint` cannot count it."""
    try:
        return shape_of(model.config.to_dict())
    except ModelError as exc:
        return str(exc)


def _waits(shape: Shape, load: Workload) -> bool:
    return waits(shape, Work(load.tokens, load.tokens * load.answers, load.tokens**2 / max(1, load.step)))
