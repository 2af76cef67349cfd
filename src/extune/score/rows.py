"""Counts while they are being made: a row is the fields of `Counts`, a table how often each row came under each name.

Documents have few different rows, and counting equal ones is far cheaper than adding them up one by one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TypeAlias

from .counts import Counts

Key: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[int, ...]
Rows: TypeAlias = dict[str, Row]
Table: TypeAlias = dict[tuple[str, Row], int]

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
    rows: dict[str, list[int]] = {}
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
    return {name: _finished(row) for name, row in rows.items()}


def hit_rows(names: Mapping[Key, str], spans: Callable[[Key], Sequence[str]], absent: Set[str]) -> Rows:
    """`count_rows` of two sides that are the same, from the name of each key."""
    hits: dict[str, list[int]] = {}
    for key, name in names.items():
        strings = spans(key)
        invented = sum(string in absent for string in strings) if absent else 0
        row = hits.get(name)
        if row is None:
            hits[name] = [1, invented, len(strings)]
        else:
            row[0] += 1
            row[1] += invented
            row[2] += len(strings)
    return {name: (hit, hit, hit, 1, 1, invented, size, 1, 0) for name, (hit, invented, size) in hits.items()}


def total_row(rows: Iterable[Row], hits: int) -> Row:
    """The document as a whole, from its rows by label and how many found items are right."""
    predicted = gold = invented = spans = 0
    for row in rows:
        predicted += row[PREDICTED]
        gold += row[GOLD]
        invented += row[INVENTED]
        spans += row[SPANS]
    return _finished([hits, predicted, gold, 0, 0, invented, spans, 0, 0])


def _row(rows: dict[str, list[int]], name: str) -> list[int]:
    row = rows.get(name)
    if row is None:
        row = rows[name] = [0] * 9
    return row


def _finished(row: list[int]) -> Row:
    """With the fields that a document has once, whatever its items are."""
    tp, predicted, gold = row[TP], row[PREDICTED], row[GOLD]
    row[EXACT] = int(tp == predicted == gold)
    row[DOCUMENTS] = 1
    row[NONEMPTY] = int(gold > 0)
    row[EMPTY] = int(gold > 0 and predicted == 0)
    return tuple(row)


def add_rows(table: Table, rows: Mapping[str, Row]) -> None:
    """Add a document's rows to those of all documents."""
    for name, row in rows.items():
        add_row(table, name, row)


def add_row(table: Table, name: str, row: Row, times: int = 1) -> None:
    """Add one row, of so many documents, to those of all documents."""
    place = name, row
    table[place] = table.get(place, 0) + times


def frozen(table: Mapping[tuple[str, Row], int]) -> dict[str, Counts]:
    """The table as Counts, sorted by name."""
    sums: dict[str, list[int]] = {}
    for (name, row), times in table.items():
        total = _row(sums, name)
        total[:] = [one + times * other for one, other in zip(total, row, strict=True)]
    return {name: Counts(*sums[name]) for name in sorted(sums)}
