"""Where labelled data lies: a file, a folder of splits, a folder that is one data set, or the hub."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from .errors import DataError
from .files import raw_lines
from .readers import AUTO, FORMATS, find_format, named, open_format, open_hub
from .readers.hub import is_hub
from .records import Record, Rejected

Splits: TypeAlias = dict[str, list[Record]]

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation", "eval"),
    "test": ("test", "testing"),
}
"""Each split with the names that files have for it."""
SUFFIXES = (".jsonl", ".json", ".txt", ".conll", ".bio", ".bmes", ".tsv", ".iob")
PACKED = ("", ".xz", ".gz")


@dataclass(frozen=True)
class Source:
    """What a source holds; `formats` says in which format each split was read."""

    splits: Splits
    rejected: list[Rejected]
    formats: Mapping[str, str]


def read_source(source: str, reader: str, columns: Mapping[str, str], root: Path) -> Source:
    """The records of each split the source has, and its bad lines.

    Raises DataError if missing or empty, ConfigError for an unknown reader.
    """
    if reader not in (AUTO, *FORMATS):
        named(reader)
    splits: Splits = {}
    rejected: list[Rejected] = []
    formats: dict[str, str] = {}
    for name, where, form, results in _opened(source, reader, columns, root):
        found = list(results)
        if not found:
            raise DataError("the file is empty", where=where, remedy="Fill it, or take it away")
        formats[name] = form
        splits[name] = [result for result in found if isinstance(result, Record)]
        rejected += [result for result in found if isinstance(result, Rejected)]
    return Source(splits, rejected, formats)


Opened: TypeAlias = tuple[str, str, str, Iterator[Record | Rejected]]
"""(split, place, format, results)"""


def _opened(source: str, reader: str, columns: Mapping[str, str], root: Path) -> Iterator[Opened]:
    if is_hub(source):
        for split, results in open_hub(source, reader, columns, root).items():
            if name := split_of(split):
                yield name, f"{source}/{split}", reader, results
        return
    files = split_files(root / source)
    known = find_format(reader, _filled(files["train"]), columns).name
    for name, path in files.items():
        form = known if name == "train" else _own_format(reader, _filled(path), columns, known)
        yield name, str(path), form, open_format(form, path, columns)


def _filled(path: Path) -> Path:
    """The path. Raises DataError for a file with nothing in it."""
    if path.is_file() and not next(iter(raw_lines(path)), None):
        raise DataError("the file is empty", where=str(path), remedy="Fill it, or take it away")
    return path


def _own_format(reader: str, path: Path, columns: Mapping[str, str], known: str) -> str:
    """The format of one more split: that of the first where it cannot be told."""
    try:
        return find_format(reader, path, columns).name
    except DataError:
        return known


def split_of(name: str) -> str:
    """`train`, `dev` or `test` for a name that stands for it, else an empty string."""
    return next((split for split, names in SPLITS.items() if name.lower() in names), "")


def split_files(source: Path) -> dict[str, Path]:
    """The files or folders of a source, by split; all of it is `train` where it has no splits.

    Raises DataError where there is nothing, or two of one split.
    """
    if source.is_file():
        return {"train": source}
    remedy = "Set data.source in params.yaml to one file, or to a folder with train, dev and test files"
    if not source.is_dir():
        raise DataError("no such file or folder", where=str(source), remedy=remedy)
    files: dict[str, Path] = {}
    for path in sorted(source.iterdir()):
        name = split_of(stem(path))
        if name in files:
            what = f"{files[name].name} and {path.name} both stand for {name}"
            raise DataError(what, where=str(source), remedy="Take one of them away")
        if name:
            files[name] = path
    if files and "train" not in files:
        raise DataError("no train.jsonl, train.json or train.txt", where=str(source), remedy=remedy)
    return files or {"train": source}


def stem(path: Path) -> str:
    """The name of a data file without what it is packed and written in; empty for a file that is none."""
    if path.is_dir():
        return path.name
    endings = (f"{suffix}{packed}" for suffix in SUFFIXES for packed in PACKED)
    return next((path.name.removesuffix(ending) for ending in endings if path.name.endswith(ending)), "")
