"""Prediction files as `evaluate` writes them."""

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

NAMES = ("Ada", "Bo", "Cy", "Dee")
Row = dict[str, Any]
Write = Callable[..., Path]


@pytest.fixture
def rows() -> Callable[..., list[Row]]:
    """NER predictions of `count` texts with one person each, right where `right(number)` says so."""

    def made(count: int, right: Callable[[int], bool]) -> list[Row]:
        return [row(number, right(number)) for number in range(count)]

    return made


def row(number: int, right: bool) -> Row:
    name = NAMES[number % len(NAMES)]
    text = f"{name} lives in house {number}."
    gold = [{"text": name, "type": "PER", "start": 0, "end": len(name)}]
    found = gold if right else [{"text": "house", "type": "PER"}, {"text": name, "type": "LOC"}]
    return {
        "id": f"d{number}",
        "text": text,
        "gold": {"entities": gold},
        "predicted": {"entities": found},
        "raw": [],
        "problems": [],
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A prediction file of these rows; a string is a line as it stands."""

    def written(name: str, rows: Sequence[Row | str]) -> Path:
        path = tmp_path / name
        lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return written


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
