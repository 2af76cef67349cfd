"""Training rows of one prepared record, and how many empty ones to keep."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace

from ..instruct import Asking, examples
from ..prompt import Prompt
from ..records import record_from_json
from .batches import Line
from .parts import Convert

FIRST, EVERY = 10_000, 16


def training(prompt: Prompt, asking: Asking, path: str) -> Convert:
    """Converts lines of our own records. Raises DataError, naming the line, for an answer that cannot be spelled."""

    def one(line: Line) -> bytes:
        number, raw = line
        record = record_from_json(json.loads(raw), f"{path}:{number}")
        made = examples(record, prompt.task, prompt.notation, prompt.schema, asking)
        return b"".join(json.dumps(prompt.row(example), ensure_ascii=False).encode() + b"\n" for example in made)

    return one


def keep_empty(lines: Iterable[Line], prompt: Prompt, asking: Asking, ratio: float) -> float:
    """The share of empty examples to keep so that there are about `ratio` for each one with an answer.

    Counted on the first 10,000 records and every sixteenth after them: a second pass over everything would double the
    time of a large build.
    """
    filled = empty = 0
    everything = replace(asking, keep_empty=1.0)
    nothing = replace(asking, keep_empty=0.0)
    for number, raw in _some(lines):
        record = record_from_json(json.loads(raw), str(number))
        made, left = (
            sum(1 for _ in examples(record, prompt.task, prompt.notation, prompt.schema, how))
            for how in (everything, nothing)
        )
        filled, empty = filled + left, empty + made - left
    return min(1.0, ratio * filled / empty) if empty else 1.0


def _some(lines: Iterable[Line]) -> Iterable[Line]:
    numbered = enumerate(lines)
    return itertools.chain(
        (line for _, line in itertools.islice(numbered, FIRST)), (line for n, line in numbered if not n % EVERY)
    )
