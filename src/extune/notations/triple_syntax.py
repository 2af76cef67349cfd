"""The text form of a triple: `(head, relation, tail)`, one a line.

A backslash stands before `\\`, `,`, `(` and `)` inside a field; a newline is `\\n`. So a field may hold
anything, and a line is read in one way only. Plain lines have nothing to escape.
"""

import re

NO_TRIPLES = frozenset({"", "无", "没有", "none"})

_FIELD = r"((?:\\.|[^\\{specials}])+)"
_PLAIN = re.compile(r"\({f},{f},{f}\)".replace("{f}", _FIELD.replace("{specials}", ",()")))
# Full-width punctuation separates only in a line that cannot be read without: in a Chinese span it is text.
_WIDE = re.compile(r"[(（]{f}[,，]{f}[,，]{f}[)）]".replace("{f}", _FIELD.replace("{specials}", ",()，（）")))


def escape(text: str) -> str:
    """A field, or one character of it, as it stands in a line."""
    return re.sub(r"[\\,()]", r"\\\g<0>", text).replace("\n", "\\n")


def format_triple(head: str, relation: str, tail: str) -> str:
    """One line; `parse_triples` gives the fields back unless one is empty or has white space at an end."""
    return f"({escape(head)}, {escape(relation)}, {escape(tail)})"


def parse_triples(text: str) -> list[tuple[str, str, str]]:
    """Every line a triple, blank lines skipped; no text, or a word for `none`, is no triple.

    Raises ValueError, naming the line, for one that is not a triple.
    """
    if text.strip().casefold() in NO_TRIPLES:
        return []
    lines = enumerate(text.split("\n"), 1)
    return [_triple(line.strip(), number) for number, line in lines if line.strip()]


def _triple(line: str, number: int) -> tuple[str, str, str]:
    match = _PLAIN.fullmatch(line) or _WIDE.fullmatch(line)
    fields = [_unescape(field.strip()) for field in match.groups()] if match else []
    if not all(fields) or not fields:
        raise ValueError(f"line {number} is not a triple: {line[:200]!r}")
    head, relation, tail = fields
    return head, relation, tail


def _unescape(field: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], field, flags=re.DOTALL)
