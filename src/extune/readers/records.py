"""The project's neutral form: {"id", "text", "lang", "entities", "relations", "events", "qa"}."""

from collections.abc import Iterator
from pathlib import Path

from ..records import Entity, Record, Rejected, Relation, record_from_json
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, objects, optional, read_lines, string

ITEMS = {
    "entities": ("text", "type"),
    "relations": ("head", "relation", "tail"),
    "events": ("event_type",),
}


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a line; `text` may be left out where `qa` has a document."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from its neutral form. Raises KeyError, TypeError, ValueError on another shape."""
    for field, needed in ITEMS.items():
        for item in objects(row, field):
            for name in needed:
                filled(item, name)
    _check_details(row)
    text = filled(row, "text") if row.get("text") is not None or not row.get("qa") else filled(row["qa"], "document")
    return record_from_json({**row, "text": text, "id": identifier(row), "lang": language(row, text)}, where)


def _check_details(row: Row) -> None:
    optional(row, "source")
    if row.get("graph"):
        objects({"graph": [row["graph"]]}, "graph")
    for relation in objects(row, "relations"):
        optional(relation, "head_type")
        optional(relation, "tail_type")
    for event in objects(row, "events"):
        string(event, "trigger")
        for argument in objects(event, "arguments"):
            string(argument, "role")
            string(argument, "text")
    for qa in objects({"qa": [row["qa"]]}, "qa") if row.get("qa") else ():
        for name in ("question", "answer", "document"):
            string({"document": "", **qa}, name)


def matches(sample: Sample) -> bool:
    """Whether rows look like it; other formats have lists of these names too, with items of another form."""
    rows = [row for row in sample.rows if "text" in row and {*ITEMS, "graph"} & set(row)]
    ours = [_has_our_items(row) for row in rows if any(row.get(field) for field in ITEMS)]
    has_answers = any(isinstance(row.get("qa"), dict) for row in sample.rows)
    return has_answers or (bool(rows) and sum(ours) * 2 >= len(ours))


def _has_our_items(row: Row) -> bool:
    lists = [(row.get(field) or [], needed) for field, needed in ITEMS.items()]
    return all(
        isinstance(items, list) and all(isinstance(item, dict) and set(needed) <= set(item) for item in items)
        for items, needed in lists
    )


def entity(item: Row) -> Entity:
    """{text, type, start?, end?}"""
    return Entity(filled(item, "text"), filled(item, "type"), item.get("start"), item.get("end"))


def relation(item: Row) -> Relation:
    """{head, head_type?, relation, tail, tail_type?}"""
    head, label, tail = filled(item, "head"), filled(item, "relation"), filled(item, "tail")
    return Relation(head, label, tail, optional(item, "head_type"), optional(item, "tail_type"))


PLAIN = {"entities": ("entities", entity), "relations": ("relations", relation)}
RECORDS = Format("records", read, matches, parse, flat=True, items=PLAIN)
