"""File formats that become Records: one file each, one line in FORMATS."""

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from ..errors import ConfigError
from ..records import Record, Rejected
from . import (
    brat,
    casrel,
    chat,
    conll,
    conll04,
    conll_pair,
    ctinexus,
    detect,
    doccano,
    duee,
    duie,
    entity_instruct,
    fewfc,
    hub,
    iepile,
    instructie,
    multi_doc_qa,
    raw_graph,
    records,
    spacy,
    spert,
    spo_details,
    squad,
    tag_lines,
    triple_instruct,
)
from .format import Format, Read, Sample
from .lines import Parse, identified, read_lines, renamed

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        records.RECORDS,
        iepile.IEPILE,
        instructie.INSTRUCTIE,
        triple_instruct.TRIPLE_INSTRUCT,
        entity_instruct.ENTITY_INSTRUCT,
        raw_graph.RAW_GRAPH,
        ctinexus.CTINEXUS,
        multi_doc_qa.MULTI_DOC_QA,
        multi_doc_qa.MULTI_DOC_QA_DISTRACTORS,
        squad.SQUAD,
        duie.DUIE,
        duee.DUEE,
        fewfc.FEWFC,
        chat.MESSAGES,
        chat.SHAREGPT,
        chat.ALPACA,
        casrel.CASREL,
        spert.SPERT,
        spo_details.SPO_DETAILS,
        doccano.DOCCANO,
        spacy.SPACY,
        brat.BRAT,
        conll_pair.CONLL_PAIR,
        conll04.CONLL04,
        tag_lines.TAG_LINES,
        conll.CONLL,
    )
}
"""In the order in which a file's head is held against them: the ones with the least in common with others first."""

AUTO = "auto"

__all__ = ["AUTO", "FORMATS", "Format", "Sample", "find_format", "open_format", "open_hub", "reader"]


def reader(name: str) -> Read:
    """The reader of that name; `auto` is one that looks at each file. Raises ConfigError, naming the nearest one."""
    return partial(open_format, name) if name == AUTO else named(name).read


def named(name: str) -> Format:
    """The format of that name. Raises ConfigError, naming the nearest one and all."""
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name, FORMATS, 1, 0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(f"no reader {name!r}", remedy=f"{hint}Known readers: {AUTO}, {', '.join(FORMATS)}")


def find_format(name: str, path: Path, columns: Mapping[str, str] | None = None) -> Format:
    """The format of that name, or the one the file is in for `auto`. Raises ConfigError, DataError."""
    return detect.recognise(detect.sample(path, columns), FORMATS) if name == AUTO else named(name)


def open_format(name: str, path: Path, columns: Mapping[str, str] | None = None) -> Iterator[Record | Rejected]:
    """The records of a file whose columns may have names of their own: {field of the format: column of the file}.

    Raises ConfigError for an unknown format, or columns of one that has none; DataError if the file cannot be read.
    """
    one = find_format(name, path, columns)
    if not columns:
        return one.read(path)
    results = read_lines(path, renamed(_parse_of(one), columns))
    return identified(one.merge(results) if one.merge else results)


def open_hub(
    source: str, name: str = AUTO, columns: Mapping[str, str] | None = None, root: Path = Path()
) -> dict[str, Iterator[Record | Rejected]]:
    """The records of each split of a `hf:` source, read as one of the formats that are JSON objects.

    A folder is sought below `root`.
    Raises ConfigError for a format that is not, DataError if the data set cannot be had.
    """
    opened: dict[str, Iterator[Record | Rejected]] = {}
    for split, rows in hub.splits(source, root).items():
        found, rows = hub.sampled(source, rows, columns or {})
        one = detect.recognise(found, _of_rows()) if name == AUTO else named(name)
        results = hub.parsed(rows, f"{source}/{split}", renamed(_parse_of(one), columns or {}))
        opened[split] = identified(one.merge(results) if one.merge else results)
    return opened


def _of_rows() -> dict[str, Format]:
    return {name: one for name, one in FORMATS.items() if one.parse}


def _parse_of(one: Format) -> Parse:
    if one.parse is None:
        raise ConfigError(
            f"{one.name} is not a format of rows with columns",
            remedy=f"Take data.columns away, or set data.reader to one of {', '.join(_of_rows())}",
        )
    return one.parse
