"""Files of predictions that hold the gold too: `evaluate`'s, and DeepKE-LLM's rows of `instruction`, `label`, `output`.

A row of the latter asks one text about a part of the schema; consecutive rows of one source and id are one text.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

from ..deepke.text import loads
from ..errors import DataError
from ..files import raw_lines, read_jsonl
from ..readers.iepile import parse
from ..records import Record, record_from_json
from ..tasks import Task

Row: TypeAlias = dict[str, Any]
Pair: TypeAlias = tuple[Record, Record, list[str]]
"""Gold, predicted, and what went wrong: of chunks, an answer that could not be read."""

EMPTY = 10_000
"""Answers that are remembered for saying nothing."""

FIELDS = ("instruction", "label", "output", "id")
_VALUES = itemgetter(*FIELDS)


def has_chunks(path: Path) -> bool:
    """Whether the first line is such a row."""
    try:
        row = loads(next((line for _, line in raw_lines(path)), b"null"))
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and all(name in row for name in FIELDS)


def read_predictions(path: Path) -> Iterator[Pair]:
    """Rows {id, text, gold, predicted, problems}, as `evaluate` writes them. Raises DataError on another shape."""
    for number, row in enumerate(read_jsonl(path, "`evaluate` writes reports/test.jsonl"), 1):
        try:
            head = {"id": row["id"], "text": row["text"]}
            sides = record_from_json(head | row["gold"]), record_from_json(head | row["predicted"])
            yield *sides, row.get("problems") or []
        except (KeyError, TypeError, AttributeError):
            remedy = "Name a file that `evaluate` wrote, such as reports/test.jsonl"
            raise DataError("not a prediction", where=f"{path}:{number}", remedy=remedy) from None


def read_chunks(path: Path, task: Task) -> Iterator[Pair]:
    """Each text once. Raises DataError, naming the line, for another row and for a text that comes back later."""
    return chunk_pairs(raw_lines(path), task, path, set())


def chunk_pairs(
    lines: Iterable[tuple[int, bytes]], task: Task, path: Path, known: set[tuple[str, str]]
) -> Iterator[Pair]:
    """`read_chunks` of some lines of a file; `known` gets the source and id of every text."""
    empty: set[str] = set()
    for name, rows in _texts(lines, path, empty):
        where = f"{path}:{rows[0][0]}"
        if name in known:
            raise DataError(
                f"rows of the text {name[1]!r} stand apart", where=where, remedy="Sort the rows by source and id"
            )
        known.add(name)
        yield _pair(f"{name[0]}{name[1]}", rows, task, path, empty)


def _texts(
    lines: Iterable[tuple[int, bytes]], path: Path, empty: Set[str]
) -> Iterator[tuple[tuple[str, str], list[tuple[int, Row]]]]:
    """The source and id of each text with its rows: the first, and those of the others that may say something."""
    text: tuple[str, str] | None = None
    rows: list[tuple[int, Row]] = []
    for number, line in lines:
        try:
            row = loads(line)
            _, _, output, name = _VALUES(row)
        except (ValueError, TypeError, KeyError, RecursionError):
            remedy = f"Each line has {', '.join(FIELDS)}; --compat counts and skips those that do not"
            raise DataError("not a prediction", where=f"{path}:{number}", remedy=remedy) from None
        here = str(row.get("source") or ""), str(name)
        if here == text:
            if type(output) is not str or output not in empty:
                rows.append((number, row))
            continue
        if text:
            yield text, rows
        text, rows = here, [(number, row)]
    if text:
        yield text, rows


def _pair(name: str, rows: Sequence[tuple[int, Row]], task: Task, path: Path, empty: set[str]) -> Pair:
    """One text; `empty` are answers known to say nothing, as most parts of a schema are answered."""
    said = _parsed(rows[0][1], "label", f"{path}:{rows[0][0]}")
    head = (name, said.text, said.lang)
    gold = Record(*head, said.entities, said.relations, said.events, source=said.source, where=said.where)
    found: list[Any] = []
    problems = []
    for number, row in rows:
        if type(row["output"]) is str and row["output"] in empty:
            continue
        try:
            items = task.items(_parsed({"task": task.name, **row}, "output", f"{path}:{number}"))
        except DataError as exc:
            problems.append(f"unread: {exc.what}")
            continue
        found += items
        if not items and len(empty) < EMPTY:
            empty.add(row["output"])
    predicted = Record(*head, source=said.source)
    return gold, task.with_items(predicted, found) if found else predicted, problems


def _parsed(row: Row, part: str, where: str) -> Record:
    """What the label or the output says; `parse` reads the label of a row that has one."""
    if part == "output":
        row = {**row, "label": None}
    elif row["label"] is None:
        row = {key: value for key, value in row.items() if key != "output"}
    try:
        return parse(row, where)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
        raise DataError(f"{part}: {exc}", where=where) from None
