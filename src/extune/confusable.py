"""Which labels are easily taken for one another: the dictionary of hard negatives, learned instead of written by hand.

From a model's mistakes, or from the label names alone. The form is DeepKE-LLM's: {label: [confusable labels]}.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import DataError, ModelError
from .files import read_json
from .records import Record
from .score import read_predictions

Confusable = dict[str, tuple[str, ...]]


def from_mistakes(pairs: Iterable[tuple[Record, Record]], top: int) -> Confusable:
    """The labels that predictions put in place of each gold label, most frequent first.

    A mistake is another label for the same mention, pair of ends or trigger.
    """
    counts: dict[str, Counter[str]] = {}
    for gold, predicted in pairs:
        answers: dict[tuple[str, ...], set[str]] = {}
        for place, label in _labelled(predicted):
            answers.setdefault(place, set()).add(label)
        for place, label in _labelled(gold):
            counts.setdefault(label, Counter()).update(sorted(answers.get(place, set()) - {label}))
    return {label: _first(counts[label], top) for label in sorted(counts) if counts[label]}


def _labelled(record: Record) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is labelled, and its label."""
    yield from ((("mention", e.text), e.type) for e in record.entities)
    yield from ((("ends", r.head, r.tail), r.relation) for r in record.relations)
    yield from ((("trigger", e.trigger), e.event_type) for e in record.events)


def _first(counts: Counter[str], top: int) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda label: (-counts[label], label))[:top])


def read_pairs(path: Path) -> Iterator[tuple[Record, Record]]:
    """Gold and predicted records of a predictions file, as `evaluate` writes it. Raises DataError on another shape."""
    return ((gold, predicted) for gold, predicted, _ in read_predictions(path))


def from_embeddings(labels: Sequence[str], base: Path, top: int) -> Confusable:
    """The nearest labels of each by the base model's own input embeddings: mean of a label's tokens, cosine.

    Needs no forward pass and no torch. Raises ModelError if the folder has no tokenizer.json or no embeddings.
    """
    import numpy as np

    vectors = np.stack([_embedded(label, *_tables(base)) for label in labels])
    vectors = vectors - vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    near = vectors @ vectors.T
    np.fill_diagonal(near, -np.inf)
    order = np.argsort(-near, axis=1, kind="stable")[:, : min(top, len(labels) - 1)]
    return {label: tuple(labels[n] for n in row) for label, row in zip(labels, order, strict=True)}


def _embedded(label: str, tokenizer: Any, table: Any) -> Any:
    return table[tokenizer.encode(label, add_special_tokens=False).ids].mean(0)


_TABLES: dict[Path, tuple[Any, Any]] = {}


def _tables(base: Path) -> tuple[Any, Any]:
    """Tokenizer and float32 embedding table of a folder, read once."""
    if base not in _TABLES:
        from safetensors import safe_open
        from tokenizers import Tokenizer

        remedy = "Name a folder with tokenizer.json and safetensors, such as models/base; `extune base` makes that"
        if not (base / "tokenizer.json").is_file():
            raise ModelError(f"no tokenizer.json in {base}", remedy=remedy)
        for path in sorted(base.glob("*.safetensors")):
            with safe_open(path, "np") as tensors:
                names = [name for name in tensors.keys() if name.endswith("embed_tokens.weight")]  # noqa: SIM118
                if names:
                    table = _float(tensors, path, names[0])
                    return _TABLES.setdefault(base, (Tokenizer.from_file(str(base / "tokenizer.json")), table))
        raise ModelError(f"no input embeddings in {base}", remedy=remedy)
    return _TABLES[base]


def _float(tensors: Any, path: Path, name: str) -> Any:
    """A tensor as float32; numpy has no bfloat16, whose bits are the upper half of a float32's."""
    import numpy as np

    if tensors.get_slice(name).get_dtype() != "BF16":
        return tensors.get_tensor(name).astype(np.float32)
    with open(path, "rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        entry = json.loads(handle.read(size))[name]
        begin, end = entry["data_offsets"]
        handle.seek(8 + size + begin)
        bits = np.frombuffer(handle.read(end - begin), np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(entry["shape"])


def read_confusable(path: Path) -> Confusable:
    """A dictionary of hard negatives. Raises DataError if it is not {label: [labels]}."""
    value = read_json(path, "Make one with `extune confusable`, or set task.hard_negatives to null")
    good = isinstance(value, Mapping) and all(
        isinstance(near, list) and all(isinstance(n, str) for n in near) for near in value.values()
    )
    if not good:
        raise DataError("not a dictionary of labels to lists of labels", where=str(path))
    return {str(label): tuple(near) for label, near in value.items()}
