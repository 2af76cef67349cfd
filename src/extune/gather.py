"""A source read once: its records on disk by split, its bad lines in the quarantine, a key of every text in memory."""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Generic, TypeAlias, TypeVar

from tqdm import tqdm

from .errors import DataError
from .files import HEAD
from .foreign import Sections, foreign, sections, unfit
from .index import Index, key_of
from .records import Record, Rejected, record_from_json, record_to_json
from .sections import Data, Split
from .sources import SPLITS, Opened, opened
from .tasks import Task

T = TypeVar("T")
encoded = json.JSONEncoder(ensure_ascii=False).encode
Read: TypeAlias = tuple[str, Record]
"""A record and the JSON it was read from."""
QUARANTINE = "quarantine.jsonl"


@dataclass(frozen=True)
class Anew(Generic[T]):
    """What `make` gives, from the beginning each time it is iterated over."""

    make: Callable[[], Iterator[T]]

    def __iter__(self) -> Iterator[T]:
        return self.make()


class BadSource(DataError):
    """Too much of the source is bad; the quarantine file says what."""


@dataclass
class Gathered:
    """`keys`, `gone`: of each record of a split, its text's key and whether it was taken out since.

    `found`: records of each split that the source has, by what they are annotated with. `named`: whether records say
    for which tasks they were annotated. `rejected`: how many, and the first.
    """

    folder: Path
    formats: dict[str, str] = field(default_factory=dict)
    keys: dict[str, "array[int]"] = field(default_factory=lambda: {name: array("Q") for name in SPLITS})
    gone: dict[str, bytearray] = field(default_factory=lambda: {name: bytearray() for name in SPLITS})
    found: Counter[tuple[str, Sections]] = field(default_factory=Counter)
    named: bool = False
    rejected: int = 0
    first: Rejected | None = None

    def split(self, name: str) -> Iterator[Read]:
        """The records of a split that are still in it, in their order."""
        with open(_spool(self.folder, name), encoding="utf-8", newline="\n") as handle:
            for line, gone in zip(handle, self.gone[name], strict=True):
                if not gone:
                    where, _, row = line[:-1].partition("\t")
                    yield row, record_from_json(json.loads(row), json.loads(where))


def gather(data: Data, task: Task, root: Path, folder: Path) -> Gathered:
    """Read a source into `folder`: a file of records a split, and the quarantine.

    Records annotated for another task are bad lines too. Raises DataError if the source is missing or empty, BadSource
    if more than `data.max_bad` of it is bad or a whole split.
    """
    read = Gathered(folder)
    parts = opened(data.source, data.reader, data.columns, root)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_writing(_spool(folder, name))) for name in SPLITS}
        quarantine = stack.enter_context(_writing(folder / QUARANTINE))
        lacking = data.split.model_copy(update={name: 0.0 for name in parts if name != "train"})
        for given, part in parts.items():
            _read_part(read, given, part, partial(place, shares=lacking), task, files, quarantine)
    read.gone.update({name: bytearray(len(keys)) for name, keys in read.keys.items()})
    if others := {} if read.named else foreign(read.found, task):
        _take_out_foreign(read, others)
    _check_bad(read, data)
    return read


def _spool(folder: Path, name: str) -> Path:
    return folder / f".{name}"


def _writing(path: Path) -> IO[str]:
    return open(path, "w", encoding="utf-8", newline="\n")


def _read_part(
    read: Gathered,
    given: str,
    part: Opened,
    placed: Callable[[str], str],
    task: Task,
    files: Mapping[str, IO[str]],
    quarantine: IO[str],
) -> None:
    """Read one of the source's own splits; what `placed` takes out of train goes to another."""
    empty = True
    for result in tqdm(part.results(), desc=f"read {given}", unit="record", delay=2):
        empty = False
        record = unfit(result, task) if isinstance(result, Record) else result
        if isinstance(record, Rejected):
            _reject(read, quarantine, record)
            continue
        name = placed(record.id) if given == "train" else given
        files[name].write(f"{encoded(record.where)}\t{encoded(record_to_json(record))}\n")
        read.keys[name].append(key_of(" ".join(record.text.split())))
        read.found[given, sections(record)] += 1
        read.named = read.named or bool(record.tasks)
    if empty:
        raise DataError("the file is empty", where=part.where, remedy="Fill it, or take it away")
    read.formats[given] = part.format


def place(name: str, shares: Split) -> str:
    """The split of an id, by a hash of it, so that each stays where it is when others are added.

    What stands behind a `#` does not count: several questions about one document keep together.
    """
    point = int.from_bytes(sha256(name.partition("#")[0].encode()).digest()[:8]) / 2**64
    return "test" if point < shares.test else "dev" if point < shares.test + shares.dev else "train"


def _reject(read: Gathered, quarantine: IO[str], rejected: Rejected) -> None:
    quarantine.write(encoded(asdict(rejected)) + "\n")
    read.first = read.first or rejected
    read.rejected += 1


def _take_out_foreign(read: Gathered, others: Mapping[Sections, str]) -> None:
    with open(read.folder / QUARANTINE, "a", encoding="utf-8", newline="\n") as quarantine:
        for name in SPLITS:
            for number, (row, record) in enumerate(read.split(name)):
                if why := others.get(sections(record)):
                    _reject(read, quarantine, Rejected(record.where or record.id, why, row[:HEAD]))
                    read.gone[name][number] = 1
    for split, kind in read.found:
        if kind in others:
            read.found[split, kind] = 0


def _check_bad(read: Gathered, data: Data) -> None:
    total = read.rejected + read.found.total()
    kept = Counter[str]()
    for (name, _), count in read.found.items():
        kept[name] += count
    hollow = [name for name in read.formats if not kept[name]]
    if read.first is None or (read.rejected <= data.max_bad * total and not hollow):
        return
    share = _percent(read.rejected / total) + (f", all of {hollow[0]}" if hollow else "")
    raise BadSource(
        f"{read.rejected} of {total} records ({share}) are bad, limit {_percent(data.max_bad)}; first: "
        f"{read.first.where}: {read.first.reason}",
        where=data.source,
        remedy="Look at data/records/quarantine.jsonl; check data.reader and task.name, mend lines, or raise "
        "data.max_bad to go on without them",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def take_out_leaks(read: Gathered) -> dict[str, int]:
    """Train without the texts of dev and test, dev without those of test, whatever their white space; how many."""
    test, dev = (_index(read, name) for name in ("test", "dev"))
    return {"train": _without(read, "train", (test, dev)), "dev": _without(read, "dev", (test,))}


def _index(read: Gathered, name: str) -> Index:
    index = Index()
    for key, gone in zip(read.keys[name], read.gone[name], strict=True):
        if not gone:
            index.add(key)
    return index


def _without(read: Gathered, name: str, held_out: Iterable[Index]) -> int:
    """A text of dev that is also in test goes by test, so that all of dev may be held against train."""
    gone, taken = read.gone[name], 0
    others = [index for index in held_out if len(index)]
    for number, key in enumerate(read.keys[name] if others else ()):
        if not gone[number] and any(key in index for index in others):
            gone[number] = 1
            taken += 1
    return taken
