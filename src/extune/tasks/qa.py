"""QA: a question about a document. The answer is {question: answer}, no answer where the document does not say.

The vocabulary is open: what is asked of a record is its own question.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records import QA as Pair
from ..records import Record
from ..schema import Schema
from ..shapes import Fields, Slot, Value
from .task import Locate, Task, unique

ANSWERABLE, UNANSWERABLE = "answerable", "unanswerable"


def key(pair: Pair) -> tuple[str, ...]:
    """Question and answer."""
    return (pair.question, pair.answer)


def asked(record: Record, schema: Schema) -> tuple[str, ...]:
    """The record's question, if it has one."""
    return (record.qa.question,) if record.qa else ()


def shape(labels: Sequence[str], schema: Schema) -> Fields:
    """{question: answer or none}"""
    return Fields({question: Slot(schema.grounded, limit=1) for question in labels})


def encode(pairs: Iterable[Pair], labels: Sequence[str], schema: Schema) -> Value:
    """The first answer to each asked question; a question without any is left out."""
    answers: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.question in labels:
            answers.setdefault(pair.question, [pair.answer] if pair.answer else [])
    return answers


def decode(value: Value, labels: Sequence[str], schema: Schema) -> tuple[Pair, ...]:
    """The answers to the asked questions; one that was not answered at all is left out."""
    found = (Pair(question, "".join(value[question])) for question in labels if question in value)
    return tuple(unique(found, key))


def with_items(record: Record, pairs: Iterable[Pair]) -> Record:
    """The record with the first of these answers, its question, document and accepted answers kept.

    Without an answer it has no question either: an empty one would claim that the document does not say.
    """
    pair = next(iter(pairs), None)
    if pair and record.qa and pair.question in ("", record.qa.question):
        pair = replace(record.qa, answer=pair.answer)
    return replace(record, qa=pair)


def to_json(pair: Pair, locate: Locate) -> dict[str, Any]:
    """Question, and the answer with its offsets; an empty answer stands nowhere."""
    return {"question": pair.question, **locate(pair.answer)}


def from_json(row: Mapping[str, Any]) -> Pair:
    """The inverse of `to_json`."""
    return Pair(row["question"], row["text"])


QA = Task(
    name="QA",
    labels=lambda schema: (),
    asked=asked,
    items=lambda record: (record.qa,) if record.qa else (),
    with_items=with_items,
    label=lambda pair: ANSWERABLE if pair.answer else UNANSWERABLE,
    key=key,
    spans=lambda pair: (pair.answer,) if pair.answer else (),
    known=lambda pair, schema: True,
    question=lambda labels, schema: list(labels),
    shape=shape,
    encode=encode,
    decode=decode,
    to_json=to_json,
    from_json=from_json,
    section="answers",
    instructions={
        "iepile_json": {
            "zh": "请根据input中的文档回答schema中的问题，答案必须是文档中的原文；"
            "文档没有给出答案时返回NAN。请按照JSON字符串的格式回答。",
            "en": "Answer the question in the schema from the document in the input, in the document's own words. "
            "Return NAN if the document does not say. Respond in the format of a JSON string.",
        },
        "plain_text": {
            "zh": "请根据下面的文档回答问题，只用文档中的原文作答；文档没有给出答案时，回答“没有”。",
            "en": "Answer the question from the document below, in the document's own words; if it does not say, "
            "answer: none.",
        },
    },
)
