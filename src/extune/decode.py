"""Generators: the local one decodes greedily in batches, each answer held to its grammar.

Masks: https://github.com/guidance-ai/llguidance. Only tokens that keep the answer valid can be chosen.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from .errors import ModelError
from .extract import Answer
from .prompt import Message
from .tokens import ChatEncoder


@dataclass
class _Row:
    """One answer in the making."""

    number: int
    prompt: list[int]
    matcher: LLMatcher | None
    new: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    finish: str = ""


@dataclass
class _Batch:
    """What the model is given next: tokens (rows, new), mask over all up to them, cache, and the encoder's output."""

    ids: torch.Tensor
    mask: torch.Tensor
    cache: Any = None
    encoded: Any = None

    def keep(self, rows: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Drop all but some rows; returns their part of `chosen`."""
        self.mask = self.mask[rows]
        if self.encoded is not None:
            self.encoded["last_hidden_state"] = self.encoded.last_hidden_state[rows]
        if len(rows):
            self.cache.batch_select_indices(rows)
        return chosen[rows]


@dataclass
class LocalGenerator:
    """Greedy decoding with a transformers model, longest prompts first, finished rows leaving the batch.

    `frozen`: how gradients are left out; torch.no_grad where tensors that a pass makes go into a backward pass later.
    """

    model: Any
    encoder: ChatEncoder
    max_new_tokens: int = 256
    batch_size: int = 32
    frozen: Callable[[], AbstractContextManager[Any]] = torch.inference_mode

    def __post_init__(self) -> None:
        self.vocabulary = int(self.model.config.get_text_config().vocab_size)
        # A prefix is a PeftModel: its keys and values begin the cache, and the base under it does the rest.
        config: Any = getattr(self.model, "active_peft_config", None)
        with_prefix = config is not None and config.is_prompt_learning
        self.prefix = self.model.get_prompt if with_prefix else None
        self.runs = self.model.base_model if with_prefix else self.model
        taken = config.num_virtual_tokens if with_prefix else 0
        self.window = window(self.model.config.get_text_config()) - taken

    def __call__(self, chats: Sequence[Sequence[Message]], grammars: Sequence[str | None]) -> list[Answer]:
        """Answers in the order of the chats."""
        rows = [
            _Row(n, self.encoder.prompt(chat), self._matcher(grammar))
            for n, (chat, grammar) in enumerate(zip(chats, grammars, strict=True))
        ]
        for row in rows:
            if len(row.prompt) + self.max_new_tokens > self.window:
                row.finish = "too long"
        waiting = sorted((row for row in rows if not row.finish), key=lambda row: -len(row.prompt))
        with self.frozen():
            for start in range(0, len(waiting), self.batch_size):
                self._decode(waiting[start : start + self.batch_size])
        return [self._answer(row) for row in rows]

    def _matcher(self, grammar: str | None) -> LLMatcher | None:
        if grammar is None:
            return None
        matcher = LLMatcher(self.encoder.masks(self.vocabulary), grammar)
        if matcher.is_error():
            raise ModelError(f"the grammar cannot be used: {matcher.get_error()}")
        return matcher

    def _text(self, row: _Row) -> str:
        ids = row.new[:-1] if row.finish == "stop" else row.new
        return self.encoder.decode(ids)

    def _answer(self, row: _Row) -> Answer:
        text = self._text(row)
        ends = self.encoder.ends(row.new, len(text))
        return Answer(text, row.finish, tuple(zip(ends, row.scores, strict=False)))

    def _decode(self, rows: list[_Row]) -> None:
        """Fill `new` and `finish` of every row."""
        batch = self._begin(rows)
        while rows:
            out = self._forward(batch)
            chosen, scores = self._choose(out.logits[:, -1].float(), rows)
            for row, token, score in zip(rows, chosen.tolist(), scores.tolist(), strict=True):
                row.scores.append(score)
                self._take(row, token)
            keep = [n for n, row in enumerate(rows) if not row.finish]
            if len(keep) < len(rows):
                rows = [rows[n] for n in keep]
                chosen = batch.keep(torch.tensor(keep, device=chosen.device, dtype=torch.long), chosen)
            batch.ids = chosen[:, None]
            if batch.encoded is None:
                batch.mask = torch.cat([batch.mask, batch.mask.new_ones(len(rows), 1)], dim=1)

    def _begin(self, rows: Sequence[_Row]) -> "_Batch":
        """The prompts as a batch; of an encoder-decoder model encoded, and the decoder at its start token."""
        ids, mask = _left_padded([row.prompt for row in rows], self.encoder.end_id, self.model.device)
        cache = self.prefix(len(rows)) if self.prefix else None
        if self.model.config.is_encoder_decoder:
            encoded = self.runs.get_encoder()(input_ids=ids, attention_mask=mask)
            start = ids.new_full((len(rows), 1), self.model.config.decoder_start_token_id)
            return _Batch(start, mask, cache, encoded)
        if cache is not None:
            mask = torch.cat([mask.new_ones(len(rows), cache.get_seq_length()), mask], dim=1)
        return _Batch(ids, mask, cache)

    def _forward(self, batch: "_Batch") -> Any:
        """The model's output for the newest tokens; the cache goes on in `batch`."""
        given = {"attention_mask": batch.mask, "past_key_values": batch.cache, "use_cache": True}
        if batch.encoded is not None:
            given |= {"encoder_outputs": batch.encoded, "decoder_input_ids": batch.ids}
        else:
            positions = (batch.mask.cumsum(1) - 1).clamp(min=0)[:, -batch.ids.shape[1] :]
            given |= {"input_ids": batch.ids, "position_ids": positions, "logits_to_keep": 1}
        out = self.runs(**given)
        batch.cache = out.past_key_values
        return out

    def _choose(self, logits: torch.Tensor, rows: Sequence[_Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest allowed token of each row, and its log-probability among the allowed ones.

        llguidance's own torch kernel would start the compiler first.
        """
        size = logits.shape[-1]
        words = allocate_token_bitmask(len(rows), size)
        for n, row in enumerate(rows):
            if row.matcher is not None:
                fill_next_token_bitmask(row.matcher, words, n)
        some = torch.from_numpy(np.flatnonzero(_bits(np.bitwise_or.reduce(words, axis=0, keepdims=True), size)))
        allowed = torch.from_numpy(_bits(words, size))
        # Texts allow few tokens, and the sum over those alone costs less than the mask of all: 2 ms a step, not 15.
        if few := 2 * len(some) < size:
            allowed, logits = allowed[:, some], logits[:, some.to(logits.device)]
        held = logits.masked_fill(~allowed.to(logits.device), -torch.inf)
        place = held.argmax(-1)
        scores = held.gather(-1, place[:, None])[:, 0] - held.logsumexp(-1)
        return some.to(logits.device)[place] if few else place, scores

    def _take(self, row: _Row, token: int) -> None:
        row.new.append(token)
        if token == self.encoder.end_id:
            row.finish = "stop"
        elif row.matcher is not None and not row.matcher.consume_token(token):
            raise ModelError(f"the grammar refused a token it allowed: {row.matcher.get_error()}")
        elif len(row.new) >= self.max_new_tokens:
            row.finish = "length"
        elif repeats(row.new):
            row.finish = "repetition"


def window(config: Any) -> int:
    """The most tokens a model takes, prompt and answer together, by any of the names configurations have for it."""
    for name in ("max_position_embeddings", "seq_length", "n_positions", "model_max_length", "max_seq_len"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return sys.maxsize


def _bits(words: Any, size: int) -> Any:
    """The first `size` bits of each row of words, as truth values."""
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little", count=size).view(np.bool_)


def repeats(ids: Sequence[int], times: int = 4, least: int = 32, longest: int = 64) -> bool:
    """Whether the tail is one block of up to `longest` tokens, `times` over and `least` tokens in all."""
    for period in range(1, longest + 1):
        length = max(period * times, least)
        if length > len(ids):
            continue
        tail = ids[-length:]
        if all(tail[i] == tail[i - period] for i in range(period, length)):
            return True
    return False


def _left_padded(prompts: Sequence[list[int]], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """`(ids, mask)`, both [batch, longest], prompts at the right."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    return ids, mask
