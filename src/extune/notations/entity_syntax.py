"""The text form of a typed mention: `mention_type`, one a line; `没有` where there is none.

A backslash stands before `\\` and `_` inside a mention or type; a newline is `\\n`. So both may hold anything, a line
is read in one way only, and no beginning of a line reads as another mention. Plain lines have nothing to escape;
lines written by hand are split at their last `_`. Format: https://github.com/taishan1994/baichuan-Qlora-Tuning
"""

import re

NO_ENTITIES = "没有"
NONE_WORDS = frozenset({"", NO_ENTITIES, "无", "none"})

_LINE = re.compile(r"((?:\\.|[^\\])+)_((?:\\.|[^\\_])+)")


def escape(text: str) -> str:
    """A mention or type, or one character of it, as it stands in a line."""
    return re.sub(r"[\\_]", r"\\\g<0>", text).replace("\n", "\\n")


def format_entity(mention: str, name: str) -> str:
    """One line; `parse_entities` gives both back unless one is empty or has white space at an end."""
    return f"{escape(mention)}_{escape(name)}"


def parse_entities(text: str) -> list[tuple[str, str]]:
    """Every line a mention and its type, blank lines skipped; no text, or a word for `none`, is no mention.

    Raises ValueError, naming the line, for one that is not `mention_type`.
    """
    if text.strip().casefold() in NONE_WORDS:
        return []
    lines = enumerate(text.split("\n"), 1)
    return [_entity(line.strip(), number) for number, line in lines if line.strip()]


def _entity(line: str, number: int) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    mention, name = (_unescape(field.strip()) for field in match.groups()) if match else ("", "")
    if not mention or not name:
        raise ValueError(f"line {number} is not a mention and its type: {line[:200]!r}")
    return mention, name


def _unescape(field: str) -> str:
    """A backslash before any other letter is only itself: lines written by hand have it so."""
    return re.sub(r"\\([\\_n])", lambda match: "\n" if match[1] == "n" else match[1], field)
