"""A trainer that is never lost: it writes checkpoints, goes on from one, and stops at a signal between two steps.

Of transformers' Trainer (5.23) only the places are overridden where it writes and reads checkpoints. Its own files are
pickles, are not written whole, and forget the losses since the last logged step.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from .. import checkpoints
from ..errors import DataError
from ..processes import agreed, of_all
from . import sharding, state, zero
from .interrupt import Gate

log = logging.getLogger(__name__)

TRAINER = "trainer_state.json"
SUMS = ("_tr_loss", "_total_loss_scalar", "_globalstep_last_logged", "current_flos", "tokens")
"""What the trainer adds up outside of its `state`."""


@dataclass(frozen=True)
class Keeping:
    """Where checkpoints go, after how many steps each, how many stay; none are written without a folder."""

    folder: Path | None = None
    steps: int = 50
    keep: int = 2
    gate: Gate = field(default_factory=Gate)

    def settled(self, name: str, value: Any) -> Any:
        """What the first life of this training chose by looking at its machine, or an earlier one noted since."""
        if self.folder is None:
            return value
        shared = torch.distributed.is_available() and torch.distributed.is_initialized()
        first = not shared or torch.distributed.get_rank() == 0
        found = [checkpoints.settled(self.folder, name, value) if first else None]
        if shared:
            torch.distributed.broadcast_object_list(found)
        return found[0]

    def settle(self, name: str, value: Any) -> bool:
        """Note another value for the lives to come; whether it could be."""
        try:
            if self.folder is not None:
                checkpoints.settle(self.folder, name, value)
        except OSError as exc:
            log.warning("%s is not noted for the next life of this training (%s)", name, exc.strerror or exc)
            return False
        return self.folder is not None


class Resumable(SFTTrainer):
    """SFTTrainer with checkpoints. What a callback has in an attribute `kept` is kept, by the callback's class name."""

    keeping = Keeping()
    ids: Sequence[str] = ()
    began = 0.0
    seconds_before = 0.0
    _written = 0
    _found: Any = None
    _generators: Sequence[Any] = ()

    def train(self, **given: Any) -> Any:
        """Train, from the newest sound checkpoint if there is one."""
        self.began = time.monotonic()
        if not self._between:
            self.keeping.gate.close()
        latest = agreed(checkpoints.latest(self.keeping.folder) if self._first and self.keeping.folder else None)
        if latest is not None:
            self._written = checkpoints.step_of(latest)
            log.warning("going on after step %d, from %s", self._written, latest)
            given["resume_from_checkpoint"] = str(latest)
        result = super().train(**given)
        self.keeping.gate.open()
        return result

    @property
    def _first(self) -> bool:
        return bool(self.args.process_index == 0)

    @property
    def _between(self) -> bool:
        """Whether a signal may stop it within a step: several processes stop after one, and DeepSpeed too."""
        return bool(self.args.world_size == 1 and not self.is_deepspeed_enabled)

    @property
    def kept(self) -> int:
        """The step of the newest checkpoint; 0 if there is none."""
        return self._written

    @property
    def seconds(self) -> float:
        """Of training, those before an interruption too."""
        return self.seconds_before + time.monotonic() - self.began

    def keep(self) -> None:
        """Write a checkpoint of the last whole step, if there is none yet; a full disk is a warning and no more."""
        step = self.state.global_step
        if self.keeping.folder is None or step <= self._written:
            return
        self._written = agreed(self._write(self.keeping.folder, step, self._parts()))

    def _write(self, folder: Path, step: int, parts: dict[str, Any]) -> int:
        """The step of the newest checkpoint then."""
        if not self._first:
            return 0
        try:
            checkpoints.write(folder, step, self.keeping.keep, lambda fresh: self._fill(fresh, parts))
        except OSError as exc:
            log.warning(
                "no checkpoint at step %d (%s); training goes on, the last one is of step %d",
                step, exc.strerror or exc, self._written,
            )  # fmt: skip
            return self._written
        return step

    def _parts(self) -> dict[str, Any]:
        """What is kept; every process has to ask, since each may have a part."""
        scaler = getattr(self.accelerator, "scaler", None)
        return {
            "weights": sharding.trained(self.model, self._first),
            "optimizer": self._optimizer_state(),
            "scheduler": self.lr_scheduler.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            **self._last,
            "generators": of_all(self._last["generators"]),
        }

    def _optimizer_state(self) -> dict[str, Any]:
        if self.is_deepspeed_enabled:
            return zero.state(self.optimizer.optimizer, self._first)
        state: dict[str, Any] = sharding.whole(self.optimizer.state_dict(), self._first)
        return state

    def _fill(self, folder: Path, parts: dict[str, Any]) -> None:
        self.state.save_to_json(str(folder / TRAINER))
        state.save(folder, parts)

    def _remember(self) -> None:
        """What the next step changes before it is taken: an interrupted one is dropped, and this is what is kept."""
        sums = {name: getattr(self, name) for name in SUMS if hasattr(self, name)}
        self._last = {
            "generators": state.generators(),
            "sums": {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in sums.items()},
            "seconds": self.seconds,
            "stop": bool(self.control.should_training_stop),
            "callbacks": {type(c).__name__: c.kept for c in self.callback_handler.callbacks if hasattr(c, "kept")},
        }

    def ids_of_all(self) -> list[str]:
        """The rows of the step, those of other processes too."""
        return [name for ids in of_all(list(self.ids)) for name in ids]

    # What transformers calls, in the order in which it does.

    def _prepare_for_training(self, max_steps: int, train_dataloader: Any, resume_from_checkpoint: Any) -> Any:
        """transformers looks for DeepSpeed's own files, if it is told of a checkpoint; ours are read here instead."""
        ours = resume_from_checkpoint if self.is_deepspeed_enabled else None
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None if ours else resume_from_checkpoint)
        if ours:
            self._load_from_checkpoint(ours)
            self._load_optimizer_and_scheduler(ours)
        return prepared

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        found = state.load(Path(resume_from_checkpoint))
        sharding.put_back(self.model, found.pop("weights"))
        self._found = found

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        optimizer = self._found.pop("optimizer")
        if self.is_deepspeed_enabled:
            zero.put_back(self.optimizer.optimizer, optimizer, self.args.process_index, self.args.world_size)
        else:
            self.optimizer.load_state_dict(sharding.spread(optimizer, self.optimizer.param_groups))
        self.lr_scheduler.load_state_dict(self._found.pop("scheduler"))

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None and self._found["scaler"]:
            self.accelerator.scaler.load_state_dict(self._found["scaler"])

    def _go_on(self) -> None:
        """Put back the sums, which transformers sets to zero after it has read a checkpoint."""
        found, self._found = self._found, None
        if found is None:
            return
        for name, value in found["sums"].items():
            setattr(self, name, value.to(self.args.device) if isinstance(value, torch.Tensor) else value)
        self._initial_global_step = 0
        self.seconds_before = found["seconds"]
        self.control.should_training_stop = found["stop"]
        for callback in self.callback_handler.callbacks:
            if type(callback).__name__ in found["callbacks"]:
                callback.kept = found["callbacks"][type(callback).__name__]
        self._generators = found["generators"]

    def _run_epoch(self, **given: Any) -> None:
        """An epoch, unless the last checkpoint was the last step: transformers would take one more."""
        self._go_on()
        self.control.should_training_stop |= self.state.global_step >= self.state.max_steps
        if not self.control.should_training_stop:
            self._remember()
            super()._run_epoch(**given)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Called after the loader was moved on, so that this is the state in which the next step begins."""
        if checkpoint is None:
            return
        if len(self._generators) == self.args.world_size:
            state.set_generators(self._generators[self.args.process_index])
        else:
            log.warning("the checkpoint is of %d process(es): other dropout from here on", len(self._generators))
        self._remember()

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Called before the weights are changed: from here on the step is taken. Raises DataError for NaN."""
        norm = super()._get_grad_norm(model, grad_norm)
        if not self.args.fp16 and not torch.isfinite(torch.as_tensor(norm)):
            raise not_finite("gradient", float(norm), self.state.global_step + 1, self.ids_of_all())
        self.keeping.gate.close()
        return norm

    def _maybe_log_save_evaluate(self, *given: Any, **named: Any) -> None:
        """Called when a step was taken, and at the end of an epoch."""
        super()._maybe_log_save_evaluate(*given, **named)
        self._remember()
        step, last = self.state.global_step, self.control.should_training_stop
        heard = self._heard()
        if heard or last or step % self.keeping.steps == 0:
            self.keep()
        if heard or self._between:
            self.keeping.gate.open()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Asked for by train.sft.save_strategy: `_maybe_log_save_evaluate` writes one in its stead."""

    def _heard(self) -> bool:
        """Whether any process was told to stop: several have to stop after the same step."""
        gate = self.keeping.gate
        if self.args.world_size == 1:
            return bool(gate.heard)
        told = torch.tensor(float(gate.heard), device=self.args.device)
        torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
        gate.heard = int(told.item())
        return bool(gate.heard)

    def _finalize_training(self, *given: Any, **named: Any) -> Any:
        self._go_on()
        return super()._finalize_training(*given, **named)


def not_finite(what: str, value: float, step: int, ids: Sequence[str]) -> DataError:
    """The error for a loss or gradient that is NaN or infinite: the step, and the rows it was made of."""
    return DataError(
        f"the {what} is {value} at step {step}, rows {', '.join(ids)}",
        remedy="Lower train.sft.learning_rate, or look at these rows in data/sft/train.jsonl",
    )
