"""A pair of files, `*sentences.txt` and `*tags.txt`: in both a sentence a line, tokens and tags apart by spaces.

So is MSRA's named entity corpus often handed on, and so does Stanford's CS230 example lay its data out.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from ..errors import DataError
from ..files import raw_lines
from ..records import Record, Rejected
from .format import Format, Sample
from .lines import identified
from .plain import decoded, refused
from .tags import tagged
from .tokens import unspaced

Pair: TypeAlias = tuple[int, bytes | None, bytes | None]
"""Line number, sentence, tags."""

HEAD = 100
"""Sentences by which a file is taken for Chinese or not."""


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a line; `path` is the file of sentences, or a folder with one or more such pairs.

    A line without its partner, or with another number of tags than tokens, is rejected. Tags are repaired as in
    `conll`. Raises DataError where a file or its partner is missing.
    """
    files = sorted(file for file in path.rglob("*") if partner(file) and file.is_file()) if path.is_dir() else [path]
    if not files:
        raise DataError("no *sentences.txt in this folder", where=str(path))
    yield from identified(chain.from_iterable(map(_read_file, files)))


def partner(path: Path) -> Path | None:
    """The file of tags that belongs to a file of sentences; None if the name is not one of those."""
    before, found, after = path.name.rpartition("sentences")
    return path.with_name(f"{before}tags{after}") if found and after.startswith(".txt") else None


def _read_file(path: Path) -> Iterator[Record | Rejected]:
    tags = partner(path)
    if tags is None:
        raise DataError("not a file *sentences.txt", where=str(path), remedy="Its tags are looked for in *tags.txt")
    pairs = _pairs(raw_lines(path), raw_lines(tags))
    head = list(islice(pairs, HEAD))
    characters = unspaced([token for pair in head for token in (pair[1] or b"").decode("utf-8", "replace").split()])
    for pair in chain(head, pairs):
        yield _record(path, pair, characters)


def _pairs(left: Iterator[tuple[int, bytes]], right: Iterator[tuple[int, bytes]]) -> Iterator[Pair]:
    """Lines of the same number; None where the other file is blank there."""
    sentence, tags = next(left, None), next(right, None)
    while sentence or tags:
        number = min(line[0] for line in (sentence, tags) if line)
        here = sentence if sentence and sentence[0] == number else None
        there = tags if tags and tags[0] == number else None
        yield number, here and here[1], there and there[1]
        sentence = next(left, None) if here else sentence
        tags = next(right, None) if there else tags


def _record(path: Path, pair: Pair, characters: bool) -> Record | Rejected:
    number, sentence, tags = pair
    where = f"{path}:{number}"
    try:
        if sentence is None or tags is None:
            raise ValueError("tags without a sentence" if sentence is None else "a sentence without tags")
        tokens = [token for token in re.split("[ \t]+", decoded(sentence)) if token]
        return tagged(tokens, decoded(tags).split(), where, characters)
    except ValueError as exc:
        return refused(where, exc, sentence or tags or b"")


def matches(sample: Sample) -> bool:
    """Whether it is a file of sentences beside its tags, or a folder of such pairs."""
    if sample.names:
        pairs = [(name, partner(Path(name))) for name in sample.names]
        return any(str(tags) in sample.names for _, tags in pairs if tags)
    tags = partner(sample.path)
    return tags is not None and tags.is_file()


CONLL_PAIR = Format("conll_pair", read, matches)
