"""Tag sequences (BIO, IOB1, IOB2, BIOES, BMES, BILOU) as spans of tokens, and tagged tokens as a Record."""

import re
from collections.abc import Sequence
from typing import TypeAlias

from ..records import Record, detect_language
from .lines import checked
from .tokens import entity_at, joined

Span: TypeAlias = tuple[int, int, str]
"""First token, token after the last, type."""

PLACES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
TAG = re.compile(r"O|([BIMELSU])[-_](\S+)")


def is_tag(tag: str) -> bool:
    """Whether it is a tag of one of the schemes."""
    return TAG.fullmatch(tag) is not None


def parse_tag(tag: str) -> tuple[str, str]:
    """("O", "") or the place in the entity (B, I, E, S) and the type. Raises ValueError."""
    match = TAG.fullmatch(tag)
    if match is None:
        raise ValueError(f"unknown tag {tag!r}; known are O and B-, I-, M-, E-, L-, S-, U- with a type")
    return (PLACES[match[1]], match[2]) if match[1] else ("O", "")


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of one sentence, by every scheme at once. Raises ValueError on an unknown tag.

    An invalid sequence is repaired as conlleval does: an inner or last tag that continues nothing of its type begins
    an entity, and one that is not closed ends where another tag follows. So IOB1 needs no case of its own.
    """
    found: list[Span] = []
    start, current = -1, ""
    for number, (place, label) in enumerate([*map(parse_tag, tags), ("O", "")]):
        if start >= 0 and (place in "OBS" or label != current):
            found.append((start, number, current))
            start = -1
        if place != "O" and start < 0:
            start, current = number, label
        if place in "ES":
            found.append((start, number + 1, current))
            start = -1
    return found


def tagged(tokens: Sequence[str], tags: Sequence[str], where: str, characters: bool = False) -> Record:
    """A Record of one tagged sentence. Raises ValueError; `characters` as for `joined`."""
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tokens)} tokens but {len(tags)} tags")
    text, places = joined(tokens, characters)
    entities = tuple(entity_at(text, places, *span) for span in spans(tags))
    return checked(Record("", text, detect_language(text), entities, where=where))
