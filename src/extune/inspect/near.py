"""Which texts are nearly the same as another: candidates are those that share a bucket, a band with the same key.

Only buckets that two texts share are held, in arrays: nothing for a text that shares none, up to 170 bytes for one
whose bands are all shared.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .parts import Scratch
from .sketches import BANDS, THRESHOLD, Sketches, Words, similarity

CROWD = 64
"""Most texts kept in a bucket, and most candidates compared with a text: bounds the work on formulaic texts."""
CHUNK = 8192
"""Texts whose buckets are in memory at once."""

Numbers: TypeAlias = NDArray[np.uint32]
NONE = np.uint32(2**32 - 1)
"""In place of a bucket that is no other text's."""


class Near(NamedTuple):
    """A text, the one that it is near to, and how near."""

    text: int
    other: int
    similarity: float


def near_within(sketches: Sketches) -> Iterator[Near]:
    """The texts near an earlier one that is itself near none before it: what removing duplicates would take out."""
    buckets, (rows, _) = _bucketed(sketches, sketches)
    for number, keys in rows:
        match = _best(sketches, number, buckets.together(keys), sketches)
        if match:
            yield match
        else:
            buckets.insert(number, keys)


def near_across(sketches: Sketches, others: Sketches) -> Iterator[Near]:
    """The texts near one of the others."""
    buckets, (rows, other_rows) = _bucketed(sketches, others)
    for number, keys in other_rows:
        buckets.insert(number, keys)
    for number, keys in rows:
        match = _best(sketches, number, buckets.together(keys), others)
        if match:
            yield match


def _best(sketches: Sketches, number: int, together: Counter[int], others: Sketches) -> Near | None:
    """The first candidate above the threshold, those that share the most buckets first."""
    ranked = sorted(together, key=lambda other: (-together[other], other))
    grams = sketches.grams_of(number)
    for other in ranked[:CROWD]:
        share = similarity(grams, others.grams_of(other))
        if share >= THRESHOLD:
            return Near(number, other, share)
    return None


class Buckets:
    """Numbers of texts in buckets of a most size each, all in one array."""

    def __init__(self, sizes: NDArray[np.uint8]) -> None:
        self.sizes = sizes
        self.starts = np.cumsum(sizes, dtype=np.int64) - sizes
        self.held = np.zeros(len(sizes), np.uint8)
        self.texts = np.empty(int(sizes.sum(dtype=np.int64)), np.uint32)

    def insert(self, number: int, keys: Sequence[int]) -> None:
        """Put a text into those of its buckets that are not full."""
        for key in keys:
            held = self.held[key]
            if held < self.sizes[key]:
                self.texts[self.starts[key] + held] = number
                self.held[key] += 1

    def together(self, keys: Sequence[int]) -> Counter[int]:
        """How many of these buckets each text is in."""
        starts = self.starts[keys]
        ends = starts + self.held[keys]
        places = zip(starts.tolist(), ends.tolist(), strict=True)
        return Counter([text for start, end in places for text in self.texts[start:end].tolist()])


class Rows:
    """The buckets of each text, as numbers: written band by band, read text by text."""

    def __init__(self, texts: int) -> None:
        self.texts = texts
        self.file = Scratch()

    def add(self, column: Words, values: Words, first: int) -> None:
        """Write the buckets of one band: `first` and on for the sorted values, NONE for another key."""
        for start in range(0, self.texts, CHUNK):
            keys = column[start : start + CHUNK]
            places = np.minimum(np.searchsorted(values, keys), len(values) - 1)
            found = values[places] == keys if len(values) else np.zeros(len(keys), bool)
            self.file.write(np.where(found, places + first, NONE).astype(np.uint32).tobytes())

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        for start in range(0, self.texts, CHUNK):
            keys = np.stack([self._read(band, start) for band in range(BANDS)], axis=1)
            shared = keys != NONE
            for number in np.flatnonzero(shared.any(axis=1)).tolist():
                yield start + number, keys[number][shared[number]].tolist()

    def _read(self, band: int, start: int) -> Numbers:
        self.file.seek(4 * (band * self.texts + start))
        return np.frombuffer(self.file.read(4 * min(CHUNK, self.texts - start)), dtype=np.uint32)


def _bucketed(sketches: Sketches, others: Sketches) -> tuple[Buckets, tuple[Rows, Rows]]:
    """Empty buckets for the keys that two texts share, and which of them each text of either side belongs into."""
    rows, other_rows = Rows(len(sketches)), Rows(len(others))
    sizes: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    first = 0
    for band in range(BANDS):
        column = sketches.band(band)
        other = column if others is sketches else others.band(band)
        values, counts = _twice(column) if others is sketches else _in_both(column, other)
        rows.add(column, values, first)
        if others is not sketches:
            other_rows.add(other, values, first)
        sizes.append(np.minimum(counts, CROWD).astype(np.uint8))
        first += len(values)
    return Buckets(np.concatenate(sizes)), (rows, other_rows)


def _twice(column: Words) -> tuple[Words, NDArray[np.int64]]:
    """The keys that occur more than once, sorted, and how often."""
    ordered = np.sort(column)
    again = ordered[1:] == ordered[:-1]
    values = ordered[1:][again & ~np.concatenate(([False], again[:-1]))] if len(again) else ordered[:0]
    return values, _counted(ordered, values)


def _in_both(column: Words, other: Words) -> tuple[Words, NDArray[np.int64]]:
    """The keys that both have, sorted, and how often the other has them."""
    ordered = np.sort(other)
    values = np.intersect1d(column, ordered)
    return values, _counted(ordered, values)


def _counted(ordered: Words, values: Words) -> NDArray[np.int64]:
    return np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")
