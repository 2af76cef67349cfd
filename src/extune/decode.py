"""Generators: the local one decodes greedily in batches, each answer held to its grammar.

Masks: https://github.com/guidance-ai/llguidance. Only tokens that keep the answer valid can be chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import llguidance.hf
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from tokenizers.decoders import DecodeStream

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
class LocalGenerator:
    """Greedy decoding with a transformers model, longest prompts first, finished rows leaving the batch."""

    model: Any
    encoder: ChatEncoder
    max_new_tokens: int = 256
    batch_size: int = 32

    def __post_init__(self) -> None:
        vocabulary = int(self.model.config.get_text_config().vocab_size)
        self.masks: LLTokenizer = llguidance.hf.from_tokenizer(
            self.encoder.tokenizer, n_vocab=vocabulary, eos_token=self.encoder.end_id
        )
        self.window = int(self.model.config.get_text_config().max_position_embeddings)

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
        for start in range(0, len(waiting), self.batch_size):
            self._decode(waiting[start : start + self.batch_size])
        return [self._answer(row) for row in rows]

    def _matcher(self, grammar: str | None) -> LLMatcher | None:
        if grammar is None:
            return None
        matcher = LLMatcher(self.masks, grammar)
        if matcher.is_error():
            raise ModelError(f"the grammar cannot be used: {matcher.get_error()}")
        return matcher

    def _text(self, row: _Row) -> str:
        ids = row.new[:-1] if row.finish == "stop" else row.new
        return str(self.encoder.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _answer(self, row: _Row) -> Answer:
        text = self._text(row)
        stream, backend = DecodeStream(skip_special_tokens=False), self.encoder.tokenizer.backend_tokenizer
        pieces: list[tuple[int, float]] = []
        end = 0
        for token, score in zip(row.new, row.scores, strict=True):
            # A token that ends inside a character adds nothing yet; the end token, nothing that `text` has.
            end = min(end + len(stream.step(backend, token) or ""), len(text))
            pieces.append((end, score))
        return Answer(text, row.finish, tuple(pieces))

    @torch.inference_mode()
    def _decode(self, rows: list[_Row]) -> None:
        """Fill `new` and `finish` of every row."""
        ids, mask = _left_padded([row.prompt for row in rows], self.encoder.end_id, self.model.device)
        cache = None
        while rows:
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            out = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache,
                use_cache=True, logits_to_keep=1,
            )  # fmt: skip
            cache = out.past_key_values
            chosen, scores = self._choose(out.logits[:, -1].float(), rows)
            for row, token, score in zip(rows, chosen.tolist(), scores.tolist(), strict=True):
                row.scores.append(score)
                self._take(row, token)
            keep = [n for n, row in enumerate(rows) if not row.finish]
            if len(keep) < len(rows):
                rows = [rows[n] for n in keep]
                index = torch.tensor(keep, device=mask.device, dtype=torch.long)
                mask, chosen = mask[index], chosen[index]
                if rows:
                    cache.batch_select_indices(index)
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)

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
