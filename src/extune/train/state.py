"""Nested state (optimisers, schedulers, random generators) as one JSON file and one safetensors file: no pickle.

safetensors: https://huggingface.co/docs/safetensors/index#format; written tensor by tensor here, so that a large state
is never held twice and a full disk is an OSError.
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

JSON, TENSORS = "state.json", "state.safetensors"

KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def save(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a state of dicts, lists, tuples, numbers, strings and tensors. Raises TypeError for anything else."""
    tensors: dict[int, tuple[str, torch.Tensor]] = {}
    plain = _plain(state, tensors)
    (folder / JSON).write_text(json.dumps(plain), encoding="utf-8")
    _write_tensors(folder / TENSORS, dict(tensors.values()))


def load(folder: Path) -> Any:
    """What `save` was given; tensors on the CPU, one that occurred twice as one."""
    from safetensors.torch import load_file

    return _state(json.loads((folder / JSON).read_text(encoding="utf-8")), load_file(folder / TENSORS))


def _plain(value: Any, tensors: dict[int, tuple[str, torch.Tensor]]) -> Any:
    """As JSON, which has no tuples and no numbers as keys: they are marked, and a tensor is its number."""
    if isinstance(value, torch.Tensor):
        return {"tensor": tensors.setdefault(id(value), (str(len(tensors)), value))[0]}
    if isinstance(value, Mapping):
        return {"dict": [[_plain(k, tensors), _plain(v, tensors)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_plain(item, tensors) for item in value]
    if isinstance(value, numpy.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} has no place in a checkpoint")


def _state(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_state(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tensor":
        return tensors[inner]
    parts = [_state(item, tensors) for item in inner]
    return tuple(parts) if kind == "tuple" else dict(parts)


def _write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    header, at = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as handle:
        handle.write(len(head).to_bytes(8, "little") + head)
        for tensor in tensors.values():
            flat = tensor.detach().reshape(-1).cpu().contiguous()
            handle.write(flat.view(torch.uint8).numpy() if flat.numel() else b"")


def generators() -> dict[str, Any]:
    """The states of all random generators of this process: Python's, numpy's, torch's."""
    numbers: Any = numpy.random.get_state()
    kind, keys, *rest = numbers
    state = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(keys.astype(numpy.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    return state | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def set_generators(state: Mapping[str, Any]) -> None:
    """Put the random generators back."""
    kind, keys, *rest = state["numpy"]
    random.setstate(state["python"])
    numpy.random.set_state((kind, keys.numpy().astype(numpy.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
