"""Files that appear whole or not at all, and JSON Lines that know where each line stands."""

import csv
import gzip
import io
import json
import lzma
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from .errors import DataError

MAX_RECORD = 16 * 2**20
"""Bytes of the longest line or JSON element that is held in memory: the longest real document has a tenth of it."""

HEAD = 500
"""Bytes that are kept of one that is longer."""


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


def write_csv(path: Path | str, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows under a line of these names, which are their keys."""
    with atomic(path) as handle:
        writer = csv.DictWriter(handle, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


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
        if isinstance(raw, Unread):
            raise DataError(raw.reason, where=f"{path}:{number}")
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise DataError(f"not UTF-8 ({exc.reason})", where=f"{path}:{number}") from None


def count_lines(path: Path | str) -> int:
    """How many lines a file has, for a progress bar; a packed one is not unpacked for it. 0 where there is no file."""
    try:
        with open(path, "rb") as handle:
            return sum(block.count(b"\n") for block in iter(lambda: handle.read(2**20), b""))
    except OSError:
        return 0


class Unread(bytes):
    """The head of a line or element that is not to be parsed, and why; bytes, so that most readers need not care."""

    reason: str

    def __new__(cls, head: bytes, reason: str) -> "Unread":
        """Nothing is cut here: `head` is what goes to the quarantine file."""
        self = super().__new__(cls, head)
        self.reason = reason
        return self

    def __reduce__(self) -> tuple[type["Unread"], tuple[bytes, str]]:
        """As it was, on its way to a worker process."""
        return Unread, (bytes(self), self.reason)


def too_long(head: bytes, size: int) -> Unread:
    """A line or element of `size` bytes, of which `head` is the beginning."""
    return Unread(head[:HEAD], f"{size} bytes long, more than {MAX_RECORD} a record")


def raw_lines(path: Path | str, remedy: str = "") -> Iterator[tuple[int, bytes]]:
    """The non-blank lines with their numbers, not yet decoded; a BOM and CRLF line ends are taken off.

    A line longer than MAX_RECORD is an Unread. Raises DataError if the file cannot be read.
    """
    with opened(path, remedy) as handle:
        yield from split_lines(handle)


def split_lines(handle: "io.BufferedReader[Any] | io.BytesIO", first: int = 1) -> Iterator[tuple[int, bytes]]:
    """`raw_lines` of an open file, which stands at the line numbered `first`."""
    for number, raw in enumerate(iter(partial(handle.readline, MAX_RECORD + 1), b""), first):
        if len(raw) > MAX_RECORD and not raw.endswith(b"\n"):
            yield number, too_long(raw, _whole_size(raw, handle))
            continue
        line = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).rstrip(b"\r\n")
        if line and not line.isspace():
            yield number, line


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file, the first of them numbered `number`: they are split where they are iterated over."""

    number: int
    data: bytes

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """As `raw_lines`."""
        return split_lines(io.BytesIO(self.data), self.number)


def line_blocks(path: Path | str, size: int) -> Iterator[Iterable[tuple[int, bytes]]]:
    """What `raw_lines` gives, in parts of at least `size` bytes that are quickly made and cheap to hand on."""
    with opened(path) as handle:
        number = 1
        while data := handle.read(size):
            tail = handle.readline(MAX_RECORD + 1)
            whole = len(tail) <= MAX_RECORD or tail.endswith(b"\n")
            cut = len(data) if whole else data.rfind(b"\n") + 1
            yield Block(number, data + tail if whole else data[:cut])
            number += data.count(b"\n", 0, cut) + whole
            if not whole:
                head = data[cut:] + tail
                yield [(number, too_long(head, _whole_size(head, handle)))]
                number += 1


def _whole_size(head: bytes, handle: "io.BufferedReader[Any] | io.BytesIO") -> int:
    """Bytes of the line that begins so, without its end; the rest of it is read and let go."""
    size, last = len(head), head[-2:]
    for part in iter(lambda: handle.readline(2**20), b""):
        size, last = size + len(part), (last + part)[-2:]
        if part.endswith(b"\n"):
            break
    return size - len(last) + len(last.rstrip(b"\r\n"))


PACKED = {b"\xfd7zXZ\0": lzma.open, b"\x1f\x8b": gzip.open}
"""First bytes of a compressed file -> what reads through it."""

BLOCK = 64 * 1024


@contextmanager
def opened(path: Path | str, remedy: str = "") -> Iterator["io.BufferedReader[Any]"]:
    """The bytes of a file, those inside of an .xz or .gz one. Raises DataError if missing, unreadable or damaged."""
    try:
        with io.BufferedReader(io.FileIO(path), BLOCK) as file:
            head = file.peek(8)
            unpack: Any = next((unpack for magic, unpack in PACKED.items() if head.startswith(magic)), None)
            if unpack is None:
                yield file
            else:
                with io.BufferedReader(unpack(file), BLOCK) as handle:
                    yield handle
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("file not found", where=str(path), remedy=remedy) from None
    except (lzma.LZMAError, gzip.BadGzipFile, zlib.error, EOFError) as exc:
        raise DataError(f"damaged compressed file ({exc})", where=str(path)) from None
    except OSError as exc:
        raise DataError(f"cannot be read ({exc.strerror})", where=str(path), remedy=remedy) from None
