"""Instruction rows: {"instruction", "input", "output"}, the output one `(head, relation, tail)` a line."""

from collections.abc import Iterator
from pathlib import Path

from ..notations.triple_syntax import NO_TRIPLES, parse_triples
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
    """Whether rows have its fields, and most outputs that say something are triples."""
    rows = [row for row in sample.rows if {"instruction", "input", "output"} <= set(row)]
    outputs = [str(row["output"]).strip() for row in rows]
    triples = [output.startswith(("(", "（")) for output in outputs if output.casefold() not in NO_TRIPLES]
    return any(triples) and sum(triples) * 2 > len(triples)


TRIPLE_INSTRUCT = Format("triple_instruct", read, matches, parse, flat=True)
