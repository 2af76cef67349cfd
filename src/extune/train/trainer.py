"""TRL's SFTTrainer, told how a step is made: rows end to end, in pieces that fit the memory, answers scored only."""

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader

from ..errors import ModelError
from . import attention, kernels, linear, loss, pairs
from .batches import Steps, bins, piece
from .graphs import Graphs
from .resume import Keeping, Resumable, not_finite
from .rows import MASKED, Tokenised
from .speed import Choice

log = logging.getLogger(__name__)


class Trainer(Resumable):
    """SFTTrainer whose data loader yields all rows of an optimiser step at once; `training_step` cuts them itself."""

    def __init__(self, rows: Sequence[Tokenised], choice: Choice, keeping: Keeping, **given: Any) -> None:
        """`given` goes to SFTTrainer. Raises ValueError as that does, for an adapter that does not fit the base."""
        from datasets import Dataset

        self.rows, self.choice, self.most_tokens, self.tokens = rows, choice, choice.tokens, 0
        self.keeping = keeping
        shown = [{"input_ids": rows[0].input_ids, "labels": rows[0].labels}]  # rows come from get_train_dataloader
        exact = [(p, p.data) for p in given["model"].parameters() if p.requires_grad]
        super().__init__(train_dataset=Dataset.from_list(shown), **given)
        for parameter, values in exact:  # TRL puts a quantised base's adapter into bfloat16, too coarse for small steps
            parameter.data = values.to(parameter.device, torch.float32)
        self.train_dataset = rows
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

    def _run_epoch(self, **given: Any) -> None:
        self.steps.set_epoch(given["epoch"])
        super()._run_epoch(**given)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: `footprint` knows them beforehand."""
        return 0

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Forward and backward of all pieces of a step; the loss by answer token of the whole step.

        A GPU that runs out of memory gets pieces of half the size, and the step is made again.
        """
        model.train()
        rows: Sequence[Tokenised] = inputs["rows"]
        self.ids = [row.id for row in rows]
        answers = sum(n != MASKED for row in rows for n in row.labels[1:])
        counts = torch.tensor([answers, sum(len(row.input_ids) for row in rows)], device=self.args.device)
        counts = self.accelerator.reduce(counts, "sum")
        # Gradients are averaged over the processes, so each one's sum counts as many times.
        scale = self.args.world_size / counts[0].clamp(min=1)
        while (total := self._tried(model, rows, scale)) is None:
            self._smaller_pieces(model, [len(row.input_ids) for row in rows])
        total = self.accelerator.reduce(total, "mean")
        if not torch.isfinite(total):
            raise not_finite("loss", total.item(), self.state.global_step + 1, self.ids_of_all())
        self.tokens += int(counts[1])
        return total

    def _tried(self, model: Any, rows: Sequence[Tokenised], scale: torch.Tensor) -> torch.Tensor | None:
        """The step's loss; None if the memory did not hold it, with nothing of the step left in memory."""
        try:
            return self._step(model, rows, scale)
        except torch.OutOfMemoryError:
            return None

    def _step(self, model: Any, rows: Sequence[Tokenised], scale: torch.Tensor) -> torch.Tensor:
        parts = bins([len(row.input_ids) for row in rows], self.most_tokens)
        pieces = [self._piece([rows[n] for n in part]) for part in parts]
        pieces += [self._blank()] * (self._passes(len(pieces)) - len(pieces))
        if self.graphs is not None:
            self.graphs.begin()
            total = torch.stack([self.graphs.run(given, scale).clone() for given in pieces]).sum()
            self.graphs.end()
            return total
        total = torch.zeros((), device=self.args.device)
        for number, given in enumerate(pieces):
            # DeepSpeed waits by itself, and refuses to be told.
            told = number == len(pieces) - 1 or self.is_deepspeed_enabled
            wait = None if told else getattr(model, "no_sync", None)
            with wait() if wait else contextlib.nullcontext():
                part = model(**self._prepare_inputs(given))["loss"] * scale
                self._backward(part, last=number == len(pieces) - 1)
            total += part.detach()
        return total

    def _passes(self, pieces: int) -> int:
        """How many passes this process makes in a step: one at least, since gradients are averaged over all of them.

        Where the model is spread over the processes, each pass takes all of them.
        """
        if not (self.is_fsdp_enabled or self.is_deepspeed_enabled):
            return max(pieces, 1)
        most = torch.tensor(max(pieces, 1), device=self.args.device)
        torch.distributed.all_reduce(most, torch.distributed.ReduceOp.MAX)
        return int(most)

    def _blank(self) -> dict[str, Any]:
        """A pass that adds nothing to loss and gradients."""
        ids = min((row.input_ids for row in self.rows), key=len)
        row = Tokenised("", ids, [MASKED] * len(ids))
        return self._piece([row])

    def _piece(self, rows: Sequence[Tokenised]) -> dict[str, Any]:
        pad = self.processing_class.pad_token_id
        if self.model.config.is_encoder_decoder:
            return pairs.piece(rows, pad)
        return piece(rows, self.choice.packed, pad, self.choice.graphs)

    def _backward(self, part: torch.Tensor, last: bool) -> None:
        """DeepSpeed takes its step inside of the backward pass of the last piece."""
        self.accelerator.gradient_state._set_sync_gradients(last)
        self.accelerator.backward(part, **({"scale_wrt_gas": False} if self.is_deepspeed_enabled else {}))

    def _smaller_pieces(self, model: Any, lengths: Sequence[int]) -> None:
        longest, had = max(lengths), min(self.most_tokens, sum(lengths))
        model.zero_grad()
        if self.graphs is not None:
            self.graphs = Graphs(self.model)
        torch.cuda.empty_cache()
        if had <= longest or self.args.world_size > 1:
            raise ModelError(
                f"the GPU's memory does not hold a piece of {had} tokens",
                remedy="Set train.speed.recompute to all and train.speed.cache to false, or train.speed.tokens lower",
            )
        self.most_tokens = max(had // 2, longest)
        log.warning("out of memory: pieces of %d tokens from here on; the step's rows stay", self.most_tokens)


def _whole_step(rows: Sequence[Tokenised]) -> dict[str, Any]:
    return {"rows": list(rows)}


def prepare(model: Any, choice: Choice) -> None:
    """Make a model fast as chosen; what is learned stays."""
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
