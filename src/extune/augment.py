"""Variants of a train record: other words, order, surroundings or script, with every annotation still true.

A variant that cannot keep an annotation true (see carry.py), or that changes nothing, is refused and counted. Most
kinds leave annotated spans alone; full width and traditional characters change them too, all mentions alike.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from .carry import Place, annotated, carried, emptied, free, own_document, spans
from .config import read_yaml
from .errors import ConfigError
from .ground import Offsets, sentences
from .noise import NOISES, Aligned, Noise, outside, replaced
from .records import Record
from .sections import Augment

SHARES = {"typo": (0.05, 0.3, 1.0), "ocr": (0.05, 0.3, 1.0), "synonym": (0.5, 1.0)}
"""Of the places outside annotated spans that could change; the next one where a short text came out as it was."""
_GOES_ON = re.compile(r"[a-z0-9,;:)]")
MIN_EMPTY = 8
"""Code points of the shortest text with nothing to find; below are numbers, brackets, halves of sentences."""
BEFORE = {
    "zh": ("以下内容来自网络。", "据了解，情况如下。", "请看下面这段文字。", "下面是正文。"),
    "en": ("The text reads as follows.", "Please see the details below.", "Here is what was written."),
}
AFTER = {
    "zh": ("以上内容仅供参考。", "更多内容请继续关注。", "全文到此结束。"),
    "en": ("More details will follow.", "This is the end of the text.", "Thank you for reading."),
}

Synonyms: TypeAlias = Mapping[str, Sequence[str]]
Changed: TypeAlias = tuple[str, Place]
Change: TypeAlias = Callable[[Record, random.Random, Synonyms], Changed | None]


def augmented(
    records: Iterable[Record], settings: Augment, seed: int, synonyms: Synonyms, taken: Container[str] = (),
    refused: Counter[str] | None = None,
) -> Iterator[Record]:  # fmt: skip
    """The variants of train records, without the originals, in their order; `refused` counts those that were not made.

    `taken`: the ids of records for which `is_variant` holds, which none may get. Call it after the split, on train.
    """
    for record in records:
        for kind in drawn(record, settings, seed):
            new = variant(record, kind, seed, synonyms)
            if new is None:
                if refused is not None:
                    refused[kind] += 1
                continue
            while new.id in taken:
                new = replace(new, id=f"{new.id}~")
            yield new


def is_on(settings: Augment) -> bool:
    """Whether there are to be variants at all."""
    return any(getattr(settings, kind) for kind in KINDS)


def is_variant(name: str) -> bool:
    """Whether an id could be that of a variant; two variants never share one."""
    return "~" in name and name.rstrip("~").rpartition("~")[2] in KINDS


def variants(record: Record, settings: Augment, seed: int, synonyms: Synonyms) -> Iterator[Record]:
    """The variants of one record that were not refused."""
    made = (variant(record, kind, seed, synonyms) for kind in drawn(record, settings, seed))
    yield from (new for new in made if new)


def drawn(record: Record, settings: Augment, seed: int) -> list[str]:
    """The kinds of variant that a record is to get, each drawn for itself."""
    shares = ((kind, getattr(settings, kind)) for kind in KINDS)
    return [k for k, share in shares if share and random.Random(f"{seed}:{record.id}:{k}:draw").random() < share]


def variant(record: Record, kind: str, seed: int, synonyms: Synonyms) -> Record | None:
    """One variant with the id `{id}~{kind}`, or None where it is refused."""
    rng = random.Random(f"{seed}:{record.id}:{kind}")
    named = replace(record, id=f"{record.id}~{kind}")
    if kind == "empty":
        return _empty(named, rng)
    changed = CHANGES[kind](record, rng, synonyms)
    if changed is None or changed[0] == record.text or not changed[0].strip():
        return None
    return carried(named, *changed)


def read_synonyms(settings: Augment, root: Path) -> Synonyms:
    """The user's {word: [synonyms]}; nothing where none are wanted.

    Raises ConfigError if they are wanted and no file is named, or if it has another form.
    """
    if not settings.synonym:
        return {}
    if settings.synonyms_file is None:
        remedy = "Set augment.synonyms_file to a YAML file of {word: [synonyms]}, or augment.synonym to 0"
        raise ConfigError("augment.synonym is set, but no file of synonyms", remedy=remedy)
    path = root / settings.synonyms_file
    table = read_yaml(path)
    for word, others in table.items():
        if not (_is_word(word) and isinstance(others, list) and others and all(map(_is_word, others))):
            remedy = "Write `word: [synonym, synonym]`, in quotes where YAML sees no text (no, on, 1)"
            raise ConfigError(f"{word!r} is not followed by a list of synonyms", where=str(path), remedy=remedy)
    return table


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _synonym(record: Record, rng: random.Random, synonyms: Synonyms) -> Changed | None:
    """About half of the known words outside annotated spans, the longest first; Latin ones only as whole words."""
    if not synonyms:
        return None
    found = re.compile("|".join(map(_whole, sorted(synonyms, key=lambda word: (-len(word), word)))))
    taken = spans(record)

    def noise(text: str, rng: random.Random, rate: float) -> Aligned:
        def other(word: str) -> str:
            return rng.choice(synonyms[word]) if rng.random() < rate else word

        return replaced(text, found, other, lambda span: bool(free([span], taken)))

    return _some(record.text, rng, "synonym", noise)


def _some(text: str, rng: random.Random, kind: str, noise: Noise) -> Changed | None:
    tried = (noise(text, rng, rate) for rate in SHARES[kind])
    return next(((new.text, new.span) for new in tried if new.text != text), None)


def _whole(word: str) -> str:
    left, right = (r"\b" if char.isascii() and char.isalnum() else "" for char in (word[0], word[-1]))
    return f"{left}{re.escape(word)}{right}"


def _reorder(record: Record, rng: random.Random, synonyms: Synonyms) -> Changed | None:
    """The sentences in another order, white space between them in its old places.

    A sentence without an end keeps the last place: elsewhere it would run into the next.
    """
    blocks = _blocks(record)
    for movable in (len(blocks), len(blocks) - 1):
        if movable < 2:
            return None
        order = [*rng.sample(range(movable), movable), *range(movable, len(blocks))]
        if order == sorted(order):
            order = [*order[1:movable], order[0], *order[movable:]]
        text, place = _ordered(record.text, blocks, order)
        expected = [body for at in order for body in _bodies(record.text[slice(*blocks[at])])]
        if _bodies(text) == expected:
            return text, place
    return None


def _bodies(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _blocks(record: Record) -> list[Offsets]:
    """The sentences; those that an annotated string spans stay together, and so do `Feb. 6` and `e.g. this`."""
    found = spans(record)
    blocks: list[Offsets] = []
    for start, end in sentences(record.text):
        torn = any(left < start < right for left, right in found)
        abbreviated = record.text.endswith(". ", 0, start) and bool(_GOES_ON.match(record.text, start))
        if blocks and (torn or abbreviated):
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((start, end))
    return blocks


def _ordered(text: str, blocks: Sequence[Offsets], order: Sequence[int]) -> Changed:
    gaps = [text[end:start] for (_, end), (start, _) in pairwise(blocks)] + [text[blocks[-1][1] :]]
    new = text[: blocks[0][0]]
    moved: dict[int, int] = {}
    for at, gap in zip(order, gaps, strict=True):
        start, end = blocks[at]
        moved[at] = len(new) - start
        new += text[start:end] + gap

    def place(start: int, end: int) -> Offsets:
        """A stretch that no block holds, white space, is not followed."""
        shifts = [moved[at] for at, (left, right) in enumerate(blocks) if left <= start and end <= right]
        return (start + shifts[0], end + shifts[0]) if shifts else (0, 0)

    return new, place


def _affix(record: Record, rng: random.Random, synonyms: Synonyms) -> Changed | None:
    """A neutral sentence before or after the text, or both; none that holds an annotated string."""
    lang = "zh" if record.lang == "zh" else "en"
    strings = annotated(record)
    before, after = (
        [s for s in options[lang] if not any(string in s for string in strings)] for options in (BEFORE, AFTER)
    )
    sides = rng.choice(((True, False), (False, True), (True, True)))
    head = rng.choice(before) if before and sides[0] else ""
    tail = rng.choice(after) if after and sides[1] else ""
    space = " " if lang == "en" else ""
    closed = record.text.rstrip()[-1:] in tuple('。！？!?.…”"')
    head = head and head + space
    tail = tail and (space if closed else "\n") + tail
    return head + record.text + tail, lambda start, end: (start + len(head), end + len(head))


def _empty(record: Record, rng: random.Random) -> Record | None:
    """Sentences in a row that no annotation touches. Refused where a string is not in the text: who knows its place."""
    strings = annotated(record)
    if not strings or not own_document(record) or any(string not in record.text for string in strings):
        return None
    whole = _blocks(record)
    rest = set(free(whole, spans(record)))
    runs: list[Offsets] = []
    for before, sentence in zip([None, *whole], whole, strict=False):
        if sentence in rest and before in rest:
            runs[-1] = (runs[-1][0], sentence[1])
        elif sentence in rest:
            runs.append(sentence)
    texts = [record.text[start:end] for start, end in runs if end - start >= MIN_EMPTY]
    return emptied(record, rng.choice(texts)) if texts else None


def _slip(kind: str) -> Change:
    def change(record: Record, rng: random.Random, synonyms: Synonyms) -> Changed | None:
        kept = spans(record)
        return _some(record.text, rng, kind, lambda text, rng, rate: outside(NOISES[kind], text, rng, rate, kept))

    return change


def _script(kind: str) -> Change:
    def change(record: Record, rng: random.Random, synonyms: Synonyms) -> Changed:
        new = NOISES[kind](record.text, rng, 1.0)
        return new.text, new.span

    return change


CHANGES: dict[str, Change] = {
    "synonym": _synonym,
    "reorder": _reorder,
    "affix": _affix,
    "typo": _slip("typo"),
    "ocr": _slip("ocr"),
    "full_width": _script("full_width"),
    "traditional": _script("traditional"),
}
KINDS = (*CHANGES, "empty")
"""Each is a key of the settings."""
