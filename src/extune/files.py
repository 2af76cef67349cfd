"""Files that appear whole or not at all, and JSON Lines that know where each line stands."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import DataError


@contextmanager
def atomic(path: Path | str) -> Iterator[IO[str]]:
    """Open a temporary neighbour of `path` and rename it into place only after a clean, synced close."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path | str, value: Any) -> None:
    """Write one JSON document: sorted keys, two spaces, a final newline, so equal values give equal bytes."""
    with atomic(path) as handle:
        handle.write(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def read_json(path: Path | str, remedy: str = "") -> Any:
    """Read one JSON document. Raises DataError if the file is missing or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("file not found", where=str(path), remedy=remedy) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise DataError(f"not JSON ({exc})", where=str(path), remedy=remedy) from None


def write_jsonl(path: Path | str, rows: Iterable[Any]) -> int:
    """Write rows as JSON Lines and say how many there were."""
    count = 0
    with atomic(path) as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl(path: Path | str, remedy: str = "") -> Iterator[Any]:
    """Rows of a file this project wrote. Raises DataError with `file:line` at the first bad line."""
    for number, line in numbered_lines(path, remedy):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as exc:
            raise DataError(f"not JSON ({exc.msg})", where=f"{path}:{number}", remedy=remedy) from None


def numbered_lines(path: Path | str, remedy: str = "") -> Iterator[tuple[int, str]]:
    """The non-blank lines of a text file with their numbers.

    Raises DataError if the file is missing or a line is not UTF-8.
    """
    for number, raw in raw_lines(path, remedy):
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise DataError(f"not UTF-8 ({exc.reason})", where=f"{path}:{number}") from None


def raw_lines(path: Path | str, remedy: str = "") -> Iterator[tuple[int, bytes]]:
    """The non-blank lines with their numbers, not yet decoded; a BOM and CRLF line ends are taken off.

    Raises DataError if the file is missing.
    """
    try:
        with open(path, "rb") as handle:
            for number, raw in enumerate(handle, 1):
                line = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).rstrip(b"\r\n")
                if line.strip():
                    yield number, line
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("file not found", where=str(path), remedy=remedy) from None
