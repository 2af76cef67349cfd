"""Lines of predictions to the reference's score: one pass, any order, what is left of each text packed away."""

import marshal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orjson import loads

from ...errors import ConfigError, DataError
from .count import MATCHES, Left, hashable
from .figures import figures
from .lines import FIELDS, At, Line, read_answer, read_gold, read_line
from .parse import Rule, rule

EMPTY = 10_000
"""Outputs that are remembered for saying nothing: most chunks of a text do, and the same few strings do so."""
NAMED = 10
"""Lines that are named of those the reference would have crashed on."""


@dataclass(frozen=True, slots=True)
class CompatScore:
    """`figures`: {"total": {总样本数, 错误数, P, R, F1}, source: {...}}, as the reference writes it.

    `crashes`: lines the reference would have crashed on; `skipped`: those of them that are not in the figures.
    `reasons`: the first of them, as `file:line: why`.
    """

    figures: dict[str, dict[str, float]]
    lines: int = 0
    crashes: int = 0
    skipped: int = 0
    reasons: tuple[str, ...] = ()


def score_lines(
    lines: Iterable[tuple[int, Line]],
    task: str,
    *,
    match: str = "normal",
    by_source: bool = True,
    variant: str = "deepke",
    name: str = "line",
) -> CompatScore:
    """The score of numbered prediction lines, read or not (`files.raw_lines`); `name`: their file.

    A text is the lines of one source and id; its gold is the `label` of the first. Raises ConfigError for an unknown
    task, match mode or variant.
    """
    return result([count_texts(lines, task, match, variant)], by_source, name)


@dataclass(slots=True)
class Tally:
    """What was counted of one source: each list with a number for every part."""

    samples: int
    errors: int
    right: list[int]
    predicted: list[int]
    gold: list[int]

    def __add__(self, other: "Tally") -> "Tally":
        pairs = ((self.right, other.right), (self.predicted, other.predicted), (self.gold, other.gold))
        sums = ([a + b for a, b in zip(*pair, strict=True)] for pair in pairs)
        return Tally(self.samples + other.samples, self.errors + other.errors, *sums)


def _none(parts: int) -> Tally:
    return Tally(0, 0, [0] * parts, [0] * parts, [0] * parts)


@dataclass(slots=True)
class Counted:
    """What lines came to, by source; of lines of other texts it may be added up. `reasons`: line number and why."""

    parts: tuple[str, ...]
    tallies: dict[str, Tally] = field(default_factory=dict)
    lines: int = 0
    crashes: int = 0
    skipped: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)


def count_texts(
    lines: Iterable[tuple[int, Line]], task: str, match: str, variant: str, known: dict[str, bytes] | None = None
) -> Counted:
    """Count numbered lines; `known` gets the name of every text. Raises ConfigError as `score_lines` does."""
    if match not in MATCHES:
        raise ConfigError(f"no match mode {match!r}", remedy=f"Known: {', '.join(MATCHES)}")
    texts = _Texts(rule(task, variant), match, {} if known is None else known)
    empty, at, passed = texts.empty, texts.at, 0
    for number, line in lines:
        row = line
        if type(line) is bytes:
            try:
                row = loads(line)
                _, output, _, name = FIELDS(row)
                if output in empty and at == (name, row.get("source")):  # most rows of a text say nothing
                    passed += 1
                    continue
            except (ValueError, TypeError, KeyError, AttributeError):
                row = line
        texts.add(row, number)
        at = texts.at
    texts.close()
    texts.counted.lines += passed
    return texts.counted


def result(counted: Iterable[Counted], by_source: bool, name: str) -> CompatScore:
    """The score of lines that were counted apart and share no text."""
    shards = list(counted)
    parts = shards[0].parts
    tallies: dict[str, Tally] = {}
    for shard in shards:
        for source, tally in shard.tallies.items():
            tallies[source] = tallies.get(source, _none(len(parts))) + tally
    sources = {source: tallies[source] for source in sorted(tallies)} if by_source else {}
    total = sum(tallies.values(), _none(len(parts)))
    blocks = {"total": _block(total, parts)} | {source: _block(tally, parts) for source, tally in sources.items()}
    reasons = [f"{name}:{number}: {why}" for shard in shards for number, why in shard.reasons]
    lines, crashes, skipped = (sum(getattr(s, name) for s in shards) for name in ("lines", "crashes", "skipped"))
    return CompatScore(blocks, lines, crashes, skipped, tuple(reasons[:NAMED]))


