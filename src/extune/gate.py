"""Whether a version may replace the champion: floors, labels, invented spans, speed and significance, all at once.

Every check is made and every refusal is said, so that one look tells all that is wrong.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .sections import Gate
from .significance import Randomised, randomisation

CountRow = tuple[int, int, int]
"""(tp, predicted, gold)"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of an evaluated version.

    `data`: md5 of the split that the gate looks at. `metrics`: by name, as `test.f1`; speed as
    `test.documents_per_second`. `documents`: counts of that split by document id. `labels`: by label.
    """

    name: str
    data: str
    metrics: Mapping[str, float]
    documents: Mapping[str, CountRow]
    labels: Mapping[str, CountRow]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `says` names the figure and the limit."""

    name: str
    passed: bool
    says: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`reasons` are what the failed checks say; a version passes if there is none."""

    passed: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]


def decide(candidate: Figures, champion: Figures | None, gate: Gate) -> Decision:
    """Hold a candidate against the gate; without a champion only against its floors."""
    checks = (*_alone(candidate, gate), *(_against(candidate, champion, gate) if champion else ()))
    reasons = tuple(check.says for check in checks if not check.passed)
    return Decision(not reasons, reasons, checks)


def _alone(candidate: Figures, gate: Gate) -> Iterator[Check]:
    split = gate.split
    for name, floor in gate.floors.items():
        yield _at_least(candidate, "floor", name, floor)
    if gate.min_speed is not None:
        yield _at_least(candidate, "speed", f"{split}.documents_per_second", gate.min_speed)
    if gate.max_invented is not None:
        name = f"{split}.invented_spans"
        found = candidate.metrics.get(name)
        says = (
            f"{name} was not measured" if found is None else f"{name} is {found:g}, at most {gate.max_invented} may be"
        )
        yield Check("invented", found is not None and found <= gate.max_invented, says)


def _at_least(candidate: Figures, check: str, name: str, floor: float) -> Check:
    """A figure that is not a number passes no floor."""
    found = candidate.metrics.get(name)
    if found is None:
        return Check(check, False, f"{name} was not measured; the floor is {floor:g}")
    return Check(check, found >= floor, f"{name} is {found:.4g}, the floor is {floor:g}")


def _against(candidate: Figures, champion: Figures, gate: Gate) -> Iterator[Check]:
    same = _same_data(candidate, champion, gate.split)
    yield same
    if not same.passed:
        return
    if gate.max_label_drop is not None:
        yield from _labels(candidate, champion, gate.max_label_drop, gate.min_support)
    pairs = [(champion.documents[key], counts) for key, counts in sorted(candidate.documents.items())]
    yield _significant(candidate, champion, randomisation(*_columns(pairs)), gate)


def _same_data(candidate: Figures, champion: Figures, split: str) -> Check:
    """The same file, and the same documents of it: an evaluation may have been limited to its beginning."""
    ours, theirs = candidate.documents.keys(), champion.documents.keys()
    if candidate.data != champion.data:
        says = (
            f"{candidate.name} was measured on another {split} split (md5 {candidate.data[:8] or 'unknown'}) "
            f"than {champion.name} (md5 {champion.data[:8] or 'unknown'})"
        )
    elif not ours:
        says = f"{candidate.name} has no documents of {split}"
    else:
        says = f"{len(ours & theirs)} of {len(ours)} {split} documents are also {champion.name}'s {len(theirs)}"
    return Check("data", candidate.data == champion.data and bool(ours) and ours == theirs, says)


def _labels(candidate: Figures, champion: Figures, most: float, support: int) -> Iterator[Check]:
    """One check for each label that fell too far; one that says so where none did."""
    names = [name for name, (_, _, gold) in sorted(champion.labels.items()) if gold >= support]
    fallen = [
        (name, before, after)
        for name in names
        for before, after in [(f1(champion.labels[name]), f1(candidate.labels.get(name, (0, 0, 0))))]
        if before - after > most + 1e-12
    ]
    for name, before, after in fallen:
        says = f"label {name!r} fell from F1 {before:.3f} to {after:.3f}, by more than {most:g}"
        yield Check("label", False, says)
    if not fallen:
        yield Check("label", True, f"none of {len(names)} labels with {support} or more gold items fell by {most:g}")


def f1(counts: CountRow) -> float:
    """F1 of (tp, predicted, gold); 0.0 where there is nothing."""
    tp, predicted, gold = counts
    return 2 * tp / (predicted + gold) if predicted + gold else 0.0


def _columns(pairs: Iterable[tuple[CountRow, CountRow]]) -> tuple[list[CountRow], list[CountRow]]:
    rows = list(pairs)
    return [one for one, _ in rows], [two for _, two in rows]


def _significant(candidate: Figures, champion: Figures, found: Randomised, gate: Gate) -> Check:
    sure = found.p < gate.level
    passed = sure and found.difference > 0 if gate.better else not (sure and found.difference < 0)
    how = "better" if found.difference > 0 else "worse" if found.difference < 0 else "different"
    wanted = "; it has to be significantly better" if gate.better else ""
    says = (
        f"{candidate.name} is {'significantly' if sure else 'not significantly'} {how} than {champion.name}: "
        f"F1 {found.difference:+.4f}, p = {found.p:.2g}, level {gate.level:g}{wanted}"
    )
    return Check("significance", passed, says)
