"""DuEE and DuEE-fin: {"id", "text", "event_list": [{event_type, trigger, arguments: [{role, argument}]}]}.

https://ai.baidu.com/broad/introduction?dataset=duee
"""

from collections.abc import Iterator
from pathlib import Path

from ..records import Argument, Event, Record, Rejected
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, objects, optional, read_lines


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row; a row without `event_list`, of an unlabelled test file, is rejected."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape."""
    if "event_list" not in row:
        raise KeyError("event_list")
    text = filled(row, "text")
    events = tuple(map(event, objects(row, "event_list")))
    return Record(identifier(row), text, language(row, text), events=events, where=where)


def event(item: Row) -> Event:
    """{event_type, trigger, arguments}; the trigger may be missing, an event of a whole document has none."""
    arguments = (Argument(filled(a, "role"), filled(a, "argument")) for a in objects(item, "arguments"))
    return Event(filled(item, "event_type"), optional(item, "trigger") or "", tuple(dict.fromkeys(arguments)))


def matches(sample: Sample) -> bool:
    """Whether the rows look like it."""
    return any("text" in row and isinstance(row.get("event_list"), list) for row in sample.rows)


DUEE = Format("duee", read, matches, parse, flat=True)
