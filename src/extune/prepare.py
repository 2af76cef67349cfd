"""Labelled files become train, dev and test records and a schema: what the `prepare` stage writes down.

The source is read once, into files. From then on one record at a time is in memory, and some 30 bytes of each.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from tqdm import tqdm

from .augment import Synonyms, augmented, is_on, is_variant, read_synonyms
from .errors import DataError
from .files import atomic, read_jsonl
from .gather import Anew, BadSource, Gathered, encoded, gather, take_out_leaks
from .records import Record, Rejected, record_from_json, record_to_json
from .schema import FILE_NAMES, Schema, canonical_record, collect, read_schema
from .sections import Augment, Data
from .shots import choose_shots
from .sources import SPLITS
from .tasks import Item, Task

__all__ = ["BadSource", "Prepared", "find_schema", "prepare"]

Note: TypeAlias = Callable[["Cleaned"], None]


@dataclass(frozen=True)
class Prepared:
    """`splits`: train, dev, test as they were written; `warnings`: sentences for a person.

    `given`: the splits before anything but leaks was taken out of them or put in. Both are read from files each time.
    """

    splits: Mapping[str, Iterable[Record]]
    schema: Schema
    given: Mapping[str, Iterable[Record]]
    stats: Mapping[str, Any]
    warnings: tuple[str, ...]


class Cleaned(NamedTuple):
    """A record without the items that cannot be learned: `unknown`, which the schema lacks, `absent`, which the text.

    `row`: its JSON, where that is at hand. `known`: whether it had an item that the schema has.
    """

    row: str
    record: Record
    unknown: Sequence[Item]
    absent: Sequence[Item]
    known: bool


@dataclass(frozen=True)
class Part:
    """The records of one split, held against task and schema; `grounded`: items that the text lacks are taken out."""

    read: Gathered
    name: str
    task: Task
    schema: Schema
    grounded: bool

    def given(self) -> Iterator[tuple[str, Record]]:
        """Each with its JSON, which is empty where aliases changed the record."""
        for row, record in self.read.split(self.name):
            same = canonical_record(record, self.schema)
            yield row if same is record else "", same

    def cleaned(self) -> Iterator[Cleaned]:
        """Each without what cannot be learned."""
        for row, record in self.given():
            kept, unknown = self._without(record, lambda item, _: not self.task.known(item, self.schema))
            known = bool(self.task.items(kept))
            grounded, absent = self._without(kept, lambda item, text: any(s not in text for s in self.task.spans(item)))
            kept = grounded if self.grounded else kept
            yield Cleaned(row if kept is record else "", kept, unknown, absent, known)

    def records(self) -> Iterator[Record]:
        """Each without what cannot be learned, alone."""
        return (found.record for found in self.cleaned())

    def _without(self, record: Record, unwanted: Callable[[Item, str], bool]) -> tuple[Record, Sequence[Item]]:
        items = self.task.items(record)
        out = [item for item in items if unwanted(item, record.text)]
        return (self.task.with_items(record, (item for item in items if item not in out)) if out else record), out


@dataclass
class Tally:
    """What is counted while a split is written; `alike`: ids that a variant could have too."""

    records: int = 0
    empty: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    absent: int = 0
    known: bool = False
    alike: set[str] = field(default_factory=set)


def prepare(
    data: Data, task: Task, root: Path, folder: Path, *, augment: Augment | None = None, shots: int = 0, seed: int = 42
) -> Prepared:
    """Read, split, hold against the schema, take out leaks, decide on grounding, add variants.

    Writes {train,dev,test,faults,quarantine}.jsonl into the folder, and files of its own whose names begin with a dot.
    `augment`: the variants that train gets. `shots`: solved records taken out of train to show in every prompt.
    Raises DataError if the source is missing, empty or without an item of the task, BadSource if too bad.
    """
    synonyms = read_synonyms(augment, root) if augment else {}
    read = gather(data, task, root, folder)
    leaks = take_out_leaks(read)
    schema = find_schema(data, root, (record for _, record in read.split("train")))
    parts = {name: Part(read, name, task, schema, data.grounding == "always" and name != "test") for name in SPLITS}
    shown = choose_shots(Anew(parts["train"].records), task, shots, seed)
    tallies = _write(parts, folder, {record.id for record in shown})
    train = tallies["train"]
    _check_train(train, task, data, leaks["train"])
    may_ground = {"always": True, "never": False, "auto": not train.absent}[data.grounding]
    examples = tuple(map(record_to_json, shown))
    made = NO_VARIANTS
    if augment and is_on(augment):
        made = _add_variants(parts["train"], folder, augment, shown, train, synonyms, seed)
    stats = {
        "splits": {name: _described(tally) for name, tally in tallies.items()},
        "formats": read.formats,
        "rejected": read.rejected,
        "leaks": leaks,
        "unknown_labels": dict(sum((tally.unknown for tally in tallies.values()), Counter())),
        "augmented": made,
        "ungrounded": {name: tally.absent for name, tally in tallies.items()},
    }
    return Prepared(
        splits={name: Anew(partial(_written, folder / f"{name}.jsonl")) for name in SPLITS},
        schema=replace(schema, grounded=may_ground, examples=examples),
        given={name: Anew(partial(_given, part)) for name, part in parts.items()},
        stats=stats,
        warnings=tuple(_warnings(stats, data)),
    )


NO_VARIANTS: dict[str, Any] = {"variants": 0, "refused": {}}


def _given(part: Part) -> Iterator[Record]:
    return (record for _, record in part.given())


def _written(path: Path) -> Iterator[Record]:
    return map(record_from_json, read_jsonl(path))


def _write(parts: Mapping[str, Part], folder: Path, shown: Container[str]) -> dict[str, Tally]:
    """The splits and their faults; train without the records that the prompts will show."""
    tallies = {name: Tally() for name in parts}
    with _faults(folder, parts["train"].task) as note:
        for name, part in parts.items():
            with atomic(folder / f"{name}.jsonl") as target:
                for found in tqdm(part.cleaned(), desc=f"write {name}", unit="record", delay=2):
                    _count_faults(tallies[name], found, part.task)
                    if found.unknown or found.absent:
                        note(found)
                    if not (name == "train" and found.record.id in shown):
                        _count(tallies[name], found.record, part.task)
                        target.write((found.row or encoded(record_to_json(found.record))) + "\n")
    return tallies


@contextmanager
def _faults(folder: Path, task: Task) -> Iterator[Note]:
    """Writes a line for each item that the schema lacks, and behind all of them those that the text lacks."""

    def note(found: Cleaned) -> None:
        _note(unknown, found, found.unknown, task, "the schema lacks its label")
        _note(absent, found, found.absent, task, "not in the text")

    with (
        atomic(folder / "faults.jsonl") as unknown,
        open(folder / ".absent", "w+", encoding="utf-8", newline="\n") as absent,
    ):
        yield note
        absent.seek(0)
        shutil.copyfileobj(absent, unknown)


def _note(file: IO[str], found: Cleaned, items: Sequence[Item], task: Task, why: str) -> None:
    where = found.record.where or found.record.id
    for item in items:
        fault = Rejected(where, f"{task.label(item)}: {task.spans(item)}: {why}")
        file.write(encoded(asdict(fault)) + "\n")


def _count_faults(tally: Tally, found: Cleaned, task: Task) -> None:
    tally.unknown.update(map(task.label, found.unknown))
    tally.absent += len(found.absent)
    tally.known = tally.known or found.known


def _count(tally: Tally, record: Record, task: Task) -> None:
    items = task.items(record)
    tally.records += 1
    tally.empty += not items
    tally.labels.update(map(task.label, items))
    tally.languages[record.lang] += 1
    if is_variant(record.id):
        tally.alike.add(record.id)


def _described(tally: Tally) -> dict[str, Any]:
    return {
        "records": tally.records,
        "items": tally.labels.total(),
        "empty": round(tally.empty / tally.records, 4) if tally.records else 0.0,
        "labels": dict(tally.labels.most_common()),
        "languages": dict(tally.languages.most_common()),
    }


def _add_variants(
    part: Part, folder: Path, augment: Augment, shown: Sequence[Record], tally: Tally, synonyms: Synonyms, seed: int
) -> dict[str, Any]:
    """Variants behind the records of train, and how many there are."""
    taken, ids = frozenset(tally.alike), {record.id for record in shown}
    left = (record for record in part.records() if record.id not in ids)
    refused: Counter[str] = Counter()
    before = tally.records
    with open(folder / "train.jsonl", "a", encoding="utf-8", newline="\n") as target:
        for new in augmented(left, augment, seed, synonyms, taken, refused):
            _count(tally, new, part.task)
            target.write(encoded(record_to_json(new)) + "\n")
        target.flush()
        os.fsync(target.fileno())
    return {"variants": tally.records - before, "refused": dict(refused)}


def _check_train(tally: Tally, task: Task, data: Data, leaks: int) -> None:
    if tally.known:
        return
    lacking = f"{task.name} item" if tally.records else "record"
    raise DataError(
        f"train has no {lacking} left: {tally.unknown.total()} items dropped whose label the schema lacks, "
        f"{leaks} records whose text is also in dev or test",
        where=data.source,
        remedy="Check task.name, data.schema and data.split against the source",
    )


def find_schema(data: Data, root: Path, train: Iterable[Record]) -> Schema:
    """The schema file named in params.yaml, else one beside the data, else what the train records imply."""
    if data.schema_file != "auto":
        return read_schema(root / data.schema_file)
    source = root / data.source
    folder = source if source.is_dir() else source.parent
    found = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    return read_schema(found[0]) if found else collect(train)


def _warnings(stats: Mapping[str, Any], data: Data) -> Iterator[str]:
    if unknown := stats["unknown_labels"]:
        each = ", ".join(f"{label} {count}" for label, count in Counter(unknown).most_common())
        yield f"{sum(unknown.values())} items dropped, the schema lacks their label: {each}"
    for name, count in stats["leaks"].items():
        if count:
            yield f"{count} {name} records dropped, their text is also in a split they are measured on"
    if stats["ungrounded"]["train"] and data.grounding != "never":
        off = "so grounding is off; data.grounding: always drops them"
        how = "they were dropped" if data.grounding == "always" else off
        yield f"{stats['ungrounded']['train']} train items are not in their text: {how}"
    for name, split_stats in stats["splits"].items():
        if not split_stats["records"]:
            yield f"{name} has no record"
