"""brat's standoff files: `x.txt` and, beside it, `x.ann`. https://brat.nlplab.org/standoff.html

Read are T (spans), E (events) and R (relations). A and M (attributes), N (links to a knowledge base), * (equal
mentions) and # (notes) have no place in a Record and are let go.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ..errors import DataError
from ..files import MAX_RECORD, opened, raw_lines, too_long
from ..records import Argument, Entity, Event, Record, Rejected, Relation, detect_language
from .format import Format, Sample
from .lines import checked, identified
from .plain import decoded, refused

SUFFIXES = (".txt", ".ann")


class Line(NamedTuple):
    """A line of the .ann."""

    number: int
    raw: bytes


class Span(NamedTuple):
    """A T line; more than one place if the span is discontinuous."""

    at: Line
    label: str
    places: tuple[tuple[int, int], ...]
    quoted: str


class EventLine(NamedTuple):
    """An E line; arguments are role and id."""

    at: Line
    label: str
    trigger: str
    arguments: tuple[tuple[str, str], ...]


class Link(NamedTuple):
    """An R line; head and tail are ids."""

    at: Line
    label: str
    head: str
    tail: str


class Refusal(ValueError):
    """What is wrong with a document, and the line of its .ann that is to blame."""

    def __init__(self, reason: object, at: Line) -> None:
        super().__init__(str(reason))
        self.at = at


Annotation: TypeAlias = Span | EventLine | Link
Annotations: TypeAlias = Mapping[str, Annotation]
Reading: TypeAlias = tuple[str, int]
"""The text, and how many characters the offsets count before it (1: a BOM)."""


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a document, its name the id; `path` is a folder (and those in it) or one .txt beside its .ann.

    A discontinuous span whose parts are apart by white space alone is one span; another one is an entity without
    offsets, its parts joined by spaces as brat quotes them. Triggers are not entities. Numbers that tell arguments of
    one role apart (`Theme2`) are taken off. A document is rejected whole for its first bad line, or if its .txt or
    .ann is missing.
    """
    folder = path if path.is_dir() else path.parent
    found = sorted({file.with_suffix("") for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file()})
    stems = found if path.is_dir() else [path.with_suffix("")]
    if not stems:
        raise DataError("no .txt and .ann files in this folder", where=str(path))
    yield from identified(_document(_sibling(stem, ".txt"), _sibling(stem, ".ann"), folder) for stem in stems)


