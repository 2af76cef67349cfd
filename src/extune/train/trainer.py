"""TRL's SFTTrainer, told how a step is made: rows end to end, in pieces that fit the memory, answers scored only."""

import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader

from ..errors import ModelError
from ..options import told_as
from ..processes import Again
from . import attention, copies, kernels, linear, loss, pairs, sharding
from .batches import Steps, bins, piece
from .graphs import Graphs
from .resume import Keeping, Resumable, not_finite
from .rows import MASKED, Tokenised
from .speed import Choice

log = logging.getLogger(__name__)


class Trainer(Resumable):
    """SFTTrainer whose data loader yields all rows of an optimiser step at once; `training_step` cuts them itself."""

    lengths: Sequence[int] = ()

    def __init__(self, rows: Sequence[Tokenised], choice: Choice, keeping: Keeping, **given: Any) -> None:
        """`given` goes to SFTTrainer. Raises ValueError as that does, for an adapter that does not fit the base."""
        from datasets import Dataset

        self.rows, self.choice, self.keeping, self.tokens = rows, choice, keeping, 0
        self.most_tokens = int(keeping.settled("most_tokens", choice.tokens))
        shown = [{"input_ids": rows[0].input_ids, "labels": rows[0].labels}]  # rows come from get_train_dataloader
        exact = [(p, p.data) for p in given["model"].parameters() if p.requires_grad]
        super().__init__(train_dataset=Dataset.from_list(shown), **given)
        for parameter, values in exact:  # TRL puts a quantised base's adapter into bfloat16, too coarse for small steps
            parameter.data = values.to(parameter.device, torch.float32)
        self.train_dataset = rows
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        if self.copied:  # without DDP, which would average in the last backward pass: one process may not come that far
            self.accelerator.prepare_model = partial(self.accelerator.prepare_model, evaluation_mode=True)
            sharding.share(self.trained)
        self.model.train()  # once, and not in every step: it visits thousands of modules
        if not self.parted:
            self.model.zero_grad = self._zero_grad
        prepare(self.model, choice)
        self.graphs = Graphs(self.model) if choice.graphs else None

    def get_train_dataloader(self) -> DataLoader[Any]:
        """This process's rows of every step. Accelerate's own loader would repeat rows to give each process as many."""
        args = self.args
        self.steps = Steps(
            [len(row.input_ids) for row in self.rows],
            args.seed if args.data_seed is None else args.data_seed,
            args.train_batch_size * args.world_size,
            args.train_sampling_strategy == "group_by_length",
            args.process_index,
            args.world_size,
        )
        workers = args.dataloader_num_workers
        return DataLoader(self.rows, batch_sampler=self.steps, collate_fn=_whole_step, num_workers=workers)

    def create_optimizer(self, *given: Any, **named: Any) -> Any:
        """As transformers does; ConfigError for options that the optimiser does not take."""
        with told_as("train.sft.optim, optim_args"):
            return super().create_optimizer(*given, **named)

    def create_scheduler(self, *given: Any, **named: Any) -> Any:
        """As transformers does; ConfigError for options that the schedule does not take."""
        with told_as("train.sft.lr_scheduler_type, lr_scheduler_kwargs"):
            return super().create_scheduler(*given, **named)

    def _run_epoch(self, **given: Any) -> None:
        self.steps.set_epoch(given["epoch"])
        super()._run_epoch(**given)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: `footprint` knows them beforehand."""
        return 0

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Forward and backward of all pieces of a step; the loss by answer token of the whole step.

        Where a GPU runs out of memory, all of them get pieces of half the size, and the step is made again. Raises
        Again where the others wait for the one that did.
        """
        rows: Sequence[Tokenised] = inputs["rows"]
        self.ids, self.lengths = [row.id for row in rows], [len(row.input_ids) for row in rows]
        answers = sum(n != MASKED for row in rows for n in row.labels[1:])
        counts = torch.tensor([answers, sum(self.lengths)], device=self.args.device)
        counts = self.accelerator.reduce(counts, "sum")
        # Gradients are averaged over the processes, so each one's sum counts as many times.
        scale = self.args.world_size / counts[0].clamp(min=1)
        while (total := self._tried(model, rows, scale)) is None:
            self._smaller_pieces(model)
        self._average()
        total = self.accelerator.reduce(total, "mean")
        if not torch.isfinite(total):
            raise not_finite("loss", total.item(), self.state.global_step + 1, self.ids_of_all())
        self.tokens += int(counts[1])
        return total

    @property
    def parted(self) -> bool:
        """Whether the model or its optimiser is spread over the processes, so that each pass takes all of them."""
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)

    @property
    def copied(self) -> bool:
        """Whether each of several processes has all of the model, and none waits for another within a step."""
        return bool(self.args.world_size > 1 and not self.parted)

    def _tried(self, model: Any, rows: Sequence[Tokenised], scale: torch.Tensor) -> torch.Tensor | None:
        """The step's loss; None if the memory of any process did not hold it, with nothing of the step left there."""
        total = None
        with contextlib.suppress(torch.OutOfMemoryError):
            total = self._step(model, rows, scale)
        return None if self.copied and self._most(total is None) else total

    def _average(self) -> None:
        if self.copied:
            sharding.average(self.trained)

    def _most(self, number: int) -> int:
        """The largest of all processes' numbers."""
        most = torch.tensor(int(number), device=self.args.device)
        torch.distributed.all_reduce(most, torch.distributed.ReduceOp.MAX)
        return int(most)

    def _step(self, model: Any, rows: Sequence[Tokenised], scale: torch.Tensor) -> torch.Tensor:
        parts = bins([len(row.input_ids) for row in rows], self.most_tokens, self.choice.packed)
        pieces = [self._piece([rows[n] for n in part]) for part in parts]
        if blank := self._passes(len(pieces)) - len(pieces):
            pieces += [self._blank()] * blank
        if self.graphs is not None:
            self.graphs.begin()
            total = torch.stack([self.graphs.run(given, scale).clone() for given in pieces]).sum()
            self.graphs.end()
            return total
        total = torch.zeros((), device=self.args.device)
        for number, given in enumerate(pieces):
            part = model(**self._prepare_inputs(given))["loss"] * scale
            self._backward(part, last=number == len(pieces) - 1)
            total += part.detach()
        return total

    def _passes(self, pieces: int) -> int:
        """How many passes this process makes in a step: one at least, since gradients are averaged over all of them."""
        return self._most(max(pieces, 1)) if self.parted else max(pieces, 1)

    # transformers visits all modules of the model for the few tensors that are meant.

    def _zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.trained:
            parameter.grad = None

    def _clip_grad_norm(self, model: Any) -> Any:
        if self.parted:
            return super()._clip_grad_norm(model)
        return self.accelerator.clip_grad_norm_(self.trained, self.args.max_grad_norm)

    def _blank(self) -> dict[str, Any]:
        """A pass that adds nothing to loss and gradients."""
        ids = min((row.input_ids for row in self.rows), key=len)
        row = Tokenised("", ids, [MASKED] * len(ids))
        return self._piece([row])

    def _piece(self, rows: Sequence[Tokenised]) -> dict[str, Any]:
        pad = self.processing_class.pad_token_id
        if self.model.config.is_encoder_decoder:
            return pairs.piece(rows, pad)
        return piece(rows, self.choice.packed, pad, self.choice.graphs, self.choice.prefixes)

    def _backward(self, part: torch.Tensor, last: bool) -> None:
        """DeepSpeed takes its step inside of the backward pass of the last piece."""
        self.accelerator.gradient_state._set_sync_gradients(last)
        self.accelerator.backward(part, **({"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}))

    def _smaller_pieces(self, model: Any) -> None:
        had = self._halve(self.copied)
        if self.parted:
            raise self._again(had)
        if not self.copied or self._first:
            self._settle()
        model.zero_grad()
        if self.graphs is not None:
            self.graphs = Graphs(self.model)
        torch.cuda.empty_cache()
        log.warning("out of memory: pieces of %d tokens from here on; the step's rows stay", self.most_tokens)

    def out_of_memory(self) -> ModelError | Again:
        """What to raise where memory ran out outside of the passes: within a step, smaller pieces for the next life."""
        if not self.lengths:
            return ModelError(
                "the GPU's memory does not hold the training, whatever the size of its pieces",
                remedy="Set train.speed.cache to false, or end what else is on the GPU",
            )
        return self._again(self._halve(False))

    def _maybe_log_save_evaluate(self, *given: Any, **named: Any) -> None:
        self.lengths = ()  # the step is taken
        super()._maybe_log_save_evaluate(*given, **named)

    def _settle(self) -> bool:
        return self.keeping.settle("most_tokens", self.most_tokens)

    def _again(self, had: int) -> ModelError | Again:
        """The error that a piece was too large; the training begins again with smaller ones, if that can be noted."""
        what = f"the GPU's memory does not hold a piece of {had} tokens"
        if not self._settle():
            return ModelError(what, remedy=f"Set train.speed.tokens to {self.most_tokens}")
        return Again(what, remedy=f"The same command goes on, with pieces of {self.most_tokens}")

    def _halve(self, together: bool) -> int:
        """Halve the pieces; the size they had. `together`: all processes do so at once.

        Raises ModelError where a piece is one row already.
        """
        longest, tokens = max(self.lengths, default=0), sum(self.lengths)
        if together:
            longest, tokens = self._most(longest), self._most(tokens)
        had = min(self.most_tokens, tokens or self.most_tokens)
        if had <= longest:
            raise ModelError(
                f"the GPU's memory does not hold a piece of {longest} tokens",
                remedy="Set train.speed.recompute to all and train.speed.cache to false",
            )
        self.most_tokens = max(had // 2, longest)
        return had


def _whole_step(rows: Sequence[Tokenised]) -> dict[str, Any]:
    return {"rows": list(rows)}


def prepare(model: Any, choice: Choice) -> None:
    """Make a model fast as chosen; what is learned stays."""
    copies.cast(model)
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    if choice.cache:
        linear.cache(model, causal.dtype)
    if choice.fused:
        linear.fuse(model)
    if choice.packed:
        attention.use(causal)
    _recompute(causal, choice.recompute)
    if causal.config.is_encoder_decoder:
        pairs.sum_answer_loss(causal)
    else:
        loss.score_answers_only(causal)
    if choice.compile:
        kernels.fuse(causal)


def layers(model: Any) -> list[Any]:
    """The repeated blocks of a model."""
    kinds = set(getattr(model, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in kinds]


def _recompute(model: Any, count: int) -> None:
    """Keep only the inputs of the first `count` layers, and compute these layers again in the backward pass."""
    if not count:
        return
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()
    for number, layer in enumerate(layers(model)):
        layer.gradient_checkpointing = number < count
