"""Batches become output in one or many processes, and come back in order."""

import json
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias

from ..errors import EnvironmentProblem
from ..records import Rejected
from .batches import Batch, Line

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Convert: TypeAlias = Callable[[Line], "bytes | Rejected"]
"""One numbered line -> its output lines, each with its line feed, or what is wrong with it."""
Make: TypeAlias = Callable[[], Convert]
"""Makes a Convert in the process that will use it; must be picklable, so no closure."""

PIECE_BYTES = 2**18
"""Output travels and is written in pieces that fit a processor's cache; each longer one would cost fresh memory."""
HELD = 32
"""Pieces that a process may have ready before they are called for."""


@dataclass(frozen=True, slots=True)
class Done:
    """The end of one batch: its refused lines, and how many lines there were."""

    rejected: bytes
    counts: dict[str, int]


Piece: TypeAlias = bytes | Done


def converted(convert: Convert, batch: Batch) -> Iterator[Piece]:
    """The output of a batch in pieces of about PIECE_BYTES, and its end."""
    made: list[bytes] = []
    rejected: list[bytes] = []
    lines = rows = size = 0
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
            made, size = [], 0
    piece = b"".join(made)
    yield piece
    counts = {"lines": lines, "rows": rows + piece.count(b"\n"), "rejected": len(rejected)}
    yield Done(b"".join(rejected), counts)


def pieces(batches: Iterable[Batch], make: Make, workers: int) -> Iterator[Piece]:
    """The output of all batches, one after another: the same whatever the number of processes.

    Raises what the conversion raises, EnvironmentProblem if a process is killed.
    """
    if workers == 1:
        convert = make()
        return chain.from_iterable(converted(convert, batch) for batch in batches)
    return _from_processes(iter(batches), make, workers)


def _from_processes(batches: Iterator[Batch], make: Make, workers: int) -> Iterator[Piece]:
    """Each process has one batch at a time, and the next one when all of it has been taken."""
    with ExitStack() as stack:
        pipes = [stack.enter_context(_process(make)) for _ in range(workers)]
        busy: deque[Connection] = deque()
        for pipe, batch in zip(pipes, batches, strict=False):
            pipe.send(batch)
            busy.append(pipe)
        while busy:
            pipe = busy.popleft()
            yield from _taken(pipe)
            for batch in islice(batches, 1):
                pipe.send(batch)
                busy.append(pipe)


def _taken(pipe: "Connection") -> Iterator[Piece]:
    """What a process has made of its batch."""
    while True:
        try:
            piece = pipe.recv()
        except (EOFError, ConnectionResetError):
            remedy = "The system may have lacked memory: give it fewer --workers"
            raise EnvironmentProblem("a process of the conversion was killed", remedy=remedy) from None
        if isinstance(piece, Exception):
            raise piece
        yield piece
        if isinstance(piece, Done):
            return


@contextmanager
def _process(make: Make) -> "Iterator[Connection]":
    """A process that takes batches from the pipe, and gives back their pieces."""
    from multiprocessing import Pipe, Process

    ours, theirs = Pipe()
    process = Process(target=_serve, args=(make, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(make: Make, ours: "Connection", theirs: "Connection") -> None:
    """The work of a process, until the main one closes the pipe or is gone; it alone hears an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours.close()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        for piece in _made(make, theirs):
            theirs.send(piece)


def _made(make: Make, pipe: "Connection") -> Iterator[Piece | Exception]:
    """The pieces of the batches that come; some are made ahead, so that the others are not waited for."""
    try:
        convert = make()
        while True:
            made = converted(convert, pipe.recv())
            while ready := [*islice(made, HELD)]:
                yield from ready
    except EOFError:
        raise
    except Exception as exc:
        exc.add_note(traceback.format_exc())
        yield exc
