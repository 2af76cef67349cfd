"""A trained extractor on disk: the adapter with `extractor.json` beside it, all that serving needs but the base.

The base is named by fingerprint; it is looked for, never shipped.
"""

import hashlib
import json
import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bases import PACKAGED, cache_folder, check_pinned, fingerprint, patterns, sha256
from .config import Config, project_root
from .errors import ModelError
from .extract import Extractor
from .families import Choice, choose
from .files import read_json, write_json
from .hub import download
from .notations import notation
from .prompt import PROMPT_VERSION, Prompt
from .schema import Schema, schema_from_json, schema_to_json
from .sections import Decode
from .tasks import task

if TYPE_CHECKING:
    from .model import Base

log = logging.getLogger(__name__)

FORMAT = 1
SPEC = "extractor.json"


@dataclass(frozen=True)
class Spec:
    """Everything an adapter was trained with that changes what it answers."""

    prompt: Prompt
    split_num: int
    base: Mapping[str, Any]


def prompt_of(config: Config) -> Prompt:
    """The prompt that params.yaml describes, without a schema. Raises ConfigError for an unknown task or notation."""
    asked = config.task
    return Prompt(
        task(asked.name), notation(asked.notation), Schema(), asked.system, asked.instruction or {}, asked.language
    )


def write_spec(
    folder: Path, config: Config, schema: Schema, base_fingerprint: str, choice: Choice | None = None
) -> None:
    """Put `extractor.json` beside an adapter; `choice`: the base's family and template, as `Base.choice` found them."""
    asked, model = config.task, config.model
    row = {
        "format": FORMAT,
        "task": asked.name,
        "notation": asked.notation,
        "prompt": {
            "version": PROMPT_VERSION,
            "system": asked.system,
            "instruction": asked.instruction or {},
            "language": asked.language,
        },
        "schema": schema_to_json(schema),
        "split_num": asked.split_num,
        "base": {
            "name": model.base,
            "fingerprint": base_fingerprint,
            "revision": model.revision,
            "trust_remote_code": model.trust_remote_code,
            "family": choice.family.name if choice else model.family,
            "template": choice.template if choice else model.template,
            "quantization": model.quantization,
        },
    }
    write_json(folder / SPEC, row)


def read_spec(folder: Path) -> Spec:
    """Read `extractor.json`. Raises DataError if it is missing, ModelError if another version wrote it."""
    row = read_json(folder / SPEC, "An extractor folder holds it; `dvc checkout` restores models/adapter")
    if row["format"] != FORMAT or row["prompt"]["version"] != PROMPT_VERSION:
        raise ModelError(
            f"written for format {row['format']}, prompt {row['prompt']['version']}; "
            f"this code has {FORMAT}, {PROMPT_VERSION}",
            where=str(folder / SPEC),
            remedy="Load it from the registry, where each version carries its own code",
        )
    asked = row["prompt"]
    prompt = Prompt(
        task(row["task"]), notation(row["notation"]), schema_from_json(row["schema"]),
        asked["system"], asked["instruction"], asked["language"],
    )  # fmt: skip
    return Spec(prompt, row["split_num"], row["base"])


