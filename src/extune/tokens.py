"""Chats as token ids, one code path for training and generation.

What a user wrote never becomes a control token: where the plain encoding would make one of it, message
contents are encoded apart, with a tokenizer that knows none.
"""

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

from .errors import DataError, ModelError
from .prompt import Message

ALPACA_TEMPLATE = (
    "{{ bos_token or '' }}Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n"
    "{% elif m.role == 'user' %}### Instruction:\n{{ m.content }}\n\n"
    "{% else %}### Response:\n{{ m.content }}{{ eos_token }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)
"""For bases without a chat template, as DeepKE-LLM does (https://github.com/tatsu-lab/stanford_alpaca)."""


class ChatEncoder:
    """Encodes chats with a Hugging Face fast tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                f"{type(tokenizer).__name__} is not a fast tokenizer", remedy="Use a base with tokenizer.json"
            )
        self.tokenizer = tokenizer
        self.template = tokenizer.chat_template or ALPACA_TEMPLATE
        self.control = {i for i, t in tokenizer.added_tokens_decoder.items()} | set(tokenizer.all_special_ids)
        self._plain = _without_added_tokens(tokenizer)
        self.end_id = self._end_of_turn()

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to where the assistant begins to answer."""
        contents = [message["content"] for message in messages]
        frame = self._render([{**m, "content": _mark(n)} for n, m in enumerate(messages)], True)
        pieces = _split(frame, len(contents))
        whole = "".join(p + c for p, c in zip(pieces, [*contents, ""], strict=True))
        ids = self._encode(whole)
        if sum(i in self.control for i in ids) == sum(self._controls(piece) for piece in pieces):
            return ids
        return [
            i
            for piece, content in zip(pieces, [*contents, ""], strict=True)
            for i in (*self._encode(piece), *self.content(content))
        ]

    def example(self, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
        """`(input_ids, labels)`: the prompt masked with -100, then the answer and its end token."""
        prompt = self.prompt(messages)
        completion = [*self.content(answer), self.end_id]
        return prompt + completion, [-100] * len(prompt) + completion

    def content(self, text: str) -> list[int]:
        """Ids of text that is only text. Raises DataError if a control token still comes out."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        if self.control.intersection(ids):
            raise DataError(f"this tokenizer makes a control token of the text {text[:80]!r}")
        return ids

    def _render(self, messages: Sequence[Message], generation: bool) -> str:
        rendered = self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, tokenize=False, add_generation_prompt=generation
        )
        return str(rendered)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def _controls(self, piece: str) -> int:
        return sum(i in self.control for i in self._encode(piece))

    def _end_of_turn(self) -> int:
        """The control token that the template writes after an assistant's turn, else the tokenizer's EOS."""
        chat = [{"role": "user", "content": _mark(0)}, {"role": "assistant", "content": _mark(1)}]
        tail = self._encode(_split(self._render(chat, False), 2)[2])
        return tail[0] if tail and tail[0] in self.control else int(self.tokenizer.eos_token_id)


def _mark(number: int) -> str:
    return f"\ue000{number}\ue001"


def _split(frame: str, count: int) -> list[str]:
    """The template's own text around `count` marks. Raises ModelError if it left one out."""
    pieces = []
    for number in range(count):
        piece, mark, frame = frame.partition(_mark(number))
        if not mark:
            raise ModelError("the base's chat template leaves out a message", remedy="Set task.system to null")
        pieces.append(piece)
    return [*pieces, frame]


def _without_added_tokens(tokenizer: Any) -> Tokenizer:
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    backend.update(added_tokens=[], truncation=None, padding=None, post_processor=None)
    return Tokenizer.from_str(json.dumps(backend))
