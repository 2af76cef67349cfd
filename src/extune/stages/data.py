"""generate, prepare, build: from nothing or labelled files to training rows. No torch, no MLflow."""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from ..artefact import prompt_of
from ..config import Config
from ..files import atomic, read_jsonl, write_json, write_jsonl
from ..frames import read_relations
from ..generate import generate as generate_corpus
from ..generate import instruct_row, schema_of
from ..instruct import examples
from ..prepare import BadSource
from ..prepare import prepare as prepare_records
from ..records import Record, Rejected, record_from_json, record_to_json
from ..schema import Schema, read_schema, schema_to_json
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
    """Write data/records: train, dev, test, schema.yaml, stats.json and the quarantine of what could not be read."""
    try:
        done = prepare_records(config.data, task(config.task.name), Path(os.path.relpath(root)))
    except BadSource as exc:
        with _whole(root / RECORDS) as target:
            _quarantine(target, exc.rejected)
        raise
    for warning in done.warnings:
        log.warning(warning)
    with _whole(root / RECORDS) as target:
        for name, records in done.splits.items():
            write_jsonl(target / f"{name}.jsonl", map(record_to_json, records))
        _quarantine(target, done.rejected)
        write_schema(target / "schema.yaml", done.schema)
        write_json(target / "stats.json", done.stats)
    sizes = {name: len(records) for name, records in done.splits.items()}
    return {**sizes, "quarantined": len(done.rejected), "grounded": done.schema.grounded, "written": str(RECORDS)}


def build(config: Config, root: Path) -> dict[str, Any]:
    """Write data/sft/{train,dev}.jsonl: one prompt-completion row a query."""
    prompt = prompt_of(config)
    prompt = replace(prompt, schema=read_schema(root / RECORDS / "schema.yaml", "Run `dvc repro prepare`"))
    counts = {}
    with _whole(root / SFT) as target:
        for name in ("train", "dev"):
            rows = (
                prompt.row(example)
                for record in read_records(root, name)
                for example in examples(
                    record, prompt.task, prompt.notation, prompt.schema,
                    split_num=config.task.split_num, negatives=config.task.negatives, seed=config.seed,
                )
            )  # fmt: skip
            counts[name] = write_jsonl(target / f"{name}.jsonl", rows)
    return {**counts, "written": str(SFT)}


def read_records(root: Path, split: str) -> list[Record]:
    """The prepared records of a split."""
    path = RECORDS / f"{split}.jsonl"
    rows = read_jsonl(root / path, "Run `dvc repro prepare`")
    return [record_from_json(row, f"{path}:{number}") for number, row in enumerate(rows, 1)]


def write_schema(path: Path, schema: Schema) -> None:
    """A schema as YAML that `read_schema` gives back."""
    with atomic(path) as handle:
        yaml.safe_dump(schema_to_json(schema), handle, allow_unicode=True, sort_keys=False, width=110)


def _quarantine(target: Path, rejected: Sequence[Rejected]) -> None:
    write_jsonl(target / "quarantine.jsonl", map(asdict, rejected))


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """An empty neighbour that takes the folder's place at a clean end: a mistake leaves the last result as it was."""
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
