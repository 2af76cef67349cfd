"""A sentence on one line and its tags on the next, both apart by spaces, as a copy of MSRA's corpus has them.

In that copy every character of the tags stands alone, too: `B - P E R I - P E R O`.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from ..files import raw_lines
from ..records import Record, Rejected
from .format import Format, Sample
from .lines import identified
from .plain import decoded, refused
from .tags import is_tag, tagged
from .tokens import unspaced

HEAD = 100
"""Sentences by which a file is taken for Chinese or not."""

# Only where the types are known can `B-LOCO` be told from `B-LOC` and `O`; these are MSRA's.
SPREAD = re.compile(r"O|[BIMES]-(?:LOC|ORG|PER)")


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record for two lines; pairs may be apart by blank lines. Tags are repaired as in `conll`.

    A line without its partner is rejected, and the next one taken for a sentence.
    """
    pairs = _pairs(path)
    head = list(islice(pairs, HEAD))
    characters = unspaced([token for pair in head for token in pair[1].decode("utf-8", "replace").split()])
    yield from identified(_record(f"{path}:{pair[0]}", pair[1], pair[2], characters) for pair in chain(head, pairs))


def _pairs(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Number of the first line, sentence, tags; no tags where a blank line or the end comes before them."""
    lines = raw_lines(path)
    first = next(lines, None)
    while first:
        second = next(lines, None)
        together = second is not None and second[0] == first[0] + 1
        yield *first, second[1] if second and together else b""
        first = next(lines, None) if together else second


def _record(where: str, sentence: bytes, tags: bytes, characters: bool) -> Record | Rejected:
    try:
        tokens = [token for token in re.split("[ \t]+", decoded(sentence)) if token]
        if not tags:
            raise ValueError("no line of tags follows")
        return tagged(tokens, split_tags(decoded(tags)), where, characters)
    except ValueError as exc:
        return refused(where, exc, sentence)


def split_tags(line: str) -> list[str]:
    """The tags of a line, their letters apart or not. Raises ValueError where they are apart and not MSRA's."""
    tags = line.split()
    if all(map(is_tag, tags)):
        return tags
    together = "".join(tags)
    if "".join(SPREAD.findall(together)) != together:
        raise ValueError(f"not a line of tags: {line[:60]!r}")
    return SPREAD.findall(together)


def matches(sample: Sample) -> bool:
    """Whether lines of tags follow lines that are none (the last of the head may be cut)."""
    lines = [line for line in sample.text.splitlines() if line.strip()]
    tags = lines[1 : max(2, len(lines) - 2) : 2]
    return bool(tags) and all(map(_is_tags, tags)) and not any(map(_is_tags, lines[: len(tags) * 2 : 2]))


def _is_tags(line: str) -> bool:
    try:
        return bool(split_tags(line))
    except ValueError:
        return False


TAG_LINES = Format("tag_lines", read, matches)
