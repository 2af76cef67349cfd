"""What makes a file format: how it is read, and how it is recognised."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..records import Record, Rejected

Read: TypeAlias = Callable[[Path], Iterator[Record | Rejected]]
Parse: TypeAlias = Callable[[dict[str, Any], str], Record]
Merge: TypeAlias = Callable[[Iterator[Record | Rejected]], Iterator[Record | Rejected]]


@dataclass(frozen=True)
class Sample:
    """The head of a file or folder, enough to tell its format.

    `text`: up to 64 KiB, decoded with replacement. `rows`: the first JSON objects, of lines or of an array.
    `names`: the files of a folder, the first thousand in order; empty for a file.
    """

    path: Path
    text: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One file format.

    `read(path)` yields Records and Rejecteds in the order of the file; it raises DataError only if the file cannot be
    opened. Ids are unique within a file. `matches(sample)`: whether the head looks like it.
    `parse(row, where)`: for formats that are JSON objects; raises KeyError, TypeError, ValueError on another shape.
    `merge`: for those of `parse` whose rows about one text become one record.
    `flat`: whether `parse` of each JSON object is all there is to reading, so that lines can be read apart.
    `items`: where a row is `text` and lists of items, by field of a Record: the row's list, and what reads one of it.
    """

    name: str
    read: Read
    matches: Callable[[Sample], bool]
    parse: Parse | None = None
    merge: Merge | None = None
    flat: bool = False
    items: Mapping[str, tuple[str, Callable[[dict[str, Any]], Any]]] = field(default_factory=dict)
