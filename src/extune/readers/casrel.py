"""CasRel's rows: {"text", "triple_list": [[subject, predicate, object], ...]}, as NYT and WebNLG are handed on.

https://github.com/weizhepei/CasRel
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records import Record, Rejected, Relation
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, read_lines


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    if "triple_list" not in row:
        raise KeyError("triple_list")
    text = filled(row, "text")
    triples = tuple(Relation(*triple(item)) for item in listed(row, "triple_list"))
    return Record(identifier(row), text, language(row, text), relations=triples, where=where)


def triple(item: Any) -> tuple[str, str, str]:
    """Three strings, none of them empty. Raises TypeError, ValueError."""
    if not (isinstance(item, list) and len(item) == 3 and all(isinstance(part, str) for part in item)):
        raise TypeError(f"not three strings: {str(item)[:60]}")
    if not all(part.strip() for part in item):
        raise ValueError(f"a part of the triple is empty: {str(item)[:60]}")
    return item[0], item[1], item[2]


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any("text" in row and isinstance(row.get("triple_list"), list) for row in sample.rows)


CASREL = Format("casrel", read, matches, parse, flat=True)
