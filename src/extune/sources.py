"""Where labelled data lies: a file, a folder of splits, a folder that is one data set, or the hub."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .errors import DataError
from .files import raw_lines
from .readers import AUTO, FORMATS, find_format, named, open_format, open_hub
from .readers.hub import is_hub
from .records import Record, Rejected

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation", "eval"),
    "test": ("test", "testing"),
}
"""Each split with the names that files have for it."""
SUFFIXES = (".jsonl", ".json", ".txt", ".conll", ".bio", ".bmes", ".tsv", ".iob")
PACKED = ("", ".xz", ".gz")


class Opened(NamedTuple):
    """One split of a source: where it lies, its format, and what opens it."""

    where: str
    format: str
    results: Callable[[], Iterator[Record | Rejected]]


def opened(source: str, reader: str, columns: Mapping[str, str], root: Path) -> dict[str, Opened]:
    """The splits that a source has, train among them.

    Raises DataError if it is missing, empty or without train, ConfigError for an unknown reader.
    """
    if reader not in (AUTO, *FORMATS):
        named(reader)
    parts = _of_hub(source, reader, columns, root) if is_hub(source) else _of_files(source, reader, columns, root)
    if "train" not in parts:
        raise DataError("no split stands for train", where=source, remedy="Convert it to files first")
    return parts


def _of_hub(source: str, reader: str, columns: Mapping[str, str], root: Path) -> dict[str, Opened]:
    opened_splits = open_hub(source, reader, columns, root).items()
    return {
        name: Opened(f"{source}/{split}", reader, partial(iter, results))
        for split, results in opened_splits
        if (name := split_of(split))
    }


def _of_files(source: str, reader: str, columns: Mapping[str, str], root: Path) -> dict[str, Opened]:
    files = split_files(root / source)
    known = find_format(reader, _filled(files["train"]), columns).name
    forms = {
        name: known if name == "train" else _own_format(reader, _filled(path), columns, known)
        for name, path in files.items()
    }
    return {
        name: Opened(str(path), forms[name], partial(open_format, forms[name], path, columns))
        for name, path in files.items()
    }


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
