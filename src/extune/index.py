"""Strings numbered in the order in which they first came, each kept as eight bytes of its hash and a place in a table.

14 to 20 bytes a string, where a dict of strings takes 200. That two strings share a hash has a chance of 1 in 10
million among 2 million of them.
"""

from array import array
from hashlib import blake2b

SMALLEST = 1024
"""Places of an empty table: a power of two."""


def key_of(*parts: str) -> int:
    """Eight bytes that stand for these strings; the same in every process."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


class Index:
    """The keys in order, and an open-addressing table of their numbers (from 1; 0 is an empty place)."""

    def __init__(self) -> None:
        self.keys = array("Q")
        self.table = _empty(SMALLEST)

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: int) -> bool:
        return self.table[self._place(key)] > 0

    def find(self, key: int) -> int:
        """The number of a key, from 0; -1 for one that was not added."""
        return self.table[self._place(key)] - 1

    def add(self, key: int) -> bool:
        """Give a new key the next number; whether it was new."""
        place = self._place(key)
        if self.table[place]:
            return False
        self.keys.append(key)
        self.table[place] = len(self.keys)
        if 3 * len(self.keys) > 2 * len(self.table):
            self._grow()
        return True

    def _place(self, key: int) -> int:
        """Where the key stands, or the empty place where it would."""
        table, keys = self.table, self.keys
        mask = len(table) - 1
        place = key & mask
        while (number := table[place]) and keys[number - 1] != key:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        self.table = table = _empty(2 * len(self.table))
        mask = len(table) - 1
        for number, key in enumerate(self.keys, 1):
            place = key & mask
            while table[place]:
                place = (place + 1) & mask
            table[place] = number


def _empty(size: int) -> "array[int]":
    return array("I", bytes(4 * size))
