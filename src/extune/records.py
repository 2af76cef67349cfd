"""The nouns that travel between stages: one labelled text, what is asked about it, what was found.

All are frozen; offsets are code points into `text`, end exclusive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entity:
    """A typed mention."""

    text: str
    type: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A triple; the types of its ends are kept where the source states them."""

    head: str
    relation: str
    tail: str
    head_type: str | None = None
    tail_type: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One participant of an event."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """A typed trigger with its arguments."""

    event_type: str
    trigger: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class QA:
    """A question about a document, with its answer."""

    question: str
    answer: str
    document: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One text with its annotations, gold or predicted; `where` is `file:line` of the source."""

    id: str
    text: str
    lang: str = ""
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[Event, ...] = ()
    qa: QA | None = None
    source: str = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that could not become a Record: it goes to the quarantine file with its reason."""

    where: str
    reason: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to the model: extract these labels from this text."""

    id: str
    task: str
    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A query with the answer it should get: what training rows are made of."""

    query: Query
    answer: str


def detect_language(text: str) -> str:
    """`zh` if the text has a CJK ideograph, else `en`; prompts are chosen by it."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def record_from_json(row: Mapping[str, Any], where: str = "") -> Record:
    """Build a Record from the project's neutral JSON form. Raises KeyError, TypeError on another shape."""
    text = row["text"] if "text" in row else row["qa"]["document"]
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, not a string")
    qa = row.get("qa")
    return Record(
        id=str(row["id"]),
        text=text,
        lang=row.get("lang") or detect_language(text),
        entities=tuple(Entity(e["text"], e["type"], e.get("start"), e.get("end")) for e in row.get("entities") or ()),
        relations=tuple(
            Relation(r["head"], r["relation"], r["tail"], r.get("head_type"), r.get("tail_type"))
            for r in row.get("relations") or ()
        ),
        events=tuple(
            Event(
                e["event_type"],
                e["trigger"],
                tuple(Argument(a["role"], a["text"]) for a in e.get("arguments") or ()),
            )
            for e in row.get("events") or ()
        ),
        qa=QA(qa["question"], qa["answer"], qa.get("document", "")) if qa else None,
        source=row.get("source", ""),
        where=where,
    )


def record_to_json(record: Record) -> dict[str, Any]:
    """The neutral JSON form of a record, the inverse of `record_from_json`; empty fields are left out."""
    row: dict[str, Any] = {"id": record.id, "text": record.text, "lang": record.lang}
    if record.entities:
        row["entities"] = [{"text": e.text, "type": e.type, "start": e.start, "end": e.end} for e in record.entities]
    if record.relations:
        row["relations"] = [
            {
                "head": r.head,
                "head_type": r.head_type,
                "relation": r.relation,
                "tail": r.tail,
                "tail_type": r.tail_type,
            }
            for r in record.relations
        ]
    if record.events:
        row["events"] = [
            {
                "event_type": e.event_type,
                "trigger": e.trigger,
                "arguments": [{"role": a.role, "text": a.text} for a in e.arguments],
            }
            for e in record.events
        ]
    if record.qa:
        row["qa"] = {
            "question": record.qa.question,
            "answer": record.qa.answer,
            "document": record.qa.document,
        }
    if record.source:
        row["source"] = record.source
    return row
