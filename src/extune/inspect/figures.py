"""Streaming statistics of labelled records: nothing of a record stays but counts, hashes and labelled strings."""

import bisect
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..records import Record, Rejected
from ..schema import Schema, canonical_record
from .duplicates import EXAMPLES, Texts, digest, duplicates, place, share, shared
from .items import SECTIONS, UNANSWERED, Item, items, known_labels
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

TRAIN = "train"
BINS = 24
Window: TypeAlias = Callable[[Record], int]
Subjects: TypeAlias = dict[tuple[str, ...], Counter[str]]


@dataclass
class Tally:
    """What is counted while the records of one split pass."""

    languages: Counter[str] = field(default_factory=Counter)
    labels: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    subjects: defaultdict[str, Subjects] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))
    together: defaultdict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    keys: defaultdict[str, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))
    ungrounded: Counter[str] = field(default_factory=Counter)
    missing: list[Missing] = field(default_factory=list)
    characters: "array[int]" = field(default_factory=lambda: array("L"))
    tokens: "array[int]" = field(default_factory=lambda: array("L"))
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
    return Figures(
        max_length=max_length,
        splits={
            name: _split_figures(tally, schema, max_length if window else None, train is None or tally is train)
            for name, tally in tallies.items()
        },
        leakage={name: _leakage(tally, train) for name, tally in tallies.items() if train and tally is not train},
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
            tally.tokens.append(window(record))
    return tally


def _count(tally: Tally, record: Record) -> None:
    found = list(items(record))
    tally.texts.add(record)
    tally.characters.append(len(record.text))
    tally.languages[record.lang] += 1
    tally.empty += all(item.label == UNANSWERED and item.section == "answers" for item in found)
    labels: defaultdict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for item in found:
        _count_item(tally, record, item)
        if item.subject:
            labels[item.section, item.subject].add(item.label)
    for (section, subject), names in labels.items():
        if len(names) > 1:
            tally.together[section].add(subject)


def _count_item(tally: Tally, record: Record, item: Item) -> None:
    tally.labels[item.section][item.label] += 1
    tally.keys[item.section][digest(*item.key)] += 1
    if item.subject:
        tally.subjects[item.section][item.subject][item.label] += 1
    absent = [span for span in item.spans if span not in record.text]
    if absent:
        tally.ungrounded[item.section] += 1
        if len(tally.missing) < EXAMPLES:
            tally.missing.append(Missing(place(record), item.section, item.label, absent[0]))


def _split_figures(tally: Tally, schema: Schema | None, max_length: int | None, learnt: bool) -> SplitFigures:
    records = len(tally.characters)
    over = None if max_length is None else sum(length > max_length for length in tally.tokens)
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
        conflicts={s: _conflicts(tally.subjects[s], tally.together[s]) for s in present if s in tally.subjects},
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


def _conflicts(subjects: Subjects, together: set[tuple[str, ...]]) -> Conflicts:
    found = [(subject, labels) for subject, labels in subjects.items() if len(labels) > 1]
    found.sort(key=lambda pair: (-pair[1].total(), pair[0]))
    return Conflicts(
        subjects=len(subjects),
        conflicting=len(found),
        in_one_text=len(together),
        share=share(len(found), len(subjects)),
        examples=tuple(Conflict(subject, _ranked(labels)) for subject, labels in found[:EXAMPLES]),
    )


def _leakage(tally: Tally, train: Tally) -> Leakage:
    return Leakage(
        texts=shared(tally.texts, train.texts),
        items={section: _seen(tally.keys[section], train.keys[section]) for section in SECTIONS if tally.keys[section]},
    )


def _seen(keys: Counter[bytes], train: Mapping[bytes, int]) -> Seen:
    seen = sum(count for key, count in keys.items() if key in train)
    return Seen(keys.total(), seen, share(seen, keys.total()))


def lengths(values: Sequence[int]) -> Lengths:
    """Percentiles and histogram of sizes; zeros where there are none."""
    ordered = sorted(values) or [0]

    def rank(part: float) -> int:
        return ordered[max(0, math.ceil(part * len(ordered)) - 1)]

    return Lengths(rank(0.5), rank(0.9), rank(0.95), rank(0.99), ordered[-1], _histogram(ordered, len(values)))


def _histogram(ordered: Sequence[int], count: int) -> tuple[tuple[int, int], ...]:
    """At most BINS bins of one round width, the last ones empty or not."""
    if not count:
        return ()
    rough = max(ordered[-1] / BINS, 1)
    power = 10 ** math.floor(math.log10(rough))
    width = next(round(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)
    edges = range(width, ordered[-1] + width, width) if ordered[-1] else (width,)
    below = [bisect.bisect_right(ordered, edge) for edge in edges]
    return tuple((edge, upto - before) for edge, upto, before in zip(edges, below, [0, *below], strict=False))
