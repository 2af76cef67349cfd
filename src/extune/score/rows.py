"""Counts while they are being made: a row is the list of the fields of `Counts`, added to in place."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TypeAlias

from .counts import Counts

Key: TypeAlias = tuple[str, ...]
Row: TypeAlias = list[int]
Rows: TypeAlias = dict[str, Row]

TP, PREDICTED, GOLD, EXACT, DOCUMENTS, INVENTED, SPANS, NONEMPTY, EMPTY = range(9)


def count_rows(
    wanted: Mapping[Key, str],
    found: Mapping[Key, str],
    matched: Mapping[Key, Key],
    spans: Callable[[Key], Sequence[str]],
    absent: Set[str],
) -> Rows:
    """Rows of one document by name, from the name of each key; `matched` maps a found key to the gold one it hits.

    What is hit under another name is right in the whole and in neither row: GRAPH's key takes a node's labels in any
    order, its label is the first of them.
    """
    rows: Rows = {}
    for name in wanted.values():
        _row(rows, name)[GOLD] += 1
    for key, name in found.items():
        hit = matched.get(key)
        row = _row(rows, name)
        row[PREDICTED] += 1
        row[TP] += hit is not None and wanted[hit] == name
        strings = spans(key)
        row[SPANS] += len(strings)
        if absent:
            row[INVENTED] += sum(string in absent for string in strings)
    for row in rows.values():
        _finish(row)
    return rows


def total_row(rows: Iterable[Row], hits: int) -> Row:
    """The document as a whole, from its rows by label and how many found items are right."""
    total = [0] * 9
    for row in rows:
        _add(total, row)
    total[TP] = hits
    return _finish(total)


def _row(rows: Rows, name: str) -> Row:
    row = rows.get(name)
    if row is None:
        row = rows[name] = [0] * 9
    return row


def _add(total: Row, row: Row) -> None:
    for place, number in enumerate(row):
        if number:
            total[place] += number


def _finish(row: Row) -> Row:
    """The fields that a document has once, whatever its items are."""
    tp, predicted, gold = row[TP], row[PREDICTED], row[GOLD]
    row[EXACT] = int(tp == predicted == gold)
    row[DOCUMENTS] = 1
    row[NONEMPTY] = int(gold > 0)
    row[EMPTY] = int(gold > 0 and predicted == 0)
    return row


def add_rows(table: Rows, rows: Mapping[str, Row]) -> None:
    """Add a document's rows to those of all documents."""
    for name, row in rows.items():
        _add(_row(table, name), row)


def frozen(rows: Rows) -> dict[str, Counts]:
    """The rows as Counts, sorted by name."""
    return {name: Counts(*rows[name]) for name in sorted(rows)}
