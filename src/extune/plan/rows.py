"""The lengths of the training rows: counted by the code that trains, or guessed where that cannot be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import read_jsonl
from ..footprint import Lengths, lengths_report
from ..footprint.lengths import lengths_of, nothing
from ..sections import Model

LATIN, OTHER, FRAME = 0.3, 1.0, 16
"""Tokens of a character in ASCII, of another one, and of what a chat template puts around: guesses."""


def train_lengths(path: Path, model: Model, folder: Path | None, window: int, batch: int) -> Lengths:
    """Of data/sft/train.jsonl. Without that file one row that fills the window; without a tokenizer a guess.

    Raises DataError for a file without rows, as training would.
    """
    if not path.is_file():
        return lengths_of([window], [window // 4], [], window, source="no data yet: one row that fills the window")
    rows = list(read_jsonl(path))
    if not rows:
        raise nothing()
    if folder is None or not any(folder.glob("tokenizer*")):
        return _guessed(rows, window, batch)
    from ..model import Base, load_encoder
    from ..train.rows import tokenise

    encoder = load_encoder(Base(str(folder), {}, model.revision, model.trust_remote_code))
    return lengths_report(tokenise(rows, encoder), window, batch)


def _guessed(rows: Sequence[Mapping[str, Any]], window: int, batch: int) -> Lengths:
    sizes = []
    for row in rows:
        question = sum((_tokens(message["content"]) for message in row["prompt"]), FRAME)
        sizes.append((row["id"], question, 1 + _tokens(row["completion"][0]["content"])))
    fits = [(question + answer, answer) for _, question, answer in sizes if question + answer <= window]
    over = [name for name, question, answer in sizes if question + answer > window]
    longest = max((question + answer for _, question, answer in sizes), default=0)
    kept, answers = [whole for whole, _ in fits], [answer for _, answer in fits]
    return lengths_of(
        kept, answers, over, window, batch=batch, longest=longest, source="guessed from characters: no tokenizer here"
    )


def _tokens(text: str) -> int:
    latin = sum(character.isascii() for character in text)
    return round(LATIN * latin + OTHER * (len(text) - latin))
