"""Lines of any format as our own neutral records, and the schema that a source implies."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..readers import FORMATS, open_format
from ..readers.hub import is_hub
from ..readers.lines import read_line, renamed
from ..records import Record, Rejected, record_to_json
from ..schema import FILE_NAMES, Schema, collect, read_schema
from .batches import Line
from .iepile import name_of
from .parts import Convert
from .source import hub_records


def neutral(form: str, path: str, columns: Mapping[str, str]) -> Convert:
    """Converts lines of a format into records of the neutral form, one line each."""
    parse = FORMATS[form].parse
    assert parse is not None
    named = renamed(parse, columns)

    def one(line: Line) -> bytes | Rejected:
        number, raw = line
        record = read_line(raw, f"{path}:{number}", named)
        if isinstance(record, Rejected):
            return record
        record = record if record.id else replace(record, id=name_of(record.text, number))
        return json.dumps(record_to_json(record), ensure_ascii=False).encode() + b"\n"

    return one


def schema_for(source: str, reader: str, columns: Mapping[str, str], given: Path | None, split: str = "") -> Schema:
    """The schema file given, else one beside the source, else what all its records imply (one pass more)."""
    if given:
        return read_schema(given, "Name a schema file, or none")
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    found = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if found and not is_hub(source):
        return read_schema(found[0])
    return collect(result for result in _results(source, reader, columns, split) if isinstance(result, Record))


def _results(source: str, reader: str, columns: Mapping[str, str], split: str) -> Iterator[Record | Rejected]:
    if is_hub(source):
        return hub_records(source, reader, columns, split)
    return open_format(reader, Path(source), columns)
