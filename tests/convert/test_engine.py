"""Lines become rows: in order, whole or not at all, the same bytes however many processes, resumable."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extune.convert import convert_lines, workers_for
from extune.convert.batches import BATCH_LINES, Line, batches
from extune.convert.parts import Convert
from extune.errors import DataError
from extune.files import Unread
from extune.records import Rejected

LINES = [(n, f"line {n}".encode()) for n in range(1, 3 * 4096)]


def doubling(stop_at: int) -> Convert:
    """Every line twice; one in a thousand is bad; at `stop_at` the work breaks off."""

    def one(line: Line) -> bytes | Rejected:
        number, raw = line
        if number == stop_at:
            raise DataError("broken off", where=f"x:{number}", remedy="Go on")
        return Rejected(f"x:{number}", "bad") if number % 1000 == 7 else b"%b\n%b\n" % (raw, raw.upper())

    return one


EXPECTED = b"".join(raw + b"\n" + raw.upper() + b"\n" for n, raw in LINES if n % 1000 != 7)


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_come_in_order_whatever_the_number_of_processes(tmp_path: Path, workers: int) -> None:
    seen: list[int] = []
    done = convert_lines(
        batches(LINES), tmp_path / "out", partial(doubling, 0), key="k", workers=workers, progress=seen.append
    )

    bad = [json.loads(line) for line in (tmp_path / "out.rejected.jsonl").read_text().splitlines()]
    assert (tmp_path / "out").read_bytes() == EXPECTED
    assert [row["where"] for row in bad] == [f"x:{n}" for n, _ in LINES if n % 1000 == 7]
    assert (done.lines, done.rows, done.rejected) == (len(LINES), EXPECTED.count(b"\n"), len(bad))
    assert sum(seen) == len(LINES)
    assert sorted(os.listdir(tmp_path)) == ["out", "out.rejected.jsonl"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_in_the_middle_leaves_what_was_there_and_keeps_its_place_and_remedy(
    tmp_path: Path, workers: int
) -> None:
    (tmp_path / "out").write_text("before")
    with pytest.raises(DataError, match=r"^x:9000: broken off\. Go on$"):
        convert_lines(batches(LINES), tmp_path / "out", partial(doubling, 9000), key="k", workers=workers)
    assert os.listdir(tmp_path) == ["out"]
    assert (tmp_path / "out").read_text() == "before"


def test_an_old_quarantine_goes_when_nothing_is_bad_any_more(tmp_path: Path) -> None:
    convert_lines(batches(LINES[:10]), tmp_path / "out", partial(doubling, 0), key="k")
    convert_lines(batches(LINES[:5]), tmp_path / "out", partial(doubling, 0), key="k")
    assert os.listdir(tmp_path) == ["out"]


def test_nothing_to_convert_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to convert"):
        convert_lines([], tmp_path / "out", partial(doubling, 0), key="k")
    assert os.listdir(tmp_path) == []


def test_more_bad_lines_than_allowed_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="13 of 12287 records are bad"):
        convert_lines(batches(LINES), tmp_path / "out", partial(doubling, 0), key="k", max_bad=0.0001)


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_engine import LINES, doubling
from extune.convert import convert_lines, partial as notes
from extune.convert.batches import batches
notes.NOTED_BYTES = 0

def slow():
    one = doubling(0)
    def wait(line):
        if line[0] == {pause}:
            print("halfway", flush=True)
            time.sleep(60)
        return one(line)
    return wait

convert_lines(batches(LINES), Path({out!r}), slow, key="k")
"""


def killed_at(pause: int, out: Path) -> None:
    """A conversion that SIGKILL ends while it works on line `pause`."""
    code = KILLED.format(tests=str(Path(__file__).parent), pause=pause, out=str(out))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"halfway\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)


def test_a_killed_conversion_goes_on_where_it_stopped_and_gives_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed_at(2 * BATCH_LINES + 5, out)
    assert not out.exists()
    with open(tmp_path / ".out.rows", "ab") as handle:
        handle.write(b"half a row")  # written, but not yet in the journal

    converted: list[int] = []

    def remembering() -> Convert:
        one = doubling(0)
        return lambda line: converted.append(line[0]) or one(line)  # type: ignore[func-returns-value]

    done = convert_lines(batches(LINES), out, remembering, key="k")

    assert out.read_bytes() == EXPECTED
    assert converted[0] == 2 * BATCH_LINES + 1
    assert done.lines == len(LINES)
    assert sorted(os.listdir(tmp_path)) == ["out", "out.rejected.jsonl"]


def test_what_another_conversion_left_is_not_taken_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed_at(BATCH_LINES + 5, out)
    convert_lines(batches(LINES[:3]), out, partial(doubling, 0), key="another")
    assert out.read_bytes() == b"line 1\nLINE 1\nline 2\nLINE 2\nline 3\nLINE 3\n"


@given(st.lists(st.integers(0, 2**22), max_size=30))
def test_batches_hold_all_lines_in_order_and_none_is_too_large(sizes: list[int]) -> None:
    lines = [(n, Unread(b"", "r") if size > 2**21 else b"x" * (size // 64)) for n, size in enumerate(sizes)]
    made = list(batches(lines))
    assert [line for batch in made for line in batch] == lines
    assert all(batch for batch in made)


def test_as_many_processes_as_cores_are_ours_for_a_file_that_is_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    for size, expected in ((1000, 1), (2**21, 3)):
        (tmp_path / "x").write_bytes(b" " * size)
        assert workers_for(tmp_path / "x") == expected
    assert workers_for(tmp_path / "x", most=2) == 2
