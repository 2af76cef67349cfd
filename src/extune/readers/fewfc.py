"""FewFC, financial events: {"id", "content", "events": [{type, mentions: [{word, span: [start, end], role}]}]}.

The mention whose role is `trigger` is the trigger, the others are arguments. https://github.com/TimeBurningFish/FewFC
"""

from collections.abc import Iterator
from pathlib import Path

from ..records import Argument, Event, Record, Rejected
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, objects, read_lines

TRIGGER = "trigger"


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a row; a row without `events` is rejected."""
    return identified(read_lines(path, parse))


def parse(row: Row, where: str) -> Record:
    """A Record from one row. Raises KeyError, TypeError, ValueError on another shape or an untrue span."""
    if "events" not in row:
        raise KeyError("events")
    text = filled(row, "content")
    events = tuple(event(item, text) for item in objects(row, "events"))
    return Record(identifier(row), text, language(row, text), events=events, where=where)


def event(item: Row, text: str) -> Event:
    """{type, mentions}; an argument that is mentioned twice is kept once, as a Record has no places for it."""
    mentions = objects(item, "mentions")
    for mention in mentions:
        _check_span(mention, text)
    triggers = [filled(m, "word") for m in mentions if filled(m, "role") == TRIGGER]
    if len(triggers) != 1:
        raise ValueError(f"an event has {len(triggers)} triggers, not one")
    arguments = dict.fromkeys(Argument(m["role"], filled(m, "word")) for m in mentions if m["role"] != TRIGGER)
    return Event(filled(item, "type"), triggers[0], tuple(arguments))


def _check_span(mention: Row, text: str) -> None:
    """Where a mention has a span, it must be true; other events in this form have none."""
    span = listed(mention, "span")
    if not span:
        return
    if [type(place) for place in span] != [int, int]:
        raise TypeError(f"the span of {mention.get('word')!r} is not two whole numbers")
    start, end = span
    if start < 0 or text[start:end] != mention.get("word"):
        raise ValueError(f"span does not match its offsets: {mention.get('word')!r} is not at {start}:{end}")


def matches(sample: Sample) -> bool:
    """Whether a row has events with mentions."""
    return any(
        "content" in row and isinstance(event, dict) and "mentions" in event
        for row in sample.rows
        for event in (row["events"] if isinstance(row.get("events"), list) else ())
    )


FEWFC = Format("fewfc", read, matches, parse, flat=True)
