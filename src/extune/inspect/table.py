"""The figures as plain text for a terminal."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from .limits import percent
from .shape import Figures, Lengths, SplitFigures

MOST = 12
LONGEST = 60


def table(figures: Figures) -> str:
    """All splits side by side, then their labels, then examples of what is wrong."""
    parts = [_grid(["", *map(shown, figures.splits)], _overview(figures))]
    for name, split in figures.splits.items():
        parts += _labels(shown(name), split)
        parts += _problems(shown(name), split)
    parts += [
        f"{shown(name)}: also in train: {shown(pair.where, 200)} = {shown(pair.same_as, 200)} ({pair.similarity:g})"
        for name, leak in figures.leakage.items()
        for pair in leak.texts.examples[:3]
    ]
    return "\n".join(parts) + "\n"


def _overview(figures: Figures) -> Iterator[list[str]]:
    splits, leaks = figures.splits, figures.leakage
    for words, of in ROWS:
        yield [words, *(of(split) for split in splits.values())]
    if any(split.tokens for split in splits.values()):
        yield [f"over the window of {figures.max_length}", *(_over(split) for split in splits.values())]
        yield ["tokens p50 / p95 / max", *(_sizes(split.tokens) for split in splits.values())]
    for section in _sections(figures):
        yield [f"{section} not in the text", *(_missing(split, section) for split in splits.values())]
    for section in dict.fromkeys(s for split in splits.values() for s in split.conflicts):
        yield [f"{section} of several labels", *(_conflicting(split, section) for split in splits.values())]
    if leaks:
        texts = {name: f"{leak.texts.exact} + {leak.texts.near} near" for name, leak in leaks.items()}
        yield ["texts that train has too", *(texts.get(name, "-") for name in splits)]
    for section in _sections(figures) if leaks else ():
        seen = {name: percent(leak.items[section].share) for name, leak in leaks.items() if section in leak.items}
        yield [f"{section} that train has too", *(seen.get(name, "-") for name in splits)]


ROWS: tuple[tuple[str, Callable[[SplitFigures], str]], ...] = (
    ("records", lambda s: str(s.records)),
    ("rejected", lambda s: str(s.rejected)),
    ("languages", lambda s: ", ".join(f"{shown(name)} {count}" for name, count in s.languages.items())),
    ("without annotation", lambda s: f"{s.empty} ({percent(s.empty_share)})"),
    ("exact duplicates", lambda s: f"{s.duplicates.exact} ({percent(s.duplicates.exact_share)})"),
    ("near duplicates", lambda s: f"{s.duplicates.near} ({percent(s.duplicates.near_share)})"),
    ("characters p50 / p95 / max", lambda s: _sizes(s.characters)),
)


def _sections(figures: Figures) -> list[str]:
    return list(dict.fromkeys(section for split in figures.splits.values() for section in split.labels))


def _sizes(lengths: Lengths | None) -> str:
    return "-" if lengths is None else f"{lengths.p50} / {lengths.p95} / {lengths.max}"


def _over(split: SplitFigures) -> str:
    return "-" if split.over_window is None else f"{split.over_window} ({percent(split.over_window_share or 0)})"


def _missing(split: SplitFigures, section: str) -> str:
    found = split.ungrounded.get(section)
    return f"{found.missing} of {found.items}" if found else "-"


def _conflicting(split: SplitFigures, section: str) -> str:
    found = split.conflicts.get(section)
    return f"{found.conflicting} of {found.subjects}" if found else "-"


def _labels(name: str, split: SplitFigures) -> Iterator[str]:
    for section, labels in split.labels.items():
        first = ", ".join(f"{shown(label) or '(none)'} {count}" for label, count in list(labels.items())[:MOST])
        more = f", and {len(labels) - MOST} more" if len(labels) > MOST else ""
        yield f"{name}: {section} {sum(labels.values())}: {first}{more}"


def _problems(name: str, split: SplitFigures) -> Iterator[str]:
    for what, found in (("labels not in the schema", split.unknown), ("rare labels", split.rare)):
        for section, labels in found.items():
            first = ", ".join(f"{shown(label) or '(none)'} {count}" for label, count in list(labels.items())[:MOST])
            more = f", and {len(labels) - MOST} more" if len(labels) > MOST else ""
            yield f"{name}: {what}, {section}: {first}{more}"
    yield from (f"{name}: rejected: {shown(line, 200)}" for line in split.rejections[:3])
    for item in split.missing[:3]:
        what = f"{item.section} {shown(item.label)} '{shown(item.text)}'"
        yield f"{name}: not in the text: {shown(item.where, 200)}: {what}"
    for pair in split.duplicates.examples[:3]:
        yield f"{name}: duplicate: {shown(pair.where, 200)} = {shown(pair.same_as, 200)} ({pair.similarity:g})"


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, *rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded)


def _width(words: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in words)


def shown(text: str, longest: int = LONGEST) -> str:
    """Text that is safe to print: characters that steer, hide or reorder by their code, long strings cut."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(
        f"U+{ord(char):04X}" if unicodedata.category(char)[0] in "CZ" and char != " " else char for char in cut
    )
