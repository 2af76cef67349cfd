"""SQuAD 1 and 2, CMRC 2018 and DRCD: {"data": [{"paragraphs": [{"context", "qas": [...]}]}]}, one record a question.

Also CMRC's flat list [{"context_text", "qas": [{"query_text", "query_id", "answers": [str]}]}], and the rows that
the `datasets` library makes of SQuAD: {"id", "context", "question", "answers": {"text": [...]}}.
https://rajpurkar.github.io/SQuAD-explorer/ https://github.com/ymcui/cmrc2018
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..files import BLOCK, opened
from ..records import QA, Record, Rejected
from .documents import read_groups
from .elements import elements, raw_records
from .format import Format, Sample
from .lines import Row, filled, identified, identifier, language, listed, objects

_SCALAR = rb'(?:"[^"]*"|[\w.+-]+)'
_DATA = re.compile(rb'\{\s*(?:"[^"]*"\s*:\s*' + _SCALAR + rb'\s*,\s*)*"data"\s*:\s*\[')
_AFTER_DATA = re.compile(rb'"[^"]*"\s*:|\}')
_NAMES = {"context_text": "context", "context_id": "id", "query_text": "question", "query_id": "id"}
"""CMRC's names -> SQuAD's."""


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a question, `where` being the line on which its article starts; articles are held one at a time."""
    return identified(read_groups(path, _articles(path), questions, parse))


def _articles(path: Path) -> Iterator[tuple[int, bytes]]:
    """The articles of a document, whose only line may be longer than memory; else the rows of the file."""
    with opened(path) as handle:
        if not _DATA.match(handle.peek(BLOCK)[:BLOCK].removeprefix(b"\xef\xbb\xbf").lstrip()):
            yield from raw_records(path)
            return
        for number, raw in elements(handle, is_array=True):
            if not _AFTER_DATA.match(raw):
                yield number, raw


def questions(row: Row) -> Iterator[Row]:
    """{id, question, context, answers, is_impossible} of an article, a paragraph, or of a row that is one already."""
    row = _renamed(row)
    if "data" in row or "paragraphs" in row:
        for part in objects(row, "data" if "data" in row else "paragraphs"):
            yield from questions(part)
    elif "qas" in row:
        for item in objects(row, "qas"):
            yield {**_renamed(item), "context": row.get("context")}
    else:
        yield row


def _renamed(row: Row) -> Row:
    return {_NAMES.get(name, name): value for name, value in row.items()}


def parse(row: Row, where: str) -> Record:
    """A Record from a question with its context. Raises KeyError, TypeError, ValueError on another shape.

    `is_impossible`, or an empty list of answers, makes the empty answer: the context does not say.
    """
    question, context = filled(row, "question"), filled(row, "context")
    answers = () if row.get("is_impossible") is True else tuple(dict.fromkeys(_answers(row)))
    pair = QA(question, answers[0] if answers else "", context, answers)
    return Record(identifier(row), context, language(row, context), qa=pair, where=where)


def _answers(row: Row) -> Iterator[str]:
    """Strings, {text} each, or one {text: [...]}; those of an unlabelled test file are missing, which is refused."""
    given = row["answers"]
    if isinstance(given, dict):
        given = listed(given, "text")
    for item in listed({"answers": given}, "answers"):
        answer = item if isinstance(item, dict) else {"text": item}
        number = answer.get("text")  # CMRC's files have some answers bare
        yield str(number) if type(number) in (int, float) else filled(answer, "text")


def matches(sample: Sample) -> bool:
    """Whether it begins like the document, or the rows are paragraphs or questions with a context."""
    return bool(_DATA.match(sample.text.encode().lstrip()) and '"paragraphs"' in sample.text) or any(
        ("qas" in row and bool({"context", "context_text"} & set(row)))
        or ({"question", "context"} <= set(row) and isinstance(row.get("answers"), dict))
        for row in sample.rows
    )


SQUAD = Format("squad", read, matches, parse)
