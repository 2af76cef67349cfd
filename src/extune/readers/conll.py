"""CoNLL files: a token a line, columns apart by spaces or tabs, the tag last; a blank line ends a sentence.

Tags: BIO, IOB1 (as in CoNLL-2003), IOB2, BIOES, BMES, BILOU. https://www.clips.uantwerpen.be/conll2003/ner/
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from ..files import raw_lines
from ..records import Record, Rejected
from .format import Format, Sample
from .lines import identified
from .plain import decoded, refused
from .tags import is_tag, parse_tag, tagged
from .tokens import unspaced

Block: TypeAlias = list[tuple[int, bytes]]
"""The numbered lines of one sentence."""

HEAD = 100
"""Sentences by which a file is taken for Chinese or not."""

MOST_LINES = 100_000
"""Of one sentence; more are not held in memory."""


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a sentence. Lines -DOCSTART- and comments (`#` and no tag at the end) are left out.

    A tag sequence that breaks its scheme is repaired: a tag that continues nothing begins an entity. A sentence with
    an unknown tag, no tag or a line that is not UTF-8 is rejected at that line.
    """
    sentences = blocks(path, lambda line: line.startswith(b"-DOCSTART-"))
    head = list(islice(sentences, HEAD))
    tokens = [columns(line.decode("utf-8", "replace"))[0] for block in head for _, line in block]
    characters = unspaced(tokens)
    results = (_record(path, block, characters) for block in chain(head, sentences))
    yield from identified(result for result in results if result)


def blocks(path: Path, is_border: Callable[[bytes], bool]) -> Iterator[Block]:
    """Runs of lines between blank lines and borders; the borders themselves are left out."""
    block: Block = []
    last = 0
    for number, line in raw_lines(path):
        border = is_border(line)
        if block and (border or number > last + 1):
            yield block
            block = []
        if not border and len(block) <= MOST_LINES:
            block.append((number, line))
        last = number
    if block:
        yield block


def _record(path: Path, block: Block, characters: bool) -> Record | Rejected | None:
    """None for a block of comments alone."""
    tokens, tags = [], []
    number, raw = block[0]
    if len(block) > MOST_LINES:
        return refused(f"{path}:{number}", f"more than {MOST_LINES} lines without a blank one", raw)
    try:
        for number, raw in block:  # noqa: B007  a bad line is the last one seen
            row = columns(decoded(raw))
            if not (row[0].startswith("#") and not is_tag(row[-1])):
                token, tag = _token_and_tag(row)
                tokens.append(token)
                tags.append(tag)
        return tagged(tokens, tags, f"{path}:{block[0][0]}", characters) if tokens else None
    except ValueError as exc:
        return refused(f"{path}:{number}", exc, raw)


def columns(line: str) -> list[str]:
    """By tabs where there is one, else by spaces; a no-break or full-width space is a token, not a gap."""
    line = line.rstrip(" \t")
    return line.split("\t") if "\t" in line else re.split(" +", line)


def _token_and_tag(row: list[str]) -> tuple[str, str]:
    if len(row) < 2:
        raise ValueError("one column where a token and its tag are wanted")
    if not row[0]:
        raise ValueError("the token is empty")
    parse_tag(row[-1])
    return row[0], row[-1]


def matches(sample: Sample) -> bool:
    """Whether every line of the head (the last may be cut) is a token, perhaps more columns, and a tag."""
    lines = [line for line in sample.text.splitlines()[:HEAD] if line.strip()]
    rows = [columns(line) for line in lines if not line.startswith(("-DOCSTART-", "#"))]
    whole = rows[:-1] if len(rows) > 1 else rows
    return (
        any(not is_tag(row[0]) for row in whole)
        and len({len(row) for row in whole}) == 1
        and all(len(row) > 1 and is_tag(row[-1]) for row in whole)
    )


CONLL = Format("conll", read, matches)
