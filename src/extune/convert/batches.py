"""Lines in batches, the unit that a process converts and that a resumed conversion counts."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from ..files import line_blocks
from ..readers.elements import has_lines, raw_records

Line: TypeAlias = tuple[int, bytes]
Batch: TypeAlias = Iterable[Line]

BATCH_BYTES, BATCH_LINES = 2**17, 512
"""A record may become hundreds of rows: batches are small, so that a few of them in the air need little memory."""


def batches(lines: Iterable[Line]) -> Iterator[Batch]:
    """Lines in lists, each as long as its bytes and its number allow; the same ones whatever is done with them."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line[1])
        if size >= BATCH_BYTES or len(batch) >= BATCH_LINES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def file_batches(path: Path) -> Iterator[Batch]:
    """The records of a file of JSON objects; those of JSON Lines are told apart where they are converted.

    Raises DataError if the file cannot be read.
    """
    return line_blocks(path, BATCH_BYTES) if has_lines(path) else batches(raw_records(path))
