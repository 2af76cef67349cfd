"""How bad data may be: each figure above its limit becomes one sentence with the figure, the limit and a remedy."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from ..sections import Limits
from .duplicates import Duplicates
from .figures import TRAIN
from .shape import Figures, Leakage, SplitFigures

Share: TypeAlias = float | None
Measured: TypeAlias = tuple[str, int, int]
"""What, how many of it, of how many."""
OfSplit: TypeAlias = Callable[[SplitFigures], Iterable[Measured]]
OfLeak: TypeAlias = Callable[[Leakage, int], Iterable[Measured]]


def _rejected(split: SplitFigures) -> Iterator[Measured]:
    yield "records cannot be read", split.rejected, split.rejected + split.records


def _not_in_text(split: SplitFigures) -> Iterator[Measured]:
    for section, found in split.ungrounded.items():
        yield f"{section} have a string that is not in the text", found.missing, found.items


def _conflicts(split: SplitFigures) -> Iterator[Measured]:
    for section, found in split.conflicts.items():
        yield f"distinct strings of {section} have more than one label", found.conflicting, found.subjects


def _exact(split: SplitFigures) -> Iterator[Measured]:
    yield "records repeat another", split.duplicates.exact, split.records


def _near(split: SplitFigures) -> Iterator[Measured]:
    yield "records are nearly the same as another", split.duplicates.near, split.records


def _over_window(split: SplitFigures) -> Iterator[Measured]:
    if split.over_window is not None:
        yield "records are longer than the window", split.over_window, split.records


def _empty(split: SplitFigures) -> Iterator[Measured]:
    yield "records have no annotation", split.empty, split.records


def _unknown(split: SplitFigures) -> Iterator[Measured]:
    for section, labels in split.unknown.items():
        total = sum(split.labels[section].values())
        yield f"{section} have a label that the schema lacks", sum(labels.values()), total


def _leaked_texts(leak: Leakage, records: int) -> Iterator[Measured]:
    yield "records have a text that is in train too, or nearly", _both(leak.texts), records


def _both(found: Duplicates) -> int:
    return found.exact + found.near


def _leaked_items(leak: Leakage, records: int) -> Iterator[Measured]:
    for section, found in leak.items.items():
        yield f"{section} occur in train too", found.seen, found.items


SPLIT_RULES: dict[str, tuple[OfSplit, str]] = {
    "max_rejected": (_rejected, "Mend the lines, or check data.reader"),
    "max_not_in_text": (_not_in_text, "Mend the annotation, or set data.grounding to always, which drops them"),
    "max_conflicts": (_conflicts, "Decide on one label for each in the source, or describe the labels in the schema"),
    "max_exact_duplicates": (_exact, "Take the repeated records out of the source"),
    "max_near_duplicates": (_near, "Take all but one of each group out of the source"),
    "max_over_window": (_over_window, "Split the texts, or raise train.sft.max_length"),
    "max_empty": (_empty, "Take some of the records without annotation out of the source"),
    "max_unknown_labels": (_unknown, "Add the labels to the schema, or map them with its aliases"),
}
LEAK_RULES: dict[str, tuple[OfLeak, str]] = {
    "max_leaked_texts": (_leaked_texts, "Keep each document, with its variants, in one split"),
    "max_leaked_items": (_leaked_items, "Split by document or by entity, so that the score is not of memory"),
}


def check(figures: Figures, limits: Limits) -> list[str]:
    """The limits that are overstepped, each as one sentence; none means that the data may be used."""
    return [*_check_splits(figures, limits), *_check_leaks(figures, limits), *_check_labels(figures, limits)]


def _check_splits(figures: Figures, limits: Limits) -> Iterator[str]:
    for key, (measure, remedy) in SPLIT_RULES.items():
        for name, split in figures.splits.items():
            yield from _over(name, measure(split), key, limits, remedy)


def _check_leaks(figures: Figures, limits: Limits) -> Iterator[str]:
    for key, (measure, remedy) in LEAK_RULES.items():
        for name, leak in figures.leakage.items():
            yield from _over(name, measure(leak, figures.splits[name].records), key, limits, remedy)


def _over(name: str, measured: Iterable[Measured], key: str, limits: Limits, remedy: str) -> Iterator[str]:
    limit: Share = getattr(limits, key)
    for what, part, whole in measured:
        if limit is not None and part > limit * whole:
            figure = f"{part} of {whole} ({percent(part / whole)})"
            yield f"{name}: {figure} {what}, {key} is {percent(limit)}. {remedy}"


def _check_labels(figures: Figures, limits: Limits) -> Iterator[str]:
    least = limits.min_per_label
    for name, split in figures.splits.items() if least is not None else ():
        if name != TRAIN and TRAIN in figures.splits:
            continue
        for section, labels in split.labels.items():
            few = {**labels, **split.rare.get(section, {})} if section != "answers" else {}
            found = [f"{label} {count}" for label, count in few.items() if least and count < least]
            if found:
                yield (
                    f"{name}: {len(found)} labels of {section} have fewer than min_per_label, {least}: "
                    f"{', '.join(found[:10])}{' ...' if len(found) > 10 else ''}. "
                    "Label more texts with them, or take them out of the schema"
                )


def percent(share: float) -> str:
    """A share as a person reads it; small ones keep three digits."""
    return f"{100 * share:.3g} %"
