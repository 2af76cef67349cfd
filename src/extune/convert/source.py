"""Any source as numbered lines that worker processes can read alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from ..errors import DataError
from ..files import Unread
from ..readers import find_format, open_format, open_hub
from ..readers.hub import is_hub
from ..records import Record, Rejected, record_to_json
from .batches import Batch, Line, batches, file_batches

RECORDS = "records"


def open_lines(
    source: str, reader: str, columns: Mapping[str, str], split: str = ""
) -> tuple[Iterator[Batch], str, str]:
    """`(batches of lines, the format they are in, the format the source is in)`.

    `split`: of a hub's data set, by its name there; without one, all.
    A file of one JSON object a record is read as it is; all others are turned into lines of our own records first.
    Raises ConfigError, DataError as the readers do.
    """
    if is_hub(source):
        return batches(record_lines(hub_records(source, reader, columns, split))), RECORDS, "hub"
    path = Path(source)
    form = find_format(reader, path, columns)
    if path.is_file() and form.flat:
        return file_batches(path), form.name, form.name
    return batches(record_lines(open_format(form.name, path, columns))), RECORDS, form.name


def hub_records(source: str, reader: str, columns: Mapping[str, str], split: str = "") -> Iterator[Record | Rejected]:
    """The records of a hub's data set. Raises DataError for a split that it does not have."""
    parts = open_hub(source, reader, columns)
    if split and split not in parts:
        raise DataError(f"no split {split!r}", where=source, remedy=f"It has {', '.join(parts)}")
    return chain.from_iterable([parts[split]] if split else parts.values())


def record_lines(results: Iterable[Record | Rejected]) -> Iterator[Line]:
    """Records as lines of the neutral form, under the line they came from; a rejected one keeps its reason."""
    for count, result in enumerate(results, 1):
        tail = result.where.rpartition(":")[2]
        number = int(tail) if tail.isdecimal() else count
        if isinstance(result, Rejected):
            yield number, Unread(result.line.encode(), result.reason)
        else:
            yield number, json.dumps(record_to_json(result), ensure_ascii=False).encode()