def _sibling(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _document(txt: Path, ann: Path, folder: Path) -> Record | Rejected:
    for there, missing in ((ann, txt), (txt, ann)):
        if there.exists() and not missing.exists():
            return Rejected(f"{there}:1", f"no {missing.name} beside it")
    try:
        text = _text(txt)
    except ValueError as exc:
        return Rejected(f"{txt}:1", str(exc))
    try:
        annotations = _annotations(ann)
        record = _record(text, annotations, txt.with_suffix("").relative_to(folder).as_posix(), f"{txt}:1")
    except Refusal as exc:
        return refused(f"{ann}:{exc.at.number}", exc, exc.at.raw)
    try:
        return checked(record)
    except ValueError as exc:
        return Rejected(f"{txt}:1", str(exc))


def _text(path: Path) -> str:
    """Exactly as it stands, since offsets count every character."""
    with opened(path) as handle:
        raw = handle.read(MAX_RECORD + 1)
    return decoded(too_long(raw, path.stat().st_size) if len(raw) > MAX_RECORD else raw)


def _annotations(path: Path) -> dict[str, Annotation]:
    """By id, in the order of the file. Raises Refusal."""
    found: dict[str, Annotation] = {}
    for at in map(Line._make, raw_lines(path)):
        try:
            name, _, rest = decoded(at.raw).partition("\t")
            if name[:1] not in LINES:
                raise ValueError(f"a line of unknown kind {name[:20]!r}")
            if name in found:
                raise ValueError(f"the id {name} stands twice")
            parse = LINES[name[0]]
            if parse:
                found[name] = parse(rest, at)
        except ValueError as exc:
            raise Refusal(exc, at) from None
    return found


def _span(rest: str, at: Line) -> Span:
    match = re.fullmatch(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)", rest, re.ASCII)
    if match is None:
        raise ValueError("not a T line: id, type and offsets, text, apart by tabs")
    places = tuple((int(s), int(e)) for s, _, e in (part.partition(" ") for part in match[2].split(";")))
    if any(start >= end for start, end in places):
        raise ValueError("a span that is empty or ends before it begins")
    return Span(at, match[1], places, match[3])


def _event(rest: str, at: Line) -> EventLine:
    parts = rest.split()
    if not parts or not all(re.fullmatch(r"[^\s:]+:\S+", part) for part in parts):
        raise ValueError("not an E line: TYPE:TRIGGER ROLE:ID ...")
    (label, trigger), *arguments = (tuple(part.split(":", 1)) for part in parts)
    return EventLine(at, label, trigger, tuple((re.sub(r"(?<=.)\d+$", "", role), name) for role, name in arguments))


def _relation(rest: str, at: Line) -> Link:
    match = re.fullmatch(r"(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*", rest)
    if match is None:
        raise ValueError("not an R line: TYPE Arg1:ID Arg2:ID")
    turned = (match[2], match[4]) == ("Arg2", "Arg1")
    return Link(at, match[1], *((match[5], match[3]) if turned else (match[3], match[5])))


LINES: dict[str, Callable[[str, Line], Annotation] | None] = {
    "T": _span,
    "E": _event,
    "R": _relation,
    **dict.fromkeys("AMN*#"),
}
"""First letter of an id -> what reads the rest of the line; None lets it go."""


def _record(raw: str, annotations: Annotations, name: str, where: str) -> Record:
    text, before = _reading(raw, [item for item in annotations.values() if isinstance(item, Span)])
    events = {key: item for key, item in annotations.items() if isinstance(item, EventLine)}
    spans = {key: _entity(item, text, before) for key, item in annotations.items() if isinstance(item, Span)}
    ends = spans | {key: Entity(_end(spans, item.trigger, item).text, item.label) for key, item in events.items()}
    triggers = {item.trigger for item in events.values()}
    return Record(
        id=name,
        text=text,
        lang=detect_language(text),
        entities=tuple(entity for key, entity in spans.items() if key not in triggers),
        relations=tuple(_linked(item, ends) for item in annotations.values() if isinstance(item, Link)),
        events=tuple(_told(item, ends) for item in events.values()),
        where=where,
    )


def _linked(item: Link, ends: Mapping[str, Entity]) -> Relation:
    head, tail = _end(ends, item.head, item), _end(ends, item.tail, item)
    return Relation(head.text, item.label, tail.text, head.type, tail.type)


def _told(item: EventLine, ends: Mapping[str, Entity]) -> Event:
    arguments = tuple(Argument(role, _end(ends, name, item).text) for role, name in item.arguments)
    return Event(item.label, ends[item.trigger].text, arguments)


def _end(ends: Mapping[str, Entity], name: str, item: Annotation) -> Entity:
    """What an id stands for: of an event, its trigger with the event's type."""
    if name not in ends:
        raise Refusal(f"names {name}, which the file does not have", item.at)
    return ends[name]


def _reading(raw: str, spans: Sequence[Span]) -> Reading:
    """The text as its offsets count it: tools differ on whether a BOM counts and a CRLF is one character or two."""
    plain = raw.removeprefix("\ufeff")
    texts = dict.fromkeys((plain, plain.replace("\r\n", "\n")))
    readings = [(text, before) for before in range(1 + raw.startswith("\ufeff")) for text in texts]
    wrong = [[span for span in spans if not _fits(span, *reading)] for reading in readings]
    if all(wrong):
        span = wrong[0][0]
        raise Refusal(f"its offsets do not hold the text {span.quoted[:60]!r}", span.at)
    return readings[wrong.index([])]


def _fits(span: Span, text: str, before: int) -> bool:
    """White space is not compared: in quoted text, brat writes a line break as a space."""
    inside = all(before <= start and end - before <= len(text) for start, end in span.places)
    return inside and _parts(span, text, before).split() == span.quoted.split()


def _parts(span: Span, text: str, before: int) -> str:
    return " ".join(text[start - before : end - before] for start, end in span.places)


def _entity(span: Span, text: str, before: int) -> Entity:
    gaps = [text[end - before : start - before] for (_, end), (start, _) in pairwise(span.places)]
    start, end = span.places[0][0] - before, span.places[-1][1] - before
    if all(not gap.strip() for gap in gaps) and list(span.places) == sorted(span.places):
        return Entity(text[start:end], span.label, start, end)
    return Entity(_parts(span, text, before), span.label)


def matches(sample: Sample) -> bool:
    """Whether it is a text beside its annotations, or a folder that has such a pair."""
    if sample.names:
        return any(name.endswith(".txt") and f"{name[:-4]}.ann" in sample.names for name in sample.names)
    return sample.path.suffix in SUFFIXES and all(sample.path.with_suffix(suffix).is_file() for suffix in SUFFIXES)


BRAT = Format("brat", read, matches)
