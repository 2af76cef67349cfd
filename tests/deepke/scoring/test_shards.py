"""Stretches of a file scored apart are the file's score."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extune.deepke.scoring import score_file, score_lines
from extune.errors import ConfigError, DataError
from extune.files import raw_lines

ANN = [{"entity": "Ann", "entity_type": "P"}]


def line(text: int, output: Any) -> bytes:
    row = {"id": str(text), "source": f"s{text % 2}", "instruction": "{}", "label": json.dumps(ANN)}
    return json.dumps({**row, "output": json.dumps(output)}).encode()


def lines(texts: int, seed: int = 0) -> list[bytes]:
    """One to four lines a text, some that cannot be read, some blank."""
    rng = random.Random(seed)
    found = [line(n, {"P": rng.choices(["Ann", "Bob"], k=2)}) for n in range(texts) for _ in range(rng.randint(1, 4))]
    for bad in (b"{", b"", b"[1]", b"\xff"):
        found.insert(rng.randrange(len(found)), bad)
    return found


@pytest.mark.parametrize("workers", [2, 3, 7])
@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n"])
def test_the_score_does_not_depend_on_the_number_of_processes(tmp_path: Path, workers: int, end: bytes) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\n".join(lines(60, workers)) + end)
    assert score_file(path, "NER", workers=workers) == score_lines(raw_lines(path), "NER", name=str(path))


def test_lines_of_a_text_that_stand_far_apart_are_scored_together(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\n".join(line(n % 20, {"P": ["Ann"]}) for n in range(60)))
    found = score_file(path, "NER", workers=3)
    assert found.figures["total"] == {"总样本数": 20, "错误数": 0, "P": 33.33, "R": 100.0, "F1": 50.0}


def test_bad_lines_have_their_numbers_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    rows = [line(n, {}) for n in range(100)]
    rows[40], rows[41], rows[90] = b"", b"{", b"[1]"
    path.write_bytes(b"\n".join(rows))
    reasons = score_file(path, "NER", workers=4).reasons
    assert [reason.split(": ")[0] for reason in reasons] == [f"{path}:42", f"{path}:91"]


def test_one_text_is_one_stretch(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\n".join([line(1, {"P": ["Ann"]})] * 50))
    assert score_file(path, "NER", workers=4).figures["total"]["总样本数"] == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(drawn=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40), workers=st.integers(2, 5))
def test_in_any_order_of_lines(tmp_path: Path, drawn: list[tuple[int, bool]], workers: int) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"".join(line(text, {"P": ["Ann"] if right else []}) + b"\n" for text, right in drawn))
    assert score_file(path, "NER", workers=workers) == score_lines(raw_lines(path), "NER", name=str(path))


def test_a_packed_file_is_read_by_one_process(tmp_path: Path) -> None:
    plain, packed = tmp_path / "p.jsonl", tmp_path / "p.jsonl.gz"
    plain.write_bytes(b"\n".join(lines(30)))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert score_file(packed, "NER", workers=4).figures == score_file(plain, "NER", workers=1).figures


def test_what_is_wrong_is_said_as_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\n".join(lines(60)))
    with pytest.raises(ConfigError, match="no match mode 'strict'"):
        score_file(path, "NER", match="strict", workers=2)
    with pytest.raises(DataError, match="file not found"):
        score_file(tmp_path / "gone.jsonl", "NER")
