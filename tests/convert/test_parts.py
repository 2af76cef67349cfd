"""What processes make comes back whole and in order; what goes wrong in one is told as if it had happened here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from extune.convert import parts, workers_for
from extune.convert.batches import Line
from extune.convert.parts import Convert, Done, pieces
from extune.errors import ConfigError, EnvironmentProblem
from extune.records import Rejected

BATCHES = [[(10 * batch + n, b"line %d" % n) for n in range(10)] for batch in range(7)]


def long(rows: int) -> Convert:
    """Many rows of each line, more than fit a piece; the third of a batch is bad."""

    def one(line: Line) -> bytes | Rejected:
        return Rejected(f"x:{line[0]}", "bad") if line[1].endswith(b"2") else b"%d %b\n" % line * rows

    return one


def failing(exc: BaseException) -> Convert:
    def one(line: Line) -> bytes:
        if line[0] == 33:
            raise exc
        return b"\n"

    return one


def killed() -> Convert:
    return lambda line: os.kill(os.getpid(), signal.SIGKILL) or b""  # type: ignore[func-returns-value]


def parted(made: Iterator[bytes | Done]) -> list[bytes | Done]:
    """Rows and ends in turn."""
    grouped = groupby(made, lambda piece: isinstance(piece, Done))
    return [one for ended, some in grouped for one in ([*some] if ended else [b"".join(some)])]  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [2, 3, 9])
def test_pieces_are_the_same_in_many_processes(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(parts, "PIECE_BYTES", 1000)
    monkeypatch.setattr(parts, "HELD", 2)
    make = partial(long, 3000)
    here, there = (parted(pieces(BATCHES, make, count)) for count in (1, workers))
    assert here == there
    assert here[0] == b"".join(b"%d %b\n" % line * 3000 for line in BATCHES[0] if line[0] != 2)
    ends = [piece for piece in here if isinstance(piece, Done)]
    assert [end.counts for end in ends] == [{"lines": 10, "rows": 27_000, "rejected": 1}] * len(BATCHES)
    assert [end.rejected for end in ends][6] == b'{"where": "x:62", "reason": "bad", "line": ""}\n'


def test_an_error_in_a_process_is_raised_as_it_was_after_what_came_before() -> None:
    for exc, match in ((ConfigError("odd", remedy="mend it"), r"odd\. mend it"), (ValueError("a bug"), "a bug")):
        made = pieces(BATCHES, partial(failing, exc), 2)
        assert len(parted(next(made) for _ in range(6))) == 6
        with pytest.raises(type(exc), match=match):
            list(made)


def test_a_process_that_is_killed_is_an_error_that_says_so() -> None:
    with pytest.raises(EnvironmentProblem, match="a process of the conversion was killed"):
        list(pieces(BATCHES, killed, 2))


ORPHANS = """
import multiprocessing, os, sys, time
sys.path.insert(0, {tests!r})
from extune.convert.parts import pieces
from test_parts import BATCHES, long
from functools import partial
made = pieces(BATCHES * 9, partial(long, 3000), 3)
next(made)
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
time.sleep(60)
"""


def test_no_process_outlives_the_main_one() -> None:
    code = ORPHANS.format(tests=str(Path(__file__).parent))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(pids) == 3
    until = time.monotonic() + 10
    while any(map(_runs, pids)):
        assert time.monotonic() < until, "processes are left"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """A process that has ended may wait to be asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_as_many_processes_as_cores_are_ours_for_a_file_that_is_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    for size, expected in ((1000, 1), (2**21, 3)):
        (tmp_path / "x").write_bytes(b" " * size)
        assert workers_for(tmp_path / "x") == expected
    assert workers_for(tmp_path / "x", most=2) == 2
