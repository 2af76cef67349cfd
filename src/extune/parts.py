"""Which characters of an answer say which of its items: the answer cut into parts that each read as an answer.

A part is what a notation writes for one item: an element of a list of JSON, a line, a marked stretch. It begins with
the comma, bracket, newline or tag that decided that there is one more.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .shapes import Fields, Id, Keyed, Many, Shape

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """`ranges` of characters, end exclusive; `answer` says only this, and what `context` says, which it refers to."""

    ranges: tuple[Range, ...]
    answer: str
    context: str = ""


def parts(notation: str, answer: str, shape: Fields) -> Iterator[Part]:
    """The parts of an answer in order, up to where it breaks off; of a notation without any, none."""
    if notation not in _PARTS:
        return
    try:
        yield from _PARTS[notation](answer, shape)
    except (ValueError, RecursionError):
        return


def _lines(answer: str, shape: Fields) -> Iterator[Part]:
    start = 0
    for line in answer.split("\n"):
        yield Part(((max(start - 1, 0), start + len(line)),), line)
        start += len(line) + 1


_TAG = re.compile(r"\\[\\<]|<(?P<slash>/?)(?P<name>(?:\\.|[^\\<>])+)>", re.DOTALL)


def _marked(answer: str, shape: Fields) -> Iterator[Part]:
    opened: list[tuple[str, int]] = []
    for tag in _TAG.finditer(answer):
        if tag["name"] and not tag["slash"]:
            opened.append((tag["name"], tag.start()))
        elif tag["name"] and opened and opened[-1][0] == tag["name"]:
            _, start = opened.pop()
            yield Part(((start, tag.end()),), answer[start : tag.end()])


def _sections(answer: str, shape: Fields) -> Iterator[Part]:
    """The sections of an object of JSON; what stands before one that uses ids goes with each of its parts."""
    earlier: list[str] = []
    for _, label, at in _members(answer, _skip(answer, 0)):
        inner = shape.fields.get(label)
        context = list(earlier) if _refers(inner) else []
        for ranges, spelled in _section(answer, inner, at):
            said = f"{_quoted(label)}: {spelled}"
            yield Part(ranges, _object(*context, said), _object(*context) if context else "")
        earlier.append(f"{_quoted(label)}: {answer[at : _end(answer, at)]}")


def _section(answer: str, shape: Shape | None, at: int) -> Iterator[tuple[tuple[Range, ...], str]]:
    """(ranges, the section with nothing else in it) of each part of a section, which begins at `at`."""
    match shape:
        case Many():
            yield from (((found,), f"[{_inner(answer, found)}]") for found in _elements(answer, at))
        case Keyed():
            for start, name, place in _members(answer, at):
                for ranges, spelled in _fillers(answer, place):
                    yield ((start, place), *ranges), _object(f"{_quoted(name)}: {spelled}")
        case _:
            end = _end(answer, at)
            yield ((at, end),), answer[at:end]


def _fillers(answer: str, at: int) -> Iterator[tuple[tuple[Range, ...], str]]:
    """The same of each filler of an object of slots."""
    for start, name, place in _members(answer, at):
        if answer[place : place + 1] == "[":
            for found in _elements(answer, place):
                yield ((start, place), found), _object(f"{_quoted(name)}: [{_inner(answer, found)}]")
        else:
            end = _end(answer, place)
            yield ((start, end),), _object(f"{_quoted(name)}: {answer[place:end]}")


def _refers(shape: Shape | None) -> bool:
    return isinstance(shape, Many) and isinstance(shape.of, Fields) and Id() in shape.of.fields.values()


def _inner(answer: str, found: Range) -> str:
    return answer[found[0] + 1 : found[1]]


def _object(*members: str) -> str:
    return f"{{{', '.join(members)}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


def _skip(answer: str, at: int) -> int:
    found = _SPACE.match(answer, at)
    return found.end() if found else at


def _end(answer: str, at: int) -> int:
    """Where the JSON value at `at` ends. Raises ValueError where it is not whole."""
    return int(_decode(answer, at)[1])


def _elements(answer: str, at: int) -> Iterator[Range]:
    """Each element of a list, from its bracket or comma on."""
    while answer[at : at + 1] in ("[", ","):
        start, at = at, _skip(answer, at + 1)
        if answer[at : at + 1] == "]":
            return
        end = _end(answer, at)
        yield start, end
        at = _skip(answer, end)


def _members(answer: str, at: int) -> Iterator[tuple[int, str, int]]:
    """(start, name, place of its value) of each member of an object, from its bracket or comma on."""
    while answer[at : at + 1] in ("{", ","):
        start, at = at, _skip(answer, at + 1)
        if answer[at : at + 1] == "}":
            return
        name, end = _decode(answer, at)
        place = _skip(answer, _skip(answer, end) + 1)
        yield start, str(name), place
        at = _skip(answer, _end(answer, place))


_PARTS: dict[str, Callable[[str, Fields], Iterator[Part]]] = {
    "iepile_json": _sections,
    "graph_json": _sections,
    "triple_lines": _lines,
    "entity_lines": _lines,
    "tags": _marked,
}
