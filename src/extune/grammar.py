"""Pieces of a Lark grammar for llguidance: literals, and strings that can only be copied from the source.

Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md
"""

import json
from collections.abc import Callable, Iterable, Sequence

Escape = Callable[[str], str]


def literal(text: str) -> str:
    """A Lark string that matches exactly `text`; in ASCII, since llguidance refuses a bare DEL."""
    return json.dumps(text)


def substring(text: str, escape: Escape) -> str:
    """Definition of the terminal SPAN: any non-empty substring of `text`, spelled with `escape`.

    Escaped characters are the units, so a match can neither begin nor end inside an escape.
    An empty text has no span: the terminal then matches a byte that JSON and lines forbid.
    """
    if not text:
        return "SPAN: /\\x00/\n"
    chunks = json.dumps([escape(char) for char in text], ensure_ascii=False)
    return f'COPY: %regex {{ "substring_chunks": {chunks} }}\nSPAN: COPY & /(?s:.+)/\n'


def choice(options: Iterable[str]) -> str:
    """One of the rules or literals."""
    return "(" + " | ".join(options) + ")"


def repeated(item: str, separator: str, limit: int) -> str:
    """Up to `limit` items with a separator between; none is allowed."""
    more = f" ({separator} {item}){{0,{limit - 1}}}" if limit > 1 else ""
    return f"({item}{more})?"


class Rules:
    """Named rules, equal ones under one name: a grammar then grows with its distinct parts, not with its depth."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, body: str) -> str:
        """The name of the rule with this body."""
        return self._names.setdefault(body, f"r{len(self._names)}")

    def text(self) -> str:
        """The definitions of all rules."""
        return "".join(f"{name}: {body}\n" for body, name in self._names.items())


def selected(parts: Sequence[tuple[str, bool]], separator: str, rules: Rules) -> str:
    """Parts in their order with a separator between; those marked optional (True) may be left out."""
    needed = next((n for n, (_, optional) in enumerate(parts) if not optional), len(parts))
    rest = " ".join(
        f"({separator} {part})?" if optional else f"{separator} {part}" for part, optional in parts[needed:]
    )
    if not needed:
        return rest.removeprefix(separator).strip()
    options = [rest.removeprefix(separator).strip()] if rest else []
    follow = rules.add(rest) if rest else ""
    for part, _ in reversed(parts[:needed]):
        options.append(f"{part} {follow}".strip())
        follow = rules.add(f"({separator} {part})? {follow}".strip())
    return choice(options) + ("" if rest else "?")
