"""Texts with their knowledge graphs: `raw_graph_*.json` and the `training_data.json` that is made of them.

{"text", "entities": [{labels, id, name, description}], "relationships": [{type, source, target, confidence,
evidence}]}, or {"instruction", "input", "output"} whose output is that graph, spelled as JSON or not.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..records import Graph, Record, Rejected, graph_from_json
from .documents import first_rows, json_files
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, objects, optional, parse_json, read_lines

TEXTS = ("text", "input", "content", "document", "instruction")
"""Where the text may stand; the first that has something in it counts."""

PARTS = {"entities": ("name",), "relationships": ("type", "source", "target")}
"""Lists of a graph -> what each item must have."""

_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record an object of a file or of a folder's files.

    A folder with `raw_graph_*.json` is read for these alone: what else is there was made of them.
    """
    files = json_files(path)
    raw = [file for file in files if file.name.startswith("raw_graph_")]
    return identified(result for file in raw or files for result in read_lines(file, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one object. Raises KeyError, TypeError, ValueError, naming the item that is at fault."""
    name = next((name for name in TEXTS if (optional(row, name) or "").strip()), None)
    if name is None:
        raise ValueError(f"has no text in any of the fields {', '.join(map(repr, TEXTS))}")
    text = filled(row, name)
    graph = graph_of(row if PARTS.keys() & row.keys() else answer(row))
    return Record(identifier(row), text, language(row, text), graph=graph, where=where)


def answer(row: Row) -> Row:
    """The graph in `output`, which may be JSON in a string, fenced or not. Raises KeyError, TypeError, ValueError."""
    value = row["output"]
    if isinstance(value, str):
        fenced = _FENCED.fullmatch(value)
        try:
            value = parse_json(fenced[1] if fenced else value)
        except ValueError as exc:
            raise ValueError(f"field 'output' is not JSON ({exc})") from None
    if not isinstance(value, dict):
        raise TypeError("field 'output' is not a graph")
    return value


def graph_of(row: Row) -> Graph:
    """A Graph of which every edge has its nodes. Raises KeyError, TypeError, ValueError."""
    for field in PARTS:
        if field not in row:
            raise KeyError(field)
    nodes = [_item(item, f"entities[{n}]", "entities") for n, item in enumerate(objects(row, "entities"))]
    edges = [
        _item(item, f"relationships[{n}]", "relationships") for n, item in enumerate(objects(row, "relationships"))
    ]
    ids = [node["id"] for node in nodes if node["id"]]
    if len(set(ids)) < len(ids):
        raise ValueError(f"the id {next(i for i in ids if ids.count(i) > 1)!r} is that of two entities")
    ends = {*ids, *(node["name"] for node in nodes)}
    for n, edge in enumerate(edges):
        for end in ("source", "target"):
            if edge[end] not in ends:
                raise ValueError(f"relationships[{n}]: {end} {edge[end]!r} is no id or name of an entity")
    return graph_from_json({"entities": nodes, "relationships": edges})


def _item(item: Row, place: str, field: str) -> Row:
    """An entity or relationship with all of its fields as they must be; errors begin with its place."""
    try:
        row = {**item, **{end: _key(item, end) for end in ("id", "source", "target")}}
        for name in PARTS[field]:
            filled(row if name in item else item, name)
        for name in ("description", "evidence"):
            optional(item, name)
        return {**row, "labels": _labels(item), "confidence": confidence(item.get("confidence"))}
    except KeyError as exc:
        raise ValueError(f"{place} lacks the field {exc.args[0]!r}") from None
    except (TypeError, ValueError) as exc:
        raise ValueError(f"{place}: {exc}") from None


def _key(item: Row, name: str) -> str:
    """An id, a string or a number (0 too); empty if there is none. Raises TypeError."""
    value = item.get(name)
    return str(value) if type(value) is int else optional(item, name) or ""


def _labels(item: Row) -> list[str]:
    """One label or a list of them. Raises TypeError, ValueError."""
    given = [item["labels"]] if isinstance(item.get("labels"), str) else listed(item, "labels")
    return [filled({"labels": label}, "labels") for label in given]


def confidence(value: Any) -> float | None:
    """A number from 0 to 1, which may stand in a string; None where there is none. Raises ValueError."""
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"confidence {str(value)[:60]!r} is not a number from 0 to 1")
    return number


def matches(sample: Sample) -> bool:
    """Whether it is a folder with such a file, or the rows have entities and relationships or an output with them."""
    if any(Path(name).name.startswith("raw_graph_") for name in sample.names):
        return True
    return any(_is_graph(row) or _answers_with_one(row.get("output")) for row in first_rows(sample))


def _is_graph(row: Row) -> bool:
    return all(isinstance(row.get(name), list) for name in PARTS)


def _answers_with_one(value: Any) -> bool:
    return _is_graph(value) if isinstance(value, dict) else all(f'"{name}"' in str(value) for name in PARTS)


RAW_GRAPH = Format("raw_graph", read, matches, parse)
