"""The one place that loads a base model (4-bit or not) and attaches or merges an adapter."""

import contextlib
import functools
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from .bases import PACKAGED, fetch, fingerprint
from .errors import ModelError
from .tokens import ChatEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Base:
    """Where a base model lies and how it is to be loaded."""

    path: str
    quantization: Mapping[str, Any]
    revision: str | None = None
    trust_remote_code: bool = False


@functools.cache
def compute_dtype() -> torch.dtype:
    """bfloat16 where the hardware multiplies it fast, else float32.

    A GPU says so itself. CPUs differ threefold either way and their flags do not tell, so a product of the size of
    a small model's layer is timed once (some 20 ms); bfloat16 must win clearly, so that a machine always decides alike.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    half, single = (_product_seconds(dtype) for dtype in (torch.bfloat16, torch.float32))
    return torch.bfloat16 if half < 0.75 * single else torch.float32


def _product_seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(512, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    times = []
    for _ in range(7):
        began = time.perf_counter()
        torch.nn.functional.linear(left, right)
        times.append(time.perf_counter() - began)
    return min(times)


def device() -> str:
    """`cuda:0` if there is one, else `cpu`."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def load_encoder(base: Base) -> ChatEncoder:
    """The tokenizer of a base, wrapped for chats."""
    with _named_failures(base.path):
        tokenizer = AutoTokenizer.from_pretrained(
            base.path, revision=base.revision, trust_remote_code=base.trust_remote_code
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return ChatEncoder(tokenizer)


def load_base(base: Base) -> Any:
    """The base model, quantised as `base.quantization` says; the hardware chooses the compute type unless given."""
    dtype = compute_dtype()
    with _named_failures(base.path):
        return AutoModelForCausalLM.from_pretrained(
            base.path,
            revision=base.revision,
            trust_remote_code=base.trust_remote_code,
            dtype=dtype,
            quantization_config=quantization_config(base.quantization, dtype),
            device_map={"": device()},
        )


def quantization_config(given: Mapping[str, Any], dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """`model.quantization`, handed on unchanged; None if it asks for nothing."""
    if not given:
        return None
    return BitsAndBytesConfig(**{"bnb_4bit_compute_dtype": dtype, **given})


def load_for_answers(base: Base, adapter: Path | None) -> Any:
    """The model that extracts: the base as it was quantised for training, dequantised once, with the adapter merged in.

    The numerics are those the adapter was trained against, at the speed of an unquantised model.
    """
    from peft import PeftModel

    model = load_base(base)
    if getattr(model, "is_quantized", False):
        model = model.dequantize(dtype=compute_dtype())
    if adapter is not None:
        check_adapter(adapter)
        model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    return model.eval()


def check_adapter(folder: Path) -> None:
    """Raise ModelError unless the folder holds an adapter in safetensors."""
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).is_file():
            raise ModelError(f"no {name} in {folder}", remedy="Run `dvc repro train`, or `dvc checkout` to restore it")


def convert_packaged(name: str, target: Path) -> str:
    """Convert a packaged GGUF base to safetensors and tokenizer files in `target`; returns its fingerprint.

    The state dict is copied into a fresh model, since one read from GGUF cannot be saved.
    """
    with tempfile.TemporaryDirectory() as scratch:
        gguf = fetch(name, Path(scratch) / "base.gguf")
        read = AutoModelForCausalLM.from_pretrained(scratch, gguf_file=gguf.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(scratch, gguf_file=gguf.name)
        config = read.config
        config.__dict__.pop("quantization_config", None)
        config.name_or_path = PACKAGED[name].packages[0]
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.load_state_dict({key: value.to(torch.bfloat16) for key, value in read.state_dict().items()})
        shutil.rmtree(target, ignore_errors=True)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    return fingerprint(target)


def save_adapter(model: Any, target: Path, base: str) -> None:
    """The adapter as safetensors; its configuration names no path, so equal adapters have equal bytes."""
    shutil.rmtree(target, ignore_errors=True)
    model.save_pretrained(target)
    (target / "README.md").unlink(missing_ok=True)
    path = target / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    lists = {key: sorted(value) for key, value in config.items() if isinstance(value, list)}
    path.write_text(json.dumps(config | lists, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _named_failures(path: str) -> Iterator[None]:
    """Turn what transformers raises for a missing or broken model into one line with the remedy."""
    try:
        yield
    except (OSError, ValueError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise ModelError(
            f"cannot load the base model {path!r} ({reason})",
            remedy="Run `dvc repro base` for the embedded one, or set model.base to a folder or Hugging Face id",
        ) from exc
