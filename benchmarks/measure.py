"""What the benchmarks share: a command's seconds and peak memory, and medians of paired runs."""

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and the peak memory in MB of the largest process."""

    seconds: float
    megabytes: float


def cost(command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end. Raises RuntimeError, with its last words, if it fails."""
    os.sync()  # what an earlier run has left for the disk to write must not be paid for by this one
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)}: {told[-400:]}")
    return Cost(time.monotonic() - began, used.ru_maxrss / 1024)


def paired(runs: Mapping[str, Callable[[], Cost]], times: int) -> dict[str, Cost]:
    """Each run in turn, `times` rounds, so that a busy machine is busy for all; medians."""
    found: dict[str, list[Cost]] = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            found[name].append(run())
    return {
        name: Cost(statistics.median(c.seconds for c in costs), max(c.megabytes for c in costs))
        for name, costs in found.items()
    }


def replicated(path: Path, target: Path, rows: int) -> int:
    """The records of a file again and again, each with an id and a text of its own; the size of what was written."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with open(target, "w", encoding="utf-8") as handle:
        for number in range(rows):
            record = records[number % len(records)]
            unique = {**record, "id": f"r{number}", "text": f"{record['text']} {number}"}
            handle.write(json.dumps(unique, ensure_ascii=False) + "\n")
    return target.stat().st_size


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """A table of rows with the same keys; a column that is empty in all of them is left out."""
    names = [name for name in rows[0] if any(row[name] != "" for row in rows)]
    head, *lines = (f"| {' | '.join(line)} |" for line in [names, *([str(row[n]) for n in names] for row in rows)])
    return "\n".join([head, "|" + "---|" * len(names), *lines])
