"""generate, prepare, build: from nothing or labelled files to training rows. No torch, no MLflow."""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from ..artefact import prompt_of
from ..config import Config
from ..confusable import read_confusable
from ..convert import convert_lines, file_batches, keep_empty, key_of, state_of, training, workers_for
from ..errors import CheckFailed
from ..files import atomic, count_lines, raw_lines, read_jsonl, write_json, write_jsonl
from ..frames import read_relations
from ..gather import QUARANTINE, BadSource
from ..generate import generate as generate_corpus
from ..generate import instruct_row, schema_of
from ..instruct import Asking
from ..prepare import Prepared
from ..prepare import prepare as prepare_records
from ..prompt import Prompt
from ..records import Record, Rejected, record_from_json
from ..schema import Schema, read_schema, schema_to_json
from ..sections import Limits
from ..tasks import task

log = logging.getLogger(__name__)

RAW, RECORDS, SFT = Path("data/raw"), Path("data/records"), Path("data/sft")


def generate(config: Config, root: Path) -> dict[str, Any]:
    """Write the synthetic corpus: data/raw/{train,test}.jsonl as instruction rows, and its schema."""
    asked = config.generate
    relations = read_relations(root / asked.relations)
    train, test = generate_corpus(
        relations, train=asked.train, test=asked.test, chinese=asked.chinese, empty=asked.empty, seed=config.seed
    )
    with _whole(root / RAW) as target:
        write_jsonl(target / "train.jsonl", map(instruct_row, train))
        write_jsonl(target / "test.jsonl", map(instruct_row, test))
        write_schema(target / "schema.yaml", schema_of(relations))
    return {"train": len(train), "test": len(test), "written": str(RAW)}


def prepare(config: Config, root: Path) -> dict[str, Any]:
    """Write data/records: train, dev, test, schema.yaml, stats.json, quarantine.jsonl of what could not be read.

    faults.jsonl names every item that the schema or the text lacks.
    """
    bad = None
    with _whole(root / RECORDS) as target:
        try:
            done = _prepared(config, root, target)
        except BadSource as exc:
            bad = exc  # its quarantine alone takes the folder's place
    if bad:
        raise bad
    sizes = {name: part["records"] for name, part in done.stats["splits"].items()}
    formats = ", ".join(dict.fromkeys(done.stats["formats"].values()))
    return {
        "format": formats,
        **sizes,
        "quarantined": done.stats["rejected"],
        "grounded": done.schema.grounded,
        "written": str(RECORDS),
    }


def _prepared(config: Config, root: Path, target: Path) -> Prepared:
    """All files of data/records, in `target`; its hidden ones are taken away in the end."""
    try:
        done = prepare_records(
            config.data, task(config.task.name), Path(os.path.relpath(root)), target,
            augment=config.augment, shots=config.task.examples, seed=config.seed,
        )  # fmt: skip
        for warning in done.warnings:
            log.warning(warning)
        _hold_to_limits(config, done, root, target)
        write_schema(target / "schema.yaml", done.schema)
        write_json(target / "stats.json", done.stats)
        return done
    finally:
        for path in target.glob(".*"):
            path.unlink()


def _hold_to_limits(config: Config, done: Prepared, root: Path, target: Path) -> None:
    """Raises CheckFailed where the data oversteps a limit of params.yaml."""
    if config.inspect == Limits():
        return
    from ..inspect import check, inspect_splits, token_counter

    counted = config.inspect.max_over_window is not None
    rejected = (Rejected(**row) for row in read_jsonl(target / QUARANTINE))
    figures = inspect_splits(
        {name: chain(records, rejected if name == "train" else ()) for name, records in done.given.items()},
        schema=done.schema,
        window=token_counter(root / "models" / "base") if counted else None,
        max_length=int(config.train.sft.get("max_length", 1024)),
    )
    if over := check(figures, config.inspect):
        raise CheckFailed(
            "; ".join(over), where=config.data.source, remedy="`extune inspect` shows all figures; params.yaml: inspect"
        )


def build(config: Config, root: Path) -> dict[str, Any]:
    """Write data/sft/{train,dev}.jsonl: one prompt-completion row a query; in several processes if there is much."""
    prompt = prompt_of(config)
    prompt = replace(prompt, schema=read_schema(root / RECORDS / "schema.yaml", "Run `dvc repro prepare`"))
    asking = _asking(config, root)
    unfinished = root / SFT.with_name(f".{SFT.name}.unfinished")
    counts = {}
    for name in ("train", "dev"):
        counts[name] = _built(root / RECORDS / f"{name}.jsonl", unfinished / f"{name}.jsonl", prompt, asking, config)
    shutil.rmtree(root / SFT, ignore_errors=True)
    unfinished.rename(root / SFT)
    return {**counts, "written": str(SFT)}


def _asking(config: Config, root: Path) -> Asking:
    asked = config.task
    hard = read_confusable(root / asked.hard_negatives) if asked.hard_negatives else None
    return Asking(asked.split_num, asked.negatives, config.seed, 1.0, hard, asked.shuffle)


def _built(source: Path, target: Path, prompt: Prompt, asking: Asking, config: Config) -> int:
    """How many rows of a split were written. A split without records is an empty file."""
    if config.task.empty_ratio is not None:
        asking = replace(asking, keep_empty=keep_empty(raw_lines(source), prompt, asking, config.task.empty_ratio))
    if not next(raw_lines(source, "Run `dvc repro prepare`"), None):
        return write_jsonl(target, ())
    where = f"{RECORDS}/{source.name}"
    with tqdm(desc=f"build {source.stem}", unit="record", total=count_lines(source), delay=2) as bar:
        return convert_lines(
            file_batches(source), target, partial(training, prompt, asking, where),
            key=key_of(_spelled(prompt), asking, state_of(source)), workers=workers_for(source), progress=bar.update,
        ).rows  # fmt: skip


def _spelled(prompt: Prompt) -> tuple[object, ...]:
    return prompt.task.name, prompt.notation.name, prompt.schema, prompt.system, prompt.instruction, prompt.language


def read_records(root: Path, split: str) -> list[Record]:
    """The prepared records of a split."""
    path = RECORDS / f"{split}.jsonl"
    rows = read_jsonl(root / path, "Run `dvc repro prepare`")
    return [record_from_json(row, f"{path}:{number}") for number, row in enumerate(rows, 1)]


def write_schema(path: Path, schema: Schema) -> None:
    """A schema as YAML that `read_schema` gives back."""
    with atomic(path) as handle:
        yaml.safe_dump(schema_to_json(schema), handle, allow_unicode=True, sort_keys=False, width=110)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """An empty neighbour that takes the folder's place at a clean end: a mistake leaves the last result as it was."""
    _remove_left(folder)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _remove_left(folder: Path) -> None:
    """Take away what killed processes left beside the folder: it may be as large as the source."""
    for left in folder.parent.glob(f".{folder.name}.*.tmp"):
        try:
            os.kill(int(left.name.split(".")[-2]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except PermissionError:  # it runs, for another user
            continue
