"""Tokens back to text, with the place of every token in it."""

import re
from collections.abc import Sequence
from typing import TypeAlias

from ..records import Entity

Places: TypeAlias = list[tuple[int, int]]
"""Start and end of each token in the text, in code points."""

UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Kana and Chinese characters."""


def unspaced(tokens: Sequence[str]) -> bool:
    """Whether their language writes no spaces between words: a tenth of the tokens has a Chinese character or kana."""
    return 0 < len(tokens) <= 10 * sum(1 for token in tokens if UNSPACED.search(token))


def joined(tokens: Sequence[str], characters: bool = False) -> tuple[str, Places]:
    """The text of the tokens: a space between two, but in Chinese and Japanese only between two Latin words.

    `characters`: the file is one of these languages, so that a sentence of single characters (a number, a name in
    Latin letters) is put together like its neighbours. Raises ValueError on an empty token.
    """
    tight = unspaced(tokens) or (characters and all(len(token) == 1 for token in tokens))
    places: Places = []
    parts: list[str] = []
    for before, token in zip(("", *tokens), tokens, strict=False):
        if not token:
            raise ValueError("a token is empty")
        gap = " " if before and (not tight or (_latin_word(before) and _latin_word(token))) else ""
        start = places[-1][1] + len(gap) if places else 0
        parts.append(gap + token)
        places.append((start, start + len(token)))
    return "".join(parts), places


def _latin_word(token: str) -> bool:
    return len(token) > 1 and token.isascii() and token.isalnum()


def entity_at(text: str, places: Places, start: int, end: int, label: str) -> Entity:
    """The entity of tokens `start` to `end` (exclusive). Raises ValueError where there are no such tokens."""
    if not (type(start) is type(end) is int and 0 <= start < end <= len(places)):
        raise ValueError(f"no tokens {start}:{end}; there are {len(places)}")
    left, right = places[start][0], places[end - 1][1]
    if not text[left:right].strip():
        raise ValueError(f"the entity of type {label!r} has only white space")
    return Entity(text[left:right], label, left, right)
