"""Batches of lines become parts of the output: converted piece by piece, written, and counted."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TypeAlias

from ..records import Rejected
from .batches import Batch, Line

Convert: TypeAlias = Callable[[Line], "bytes | Rejected"]
"""One numbered line -> its output lines, each with its line feed, or what is wrong with it."""
Make: TypeAlias = Callable[[], Convert]
"""Makes a Convert in the process that will use it; must be picklable, so no closure."""

PIECE_BYTES = 2**18
"""Output is written in pieces that fit a processor's cache; each longer one would cost fresh memory."""


@dataclass(frozen=True, slots=True)
class Done:
    """The end of one batch: the bytes of its output, its refused lines, and how many lines there were."""

    size: int
    rejected: bytes
    counts: dict[str, int]


def converted(convert: Convert, batch: Batch) -> Iterator[bytes | Done]:
    """The output of a batch in pieces of about PIECE_BYTES, and its end."""
    made: list[bytes] = []
    rejected: list[bytes] = []
    lines = rows = size = written = 0
    for line in batch:
        lines += 1
        found = convert(line)
        if isinstance(found, Rejected):
            rejected.append(json.dumps(asdict(found), ensure_ascii=False).encode() + b"\n")
            continue
        made.append(found)
        size += len(found)
        if size >= PIECE_BYTES:
            piece = b"".join(made)
            rows += piece.count(b"\n")
            yield piece
            written += size
            made, size = [], 0
    piece = b"".join(made)
    yield piece
    counts = {"lines": lines, "rows": rows + piece.count(b"\n"), "rejected": len(rejected)}
    yield Done(written + size, b"".join(rejected), counts)


def write(pieces: Iterable[bytes | Done], file: IO[bytes]) -> Done:
    """The end of a batch, whose output is in the file then."""
    for piece in pieces:
        if isinstance(piece, Done):
            file.flush()
            return piece
        file.write(piece)
    raise AssertionError("a batch without an end")


def written(batches: Iterable[Batch], make: Make, rows: Path, start: int) -> Iterator[Done]:
    """Each batch when its output is in the file `rows`, the first one from byte `start` on."""
    convert = make()
    with open(rows, "r+b") as file:
        file.seek(start)
        for batch in batches:
            yield write(converted(convert, batch), file)
