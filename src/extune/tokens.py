"""Chats as token ids, one code path for training and generation.

What a user wrote never becomes a control token: where the plain encoding would make one of it, message
contents are encoded apart, with a tokenizer that knows none.
"""

import functools
import itertools
import re
from collections.abc import Sequence
from typing import Any

import llguidance.hf
from llguidance import LLTokenizer, TokenizerWrapper
from tokenizers.decoders import DecodeStream

from .errors import DataError, ModelError
from .families import OWN
from .prompt import Message
from .templates import BREAK, CLOSE, TOKEN, template
from .vocabulary import encode_plain, token_bytes

_MARK = re.compile("\ue000(\\d+)\ue001")
_PARTS = re.compile(f"{TOKEN}(.*?){CLOSE}|{BREAK}")


class ChatEncoder:
    """Encodes chats with a Hugging Face tokenizer and its own template or one of templates.yaml.

    A slow tokenizer does for training; for grammars, its vocabulary must be of a known kind: vocabulary.token_bytes.
    """

    def __init__(self, tokenizer: Any, name: str = OWN) -> None:
        if name == OWN and not tokenizer.chat_template:
            name = "alpaca"
        self.tokenizer = tokenizer
        self.name = name
        self.template = None if name == OWN else template(name)
        self._jinja = self.template.jinja if self.template else tokenizer.chat_template
        # Runs of spaces and line breaks that a tokenizer added are text like any other.
        added = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special or token.content.strip()}
        written = {part for part in self._parts(self._probe(True)) if isinstance(part, int)}
        self.control = added | written | set(tokenizer.all_special_ids)
        self._plain, self._inside = (encode_plain(tokenizer, control) for control in (False, True))
        self.end_id = self._end_of_turn()

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids up to where the assistant begins to answer."""
        contents = [message["content"] for message in messages]
        frame = self._render([{**m, "content": m["content"] and _mark(n)} for n, m in enumerate(messages)], True)
        if {int(n) for n in _MARK.findall(frame)} != {n for n, content in enumerate(contents) if content}:
            raise ModelError("the base's chat template leaves out a message", remedy="Set task.system to null")
        ids = self._begin()
        for part in self._parts(frame):
            ids += [part] if isinstance(part, int) else self._text(part, contents)
        return ids

    def example(self, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
        """`(input_ids, labels)`: the prompt masked with -100, then the answer and its end token."""
        prompt = self.prompt(messages)
        completion = self.answer(answer)
        return prompt + completion, [-100] * len(prompt) + completion

    def answer(self, text: str) -> list[int]:
        """Ids of an answer with its end token, as generation under a grammar spells it: no space put before it."""
        return [*self.content(text), self.end_id]

    def content(self, text: str) -> list[int]:
        """Ids of text that is only text: a control token that comes out is cut in two.

        Raises DataError if even that does not help.
        """
        ids = self._plain(text)
        if not self.control.intersection(ids):
            return ids
        pieces = [text]
        for number in sorted(self.control.intersection(ids)):
            name = str(self.tokenizer.convert_ids_to_tokens(number))
            pieces = [part for piece in pieces for part in _cut(piece, name)]
        ids = [i for piece in pieces for i in self._plain(piece)]
        if self.control.intersection(ids):
            raise DataError(f"this tokenizer makes a control token of the text {text[:80]!r}")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids, control tokens with their names."""
        if self.spelled is not None:
            return b"".join(self.spelled[i] for i in ids).decode(errors="replace")
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def ends(self, ids: Sequence[int], length: int) -> list[int]:
        """Where each of an answer's tokens ends in its text, which has that length; none where nobody knows.

        A token that ends inside a character ends where it begins; the end token, where the text does.
        """
        if self.spelled is not None:
            said = itertools.accumulate((self.spelled[i] for i in ids), initial=b"")
            return [min(len(part.decode(errors="ignore")), length) for part in said][1:]
        if not self.tokenizer.is_fast:
            return []
        stream, backend = DecodeStream(skip_special_tokens=False), self.tokenizer.backend_tokenizer
        try:
            steps = [len(stream.step(backend, i) or "") for i in ids]
        except Exception as exc:  # of no narrower kind: bytes that are no character, from an answer without a grammar
            if "Invalid prefix" not in str(exc):
                raise
            return []
        return [min(end, length) for end in itertools.accumulate(steps)]

    @functools.cached_property
    def spelled(self) -> list[bytes] | None:
        """What each token of a slow tokenizer spells, where that is known; a fast one decodes by itself."""
        return None if self.tokenizer.is_fast else token_bytes(self.tokenizer)

    @functools.lru_cache(maxsize=2)  # noqa: B019 - an encoder lives as long as its model
    def masks(self, vocabulary: int) -> LLTokenizer:
        """llguidance's view of the tokens, for a model with so many. Raises ModelError where nobody knows them."""
        if self.tokenizer.is_fast:
            return llguidance.hf.from_tokenizer(self.tokenizer, n_vocab=vocabulary, eos_token=self.end_id)
        if self.spelled is None:
            raise ModelError(
                f"nobody knows what the tokens of {type(self.tokenizer).__name__} spell, so no answer can be held to a "
                "grammar",
                remedy="Set decode.constrained=false, or use a copy of the base with tokenizer.json",
            )
        return LLTokenizer(TokenizerWrapper(_Spelled(self, self.spelled)), n_vocab=vocabulary, eos_token=self.end_id)

    def _begin(self) -> list[int]:
        """BOS, by the rule of a template of ours; the tokenizer's own template writes it itself."""
        bos, tokenizer = self.tokenizer.bos_token_id, self.tokenizer
        if self.template is None or bos is None or self.template.bos == "never":
            return []
        # A fast tokenizer that was not told has the attribute too, as False; the reference's had none, which meant yes.
        told = tokenizer.init_kwargs if tokenizer.is_fast else vars(tokenizer)
        return [int(bos)] if self.template.bos == "always" or told.get("add_bos_token", True) else []

    def _text(self, part: str, contents: Sequence[str]) -> list[int]:
        """Ids of a stretch of the frame with the contents in it."""
        pieces = _MARK.split(part)
        own, said = pieces[::2], [contents[int(n)] for n in pieces[1::2]]
        ids = self._encode("".join(a + b for a, b in zip(own, [*said, ""], strict=True)))
        apart = [self._encode(own[0]), *map(self._inside, own[1:])]
        if self._controls(ids) == sum(map(self._controls, apart)):
            return ids
        between = [self.content(text) for text in said]
        return [i for piece, content in zip(apart, [*between, []], strict=True) for i in (*piece, *content)]

    def _parts(self, frame: str) -> list[int | str]:
        """A rendered frame as stretches of text and ids of tokens named in it."""
        pieces = _PARTS.split(frame)
        parts: list[int | str] = [pieces[0]]
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            parts += [text] if name is None else [self._id(name), text]
        return [part for part in parts if part != ""]

    def _id(self, name: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(name)
        if found is None or (found == self.tokenizer.unk_token_id and name != self.tokenizer.unk_token):
            raise ModelError(
                f"the base's tokenizer has no token {name!r}, which the template {self.name!r} writes",
                remedy="Set model.template to one made for this base, or to auto",
            )
        return int(found)

    def _render(self, messages: Sequence[Message], generation: bool) -> str:
        rendered = self.tokenizer.apply_chat_template(
            messages, chat_template=self._jinja, tokenize=False, add_generation_prompt=generation
        )
        return str(rendered)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def _controls(self, ids: Sequence[int]) -> int:
        return sum(i in self.control for i in ids)

    def _probe(self, generation: bool) -> str:
        chat = [{"role": "user", "content": _mark(0)}, {"role": "assistant", "content": _mark(1)}]
        return self._render(chat[: 1 if generation else 2], generation)

    def _end_of_turn(self) -> int:
        """The control token that the template writes after an assistant's turn, else the tokenizer's EOS."""
        if self.template and self.template.end:
            return self._id(self.template.end)
        tail = [] if self.template else self._encode(self._probe(False).partition(_mark(1))[2])
        found = tail[0] if tail and tail[0] in self.control else self.tokenizer.eos_token_id
        if found is None:
            raise ModelError(
                "the base's tokenizer has no token that ends an answer", remedy="Set model.template to one that has"
            )
        return int(found)


def _mark(number: int) -> str:
    return f"\ue000{number}\ue001"


def _cut(text: str, name: str) -> list[str]:
    """The text in pieces, a cut behind the first character of each `name`."""
    return re.split(f"(?<={re.escape(name[:1])})(?={re.escape(name[1:])})", text)


class _Spelled:
    """A slow tokenizer as llguidance wants it."""

    def __init__(self, encoder: ChatEncoder, spelled: list[bytes]) -> None:
        self.eos_token_id = encoder.end_id
        self.bos_token_id = encoder.tokenizer.bos_token_id
        self.tokens = spelled
        self.special_token_ids = sorted(i for i in encoder.control if i < len(spelled))
        self._encode = encoder.content

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)