def weights_digest(folder: Path) -> str:
    """The hash of what was trained: of the adapter, or of all files of a whole model's weights."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"no weights in {folder}", remedy="Run `dvc repro train`, or `dvc checkout` to restore them")
    digests = [sha256(path) for path in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def load_extractor(
    folder: Path, *, base_path: str | None = None, model: str = "", decode: Decode | None = None
) -> Extractor:
    """The extractor in a folder, ready to run. Raises ModelError if its base is missing or is another one."""
    from .decode import LocalGenerator
    from .model import is_whole, load_encoder, load_for_answers

    spec = read_spec(folder)
    base = whole(folder, spec.base) if is_whole(folder) else find_base(spec.base, base_path)
    decode = decode or Decode()
    generator = LocalGenerator(
        load_for_answers(base, folder), load_encoder(base), decode.max_new_tokens, decode.batch_size
    )
    return Extractor(generator, spec.prompt, spec.split_num, decode.constrained, model)


def whole(folder: Path, trained: Mapping[str, Any]) -> "Base":
    """A fully trained model as its own base: it needs no other, and its tokenizer lies beside it."""
    from .model import Base

    return Base(
        str(folder), {}, None, trained["trust_remote_code"], trained.get("family", "auto"),
        trained.get("template", "auto"),
    )  # fmt: skip


def check_continued(folder: Path, config: Config, base_fingerprint: str, choice: Choice) -> None:
    """Raise ModelError unless the adapter in a folder was trained on this base and asked in this way.

    An adapter from elsewhere says neither; whether it fits is then the user's to know, and only logged.
    """
    if not (folder / SPEC).is_file():
        log.warning("%s has no %s: whether base and prompt are those it was trained with, nobody checks", folder, SPEC)
        return
    had, now = read_spec(folder), prompt_of(config)
    bits = [quantised_as(given) for given in (had.base["quantization"], config.model.quantization)]
    pairs = {
        "base": (had.base["fingerprint"], base_fingerprint),
        "quantization": (bits[0], bits[1]),
        "template": (had.base.get("template", choice.template), choice.template),
        "task": (had.prompt.task.name, now.task.name),
        "notation": (had.prompt.notation.name, now.notation.name),
        "system turn": (had.prompt.system, now.system),
        "instruction": (dict(had.prompt.instruction), dict(now.instruction)),
        "language": (had.prompt.language, now.language),
    }
    other = [f"{name} {before!r}, now {after!r}" for name, (before, after) in pairs.items() if before != after]
    if other:
        ways = [f"add {_as_it_was(*bits)}"] if bits[0] != bits[1] else []
        if len(other) > len(ways):
            ways.append("set model and task as they were")
        raise ModelError(
            f"train.adapter was trained otherwise: {'; '.join(other)}",
            where=str(folder),
            remedy=f"To train it on, {' and '.join(ways)}; for a new adapter, set train.adapter=null",
        )


BITS: dict[str, dict[str, Any]] = {
    "load_in_4bit": {"bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": False, "llm_int8_skip_modules": None},
    "load_in_8bit": {"llm_int8_threshold": 6.0, "llm_int8_skip_modules": None},
}
"""Of model.quantization, what decides the numbers of a base, with the defaults of BitsAndBytesConfig: neither the type
it computes in nor the one that the bits are stored in."""


def quantised_as(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a quantisation makes of a base: equal for two that make the same, empty for none."""
    for bits, known in BITS.items():
        if given.get(bits):
            chosen = {key: given[key] for key in known if given.get(key) is not None}
            return {bits: True, **known, **chosen}
    return {}


def _as_it_was(had: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The words of a command line that make a quantisation what it was."""
    if not had:
        return "--set model.quantization=null"
    off = {key: False for key in now if key in BITS}
    changed = {key: value for key, value in (off | dict(had)).items() if now.get(key) != value}
    spelled = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changed.items()}
    return " ".join(f"--set {shlex.quote(f'model.quantization.{key}={value}')}" for key, value in spelled.items())


def find_base(wanted: Mapping[str, Any], given: str | None = None) -> "Base":
    """The base model an adapter names, checked by fingerprint.

    Looked for at `given`, $EXTUNE_BASE, then where its name says: the project's models/base or the user's cache for a
    packaged one, a folder, or the Hugging Face cache or hub.
    """
    from .model import Base

    trust = bool(wanted["trust_remote_code"])
    path = given or os.environ.get("EXTUNE_BASE") or base_folder(wanted["name"], wanted["revision"], trust)
    found = fingerprint(Path(path), trust)
    if found != wanted["fingerprint"]:
        raise ModelError(
            f"the base model in {path} is not the one the adapter was trained on (fingerprint {found[:12]}, "
            f"expected {wanted['fingerprint'][:12]})",
            remedy=f"Put {wanted['name']!r} there, or name its folder in EXTUNE_BASE",
        )
    choice = choose(Path(path), wanted["name"], wanted.get("family", "auto"), wanted.get("template", "auto"))
    return Base(
        str(path), wanted["quantization"], wanted["revision"], trust, choice.family.name, choice.template
    )  # fmt: skip


def base_folder(name: str, revision: str | None, trust_remote_code: bool = False) -> str:
    """The local folder of a base model; a Hugging Face id is downloaded if its files are not in the cache.

    Raises ModelError where it cannot be had, ConfigError for a hub model whose own code is to run and whose commit is
    not fixed.
    """
    if trust_remote_code:
        check_pinned(name, revision)
    if name in PACKAGED:
        places = [project_root() / "models" / "base", cache_folder() / name]
        for place in places:
            if (place / "config.json").is_file():
                return str(place)
        raise ModelError(
            f"the base model {name!r} is not in {' or '.join(map(str, places))}", remedy="Run `extune base`"
        )
    if Path(name).is_dir():
        return name
    return str(download(name, revision, patterns(trust_remote_code)))
