"""Streaming statistics of labelled records: of a record only counts and hashes stay in memory, its items on disk."""

import bisect
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

from ..records import Record, Rejected
from ..schema import Schema, canonical_record
from .duplicates import EXAMPLES, Texts, duplicates, place, share, shared
from .items import SECTIONS, UNANSWERED, Item, items, known_labels
from .parts import Parts
from .shape import (
    MIN_EXAMPLES,
    Conflict,
    Conflicts,
    Figures,
    Leakage,
    Lengths,
    Missing,
    Seen,
    SplitFigures,
    Ungrounded,
)
from .strings import OfStrings, Strings, of_strings

TRAIN = "train"
BINS = 24
Window: TypeAlias = Callable[[Record], int]


@dataclass
class Tally:
    """What is counted while the records of one split pass. `items`: rows of `strings`."""

    languages: Counter[str] = field(default_factory=Counter)
    labels: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    items: Parts = field(default_factory=Parts)
    ungrounded: Counter[str] = field(default_factory=Counter)
    missing: list[Missing] = field(default_factory=list)
    characters: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)
    texts: Texts = field(default_factory=Texts)
    empty: int = 0
    rejected: int = 0
    rejections: list[str] = field(default_factory=list)


def inspect(
    results: Iterable[Record | Rejected], *, schema: Schema | None, window: Window | None, max_length: int
) -> Figures:
    """The figures of data that has no splits; see `inspect_splits`."""
    return inspect_splits({"data": results}, schema=schema, window=window, max_length=max_length)


def inspect_splits(
    splits: Mapping[str, Iterable[Record | Rejected]],
    *,
    schema: Schema | None,
    window: Window | None,
    max_length: int,
) -> Figures:
    """The figures of every split, and what each shares with `train`; every source is read once.

    `window(record)`: tokens of the longest training row of a record; `max_length`: the most that training takes.
    """
    tallies = {name: _tally(results, schema, window) for name, results in splits.items()}
    train = tallies.get(TRAIN)
    strings = of_strings({name: tally.items for name, tally in tallies.items()}, train.items if train else None)
    return Figures(
        max_length=max_length,
        splits={
            name: _split_figures(
                tally, strings[name], schema, max_length if window else None, train is None or tally is train
            )
            for name, tally in tallies.items()
        },
        leakage={
            name: _leakage(tally, strings[name], train)
            for name, tally in tallies.items()
            if train and tally is not train
        },
    )


def _tally(results: Iterable[Record | Rejected], schema: Schema | None, window: Window | None) -> Tally:
    tally = Tally()
    for result in results:
        if isinstance(result, Rejected):
            tally.rejected += 1
            if len(tally.rejections) < EXAMPLES:
                tally.rejections.append(f"{result.where}: {result.reason}")
            continue
        record = canonical_record(result, schema) if schema else result
        _count(tally, record)
        if window:
            tally.tokens[window(record)] += 1
    return tally


def _count(tally: Tally, record: Record) -> None:
    found = list(items(record))
    tally.texts.add(record)
    tally.characters[len(record.text)] += 1
    tally.languages[record.lang] += 1
    tally.empty += all(item.label == UNANSWERED and item.section == "answers" for item in found)
    names: defaultdict[tuple[str, Strings], set[str]] = defaultdict(set)
    for item in found:
        if item.subject:
            names[item.section, item.subject].add(item.label)
    for item in found:
        _count_item(tally, record, item, len(names[item.section, item.subject]) > 1 if item.subject else False)


def _count_item(tally: Tally, record: Record, item: Item, several: bool) -> None:
    tally.labels[item.section][item.label] += 1
    tally.items.add(
        (item.section, item.subject or item.key), [item.section, item.label, item.key, item.subject, several]
    )
    absent = [span for span in item.spans if span not in record.text]
    if absent:
        tally.ungrounded[item.section] += 1
        if len(tally.missing) < EXAMPLES:
            tally.missing.append(Missing(place(record), item.section, item.label, absent[0]))


