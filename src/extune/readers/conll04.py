"""CoNLL-2004 entities and relations as a table: number, token, BIO tag, relations, numbers of the other ends' tokens.

A relation stands at the last token of its head and names the last token of its tail; `#doc N` begins a document.
Form of https://github.com/bekou/multihead_joint_entity_relation_extraction
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from ..files import raw_lines
from ..records import Entity, Record, Rejected, Relation, detect_language
from .conll import MOST_LINES, Block
from .format import Format, Sample
from .lines import checked, identified, parse_json
from .plain import decoded, refused
from .tags import is_tag, parse_tag, spans
from .tokens import entity_at, joined

T = TypeVar("T", str, int)

NONE = "N"
"""The relation of a token that heads none."""


class Line(NamedTuple):
    """One token; `relations[i]` leads to token `ends[i]`."""

    token: str
    tag: str
    relations: list[str]
    ends: list[int]


def read(path: Path) -> Iterator[Record | Rejected]:
    """One record a document, whose number is its id. Tags are repaired as in `conll`.

    A document with an unknown tag, or a relation whose ends are not last tokens of entities, is rejected there.
    """
    yield from identified(_record(path, block) for block in _documents(path))


def _documents(path: Path) -> Iterator[Block]:
    """The lines of a document, its `#doc` line first."""
    block: Block = []
    for number, line in raw_lines(path):
        if block and line.startswith(b"#doc"):
            yield block
            block = []
        if len(block) <= MOST_LINES:
            block.append((number, line))
    if block:
        yield block


def _record(path: Path, block: Block) -> Record | Rejected:
    name = ""
    lines: list[Line] = []
    number, raw = block[0]
    if len(block) > MOST_LINES:
        return refused(f"{path}:{number}", f"more than {MOST_LINES} lines without a line #doc", raw)
    try:
        for number, raw in block:  # noqa: B007  a bad line is the last one seen
            if raw.startswith(b"#doc"):
                name = decoded(raw).removeprefix("#doc").strip()
            else:
                lines.append(_line(decoded(raw), len(lines)))
        number, raw = block[0]
        return _document(name, lines, f"{path}:{number}")
    except ValueError as exc:
        return refused(f"{path}:{number}", exc, raw)


def _line(text: str, number: int) -> Line:
    row = text.split("\t")
    if len(row) != 5:
        raise ValueError(f"{len(row)} columns where 5 are wanted: number, token, tag, relations, ends")
    if row[0] != str(number):
        raise ValueError(f"token {row[0]!r} where {number} is wanted")
    if not row[1]:
        raise ValueError("the token is empty")
    parse_tag(row[2])
    relations, ends = _list(row[3].replace("'", '"'), str), _list(row[4], int)
    if len(relations) != len(ends):
        raise ValueError(f"{len(relations)} relations but {len(ends)} ends")
    return Line(row[1], row[2], relations, ends)


def _list(text: str, kind: type[T]) -> list[T]:
    try:
        values = parse_json(text)
    except RecursionError:
        values = None
    if not (isinstance(values, list) and all(type(value) is kind for value in values)):
        raise ValueError(f"not a list of {'names' if kind is str else 'numbers'}: {text[:60]!r}")
    return values


def _document(name: str, lines: list[Line], where: str) -> Record:
    text, places = joined([line.token for line in lines])
    ends = {
        end - 1: entity_at(text, places, start, end, label) for start, end, label in spans([li.tag for li in lines])
    }
    relations = tuple(_relations(lines, ends))
    return checked(Record(name, text, detect_language(text), tuple(ends.values()), relations, where=where))


def _relations(lines: Iterable[Line], ends: Mapping[int, Entity]) -> Iterator[Relation]:
    for number, line in enumerate(lines):
        for label, other in zip(line.relations, line.ends, strict=True):
            if label == NONE:
                continue
            if number not in ends or other not in ends:
                raise ValueError(f"relation {label!r} from token {number} to {other}: not the last tokens of entities")
            head, tail = ends[number], ends[other]
            yield Relation(head.text, label, tail.text, head.type, tail.type)


def matches(sample: Sample) -> bool:
    """Whether a `#doc` line is followed by a table of five columns."""
    lines = sample.text.lstrip("\ufeff").splitlines()[:2]
    row = lines[1].split("\t") if len(lines) > 1 and lines[0].startswith("#doc") else []
    return len(row) == 5 and row[0] == "0" and is_tag(row[2])


CONLL04 = Format("conll04", read, matches)
