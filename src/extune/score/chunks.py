"""The score of a file that holds the gold too: of DeepKE-LLM's rows in several processes where it is long."""

from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from ..deepke.scoring import in_stretches
from ..records import Record
from ..tasks import Task
from .predictions import Pair, chunk_pairs, has_chunks, read_predictions
from .problems import count_problems
from .score import Score, score

Scored: TypeAlias = tuple[Score, dict[str, int]]


def score_file(path: Path, task: Task, workers: int = 0) -> Scored:
    """The score and its `count_problems`, whatever the number of processes (0: as many as the file is worth).

    Raises as `read_predictions`, or as `read_chunks` where the file `has_chunks`.
    """
    if not has_chunks(path):
        return _scored(read_predictions(path), task)

    def count(lines: Iterable[tuple[int, bytes]]) -> tuple[Scored, Iterable[Hashable]]:
        known: set[tuple[str, str]] = set()
        return _scored(chunk_pairs(lines, task, path, known), task), known

    (_, (counts, problems)), *others = in_stretches(path, count, workers)
    for _, (more, notes) in others:
        counts += more
        problems = {kind: problems.get(kind, 0) + notes.get(kind, 0) for kind in {**problems, **notes}}
    return counts, problems


def _scored(pairs: Iterable[Pair], task: Task) -> Scored:
    problems: list[list[str]] = []

    def sides() -> Iterator[tuple[Record, Record]]:
        for gold, predicted, notes in pairs:
            if notes:
                problems.append(notes)
            yield gold, predicted

    found = score(sides(), task)
    return found, count_problems(problems) if found.per_document else {}
