"""Many places, each `file:line`, in eight bytes each: the number of the file's name, and the line."""

from array import array

LONGEST = 9
"""Digits of a line number."""


class Places:
    """Places by the number of their turn; one that has no line is kept as it is."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.files = array("I")
        self.lines = array("I")

    def add(self, place: str) -> None:
        """Keep one more."""
        name, colon, line = place.rpartition(":")
        if not (colon and line.isascii() and line.isdecimal() and line[0] != "0" and len(line) <= LONGEST):
            name, line = place, "0"
        self.files.append(self.names.setdefault(name, len(self.names)))
        self.lines.append(int(line))

    def __getitem__(self, number: int) -> str:
        name = next(name for name, file in self.names.items() if file == self.files[number])
        return f"{name}:{self.lines[number]}" if self.lines[number] else name