def _block(tally: Tally, parts: tuple[str, ...]) -> dict[str, float]:
    block: dict[str, float] = {"总样本数": tally.samples, "错误数": tally.errors}
    for part, name in enumerate(parts):
        block |= figures(tally.right[part], tally.predicted[part], tally.gold[part], name)
    return block


class _Texts:
    """The text whose lines are being counted, and those before it."""

    __slots__ = ("at", "closed", "counted", "empty", "key", "left", "rule", "start", "strict", "take", "tally")

    def __init__(self, rule: Rule, match: str, closed: dict[str, bytes]) -> None:
        self.rule, self.strict, self.closed = rule, match == "set", closed
        self.start, self.take = MATCHES[match]
        self.counted = Counted(rule.parts)
        self.empty: set[str] = set()
        self.at: At | None = None
        self.key = ""
        self.left: tuple[Left, ...] = ()
        self.tally: Tally

    def add(self, line: Line, number: int) -> None:
        """Count one line."""
        odd: list[str] = []
        self.counted.lines += 1
        try:
            row, output, label, at = read_line(line)
            if at != self.at:
                self._open(at, label, odd)
            if type(output) is not str or output not in self.empty:
                self._answer(output, row, odd)
        except DataError as exc:
            self.counted.skipped += 1
            odd.append(exc.what)
        if odd:
            self.counted.crashes += 1
            if len(self.counted.reasons) < NAMED:
                self.counted.reasons.append((number, odd[0]))

    def _answer(self, output: Any, row: Mapping[str, Any], odd: list[str]) -> None:
        answer = read_answer(output, odd)
        if answer is None:
            self.tally.errors += 1
            return
        items = self.rule.answer(answer, row, odd)
        if not any(items):
            if not odd and len(self.empty) < EMPTY:
                self.empty.add(output)
            return
        if self.strict and any(map(_unhashable, items)):
            odd.append("match mode set, and an object or a list stands for a value")
        tally, take = self.tally, self.take
        for part, found in enumerate(items):
            right, predicted = take(self.left[part], found)
            tally.right[part] += right
            tally.predicted[part] += predicted

    def _open(self, at: At, label: Any, odd: list[str]) -> None:
        """Go to another text: back to one whose lines were interrupted, or on to a new one."""
        name, source = at
        source = str(source or "None")
        key = f"{source}{name}"
        if type(name) is not str:
            odd.append(f"`id` is {name!r}, not a string")
        new = key != self.key and key not in self.closed
        gold = self._gold(label, odd) if new else ()
        self.at = at if type(name) is str else None
        tally = self.counted.tallies.get(source)
        if tally is None:
            tally = self.counted.tallies[source] = _none(len(self.rule.parts))
        self.tally = tally
        if key == self.key:
            return
        self.close()
        self.key = key
        if new:
            self.left = gold
            tally.samples += 1
            for part, left in enumerate(gold):
                tally.gold[part] += sum(left.values())
        else:
            packed = self.closed[key]
            self.left = marshal.loads(packed) if packed else tuple({} for _ in self.rule.parts)

    def close(self) -> None:
        """Pack what is left of the text."""
        if self.key:
            self.closed[self.key] = marshal.dumps(self.left) if any(self.left) else b""

    def _gold(self, label: Any, odd: list[str]) -> tuple[Left, ...]:
        gold = read_gold(label, self.rule, odd)
        if self.strict and any(map(_unhashable, gold)):
            odd.append("match mode set, and an object or a list stands in the gold")
        return tuple(map(self.start, gold))


def _unhashable(items: Iterable[Any]) -> bool:
    return any(hashable(item) is not item for item in items)
