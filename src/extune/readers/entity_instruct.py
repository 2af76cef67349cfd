"""Instruction rows of entity recognition: {"instruct", "query", "answer"}, the answer one `mention_type` a line.

As the Baichuan MSRA projects keep them; no entity is `没有`. https://github.com/taishan1994/baichuan-Qlora-Tuning
"""

from collections.abc import Iterator
from pathlib import Path

from ..notations.entity_syntax import parse_entities
from ..records import Entity, Record, Rejected
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, read_lines, string

FIELDS = ("instruct", "query", "answer")


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a line; the instruction is not kept, since prompts are written in one place."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row, its text the query as it stands. Raises KeyError, TypeError, ValueError."""
    text = filled(row, "query")
    return Record(
        id=identifier(row),
        text=text,
        lang=language(row, text),
        entities=tuple(Entity(*pair) for pair in _entities(string(row, "answer"))),
        where=where,
    )


def _entities(answer: str) -> list[tuple[str, str]]:
    try:
        return parse_entities(answer)
    except ValueError as exc:
        raise ValueError(f"field 'answer': {exc}") from None


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any(set(FIELDS) <= set(row) for row in sample.rows)


ENTITY_INSTRUCT = Format("entity_instruct", read, matches, parse, flat=True)
