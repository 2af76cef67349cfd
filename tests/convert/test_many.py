"""What processes make comes back whole and in order; what goes wrong in one is told as if it had happened here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from extune.convert import many, parts
from extune.convert.batches import Line
from extune.convert.parts import Convert, Done, Make
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


def written(path: Path, make: Make, workers: int) -> Iterator[Done]:
    """The batches' ends; their output goes to `path`, behind two bytes."""
    path.write_bytes(b"ab")
    if workers == 1:
        return parts.written(BATCHES, make, path, 2)
    return many.written_by_many(BATCHES, make, path, 2, workers)


@pytest.mark.parametrize(("workers", "held"), [(2, 2), (3, 2), (9, 2), (2, 99)])
def test_rows_and_ends_are_the_same_by_many_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, held: int
) -> None:
    monkeypatch.setattr(parts, "PIECE_BYTES", 1000)
    monkeypatch.setattr(many, "HELD", held)
    make = partial(long, 3000)
    here, there = ([*written(tmp_path / str(count), make, count)] for count in (1, workers))
    assert here == there
    rows = [b"".join(b"%d %b\n" % line * 3000 for line in batch if line[0] % 10 != 2) for batch in BATCHES]
    assert [(tmp_path / str(count)).read_bytes() for count in (1, workers)] == [b"ab" + b"".join(rows)] * 2
    assert [end.size for end in here] == [*map(len, rows)]
    assert [end.counts for end in here] == [{"lines": 10, "rows": 27_000, "rejected": 1}] * len(BATCHES)
    assert here[6].rejected == b'{"where": "x:62", "reason": "bad", "line": ""}\n'


def test_a_batch_is_in_the_file_when_its_end_is_told(tmp_path: Path) -> None:
    for workers in (1, 2):
        size = 2
        for end in written(tmp_path / "rows", partial(long, 10), workers):
            size += end.size
            assert (tmp_path / "rows").stat().st_size >= size


def test_an_error_in_a_process_is_raised_as_it_was_after_what_came_before(tmp_path: Path) -> None:
    for exc, match in ((ConfigError("odd", remedy="mend it"), r"odd\. mend it"), (ValueError("a bug"), "a bug")):
        made = written(tmp_path / "rows", partial(failing, exc), 2)
        assert len([next(made) for _ in range(3)]) == 3
        with pytest.raises(type(exc), match=match):
            list(made)


def test_a_process_that_is_killed_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="a process of the conversion was killed"):
        list(written(tmp_path / "rows", killed, 2))


ORPHANS = """
import multiprocessing, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_many import long, written
from functools import partial
made = written(Path({rows!r}), partial(long, 3000), 3)
next(made)
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
time.sleep(60)
"""


def test_no_process_outlives_the_main_one(tmp_path: Path) -> None:
    code = ORPHANS.format(tests=str(Path(__file__).parent), rows=str(tmp_path / "rows"))
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
