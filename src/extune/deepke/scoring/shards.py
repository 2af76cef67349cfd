"""A file of predictions scored by several processes, each a stretch of it: the same score, sooner."""

import io
import multiprocessing
import os
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias, TypeVar

from ...errors import DataError
from ...files import opened, raw_lines, split_lines
from .lines import At, read_line
from .score import CompatScore, Counted, count_texts, result

STRETCH = 2**24
"""Bytes below which a second process costs more than it brings."""

Found = TypeVar("Found")
Count: TypeAlias = Callable[[Iterable[tuple[int, bytes]]], tuple[Found, Iterable[Hashable]]]
"""Numbered lines -> what they come to, and what each of their texts is known by."""


def score_file(
    path: Path,
    task: str,
    *,
    match: str = "normal",
    by_source: bool = True,
    variant: str = "deepke",
    workers: int = 0,
) -> CompatScore:
    """The score of a file, whatever the number of processes (0: as many as it is worth). Raises as `score_lines`."""

    def count(lines: Iterable[tuple[int, bytes]]) -> tuple[Counted, Iterable[Hashable]]:
        known: dict[str, bytes] = {}
        return count_texts(lines, task, match, variant, known), known

    count([])  # an unknown task or mode is said once, not by each process
    stretches = in_stretches(path, count, workers)
    return result([_numbered(counted, path, start) for start, counted in stretches], by_source, str(path))


def in_stretches(path: Path, count: Count[Found], workers: int = 0) -> list[tuple[int, Found]]:
    """Where each stretch of a file begins, and what its lines, numbered from 1, come to; each its own process.

    Stretches begin at a new text. Where texts are in more than one all the same, or a process fails, the file is read
    again as one stretch, so that whatever is wrong is said as by one process. Raises what `count` raises.
    """
    borders = _borders(path, workers)
    found = _counted(path, borders, count) if len(borders) > 2 else None
    return [(0, count(raw_lines(path))[0])] if found is None else [*zip(borders, found, strict=False)]


def _borders(path: Path, workers: int) -> list[int]:
    """Where stretches begin and end; a packed file, or a system that cannot fork, has one only."""
    with opened(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        if "fork" not in multiprocessing.get_all_start_methods() or not isinstance(handle.raw, io.FileIO):
            return [0, size]
        workers = workers or min(os.cpu_count() or 1, size // STRETCH)
        starts = (_new_text(handle, size * number // workers) for number in range(1, workers))
        return sorted({0, size, *starts})


def _new_text(handle: "io.BufferedReader[io.FileIO]", place: int) -> int:
    """Where the first line of another text than that at a place begins."""
    handle.seek(place)
    handle.readline()
    known: At | None = None
    while True:
        here = handle.tell()
        line = handle.readline()
        if not line:
            return here
        at = _text_of(line)
        if at and known and at != known:
            return here
        known = at or known


def _text_of(line: bytes) -> At | None:
    try:
        return read_line(line)[3]
    except DataError:
        return None


def _counted(path: Path, borders: Sequence[int], count: Count[Found]) -> list[Found] | None:
    """What each stretch came to; None where they share a text or a process has failed."""
    context = multiprocessing.get_context("fork")
    pipes = []
    for start, end in pairwise(borders[1:]):
        ours, theirs = context.Pipe(duplex=False)
        context.Process(target=_work, args=(theirs, path, (start, end), count), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    made = [_stretch(path, (borders[0], borders[1]), count)]
    try:
        made += [pipe.recv() for pipe in pipes]
    except EOFError:
        return None
    seen: set[int] = set()
    for _, texts in made:
        if not seen.isdisjoint(texts):
            return None
        seen.update(texts)
    return [found for found, _ in made]


def _work(pipe: Connection, path: Path, bounds: tuple[int, int], count: Count[Found]) -> None:
    with suppress(DataError):  # the process that reads the file again says it
        pipe.send(_stretch(path, bounds, count))


def _stretch(path: Path, bounds: tuple[int, int], count: Count[Found]) -> "tuple[Found, array[int]]":
    """What lines between two places come to, numbered from 1, and hashes of their texts, equal in all forks."""
    found, texts = count(_lines(path, *bounds))
    return found, array("q", map(hash, texts))


def _lines(path: Path, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        with io.BufferedReader(_Stretch(file, end - start), 2**16) as handle:
            yield from split_lines(handle)


class _Stretch(io.RawIOBase):
    """A file's next bytes, as if it ended after them."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self.file, self.size = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        read = self.file.readinto(buffer[: self.size]) or 0
        self.size -= read
        return read


def _numbered(counted: Counted, path: Path, start: int) -> Counted:
    """With the line numbers of the file instead of the stretch's."""
    if start and counted.reasons:
        with open(path, "rb") as handle:
            before = sum(part.count(b"\n") for part in _parts(handle, start))
        counted.reasons = [(before + number, why) for number, why in counted.reasons]
    return counted


def _parts(handle: io.BufferedReader, size: int) -> Iterator[bytes]:
    while size and (part := handle.read(min(size, 2**20))):
        size -= len(part)
        yield part
