"""The objects of a JSON file one by one, as bytes with the line each starts on: memory holds one at a time.

A file is JSON Lines, or one array of objects, or objects spread over lines (one, or one after another).
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import BLOCK, HEAD, MAX_RECORD, Unread, opened, split_lines, too_long

MAX_DEPTH = 1_000_000
"""Brackets that are counted before an element is given up; the JSON parser gives up long before."""

_BOM = b"\xef\xbb\xbf"
_ARRAY = re.compile(rb"\[\s*(?:[{\]]|\Z)")
# An object whose first line ends where a printer breaks lines; one that was cut off rarely ends so.
_SPREAD = re.compile(rb'\{\s*(?:\n|\Z)|\{[^\n]*(?:[\[{]|,(?=\s*\n\s*["}]))[^\S\n]*\n')
_BETWEEN = re.compile(rb"[\s,\]]*")
_SIGN = re.compile(rb'\\.|["{}\[\]\n]', re.DOTALL)
_SCALAR = re.compile(rb"[^,\]\n]*")
_CLOSING = {b"{": ord("}"), b"[": ord("]")}


def raw_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """The bytes of each record with the number of its first line; Unread where one is longer than MAX_RECORD.

    Raises DataError if the file cannot be read.
    """
    with opened(path) as handle:
        head = _head(handle)
        is_array = bool(_ARRAY.match(head))
        yield from elements(handle, is_array) if is_array or _SPREAD.match(head) else split_lines(handle)


def has_lines(path: Path) -> bool:
    """Whether a file is JSON Lines, by its head. Raises DataError if it cannot be read."""
    with opened(path) as handle:
        head = _head(handle)
    return not (_ARRAY.match(head) or _SPREAD.match(head))


def _head(handle: "io.BufferedReader[Any]") -> bytes:
    return handle.peek(BLOCK)[:BLOCK].removeprefix(_BOM).lstrip()


class _Window:
    """The part of a file under the eye, which begins at `at` in `data`, on line `line`."""

    def __init__(self, handle: "io.BufferedReader[Any]") -> None:
        self.handle, self.data, self.at, self.line = handle, handle.read(BLOCK).removeprefix(_BOM), 0, 1

    def __len__(self) -> int:
        return len(self.data) - self.at

    def more(self) -> bool:
        """Grow by as much as there is, so that a long element is not copied for every block of it."""
        block = self.handle.read(max(BLOCK, len(self)))
        self.data, self.at = self.data[self.at :] + block, 0
        return bool(block)

    def take(self, size: int) -> bytes:
        """The first bytes, which are then let go."""
        taken = self.data[self.at : self.at + size]
        self.at += len(taken)
        self.line += taken.count(b"\n")
        return taken


def elements(handle: "io.BufferedReader[Any]", is_array: bool) -> Iterator[tuple[int, bytes]]:
    """The objects of an array, or those that stand one after another.

    A broken one ends before the next line that begins like it did, so those after it are read.
    """
    window = _Window(handle)
    closed = not is_array
    if is_array:
        window.take(window.data.index(b"[") + 1)
    restart = re.compile(rb"\n ?(?=\{)")
    while True:
        between = _between(window)
        closed = closed or b"]" in between
        if not window:
            break
        _, newline, indent = between.rpartition(b"\n")
        if newline:
            restart = re.compile(rb"\n" + re.escape(indent) + rb"(?=\{)")
        yield window.line, _element(window, restart)
    if not closed:
        yield window.line, Unread(b"", "the array is not closed: the end of the file is missing")


def _between(window: _Window) -> bytes:
    """The blanks, commas and closing brackets before the next element, taken out of the window."""
    between = b""
    while window or window.more():
        match = _BETWEEN.match(window.data, window.at)
        taken = window.take(match.end() - window.at if match else 0)
        between = (between + taken)[-HEAD:]
        if window:
            break
    return between


def _element(window: _Window, restart: re.Pattern[bytes]) -> bytes:
    """One element, taken out of the window; what stands before `restart` where it is broken."""
    if window.data[window.at] not in b"{[":
        match = _SCALAR.match(window.data, window.at)
        return window.take(match.end() - window.at if match and match[0] else 1)
    scan = _Scan()
    head, gone = b"", 0  # of an element too long to hold: its beginning, and how much of it was let go
    while True:
        end = scan.run(window.data, window.at)
        if end is not None:
            return _sized(window.take(end - window.at), head, gone)
        if scan.broken or (len(window) > MAX_RECORD and restart.search(window.data, window.at + 1)):
            return _broken(window, restart, head, gone)
        if len(window) > MAX_RECORD:
            head = head or window.data[window.at : window.at + HEAD]
            gone += len(window.take(scan.seen))
            scan.seen = 0
        if not window.more():
            return _broken(window, restart, head, gone)


class _Scan:
    """Where the scanning of an element stands: its first `seen` bytes, the brackets to be closed."""

    def __init__(self) -> None:
        self.seen, self.quoted, self.open, self.broken = 0, False, bytearray(), False

    def run(self, data: bytes, start: int) -> int | None:
        """The end of the element that begins at `start`, or None: it is `broken`, or more data is wanted."""
        stack, quoted, last = self.open, self.quoted, start + self.seen
        for sign in _SIGN.finditer(data, last):
            char, last = sign[0], sign.end()
            if char == b'"':
                quoted = not quoted
            elif quoted:
                self.broken = char.endswith(b"\n")
            elif char in _CLOSING:
                stack.append(_CLOSING[char])
                self.broken = len(stack) > MAX_DEPTH
            elif char in b"}]":
                self.broken = stack.pop() != char[0]
                if not stack and not self.broken:
                    return last
            if self.broken:
                return None
        self.quoted = quoted
        self.seen = len(data) - start - (last < len(data) and data.endswith(b"\\"))
        return None


def _broken(window: _Window, restart: re.Pattern[bytes], head: bytes, gone: int) -> bytes:
    """The window up to the next element, or to the end of the file."""
    while not (match := restart.search(window.data, window.at + 1)):
        if len(window) > MAX_RECORD:
            head = head or window.data[window.at : window.at + HEAD]
            gone += len(window.take(len(window) - HEAD))
        if not window.more():
            return _sized(window.take(len(window)), head, gone)
    return _sized(window.take(match.start() - window.at), head, gone)


def _sized(taken: bytes, head: bytes, gone: int) -> bytes:
    size = gone + len(taken)
    return too_long(head or taken, size) if size > MAX_RECORD else taken.rstrip()
