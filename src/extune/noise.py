"""Texts as they come from keyboards, scanners and other scripts: noise on characters that says where each went.

Every noise is a pure function (text, rng, rate) -> Aligned; `rate` is the share in [0, 1] of the places it could
change that it does change. The confusions are the table in noise.yaml; scripts are converted by OpenCC.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .config import read_yaml

if TYPE_CHECKING:
    from opencc import OpenCC

TABLE = Path(__file__).with_name("noise.yaml")
HAN = re.compile("[\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_WORD = re.compile(r"[^\W\d_]+")
_FULL_OFFSET, _FULL_SPACE = 0xFEE0, "\u3000"
_TO_FULL = {" ": _FULL_SPACE} | {chr(code): chr(code + _FULL_OFFSET) for code in range(0x21, 0x7F)}
_TO_HALF = {full: half for half, full in _TO_FULL.items()}


@dataclass(frozen=True, slots=True)
class Aligned:
    """A changed text; `starts[i]` is where the boundary before the old code point i now stands, the last its end."""

    text: str
    starts: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where an old stretch of text now stands."""
        return self.starts[start], self.starts[end]


Piece: TypeAlias = tuple[int, str]
"""So many old code points, at least one, and what stands for them."""
Noise: TypeAlias = Callable[[str, random.Random, float], Aligned]


def join(pieces: Iterable[Piece]) -> Aligned:
    """One text of pieces in order; inside a piece, boundaries are paired one by one as far as it goes."""
    starts, parts, at = [0], [], 0
    for length, new in pieces:
        starts += [at + min(inner, len(new)) for inner in range(1, length)]
        at += len(new)
        starts.append(at)
        parts.append(new)
    return Aligned("".join(parts), tuple(starts))


def outside(noise: Noise, text: str, rng: random.Random, rate: float, kept: Sequence[tuple[int, int]]) -> Aligned:
    """The noise on all of a text but the stretches `kept`: code points, end exclusive, in order, not overlapping."""
    starts, parts, at, done = [0], [], 0, 0
    for start, end in (*kept, (len(text), len(text))):
        for part in (noise(text[done:start], rng, rate), identity(text[start:end])):
            starts += [at + place for place in part.starts[1:]]
            parts.append(part.text)
            at += len(part.text)
        done = end
    return Aligned("".join(parts), tuple(starts))


def identity(text: str) -> Aligned:
    """The text as it is."""
    return Aligned(text, tuple(range(len(text) + 1)))


def typo(text: str, rng: random.Random, rate: float) -> Aligned:
    """Slips of the keyboard: letters swapped, doubled, left out or hit beside; Han characters that sound alike.

    Digits and punctuation stay, and so do Han characters without a homophone in the table: leaving out a `不`
    would turn a fact round.
    """
    return join(_typed(text, rng, rate))


def _typed(text: str, rng: random.Random, rate: float) -> Iterator[Piece]:
    slips, at = _slips(), 0
    while at < len(text):
        char, pair = text[at], text[at : at + 2]
        if char not in slips or rng.random() >= rate:
            piece = (1, char)
        elif not char.isascii():
            piece = (1, rng.choice(slips[char]))
        elif pair.isalpha() and pair.isascii() and len(set(pair)) == 2 and rng.random() < 0.25:
            piece = (2, pair[::-1])
        else:
            piece = (1, rng.choice((char + char, "", *slips[char])))
        yield piece
        at += piece[0]


def ocr(text: str, rng: random.Random, rate: float) -> Aligned:
    """Strings taken for others that look alike: 0 for O, m for rn, 未 for 末."""
    alike = _alike()
    found = re.compile("|".join(map(re.escape, sorted(alike, key=len, reverse=True))))
    return replaced(text, found, lambda old: rng.choice(alike[old]) if rng.random() < rate else old)


def full_width(text: str, rng: random.Random, rate: float) -> Aligned:
    """ASCII as the full-width characters of East Asian keyboards, spaces too; `half_width` is its inverse."""
    return _mapped(text, _TO_FULL, rng, rate)


def half_width(text: str, rng: random.Random, rate: float) -> Aligned:
    """Full-width letters, digits, punctuation and spaces as ASCII."""
    return _mapped(text, _TO_HALF, rng, rate)


def case(text: str, rng: random.Random, rate: float) -> Aligned:
    """Words all in capitals or all in small letters, one of the two throughout a text."""
    turn = rng.choice((str.upper, str.lower))
    words = {m.start() + i for m in _WORD.finditer(text) if rng.random() < rate for i in range(len(m[0]))}
    return join((1, turn(char) if at in words else char) for at, char in enumerate(text))


def traditional(text: str, rng: random.Random, rate: float) -> Aligned:
    """Simplified characters as traditional ones, chosen by the phrase they stand in."""
    return _converted(text, "s2t", rng, rate)


def simplified(text: str, rng: random.Random, rate: float) -> Aligned:
    """Traditional characters as simplified ones."""
    return _converted(text, "t2s", rng, rate)


NOISES: dict[str, Noise] = {
    noise.__name__: noise for noise in (typo, ocr, full_width, half_width, traditional, simplified, case)
}


def _mapped(text: str, table: Mapping[str, str], rng: random.Random, rate: float) -> Aligned:
    return join((1, table[char] if char in table and rng.random() < rate else char) for char in text)


def _converted(text: str, config: str, rng: random.Random, rate: float) -> Aligned:
    new = HAN.sub(lambda run: _script(run[0], config), text)
    return join((1, b if a != b and rng.random() < rate else a) for a, b in zip(text, new, strict=True))


def _script(run: str, config: str) -> str:
    """By phrase where that keeps the length, so that each character has its counterpart; else one by one."""
    convert = _opencc(config).convert
    whole = str(convert(run))
    return whole if len(whole) == len(run) else "".join(c if len(n := str(convert(c))) != 1 else n for c in run)


@cache
def _opencc(config: str) -> "OpenCC":
    from opencc import OpenCC

    return OpenCC(config)


def replaced(
    text: str,
    found: re.Pattern[str],
    new: Callable[[str], str],
    may: Callable[[tuple[int, int]], bool] = lambda span: True,
) -> Aligned:
    """Each match that may be, replaced by `new` of it."""

    def pieces() -> Iterator[Piece]:
        done = 0
        for match in found.finditer(text):
            yield from ((1, char) for char in text[done : match.start()])
            yield len(match[0]), new(match[0]) if may(match.span()) else match[0]
            done = match.end()
        yield from ((1, char) for char in text[done:])

    return join(pieces())


@cache
def _table() -> dict[str, Any]:
    return read_yaml(TABLE)


@cache
def _alike() -> Mapping[str, tuple[str, ...]]:
    return _others(_table()["ocr"])


@cache
def _slips() -> Mapping[str, tuple[str, ...]]:
    """What may be typed instead: the keys beside a letter, the homophones of a Han character."""
    beside: dict[str, tuple[str, ...]] = {}
    for row in _table()["keyboard"]:
        for at, letter in enumerate(row):
            keys = tuple(row[max(at - 1, 0) : at] + row[at + 1 : at + 2])
            beside |= {letter: keys, letter.upper(): tuple(key.upper() for key in keys)}
    return beside | _others(_table()["homophones"])


def _others(rows: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    others: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for one in row:
            others[one] = tuple(dict.fromkeys((*others.get(one, ()), *(other for other in row if other != one))))
    return others
