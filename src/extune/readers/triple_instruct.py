"""Instruction rows: {"instruction", "input", "output"}, the output one `(head, relation, tail)` a line."""

from collections.abc import Iterator
from pathlib import Path

from ..notations.triple_syntax import parse_triples
from ..records import Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, read_lines, string


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a line; the instruction is not kept, since prompts are written in one place."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    text = filled(row, "input")
    return Record(
        id=identifier(row),
        text=text,
        lang=language(row, text),
        relations=tuple(Relation(*triple) for triple in _triples(string(row, "output"))),
        where=where,
    )


def _triples(output: str) -> list[tuple[str, str, str]]:
    try:
        return parse_triples(output)
    except ValueError as exc:
        raise ValueError(f"field 'output': {exc}") from None


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any(
        {"instruction", "input", "output"} <= set(row) and str(row["output"]).lstrip().startswith(("(", "（"))
        for row in sample.rows
    )


TRIPLE_INSTRUCT = Format("triple_instruct", read, matches, parse)
