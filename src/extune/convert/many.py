"""Batches are converted by many processes, each of which writes its own at their places in one file.

A process goes on with its next batch while it waits to hear where the last one goes, so a slow one delays no other.
"""

import signal
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import EnvironmentProblem
from .batches import Batch
from .parts import Done, Make, converted, write

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

AHEAD = 3
"""Batches that a process has at a time: one to convert, and others that wait for it or for their place."""
HELD = 32
"""Pieces of a batch that may be ready before it has a place."""
GONE = (EOFError, BrokenPipeError, ConnectionResetError)


@dataclass
class Worker:
    """A process as the main one knows it: what it has told of its batches, the oldest first.

    `sizes` of those without a place, None where that shows only when they are written; `ends` of those with one.
    """

    pipe: "Connection"
    sizes: deque[int | None] = field(default_factory=deque)
    ends: deque[Done | Exception] = field(default_factory=deque)


def written_by_many(batches: Iterable[Batch], make: Make, rows: Path, start: int, count: int) -> Iterator[Done]:
    """As `parts.written`, by so many processes: the same bytes. What is behind the last batch told is of no account.

    Raises what the conversion raises, when all before it is told; EnvironmentProblem if a process is killed.
    """
    batches = iter(batches)
    with ExitStack() as stack, _nobody_gone():
        workers = [Worker(stack.enter_context(_process(make, rows))) for _ in range(count)]
        unplaced: deque[Worker] = deque()  # those of the batches under way, in the order of these
        placed: deque[Worker] = deque()
        free: int | None = start
        for worker in workers * AHEAD:
            _give(worker, batches, unplaced)
        while unplaced or placed:
            while free is not None and unplaced and unplaced[0].sizes:
                start = free
                free = _place(unplaced.popleft(), start, placed)
            _hear(workers)
            while placed and placed[0].ends:
                worker = placed.popleft()
                done = _checked(worker.ends.popleft())
                free = start + done.size if free is None and not placed else free
                _give(worker, batches, unplaced)
                yield done


@contextmanager
def _nobody_gone() -> Iterator[None]:
    try:
        yield
    except GONE:
        remedy = "The system may have lacked memory: give it fewer --workers"
        raise EnvironmentProblem("a process of the conversion was killed", remedy=remedy) from None


def _give(worker: Worker, batches: Iterator[Batch], unplaced: deque[Worker]) -> None:
    """The next batch, if there is one."""
    for batch in islice(batches, 1):
        worker.pipe.send(batch)
        unplaced.append(worker)


def _place(worker: Worker, start: int, placed: deque[Worker]) -> int | None:
    """Say where a worker's oldest batch goes; the place behind it, if that is known yet."""
    size = worker.sizes.popleft()
    worker.pipe.send(start)
    placed.append(worker)
    return None if size is None else start + size


def _hear(workers: Iterable[Worker]) -> None:
    """Wait until one has something to say."""
    from multiprocessing.connection import wait

    told = wait([worker.pipe for worker in workers])
    for worker in workers:
        if worker.pipe in told:
            answer = worker.pipe.recv()
            (worker.ends if isinstance(answer, Done | Exception) else worker.sizes).append(answer)


def _checked(end: Done | Exception) -> Done:
    if isinstance(end, Exception):
        raise end
    return end


@contextmanager
def _process(make: Make, rows: Path) -> "Iterator[Connection]":
    """A process that takes batches from the pipe and writes their output."""
    from multiprocessing import Pipe, Process

    ours, theirs = Pipe()
    process = Process(target=_serve, args=(make, rows, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(make: Make, rows: Path, ours: "Connection", theirs: "Connection") -> None:
    """The work of a process, until the main one closes the pipe or is gone; it alone hears an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours.close()
    with suppress(*GONE), open(rows, "r+b") as file:
        _work(cache(make), file, theirs)


def _work(make: Make, file: IO[bytes], pipe: "Connection") -> None:
    """A batch that comes is converted as far as HELD allows; when its place comes it is written."""
    waiting: deque[Iterator[bytes | Done]] = deque()
    while True:
        told = pipe.recv()
        if isinstance(told, int):
            pipe.send(_written(waiting.popleft(), file, told))
        else:
            ready, rest = _ready(make, told)
            waiting.append(chain(ready, rest))
            pipe.send(ready[-1].size if ready and isinstance(ready[-1], Done) else None)


def _ready(make: Make, batch: Batch) -> tuple[list[bytes | Done], Iterator[bytes | Done]]:
    """The first pieces of a batch and the others; what goes wrong is kept until its place comes."""
    try:
        pieces = converted(make(), batch)
        return [*islice(pieces, HELD)], pieces
    except Exception as exc:
        return [], _failing(exc)


def _failing(exc: Exception) -> Iterator[bytes | Done]:
    raise exc
    yield


def _written(pieces: Iterator[bytes | Done], file: IO[bytes], start: int) -> Done | Exception:
    try:
        file.seek(start)
        return write(pieces, file)
    except Exception as exc:
        exc.add_note(traceback.format_exc())
        return exc
