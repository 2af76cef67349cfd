"""The best weights by the task's F1 on dev: looked for while training goes on, kept, and put back at its end.

A look extracts from some dev texts with the model as it is at that step, held to the grammar. It leaves no trace in
what is learned: with and without looks the same weights come out.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback

from ..decode import LocalGenerator
from ..errors import ConfigError
from ..extract import Extractor
from ..processes import agreed
from ..prompt import Prompt
from ..records import Record
from ..score import Counts, score
from ..tasks import Task
from ..tokens import ChatEncoder
from . import sharding
from .state import generators, set_generators
from .watch import OnLog

log = logging.getLogger(__name__)

FIGURE = "dev.f1"
BATCH = 32
"""Texts answered at once; fewer where the memory does not hold so many beside the training."""


@dataclass(frozen=True)
class Looking:
    """What the model is asked, how often, and for how many looks in a row its F1 may fail to rise (None: for ever).

    `every`: optimiser steps, or below 1 a share of an epoch.
    """

    every: float
    patience: int | None
    records: Sequence[Record]
    prompt: Prompt
    split_num: int = -1


class Best(TrainerCallback):
    """Looks before a step begins, so that a signal is heard during a look and the look is made again afterwards.

    `kept` goes into the checkpoints, the weights with it: it is replaced, never changed. Equal F1 is no rise, and
    weights that find nothing are not kept.
    """

    def __init__(self, f1: Callable[[Any], float], every: float, patience: int | None, send: OnLog) -> None:
        self.f1, self.every, self.patience, self.send = f1, every, patience, send
        self.steps = max(1, int(every))
        self.kept: dict[str, Any] = {"looked": 0, "step": 0, "f1": 0.0, "poor": 0, "weights": {}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Called once. Raises ConfigError for a prefix of a model in parts, which only the whole of it could extend."""
        if self.every < 1:
            self.steps = max(1, round(self.every * len(given["train_dataloader"])))
        if _with_prefix(given["model"]) and sharding.spread_out(given["model"]):
            raise ConfigError(
                "train.best.every: no process holds the whole model, so none can extract with a prefix",
                remedy="Set train.best.every=null, or train with DDP",
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Called before every optimiser step; the one before which training is told to stop is still taken."""
        if state.global_step and state.global_step % self.steps == 0:
            self._look(state, given["model"])
        control.should_training_stop |= self._stopped

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Called once, before anything is saved."""
        if not self._stopped:
            self._look(state, given["model"])
        self._put_back(state.global_step, given["model"])

    @property
    def figures(self) -> dict[str, float]:
        """The step and F1 of the best; nothing where no look found anything."""
        return {"best_step": float(self.kept["step"]), "best_f1": self.kept["f1"]} if self.kept["step"] else {}

    @property
    def _stopped(self) -> bool:
        return self.patience is not None and self.kept["poor"] >= self.patience

    def _look(self, state: Any, model: Any) -> None:
        step, kept = state.global_step, self.kept
        if step <= kept["looked"]:
            return
        f1 = self.f1(model)
        if f1 > kept["f1"]:
            weights = _copied(model, state.is_world_process_zero)
            self.kept = {"looked": step, "step": step, "f1": f1, "poor": 0, "weights": weights}
        else:
            self.kept = {**kept, "looked": step, "poor": kept["poor"] + 1}
        row = {"step": step, FIGURE: f1}
        if row not in state.log_history:
            state.log_history.append(row)
        self.send(step, {FIGURE: f1})
        log.info("step %d: F1 %.4f on dev, best %.4f of step %d", step, f1, self.kept["f1"], self.kept["step"])
        if self._stopped:
            log.warning(
                "stopping: F1 on dev has not risen above %.4f since step %d", self.kept["f1"], self.kept["step"]
            )

    def _put_back(self, step: int, model: Any) -> None:
        if not self.kept["step"]:
            log.warning("no look at the model found anything in dev: the last weights stay")
        elif self.kept["step"] != step:
            sharding.put_back(model, self.kept["weights"])


def _copied(model: Any, keep: bool = True) -> dict[str, torch.Tensor]:
    """The weights that are trained; every process has to ask, since each may have a part."""
    return {name: value.to("cpu", copy=True) for name, value in sharding.trained(model, keep).items()}


def dev_f1(model: Any, looking: Looking, encoder: ChatEncoder, longest: int) -> float:
    """Strict F1 of what a model in training finds in the texts; processes share them, and all get the same number.

    Where none holds the whole model, all answer all texts, in step. `longest`: the most tokens an answer may have.
    """
    parted = sharding.spread_out(model)
    shared = torch.distributed.is_available() and torch.distributed.is_initialized() and not parted
    number, count = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if shared else (0, 1)
    part = looking.records[number::count]
    with answering(model, parted) as ready:
        found = _extracted(ready, part, looking, encoder, longest, parted)
    totals = [_total(part, found, looking.prompt.task)]
    if shared:
        totals = [Counts()] * count
        torch.distributed.all_gather_object(totals, _total(part, found, looking.prompt.task))
    return float(agreed(sum(totals, Counts()).f1))


def _total(gold: Sequence[Record], found: Sequence[Record], task: Task) -> Counts:
    return score(zip(gold, found, strict=True), task).total


def _extracted(
    model: Any, records: Sequence[Record], looking: Looking, encoder: ChatEncoder, longest: int, parted: bool
) -> list[Record]:
    size, frozen = BATCH, torch.no_grad if parted else torch.inference_mode  # ZeRO-3 keeps what it gathered
    while True:
        generate = LocalGenerator(model, encoder, longest, size, frozen)
        try:
            return [found.record for found in Extractor(generate, looking.prompt, looking.split_num)(records)]
        except torch.OutOfMemoryError:
            if size == 1 or parted:  # the others would wait for the rest of this batch
                raise
            size //= 2
        torch.cuda.empty_cache()


@contextmanager
def answering(model: Any, parted: bool = False) -> Iterator[Any]:
    """A model in training as one that answers, adapter unmerged; afterwards it is as it was, random generators too.

    `parted`: over processes, whose parts the outermost module brings together.

    Merging would take a copy of every weight to be undone to the bit; unmerged, answers take a quarter longer (135M).
    """
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    dice, modes = generators(), [(module, module.training) for module in model.modules()]
    try:
        _quiet(model)
        with own_attention(causal):
            yield model if parted or _with_prefix(model) else causal
    finally:
        for module, mode in modes:
            module.training = mode
        set_generators(dice)


def _with_prefix(model: Any) -> bool:
    return bool(getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False))


def _quiet(model: Any) -> None:
    """No dropout, nothing recomputed."""
    model.eval()
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":  # on CPUs it repacks its weight at the first pass that is no training
            module.training = True


@contextmanager
def own_attention(causal: Any) -> Iterator[None]:
    """Attention as transformers has it, which reads a cache; that over rows end to end does not."""
    before = causal.config._attn_implementation
    if before not in ("sdpa", "eager"):
        causal.set_attn_implementation("sdpa" if getattr(causal, "_supports_sdpa", False) else "eager")
    try:
        yield
    finally:
        if causal.config._attn_implementation != before:
            causal.set_attn_implementation(before)
