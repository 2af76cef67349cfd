"""Rows in parts that are small enough to be looked at one by one: on disk, once they are many."""

import json
from collections.abc import Hashable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, TypeAlias

Row: TypeAlias = list[Any]
"""Plain JSON; tuples come back as lists."""

PARTS = 256
WAITING = 20_000
"""Rows that are held in memory."""

IN_MEMORY = 2**22
"""Bytes of a temporary file that are held in memory before it is one."""


class Scratch(SpooledTemporaryFile[bytes]):
    """A file that is gone with its owner, in memory while it is small."""

    def __init__(self) -> None:
        super().__init__(IN_MEMORY)

    def __del__(self) -> None:
        self.close()


class Parts:
    """Rows by a key: those of one key are in one part, a 256th of all. About as many bytes of disk as they have."""

    def __init__(self) -> None:
        self.file = Scratch()
        self.places: list[list[int]] = [[] for _ in range(PARTS)]
        self.waiting: list[list[Row]] = [[] for _ in range(PARTS)]
        self.count = 0

    def add(self, key: Hashable, row: Row) -> None:
        """Put a row into the part of its key."""
        self.waiting[hash(key) % PARTS].append(row)
        self.count += 1
        if self.count >= WAITING:
            self._store()

    def _store(self) -> None:
        self.file.seek(0, 2)
        for places, rows in zip(self.places, self.waiting, strict=True):
            if rows:
                places.append(self.file.tell())
                self.file.write(json.dumps(rows).encode() + b"\n")
                rows.clear()
        self.count = 0

    def part(self, number: int) -> Iterator[Row]:
        """The rows of one part, in the order in which they came."""
        for place in self.places[number]:
            self.file.seek(place)
            yield from json.loads(self.file.readline())
        yield from self.waiting[number]
