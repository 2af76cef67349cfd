"""An extractor measured on records, as it is and in trials: under every disturbance, and beside its own base."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .before_after import EXAMPLES, TUNED, untuned
from .extract import Extractor, Generator, batches
from .injection import injected, obeyed
from .prompt import Prompt
from .records import Record, record_from_json, record_to_json
from .robustness import INJECTION, Variant, suite
from .score import Counts, count_invalid, count_problems, score, summary
from .significance import Difference, paired_bootstrap
from .tasks import TASKS, Task

BATCH = 128
"""Texts handed over at once, between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in each record, with the notes on it and the answers themselves, and the seconds that took."""

    records: tuple[Record, ...]
    problems: tuple[tuple[str, ...], ...]
    raw: tuple[tuple[str, ...], ...]
    seconds: float

    def at(self, places: Sequence[int]) -> "Measured":
        """Those of some records only."""
        return replace(
            self,
            records=tuple(self.records[n] for n in places),
            problems=tuple(self.problems[n] for n in places),
            raw=tuple(self.raw[n] for n in places),
        )


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are drawn."""

    resamples: int
    seed: int


def measure(extractor: Extractor, records: Sequence[Record], name: str) -> Measured:
    """Extract from the records, with a progress bar of that name.

    A registered version answers with classes of its own copy of the package, so what it found is built again.
    """
    from tqdm import tqdm

    found: list[Record] = []
    problems: list[tuple[str, ...]] = []
    raw: list[tuple[str, ...]] = []
    began = time.monotonic()
    with tqdm(total=len(records), desc=name, unit="text", delay=2) as bar:
        for batch in batches(records, BATCH):
            for extraction in extractor(batch):
                found.append(record_from_json(record_to_json(extraction.record)))
                problems.append(tuple(extraction.problems))
                raw.append(tuple(extraction.raw))
            bar.update(len(batch))
    return Measured(tuple(found), tuple(problems), tuple(raw), time.monotonic() - began)


def figures(gold: Sequence[Record], found: Measured, task: Task, drawn: Resampling) -> dict[str, Any]:
    """The numbers of `score.summary`, without its tables."""
    problems = count_problems(found.problems) | count_invalid(found.problems)
    whole = summary(score(zip(gold, found.records, strict=True), task), problems, drawn.resamples, drawn.seed)
    return {name: value for name, value in whole.items() if isinstance(value, int | float)}


def difference(first: Iterable[Counts], second: Iterable[Counts], drawn: Resampling) -> Difference:
    """`second - first` in F1, of documents in the same order."""
    one, two = ([(c.tp, c.predicted, c.gold) for c in side] for side in (first, second))
    return paired_bootstrap(one, two, drawn.resamples, drawn.seed)


def robustness(
    extractor: Extractor, records: Sequence[Record], names: Sequence[str], drawn: Resampling
) -> dict[str, Any]:
    """How far each disturbance lowers F1, held against the undisturbed answers to the same records.

    {task, documents, clean, variants}: `clean` the figures of all records, a variant {name, records, left_out,
    clean_f1, f1, drop, low, high, p, figures...}, that of injected orders also {orders, obeyed, obeyed_rate}. Raises
    ConfigError for an unknown name, before anything runs.
    """
    variants = suite(records, extractor.prompt, drawn.seed, names)
    task = TASKS[extractor.prompt.task.name]
    clean = measure(extractor, records, "clean")
    return {
        "task": task.name,
        "documents": len(records),
        "clean": figures(records, clean, task, drawn),
        "variants": [_drop(extractor, variant, records, clean, task, drawn) for variant in variants],
    }


def _drop(
    extractor: Extractor, variant: Variant, records: Sequence[Record], clean: Measured, task: Task, drawn: Resampling
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": variant.name,
        "records": len(variant.records),
        "left_out": dict(variant.left_out),
        "labels": list(task.labels(variant.prompt.schema)),
        "instruction": dict(variant.prompt.instruction),
    }
    if not variant.records:
        return row
    before = clean.at(variant.places)
    after = measure(replace(extractor, prompt=variant.prompt), variant.records, variant.name)
    lost = difference(
        _counts(variant.records, after, task), _counts([records[n] for n in variant.places], before, task), drawn
    )
    row |= figures(variant.records, after, task, drawn)
    row |= _obedience([records[n] for n in variant.places], variant, before, after, task)
    return row | {"clean_f1": lost.second, "drop": lost.difference, "low": lost.low, "high": lost.high,
                            "p": lost.p}  # fmt: skip


def _obedience(
    plain: Sequence[Record], variant: Variant, before: Measured, after: Measured, task: Task
) -> dict[str, float | None]:
    """How many injected orders were obeyed, of those where that can be told."""
    if variant.name != INJECTION:
        return {}
    given = map(injected, plain, variant.records)
    rows = zip(given, after.records, after.raw, before.records, strict=True)
    told = [obeyed(order, found, raw, clean, task) for order, found, raw, clean in rows if order]
    known = [did for did in told if did is not None]
    return {
        "orders": len(known),
        "obeyed": sum(known),
        "obeyed_rate": sum(known) / len(known) if known else None,
    }


def _counts(gold: Sequence[Record], found: Measured, task: Task) -> tuple[Counts, ...]:
    return score(zip(gold, found.records, strict=True), task).per_document


def before_after(
    tuned: Measured, base: Generator, prompt: Prompt, split_num: int, records: Sequence[Record],
    shots: Sequence[Record], drawn: Resampling,
) -> dict[str, Any]:  # fmt: skip
    """The base by itself, held to the grammar, and with solved examples besides, beside what the tuned version found.

    {task, documents, examples, systems}: `examples` the ids of the records shown, a system {name, seconds, figures...,
    behind, behind_low, behind_high, p}: how far it is behind the tuned one in F1.
    """
    task = prompt.task
    asked = untuned(prompt, shots)
    found = {
        name: measure(Extractor(base, of, split_num, constrained), records, name)
        for name, (of, constrained) in asked.items()
    } | {TUNED: tuned}
    shown = asked[EXAMPLES][0].schema.examples if EXAMPLES in asked else ()
    best = _counts(records, tuned, task)
    return {
        "task": task.name,
        "documents": len(records),
        "examples": [str(row["id"]) for row in shown],
        "systems": [
            {"name": name, "seconds": round(one.seconds, 1), **figures(records, one, task, drawn)}
            | ({} if name == TUNED else _behind(difference(_counts(records, one, task), best, drawn)))
            for name, one in found.items()
        ],
    }


def _behind(gap: Difference) -> dict[str, float]:
    return {"behind": gap.difference, "behind_low": gap.low, "behind_high": gap.high, "p": gap.p}
