"""MinHash sketches of texts; nothing here is random.

Similarity is the Jaccard index of the sets of character 5-grams. Banding (20 bands of 6 values) proposes a pair of
similarity 0.8 with a chance of 99.8 %, one of 0.5 with 27 %; every proposal is then held against the sets themselves.
Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900.
"""

from array import array
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .parts import Scratch

THRESHOLD = 0.8
GRAM = 5
BANDS, ROWS = 20, 6
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


class Sketches:
    """The sketches of many texts by the number of their turn, in temporary files once they are more than 4 MiB.

    On disk a text takes 160 bytes and four for each of its characters, in memory eight.
    """

    def __init__(self) -> None:
        self.bands, self.grams = Scratch(), Scratch()
        self.ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self.ends) - 1

    def add(self, text: str) -> None:
        """Keep the sketch of one more text."""
        made = sketch(text)
        self.bands.write(made.bands.tobytes())
        self.grams.write(made.grams.tobytes())
        self.ends.append(self.ends[-1] + made.grams.nbytes)

    def grams_of(self, number: int) -> Grams:
        """The grams of one text."""
        start, end = self.ends[number : number + 2]
        self.grams.seek(start)
        return np.frombuffer(self.grams.read(end - start), dtype=np.uint32)

    def band(self, number: int) -> Words:
        """One key of every text."""
        column = np.empty(len(self), np.uint64)
        self.bands.seek(0)
        for start in range(0, len(column), _CHUNK):
            rows = np.frombuffer(self.bands.read(_CHUNK * BANDS * 8), dtype=np.uint64).reshape(-1, BANDS)
            column[start : start + len(rows)] = rows[:, number]
        return column
