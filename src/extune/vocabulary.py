"""What tokens spell, whatever the tokenizer: text to ids without a control token or an invented space, ids to bytes.

A fast tokenizer is rebuilt from its own description; of a slow one (Python code, often the model's own) the
conventions of its vocabulary are known and checked against it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

Encode = Callable[[str], list[int]]
PROBE = 'a (b, 12)\n{"张三": [é]}'
_SPACE = "\u2581"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BLANKS = re.compile(r"<\|blank_(\d+)\|>")
_NAMED = {"<n>": "\n", "<|tab|>": "\t"}  # ChatGLM-6B's own, with <|blank_2|> and on


def encode_plain(tokenizer: Any, control: bool) -> Encode:
    """How a piece from within a text is encoded: with no space before it that it lacks.

    `control`: whether the names of control tokens in it are those tokens, or text like any other.
    """
    if tokenizer.is_fast:
        backend = _inside(json.loads(tokenizer.backend_tokenizer.to_str()), control)
        return lambda text: list(backend.encode(text, add_special_tokens=False).ids)

    def encode(text: str) -> list[int]:
        return list(tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text, split_special_tokens=not control)))

    return _after_a_line(encode) if _adds_space(tokenizer, encode) else encode


def _inside(backend: dict[str, Any], control: bool) -> Tokenizer:
    backend.update(truncation=None, padding=None, post_processor=None)
    if not control:
        backend["added_tokens"] = []
    for part in ("normalizer", "pre_tokenizer"):
        backend[part] = _without_space(backend.get(part))
    return Tokenizer.from_str(json.dumps(backend))


def _without_space(part: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normalizer or pre-tokenizer that puts no space before a text."""
    if part is None or part["type"] == "Prepend":
        return None
    inner = next((key for key in ("normalizers", "pretokenizers") if key in part), None)
    if inner:
        return {**part, inner: [kept for one in part[inner] if (kept := _without_space(one))]}
    changes: dict[str, dict[str, Any]] = {
        "Metaspace": {"prepend_scheme": "never"},
        "ByteLevel": {"add_prefix_space": False},
    }
    return {**part, **changes.get(part["type"], {})}


def _adds_space(tokenizer: Any, encode: Encode) -> bool:
    first = tokenizer.convert_ids_to_tokens(encode("a"))[0]
    return isinstance(first, str) and first.startswith(_SPACE)


def _after_a_line(encode: Encode) -> Encode:
    """A text encoded as if a line ended before it, so that it gets no space."""
    before = encode("\n")

    def inside(text: str) -> list[int]:
        ids = encode("\n" + text)
        return ids[len(before) :] if ids[: len(before)] == before else encode(text)

    return inside


def token_bytes(tokenizer: Any) -> list[bytes] | None:
    """The bytes of every token of a slow tokenizer, by id; control tokens as their names.

    Conventions: bytes themselves (tiktoken: Qwen), sentencepiece (Baichuan, ChatGLM), byte-level BPE (MOSS).
    None where the vocabulary follows none of them.
    """
    tokens = [tokenizer.convert_ids_to_tokens(number) for number in range(len(tokenizer))]
    spell = _speller([token for token in tokens if token is not None])
    found = [spell(token) if token is not None else b"" for token in tokens]
    ids = encode_plain(tokenizer, False)(PROBE)
    return found if b"".join(found[i] for i in ids) == PROBE.encode() else None


def _speller(tokens: Sequence[Any]) -> Callable[[Any], bytes]:
    if any(isinstance(token, bytes) for token in tokens):
        return lambda token: token if isinstance(token, bytes) else str(token).encode()
    if any(_SPACE in token for token in tokens):
        return _sentencepiece
    letters = _byte_letters()
    return lambda token: bytes(letters[c] for c in token) if letters.keys() >= set(token) else token.encode()


def _sentencepiece(token: str) -> bytes:
    if byte := _BYTE.fullmatch(token):
        return bytes([int(byte[1], 16)])
    if blanks := _BLANKS.fullmatch(token):
        return b" " * int(blanks[1])
    return _NAMED.get(token, token.replace(_SPACE, " ")).encode()


def _byte_letters() -> Mapping[str, int]:
    """The letter that GPT-2 writes for each byte: printable ones stand for themselves, the others from 256 on."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in own]
    letters = {**{chr(b): b for b in own}, **{chr(256 + n): b for n, b in enumerate(others)}}
    assert set(letters) == set(pre_tokenizers.ByteLevel.alphabet())
    return letters