def _split_figures(
    tally: Tally, strings: Mapping[str, OfStrings], schema: Schema | None, max_length: int | None, learnt: bool
) -> SplitFigures:
    records = tally.texts.records
    over = None if max_length is None else sum(n for length, n in tally.tokens.items() if length > max_length)
    present = [section for section in SECTIONS if section in tally.labels]
    totals = {section: tally.labels[section].total() for section in present}
    return SplitFigures(
        records=records,
        rejected=tally.rejected,
        rejections=tuple(tally.rejections),
        languages=_ranked(tally.languages),
        labels={section: _ranked(tally.labels[section]) for section in present},
        unknown=_unknown(tally, schema),
        rare=_rare(tally, schema) if learnt else {},
        empty=tally.empty,
        empty_share=share(tally.empty, records),
        characters=lengths(tally.characters),
        tokens=None if max_length is None else lengths(tally.tokens),
        over_window=over,
        over_window_share=None if over is None else share(over, records),
        ungrounded={
            section: Ungrounded(total, tally.ungrounded[section], share(tally.ungrounded[section], total))
            for section, total in totals.items()
        },
        missing=tuple(tally.missing),
        conflicts={s: _conflicts(strings[s]) for s in present if s in strings and strings[s].subjects},
        duplicates=duplicates(tally.texts),
    )


def _ranked(counter: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def _unknown(tally: Tally, schema: Schema | None) -> dict[str, dict[str, int]]:
    found = {
        section: {label: count for label, count in tally.labels[section].items() if label not in known}
        for section, known in known_labels(schema).items()
        if section in tally.labels
    }
    return {section: _ranked(labels) for section, labels in found.items() if labels}


def _rare(tally: Tally, schema: Schema | None) -> dict[str, dict[str, int]]:
    """Answers have no labels to learn, so none of theirs is rare."""
    known = known_labels(schema)
    found = {
        section: {
            label: tally.labels[section][label]
            for label in sorted({*tally.labels[section], *known.get(section, ())})
            if tally.labels[section][label] < MIN_EXAMPLES
        }
        for section in SECTIONS
        if section in tally.labels and section != "answers"
    }
    return {section: _ranked(labels) for section, labels in found.items() if labels}


def _conflicts(told: OfStrings) -> Conflicts:
    return Conflicts(
        subjects=told.subjects,
        conflicting=told.conflicting,
        in_one_text=told.in_one_text,
        share=share(told.conflicting, told.subjects),
        examples=tuple(Conflict(subject, _ranked(labels)) for _, subject, labels in told.worst),
    )


def _leakage(tally: Tally, strings: Mapping[str, OfStrings], train: Tally) -> Leakage:
    totals = {section: tally.labels[section].total() for section in SECTIONS if section in tally.labels}
    return Leakage(
        texts=shared(tally.texts, train.texts),
        items={
            section: Seen(total, strings[section].seen, share(strings[section].seen, total))
            for section, total in totals.items()
        },
    )


def lengths(values: Counter[int]) -> Lengths:
    """Percentiles and histogram of sizes, given as how often each occurs; zeros where there are none."""
    sizes = sorted(values) or [0]
    below = list(accumulate(values[size] for size in sizes))

    def rank(part: float) -> int:
        return sizes[bisect.bisect_left(below, max(1, math.ceil(part * below[-1])))] if below[-1] else 0

    return Lengths(rank(0.5), rank(0.9), rank(0.95), rank(0.99), sizes[-1], _histogram(sizes, below))


def _histogram(sizes: Sequence[int], below: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """At most BINS bins of one round width, the last ones empty or not; `below`: sizes up to each."""
    if not below[-1]:
        return ()
    rough = max(sizes[-1] / BINS, 1)
    power = 10 ** math.floor(math.log10(rough))
    width = next(round(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)
    edges = range(width, sizes[-1] + width, width) if sizes[-1] else (width,)
    upto = [below[end - 1] if (end := bisect.bisect_right(sizes, edge)) else 0 for edge in edges]
    return tuple((edge, count - before) for edge, count, before in zip(edges, upto, [0, *upto], strict=False))
