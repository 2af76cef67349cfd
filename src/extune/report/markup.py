"""HTML that is safe by construction: every string is escaped unless `tag` or `join` made it."""

import html
import json
import re
from collections.abc import Iterable
from typing import Any


class Markup(str):
    """Text that is HTML already; any other string that reaches `tag` is data."""

    __slots__ = ()


_SURROGATE = re.compile("[\ud800-\udfff]")
_VOID = {"meta", "input"}


def escaped(value: str) -> Markup:
    """The string as HTML; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    return value if isinstance(value, Markup) else Markup(html.escape(_SURROGATE.sub("\ufffd", value)))


def join(parts: Iterable[str]) -> Markup:
    """Parts one after the other."""
    return Markup("".join(map(escaped, parts)))


def tag(name: str, /, *children: str, **attributes: str | int | float | None) -> Markup:
    """An element: `class_` is written `class`, `aria_label` `aria-label`; None leaves an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{join(children)}</{name}>")


def data(value: Any, id: str) -> Markup:
    """JSON for the page's script, with nothing in it that could end the element it stands in."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        written = written.replace(char, f"\\u{ord(char):04x}")
    written = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", written)
    return tag("script", Markup(written), type="application/json", id=id)


def scrollable(inner: Markup, label: str, class_: str = "scroll") -> Markup:
    """A wide thing that scrolls by itself, also by keyboard."""
    return tag("div", inner, class_=class_, tabindex=0, role="region", aria_label=label)


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"
