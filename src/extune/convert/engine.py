"""Lines go to one or many processes in batches and come back in order, a bounded number of them at a time."""

import itertools
import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from ..errors import DataError
from ..records import Rejected
from .partial import Partial

Line: TypeAlias = tuple[int, bytes]
Convert: TypeAlias = Callable[[Line], "list[bytes] | Rejected"]
"""One numbered line -> its output lines, or what is wrong with it."""
Make: TypeAlias = Callable[[], Convert]
"""Makes a Convert in the process that will use it; must be picklable, so no closure."""

BATCH_BYTES, BATCH_LINES = 2**19, 512
"""A record may become hundreds of rows: batches are small, so that a few of them in the air need little memory."""


@dataclass(frozen=True, slots=True)
class Converted:
    """How much was read, written and refused; `first` is the first refusal, `resumed` the lines not read again."""

    lines: int
    rows: int
    rejected: int
    first: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """What became of one batch."""

    rows: bytes
    rejected: bytes
    counts: dict[str, int]


def convert_lines(
    lines: Iterable[Line],
    target: Path,
    make: Make,
    *,
    key: str,
    workers: int = 1,
    progress: Callable[[int], None] = lambda lines: None,
    max_bad: float = 1.0,
) -> Converted:
    """Convert every line into `target`, whole or not at all; refused lines go to `target.rejected.jsonl`.

    The bytes do not depend on `workers`. A conversion that was killed goes on where it stopped if `key` is the same.
    `progress` is told how many lines are done. Raises DataError if there is no line, or if a share of more than
    `max_bad` is refused: the quarantine is then written, the target not.
    """
    with Partial(target, key) as partial:
        progress(partial.counts["lines"])
        waiting = itertools.islice(batches(lines), partial.parts, None)
        for part in _parts(waiting, make, workers):
            partial.add(part.rows, part.rejected, part.counts)
            progress(part.counts["lines"])
        done = Converted(partial.counts["lines"], partial.counts["rows"], partial.counts["rejected"])
        if not done.lines:
            raise DataError("there is nothing to convert", where=str(target), remedy="The input has no record")
        if done.rejected > max_bad * done.lines:
            partial.keep_rejected()
            raise DataError(
                f"{done.rejected} of {done.lines} records are bad, limit {100 * max_bad:.3g} %", where=str(target),
                remedy=f"{partial.quarantine.name} says what is wrong with each; mend them, or raise the limit",
            )  # fmt: skip
        partial.finish()
    return done


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
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


def _parts(waiting: Iterator[list[Line]], make: Make, workers: int) -> Iterator[_Part]:
    if workers == 1:
        convert = make()
        yield from (_converted(convert, batch) for batch in waiting)
        return
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(make,)) as pool:
        running: deque[Future[_Part]] = deque()
        for batch in waiting:
            running.append(pool.submit(_work, batch))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


_OWN: list[Convert] = []
"""The Convert of a worker process."""


def _start(make: Make) -> None:
    _OWN[:] = [make()]


def _work(batch: Sequence[Line]) -> _Part:
    return _converted(_OWN[0], batch)


def _converted(convert: Convert, batch: Sequence[Line]) -> _Part:
    rows: list[bytes] = []
    rejected: list[bytes] = []
    for line in batch:
        found = convert(line)
        if isinstance(found, Rejected):
            rejected.append(json.dumps(asdict(found), ensure_ascii=False).encode())
        else:
            rows += found
    counts = Counter(lines=len(batch), rows=len(rows), rejected=len(rejected))
    return _Part(_joined(rows), _joined(rejected), dict(counts))


def _joined(rows: list[bytes]) -> bytes:
    return b"\n".join([*rows, b""])


SMALL = 2**23
"""Bytes below which a second process costs more than it brings."""


def workers_for(path: Path, most: int = 8) -> int:
    """How many processes a file is worth; the output does not depend on it."""
    return 1 if path.stat().st_size < SMALL else min(most, os.cpu_count() or 1)
