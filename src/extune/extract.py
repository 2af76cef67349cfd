"""Text to extractions, whatever generates the answers: ask, read, merge, ground."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .calibration import Calibration, calibrated
from .confidence import Reading, Scored, confidences, raise_to
from .errors import AnswerError
from .ground import evidence, locate, nearest
from .instruct import queries
from .prompt import Message, Prompt
from .records import QA, Query, Record
from .schema import Schema
from .tasks import TASKS, Item
from .tasks.task import unique


@dataclass(frozen=True, slots=True)
class Answer:
    """What a generator returns for one chat.

    `finish`: "stop", or why it is not whole: "length", "repetition", "too long". `tokens`: (where it ends in `text`,
    log-probability among the allowed ones) of each, the end token last; none where the generator does not know.
    """

    text: str
    finish: str = "stop"
    tokens: Scored = ()


class Generator(Protocol):
    """The one seam to a model: chats and their grammars (None: unconstrained) in, answers in the same order out."""

    def __call__(self, chats: Sequence[Sequence[Message]], grammars: Sequence[str | None]) -> list[Answer]: ...


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found in one text; `record` carries the items, `raw` the model's own answers."""

    record: Record
    task: str
    model: str = ""
    raw: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    confidence: Mapping[tuple[str, ...], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Extractor:
    """A generator together with what it was trained to answer.

    Answers that cannot be read become problems of their extraction, never exceptions. Confidences are as generated,
    until an evaluation has fitted a `calibration`.
    """

    generate: Generator
    prompt: Prompt
    split_num: int = -1
    constrained: bool = True
    model: str = ""
    calibration: Calibration = field(default_factory=Calibration)

    @property
    def schema(self) -> Schema:
        """What may be asked."""
        return self.prompt.schema

    def extract(self, text: str, record_id: str = "0", question: str | None = None) -> Extraction:
        """One text; `question` about it, for a model that answers questions."""
        return self([Record(record_id, text, qa=QA(question, "", text) if question else None)])[0]

    def __call__(self, records: Iterable[Record]) -> list[Extraction]:
        """Extractions in the order of the records."""
        records = list(records)
        asked = [queries(record, self.prompt.task, self.schema, self.split_num) for record in records]
        flat = [query for group in asked for query in group]
        answers = iter(self._answers(flat))
        return [
            self._merge(record, group, [next(answers) for _ in group])
            for record, group in zip(records, asked, strict=True)
        ]

    def _answers(self, asked: Sequence[Query]) -> list[Answer]:
        chats = [self.prompt.messages(query) for query in asked]
        grammars = [self.prompt.grammar(query) if self.constrained else None for query in asked]
        return self.generate(chats, grammars) if chats else []

    def _merge(self, record: Record, group: Sequence[Query], answers: Sequence[Answer]) -> Extraction:
        task = self.prompt.task
        items: list[Item] = []
        problems: list[str] = []
        sure: dict[tuple[str, ...], float] = {}
        for query, answer in zip(group, answers, strict=True):
            value, problem = self._read(query, answer)
            here = task.decode(value, query.labels, self.schema)
            reading = Reading(task, self.prompt.notation, query.labels, self.schema)
            raise_to(sure, confidences(answer.text, answer.tokens, here, reading))
            items += here
            problems += problem
        found = task.with_items(Record(record.id, record.text, record.lang), unique(items, task.key))
        raw = tuple(answer.text for answer in answers)
        confidence = {key: sure[key] for key in map(task.key, task.items(found)) if key in sure}
        sure = calibrated(self.calibration, confidence)
        return Extraction(found, task.name, self.model, raw, tuple(problems), sure)

    def _read(self, query: Query, answer: Answer) -> tuple[Any, list[str]]:
        shape = self.prompt.task.shape(query.labels, self.schema)
        notation = self.prompt.notation
        # A cut answer may happen to read, with its last span cut short.
        if answer.finish != "stop":
            return notation.salvage(answer.text, shape), [_PROBLEMS[answer.finish]]
        try:
            return notation.read(answer.text, shape), []
        except AnswerError as exc:
            return notation.salvage(answer.text, shape), [str(exc)]


_PROBLEMS = {
    "length": "truncated: the answer did not end within decode.max_new_tokens; its whole items were kept",
    "repetition": "repetition: the answer began to repeat itself; its whole items were kept",
    "too long": "too long: the prompt does not fit the model's window; nothing was extracted",
}

# Every extraction has these; an answer or a graph stands in a section of its own task's.
_SECTIONS = ("entities", "relations", "events")


def to_json(extraction: Extraction) -> dict[str, Any]:
    """The one JSON of an extraction, the same in batch lines, pyfunc rows, REST and the command line."""
    task, record = TASKS[extraction.task], extraction.record
    place: Callable[[str], dict[str, Any]] = lambda span: locate(record.text, span)  # noqa: E731
    items = [
        _placed(task.to_json(item, place), record.text) | {"confidence": extraction.confidence.get(task.key(item))}
        for item in task.items(record)
    ]
    return {
        "id": record.id,
        "task": extraction.task,
        "model": extraction.model,
        **{name: [] for name in _SECTIONS},
        task.section: items,
        "answer": record.qa.answer if record.qa else None,
        "raw": "\n".join(extraction.raw),
        "problems": list(extraction.problems),
    }


def from_json(row: Mapping[str, Any], text: str) -> Extraction:
    """The extraction that `to_json` wrote, whatever version of the project wrote it."""
    task = TASKS[row["task"]]
    items = [task.from_json(item) for item in row[task.section]]
    found = task.with_items(Record(row["id"], text), unique(items, task.key))
    confidence = {
        task.key(task.from_json(item)): item["confidence"]
        for item in row[task.section]
        if item.get("confidence") is not None
    }
    return Extraction(found, row["task"], row["model"], (row["raw"],), tuple(row["problems"]), confidence)


def _placed(row: dict[str, Any], text: str) -> dict[str, Any]:
    """A relation's ends at the mentions that stand nearest, with the sentences that hold both as evidence."""
    if "head" not in row:
        return row
    ends = nearest(text, row["head"]["text"], row["tail"]["text"])
    for name, offsets in zip(("head", "tail"), ends, strict=True):
        start, end = offsets or (None, None)
        row[name] = {**row[name], "start": start, "end": end}
    known = [offsets for offsets in ends if offsets]
    return row | {"evidence": list(evidence(text, *known)) if len(known) == 2 else None}


def batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Records in lists of `size`, for callers that write as they go."""
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
