"""Multi-Doc-QA-Chinese: {"QA": [{question, answer}], "positive_doc": [...], "negative_doc": [...]}, one object a row.

A document is a string or {title?, text | content}. Two formats: `multi_doc_qa` asks about the positive documents
alone, `multi_doc_qa_distractors` about a positive one among negatives.
https://huggingface.co/datasets/yuyijiong/Multi-Doc-QA-Chinese
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from ..records import QA, Record, Rejected, detect_language
from .documents import first_rows, json_files, read_groups
from .elements import raw_records
from .format import Format, Sample
from .lines import Parse, Row, filled, identified, identifier, listed, objects, optional, string

GAP = "\n\n"
"""Between two passages of one document."""

EMPTY_EVERY = 3
"""An unanswerable record for about every third question: training with one empty to two or three full is advised."""

DISTRACTORS = 4
"""Negatives beside the positive document, so that a document of usual passages still fits a window."""


def read(path: Path, parse: Parse) -> Iterator[Record | Rejected]:
    """The records of a file, or of a folder's files."""
    results = (result for file in json_files(path) for result in read_groups(file, raw_records(file), samples, parse))
    return identified(results)


def samples(row: Row) -> Iterator[Row]:
    """{id, question, answer, positives, negatives} of each question, and of some again as an unanswerable one.

    Which ones a hash of the id decides, so that it stays when others are added.
    """
    positives, negatives = passages(row, "positive_doc"), passages(row, "negative_doc")
    if "QA" not in row:
        raise KeyError("QA")
    if not positives:
        raise ValueError("field 'positive_doc' is empty")
    base = identifier(row) or sha256(GAP.join(positives).encode()).hexdigest()[:16]
    for number, pair in enumerate(objects(row, "QA")):
        name = f"{base}#q{number}" if number else base
        answer = optional(pair, "answer") or ""
        foreign = [passage for passage in negatives if answer and answer not in passage]
        one = {**pair, "id": name, "positives": positives, "negatives": foreign, "unanswerable": False}
        yield one
        if foreign and sha256(name.encode()).digest()[0] % EMPTY_EVERY == 0:
            yield {**one, "unanswerable": True}


def passages(row: Row, name: str) -> list[str]:
    """The texts of documents. Raises KeyError, TypeError, ValueError."""
    return [passage(item, name) for item in listed(row, name)]


def passage(item: object, name: str) -> str:
    """A string, or a title above its `text` or `content`."""
    if not isinstance(item, dict):
        return filled({name: item}, name)
    text = filled(item, "content" if "content" in item and "text" not in item else "text")
    title = string({"title": "", **item}, "title").strip()
    return text if not title or text.lstrip().startswith(title) else f"{title}\n{text}"


def of_positives(row: Row, where: str) -> Record:
    """The question asked about the positive documents, or about a negative one."""
    record = _answerable(row, where)
    return unanswerable(record, row["negatives"][0]) if row["unanswerable"] else record


def of_distractors(row: Row, where: str) -> Record:
    """The question asked about the positive documents among negatives, or about negatives alone."""
    record, rng = _answerable(row, where), random.Random(row["id"])
    if row["unanswerable"]:
        chosen = rng.sample(row["negatives"], min(DISTRACTORS + 1, len(row["negatives"])))
        return unanswerable(record, GAP.join(chosen))
    return with_distractors(record, row["negatives"], DISTRACTORS, rng)


def _answerable(row: Row, where: str) -> Record:
    document, answer = GAP.join(row["positives"]), filled(row, "answer")
    pair = QA(filled(row, "question"), answer, document, (answer,))
    return Record(row["id"], document, detect_language(document), qa=pair, where=where)


def with_distractors(record: Record, negatives: Sequence[str], count: int, rng: random.Random) -> Record:
    """The record with `count` negative passages (all, if there are fewer) shuffled in beside its own text."""
    parts = [record.text, *rng.sample(list(negatives), min(count, len(negatives)))]
    rng.shuffle(parts)
    return _about(record, GAP.join(parts))


def unanswerable(record: Record, negative: str) -> Record:
    """The record's question asked about a text that does not answer it; its id ends in `#neg0`."""
    asked = _about(record, negative)
    return replace(asked, id=f"{record.id}#neg0", qa=asked.qa and replace(asked.qa, answer="", answers=()))


def _about(record: Record, document: str) -> Record:
    return replace(record, text=document, qa=record.qa and replace(record.qa, document=document))


def matches(sample: Sample) -> bool:
    """Whether the rows, or those of the first file of a folder, look like it."""
    return any({"QA", "positive_doc"} <= set(row) for row in first_rows(sample))


def _never(sample: Sample) -> bool:
    return False


MULTI_DOC_QA = Format("multi_doc_qa", partial(read, parse=of_positives), matches)
MULTI_DOC_QA_DISTRACTORS = Format("multi_doc_qa_distractors", partial(read, parse=of_distractors), _never)
