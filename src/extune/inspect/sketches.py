"""MinHash sketches of texts and the search for texts that are nearly the same; nothing here is random.

Similarity is the Jaccard index of the sets of character 5-grams. Banding (20 bands of 6 values) proposes a pair of
similarity 0.8 with a chance of 99.8 %, one of 0.5 with 27 %; every proposal is then held against the sets themselves.
Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.8
GRAM = 5
BANDS, ROWS = 20, 6
CROWD = 64
"""Most texts kept in a bucket, and most candidates compared with a text: bounds the work on formulaic texts."""
_CHUNK = 2048

Words: TypeAlias = NDArray[np.uint64]
Grams: TypeAlias = NDArray[np.uint32]


def _mixed(values: Words) -> Words:
    """splitmix64's finaliser: every bit of the input changes half the bits of the output."""
    values = values ^ (values >> np.uint64(30))
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values = values ^ (values >> np.uint64(27))
    values = values * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _constants(count: int, seed: int) -> Words:
    return _mixed((np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15))


_FACTORS = (_constants(BANDS * ROWS, 1_000) | np.uint64(1))[:, None]
_OFFSETS = _constants(BANDS * ROWS, 2_000)[:, None]
_IN_BAND = _constants(ROWS, 3_000) | np.uint64(1)
_OF_BAND = _constants(BANDS, 4_000)
_IN_GRAM = _constants(GRAM, 5_000) | np.uint64(1)


@dataclass(frozen=True, slots=True)
class Sketch:
    """`bands`: one bucket key a band, shape (BANDS,). `grams`: sorted distinct hashes of the 5-grams."""

    bands: Words
    grams: Grams


Match: TypeAlias = tuple[int, float]
"""Which text it is near to, and how near."""


def sketch(text: str) -> Sketch:
    """The sketch of a text; one shorter than a gram is a gram by itself."""
    hashes = np.unique(_gram_hashes(text))
    return Sketch(_band_keys(hashes), np.unique((hashes >> np.uint64(32)).astype(np.uint32)))


def _gram_hashes(text: str) -> Words:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    if len(codes) < GRAM:
        codes = np.pad(codes, (0, GRAM - len(codes)))
    count = len(codes) - GRAM + 1
    total = np.zeros(count, np.uint64)
    for place in range(GRAM):
        total += codes[place : place + count] * _IN_GRAM[place]
    return _mixed(total)


def _band_keys(hashes: Words) -> Words:
    parts = (hashes[start : start + _CHUNK] for start in range(0, len(hashes), _CHUNK))
    smallest = np.minimum.reduce([(part * _FACTORS + _OFFSETS).min(axis=1) for part in parts])
    return _mixed((smallest.reshape(BANDS, ROWS) * _IN_BAND).sum(axis=1, dtype=np.uint64) ^ _OF_BAND)


def similarity(one: Grams, other: Grams) -> float:
    """Jaccard index of two sets; 0 where their sizes alone keep it under the threshold."""
    small, large = sorted((len(one), len(other)))
    if small < THRESHOLD * large:
        return 0.0
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (small + large - both)


def near_within(sketches: Sequence[Sketch]) -> dict[int, Match]:
    """The texts near an earlier one that is itself near none before it: what removing duplicates would take out."""
    keys = _stacked(sketches)
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shared = (counts[inverse] > 1).reshape(keys.shape)
    buckets: Buckets = defaultdict(list)
    found: dict[int, Match] = {}
    for number in np.flatnonzero(shared.any(axis=1)).tolist():
        own = keys[number][shared[number]].tolist()
        match = _best(sketches[number], own, buckets, sketches)
        if match:
            found[number] = match
        else:
            _insert(number, own, buckets)
    return found


def near_across(sketches: Sequence[Sketch], others: Sequence[Sketch]) -> dict[int, Match]:
    """The texts near one of the others, each with that one's number."""
    keys, other_keys = _stacked(sketches), _stacked(others)
    shared, other_shared = np.isin(keys, other_keys), np.isin(other_keys, keys)
    buckets: Buckets = defaultdict(list)
    for number in np.flatnonzero(other_shared.any(axis=1)).tolist():
        _insert(number, other_keys[number][other_shared[number]].tolist(), buckets)
    found: dict[int, Match] = {}
    for number in np.flatnonzero(shared.any(axis=1)).tolist():
        match = _best(sketches[number], keys[number][shared[number]].tolist(), buckets, others)
        if match:
            found[number] = match
    return found


Buckets: TypeAlias = defaultdict[int, list[int]]


def _stacked(sketches: Sequence[Sketch]) -> Words:
    return np.array([one.bands for one in sketches], dtype=np.uint64).reshape(len(sketches), BANDS)


def _insert(number: int, keys: Iterable[int], buckets: Buckets) -> None:
    for key in keys:
        if len(buckets[key]) < CROWD:
            buckets[key].append(number)


def _best(one: Sketch, keys: Iterable[int], buckets: Buckets, sketches: Sequence[Sketch]) -> Match | None:
    """The first candidate above the threshold, those that share the most buckets first."""
    together = Counter(number for key in keys for number in buckets.get(key, ()))
    ranked = sorted(together, key=lambda number: (-together[number], number))
    for number in ranked[:CROWD]:
        share = similarity(one.grams, sketches[number].grams)
        if share >= THRESHOLD:
            return number, share
    return None
