"""Labelled files become train, dev and test records and a schema: what the `prepare` stage writes down."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from .augment import Augmented, augmented, read_synonyms
from .errors import DataError
from .records import Record, Rejected, record_to_json
from .schema import FILE_NAMES, Schema, canonical_record, collect, read_schema
from .sections import Augment, Data, Split
from .shots import choose_shots
from .sources import SPLITS, Splits, read_source
from .tasks import Item, Task

Dropped: TypeAlias = dict[str, Counter[str]]
"""Split -> label -> how many items."""


@dataclass(frozen=True)
class Prepared:
    """`splits`: train, dev, test; `rejected`: what to quarantine; `warnings`: sentences for a person.

    `given`: the splits before anything was taken out of them or put in.
    `faults`: items, of records that are kept, whose label the schema lacks or that are not in the text.
    """

    splits: Mapping[str, tuple[Record, ...]]
    schema: Schema
    rejected: tuple[Rejected, ...]
    faults: tuple[Rejected, ...]
    given: Mapping[str, tuple[Record, ...]]
    stats: Mapping[str, Any]
    warnings: tuple[str, ...]


class BadSource(DataError):
    """Too much of the source is bad; carries the bad lines, which go to the quarantine file all the same."""

    def __init__(self, what: str, *, where: str, remedy: str, rejected: Sequence[Rejected]) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.rejected = tuple(rejected)


def prepare(
    data: Data, task: Task, root: Path, *, augment: Augment | None = None, shots: int = 0, seed: int = 42
) -> Prepared:
    """Read, split, hold against the schema, take out leaks, decide on grounding, add variants. Writes nothing.

    `augment`: the variants that train gets. `shots`: solved records taken out of train to show in every prompt.
    Raises DataError if the source is missing, empty or without an item of the task, BadSource if too bad.
    """
    read = read_source(data.source, data.reader, data.columns, root)
    if "train" not in read.splits:
        raise DataError("no split stands for train", where=data.source, remedy="Convert it to files first")
    _check_bad(read.splits, read.rejected, data)
    splits, leaks = _without_leaks(_completed(read.splits, data.split))
    schema = find_schema(data, root, splits["train"])
    splits = {name: [canonical_record(record, schema) for record in part] for name, part in splits.items()}
    given = {name: tuple(records) for name, records in splits.items()}
    splits, unknown, unlisted = _without_items(
        splits, task, lambda record, item: not task.known(item, schema), "the schema lacks its label"
    )
    _check_train(splits["train"], task, data, unknown["train"].total(), leaks["train"])
    grounded, ungrounded, absent = _without_items(
        splits, task, lambda record, item: not _in_text(record, item, task), "not in the text"
    )
    if data.grounding == "always":
        splits = {**grounded, "test": splits["test"]}
    may_ground = {"always": True, "never": False, "auto": not ungrounded["train"]}[data.grounding]
    schema = replace(schema, grounded=may_ground)
    splits["train"], schema = _with_shots(splits["train"], task, schema, shots, seed)
    more = augmented(splits["train"], augment, seed, read_synonyms(augment, root)) if augment else NO_VARIANTS
    splits["train"] = [*splits["train"], *more.records]
    stats = {
        "splits": {name: _describe(records, task) for name, records in splits.items()},
        "formats": dict(read.formats),
        "rejected": len(read.rejected),
        "leaks": leaks,
        "unknown_labels": dict(sum(unknown.values(), Counter())),
        "augmented": {"variants": len(more.records), "refused": dict(more.refused)},
        "ungrounded": {name: counts.total() for name, counts in ungrounded.items()},
    }
    return Prepared(
        splits={name: tuple(records) for name, records in splits.items()},
        schema=schema,
        rejected=tuple(read.rejected),
        faults=(*unlisted, *absent),
        given=given,
        stats=stats,
        warnings=tuple(_warnings(stats, data)),
    )


NO_VARIANTS = Augmented((), {})


def _with_shots(
    train: Sequence[Record], task: Task, schema: Schema, number: int, seed: int
) -> tuple[list[Record], Schema]:
    """Train without the records that the prompts will show, and the schema with them."""
    shown = choose_shots(train, task, number, seed)
    left = [record for record in train if record not in shown]
    return left, replace(schema, examples=tuple(map(record_to_json, shown)))


def _check_bad(given: Splits, rejected: Sequence[Rejected], data: Data) -> None:
    bad, total = len(rejected), len(rejected) + sum(map(len, given.values()))
    hollow = [name for name, records in given.items() if not records]
    if bad <= data.max_bad * total and not hollow:
        return
    share = _percent(bad / total) + (f", all of {hollow[0]}" if hollow else "")
    first = f"{rejected[0].where}: {rejected[0].reason}"
    raise BadSource(
        f"{bad} of {total} records ({share}) are bad, limit {_percent(data.max_bad)}; first: {first}",
        where=data.source,
        remedy="Look at data/records/quarantine.jsonl; check data.reader, mend lines or raise data.max_bad",
        rejected=rejected,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def split(records: Iterable[Record], shares: Split) -> Splits:
    """Records by a hash of their id, so that each stays where it is when others are added.

    What stands behind a `#` does not count: several questions about one document keep together.
    """
    parts: Splits = {name: [] for name in SPLITS}
    for record in records:
        place = int.from_bytes(sha256(record.id.partition("#")[0].encode()).digest()[:8]) / 2**64
        name = "test" if place < shares.test else "dev" if place < shares.test + shares.dev else "train"
        parts[name].append(record)
    return parts


def _completed(given: Splits, shares: Split) -> Splits:
    """The splits that the source lacks are taken out of train."""
    lacking = shares.model_copy(update={name: 0.0 for name in given if name != "train"})
    parts = split(given["train"], lacking)
    return {**parts, **given, "train": parts["train"]}


def find_schema(data: Data, root: Path, train: Iterable[Record]) -> Schema:
    """The schema file named in params.yaml, else one beside the data, else what the train records imply."""
    if data.schema_file != "auto":
        return read_schema(root / data.schema_file)
    source = root / data.source
    folder = source if source.is_dir() else source.parent
    found = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    return read_schema(found[0]) if found else collect(train)


def _without_items(
    splits: Splits, task: Task, unwanted: Callable[[Record, Item], bool], why: str
) -> tuple[Splits, Dropped, list[Rejected]]:
    """The splits without the unwanted items, how many those were, and each with its place."""
    dropped: Dropped = {name: Counter() for name in splits}
    faults: list[Rejected] = []

    def cleaned(name: str, record: Record) -> Record:
        out = [item for item in task.items(record) if unwanted(record, item)]
        if not out:
            return record
        dropped[name].update(map(task.label, out))
        faults.extend(Rejected(record.where or record.id, f"{task.label(i)}: {task.spans(i)}: {why}") for i in out)
        return task.with_items(record, (item for item in task.items(record) if item not in out))

    return {name: [cleaned(name, record) for record in part] for name, part in splits.items()}, dropped, faults


def _without_leaks(splits: Splits) -> tuple[Splits, dict[str, int]]:
    """Train without the texts of dev and test, dev without those of test, whatever their white space."""
    test = set(map(_words, splits["test"]))
    dev = [record for record in splits["dev"] if _words(record) not in test]
    held_out = test.union(map(_words, dev))
    train = [record for record in splits["train"] if _words(record) not in held_out]
    leaks = {"train": len(splits["train"]) - len(train), "dev": len(splits["dev"]) - len(dev)}
    return {"train": train, "dev": dev, "test": splits["test"]}, leaks


def _words(record: Record) -> str:
    return " ".join(record.text.split())


def _check_train(train: Sequence[Record], task: Task, data: Data, unknown: int, leaks: int) -> None:
    if any(map(task.items, train)):
        return
    lacking = f"{task.name} item" if train else "record"
    raise DataError(
        f"train has no {lacking} left: {unknown} items dropped whose label the schema lacks, "
        f"{leaks} records whose text is also in dev or test",
        where=data.source,
        remedy="Check task.name, data.schema and data.split against the source",
    )


def _in_text(record: Record, item: Item, task: Task) -> bool:
    return all(span in record.text for span in task.spans(item))


def _describe(records: Sequence[Record], task: Task) -> dict[str, Any]:
    labels = Counter(task.label(item) for record in records for item in task.items(record))
    empty = sum(not task.items(record) for record in records)
    return {
        "records": len(records),
        "items": labels.total(),
        "empty": round(empty / len(records), 4) if records else 0.0,
        "labels": dict(labels.most_common()),
        "languages": dict(Counter(record.lang for record in records).most_common()),
    }


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
