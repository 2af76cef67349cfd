"""Lines of predictions to the reference's score: one pass, any order, what is left of each text packed away."""

import marshal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...errors import ConfigError, DataError
from ...files import Unread
from .count import MATCHES, Left, hashable
from .figures import figures
from .parse import Items, Rule, rule
from .text import loads

Line: TypeAlias = Mapping[str, Any] | bytes
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
    if match not in MATCHES:
        raise ConfigError(f"no match mode {match!r}", remedy=f"Known: {', '.join(MATCHES)}")
    score = _Score(rule(task, variant), match)
    for number, line in lines:
        score.add(line, name, number)
    return score.result(by_source)


@dataclass(slots=True)
class _Tally:
    """What was counted of one source: each list with a number for every part."""

    samples: int
    errors: int
    right: list[int]
    predicted: list[int]
    gold: list[int]

    def __add__(self, other: "_Tally") -> "_Tally":
        pairs = ((self.right, other.right), (self.predicted, other.predicted), (self.gold, other.gold))
        sums = ([a + b for a, b in zip(*pair, strict=True)] for pair in pairs)
        return _Tally(self.samples + other.samples, self.errors + other.errors, *sums)


@dataclass(slots=True)
class _Score:
    rule: Rule
    match: str
    tallies: dict[str, _Tally] = field(default_factory=dict)
    closed: dict[str, bytes] = field(default_factory=dict)
    empty: set[Any] = field(default_factory=set)
    at: list[Any] | None = None
    key: str = ""
    left: tuple[Left, ...] = ()
    tally: _Tally = field(init=False)
    lines: int = 0
    crashes: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, line: Line, name: str, number: int) -> None:
        """Count one line."""
        self.lines += 1
        odd: list[str] = []
        try:
            row, (output, label, *at) = _row(line)
            if at != self.at:
                self._open(at, label, odd)
            if type(output) is not str or output not in self.empty:
                self._answer(output, row, odd)
        except DataError as exc:
            self.skipped += 1
            odd.append(exc.what)
        if odd:
            self.crashes += 1
            if len(self.reasons) < NAMED:
                self.reasons.append(f"{name}:{number}: {odd[0]}")

    def _answer(self, output: Any, row: Mapping[str, Any], odd: list[str]) -> None:
        answer = _answer(output, odd)
        if answer is None:
            self.tally.errors += 1
            return
        items = self.rule.answer(answer, row, odd)
        if any(items):
            self._match(items, odd)
        elif not odd and len(self.empty) < EMPTY:
            self.empty.add(output)

    def _match(self, items: Items, odd: list[str]) -> None:
        take, tally = MATCHES[self.match][1], self.tally
        for part, (left, found) in enumerate(zip(self.left, items, strict=True)):
            if self.match == "set" and _unhashable(found):
                odd.append("match mode set, and an object or a list stands for a value")
            right, predicted = take(left, found)
            tally.right[part] += right
            tally.predicted[part] += predicted

    def _open(self, at: list[Any], label: Any, odd: list[str]) -> None:
        """Go to another text: back to one whose lines were interrupted, or on to a new one."""
        source = str(at[1] or "None")
        key = f"{source}{at[0]}"
        if not isinstance(at[0], str):
            odd.append(f"`id` is {at[0]!r}, not a string")
        new = key != self.key and key not in self.closed
        gold = tuple(map(MATCHES[self.match][0], self._gold(label, odd))) if new else ()
        self.at = at if isinstance(at[0], str) else None
        if source not in self.tallies:
            self.tallies[source] = self._none()
        self.tally = self.tallies[source]
        if key == self.key:
            return
        self.closed[self.key] = marshal.dumps(self.left) if any(self.left) else b""
        self.key = key
        if new:
            self.left = gold
            self.tally.samples += 1
            for part, left in enumerate(gold):
                self.tally.gold[part] += sum(left.values())
        else:
            packed = self.closed[key]
            self.left = marshal.loads(packed) if packed else tuple({} for _ in self.rule.parts)

    def _gold(self, label: Any, odd: list[str]) -> Items:
        gold = _gold(label, self.rule, odd)
        if self.match == "set" and any(map(_unhashable, gold)):
            odd.append("match mode set, and an object or a list stands in the gold")
        return gold

    def _none(self) -> _Tally:
        nothing = [0] * len(self.rule.parts)
        return _Tally(0, 0, [*nothing], [*nothing], [*nothing])

    def result(self, by_source: bool) -> CompatScore:
        """The score of all lines so far."""
        total = sum(self.tallies.values(), self._none())
        sources = {name: self.tallies[name] for name in sorted(self.tallies)} if by_source else {}
        blocks = {"total": self._block(total)} | {source: self._block(tally) for source, tally in sources.items()}
        return CompatScore(blocks, self.lines, self.crashes, self.skipped, tuple(self.reasons))

    def _block(self, tally: _Tally) -> dict[str, float]:
        block: dict[str, float] = {"总样本数": tally.samples, "错误数": tally.errors}
        for part, name in enumerate(self.rule.parts):
            block |= figures(tally.right[part], tally.predicted[part], tally.gold[part], name)
        return block


def _row(line: Line) -> tuple[Mapping[str, Any], tuple[Any, ...]]:
    """A line, and its output, label, id and source."""
    try:
        row: Any = loads(line) if isinstance(line, bytes) else line
        row["instruction"]
        return row, (row["output"], row["label"], row["id"], row.get("source"))
    except KeyError as exc:
        raise DataError(f"lacks the field {exc.args[0]!r}") from None
    except (TypeError, AttributeError):
        raise DataError("not an object") from None
    except RecursionError:
        raise DataError("nested too deeply") from None
    except ValueError as exc:
        raise DataError(line.reason if isinstance(line, Unread) else f"not JSON ({exc})") from None


def _answer(output: Any, odd: list[str]) -> Mapping[str, Any] | None:
    """The object in an output, or None where there is none."""
    if isinstance(output, str):
        try:
            output = loads(output)
        except RecursionError:
            odd.append("`output` is nested too deeply")
            return None
        except ValueError:
            return None
    else:
        odd.append("`output` is not a string")
    return output if isinstance(output, dict) else None


def _gold(label: Any, rule: Rule, odd: list[str]) -> Items:
    if isinstance(label, str):
        try:
            label = loads(label)
        except (ValueError, RecursionError) as exc:
            raise DataError(f"`label` is not JSON ({exc})") from None
    else:
        odd.append("`label` is not a string")
    if not isinstance(label, list):
        raise DataError("`label` is not a list")
    try:
        return rule.gold(label)
    except KeyError as exc:
        raise DataError(f"an item of `label` lacks the field {exc.args[0]!r}") from None
    except (TypeError, AttributeError) as exc:
        raise DataError(f"`label` holds what is not gold of the task ({exc})") from None


def _unhashable(items: Iterable[Any]) -> bool:
    return any(hashable(item) is not item for item in items)
