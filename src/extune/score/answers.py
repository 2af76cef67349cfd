"""How near an answer to a question comes to the accepted ones, as in CMRC 2018, and whether the document says it.

https://github.com/ymcui/cmrc2018: lower case, punctuation left out, a Chinese character or a word of another script a
token; F1 of the longest common run of tokens. ROUGE-L (Lin, 2004) is the F1 of the longest common subsequence.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ..records import QA, Record
from .counts import ratio

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_SIGNS = "*^~`+=～"  # marks that CMRC 2018 leaves out and Unicode does not call punctuation


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer held against the accepted ones, the best of them counts; an empty one says `no answer`.

    `given`: 1 where there is an answer; `supported`: 1 where the document has it word for word.
    """

    exact: float
    f1: float
    rouge_l: float
    given: int
    supported: int


def answered(gold: Record, predicted: Record) -> Answered | None:
    """How a predicted answer does; None where the gold record asks nothing."""
    if not gold.qa:
        return None
    answer = predicted.qa.answer if predicted.qa else None
    document = gold.qa.document or gold.text
    given, supported = int(bool(answer)), int(bool(answer) and str(answer) in document)
    if answer is None:
        return Answered(0.0, 0.0, 0.0, given, supported)
    compared = [_compared(wanted, answer) for wanted in _accepted(gold.qa)]
    exact, f1, rouge_l = (max(column) for column in zip(*compared, strict=True))
    return Answered(exact, f1, rouge_l, given, supported)


def _accepted(pair: QA) -> Sequence[str]:
    return tuple(dict.fromkeys((*pair.answers, pair.answer))) if pair.answer else (pair.answers or ("",))


def _compared(wanted: str, answer: str) -> tuple[float, float, float]:
    left, right = tokens(wanted), tokens(answer)
    if not left or not right:
        same = float(wanted.strip() == answer.strip())
        return same, same, same
    exact = float("".join(left) == "".join(right))
    size = len(left) + len(right)
    return exact, 2 * longest_run(left, right) / size, 2 * longest_subsequence(left, right) / size


def tokens(answer: str) -> list[str]:
    """Characters of Chinese and Japanese, words of anything else; lower case, without punctuation."""
    kept = (char for char in answer.lower() if char not in _SIGNS and not unicodedata.category(char).startswith("P"))
    return _TOKEN.findall("".join(kept))


def longest_run(left: Sequence[str], right: Sequence[str]) -> int:
    """Tokens of the longest run that stands in both."""
    one, other = _coded(left, right)
    low, high = 0, min(len(one), len(other))
    while low < high:  # a run of n holds one of n - 1
        size = (low + high + 1) // 2
        if any(one[i : i + size] in other for i in range(len(one) - size + 1)):
            low = size
        else:
            high = size - 1
    return low


def _coded(left: Sequence[str], right: Sequence[str]) -> tuple[str, str]:
    """Both as strings of one character a token."""
    codes = {token: chr(0xF0000 + number) for number, token in enumerate(dict.fromkeys((*left, *right)))}
    return "".join(map(codes.__getitem__, left)), "".join(map(codes.__getitem__, right))


def longest_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Tokens of the longest common subsequence, a row of the table as the bits of one number (Hyyrö, 2004)."""
    places: dict[str, int] = {}
    for place, token in enumerate(left):
        places[token] = places.get(token, 0) | 1 << place
    full = (1 << len(left)) - 1
    row = full
    for token in right:
        hits = row & places.get(token, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(left) - row.bit_count()


def answer_figures(rows: Sequence[Answered]) -> dict[str, float]:
    """Means over the questions; the share of the given answers that the document supports."""
    sums = {name: math.fsum(getattr(row, name) for row in rows) for name in ("exact", "f1", "rouge_l")}
    given, supported = sum(row.given for row in rows), sum(row.supported for row in rows)
    return {
        "answer_exact_match": sums["exact"] / (len(rows) or 1),
        "answer_f1": sums["f1"] / (len(rows) or 1),
        "answer_rouge_l": sums["rouge_l"] / (len(rows) or 1),
        "answer_supported_rate": ratio(supported, given),
    }
