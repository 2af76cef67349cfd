"""Instruction tuning files whose answers are extractions: alpaca rows, chats of `messages`, ShareGPT.

alpaca: {"instruction", "input"?, "output"}; messages: {"messages": [{"role", "content"}]}; ShareGPT:
{"conversations": [{"from", "value"}]}. The answer may be an IEPile answer to an IEPile question, triple lines
or entity lines. https://github.com/tatsu-lab/stanford_alpaca https://huggingface.co/docs/trl/dataset_formats
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ..notations.entity_syntax import parse_entities
from ..notations.triple_syntax import parse_triples
from ..records import Entity, Record, Rejected, Relation
from . import iepile
from .format import Format, Parse, Sample
from .lines import Row, filled, identified, identifier, language, objects, optional, read_lines, string

Turn: TypeAlias = tuple[str, str]
"""Question, answer."""

ASKING = ("user", "human")
ANSWERING = ("assistant", "gpt", "model", "chatgpt", "bing", "bard")

UNKNOWN = (
    "the answer is neither an IEPile answer nor triple lines nor entity lines; questions about documents are read "
    "from records with `qa`, from squad or from multi_doc_qa"
)


def parse_alpaca(row: Row, where: str) -> Record:
    """The text is `input`, or the instruction where there is none. Raises KeyError, TypeError, ValueError."""
    return _record(row, where, (_question(row), filled(row, "output")))


def _question(row: Row) -> str:
    """What is asked; an IEPile question stands in either field."""
    instruction = filled(row, "instruction")
    asked = optional(row, "input") or ""
    return asked if asked.strip() and not _is_object(instruction) else instruction


def parse_messages(row: Row, where: str) -> Record:
    """A chat of one question and its answer. Raises KeyError, TypeError, ValueError on another shape."""
    return _record(row, where, _turn(row, "messages", "role", "content"))


def parse_sharegpt(row: Row, where: str) -> Record:
    """As `parse_messages`, in ShareGPT's names."""
    return _record(row, where, _turn(row, "conversations", "from", "value"))


def _turn(row: Row, field: str, role: str, content: str) -> Turn:
    """The one question and its answer; what the system says is not kept, prompts are written in one place."""
    if field not in row:
        raise KeyError(field)
    said = [(string(message, role), message) for message in objects(row, field)]
    asked = [filled(message, content) for name, message in said if name in ASKING]
    answered = [string(message, content) for name, message in said if name in ANSWERING]
    if len(asked) != 1 or len(answered) != 1:
        raise ValueError(f"{len(asked)} questions and {len(answered)} answers in one chat, not one of each")
    return asked[0], answered[0]


def _record(row: Row, where: str, turn: Turn) -> Record:
    question, answer = turn
    if _is_object(question):
        return iepile.parse({**_kept(row), "instruction": question, "output": answer}, where)
    record = Record(identifier(row), question, language(row, question), where=where)
    return _extracted(record, answer)


def _kept(row: Row) -> Row:
    return {name: row[name] for name in ("id", "lang", "task", "source") if name in row}


def _is_object(text: str) -> bool:
    """Whether it is an IEPile question."""
    try:
        value = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "input" in value


def _extracted(record: Record, answer: str) -> Record:
    """The record with the answer's triples or entities; entities that the text lacks are words with a `_` in them."""
    fields = (record.id, record.text, record.lang)
    try:
        triples = parse_triples(answer)
        return Record(*fields, relations=tuple(Relation(*triple) for triple in triples), where=record.where)
    except ValueError:
        pass
    try:
        entities = tuple(Entity(*pair) for pair in parse_entities(answer))
    except ValueError:
        raise ValueError(UNKNOWN) from None
    if not any(entity.text in record.text for entity in entities):
        raise ValueError(UNKNOWN)
    return Record(*fields, entities=entities, where=record.where)


def _read(parse: Parse, path: Path) -> Iterator[Record | Rejected]:
    return identified(iepile.merged(read_lines(path, parse)))


def _matches(fields: Sequence[str], kind: type, sample: Sample) -> bool:
    return any(all(isinstance(row.get(field), kind) for field in fields) for row in sample.rows)


def _format(name: str, parse: Parse, fields: Sequence[str], kind: type) -> Format:
    read: Callable[[Path], Iterator[Record | Rejected]] = partial(_read, parse)
    return Format(name, read, partial(_matches, fields, kind), parse, iepile.merged)


ALPACA = _format("alpaca", parse_alpaca, ("instruction", "output"), str)
MESSAGES = _format("messages", parse_messages, ("messages",), list)
SHAREGPT = _format("sharegpt", parse_sharegpt, ("conversations",), list)
