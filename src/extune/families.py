"""Model families: which there are, how config.json names them, how they are spoken to, what LoRA can be put on.

Targets are those of DeepKE-LLM's table; `all-linear` fits every decoder and is the default of params.yaml.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConfigError, ModelError
from .templates import template as known_template

OWN = "own"
"""The template that the tokenizer brings."""


@dataclass(frozen=True)
class Family:
    """A kind of model. The first family whose `types` hold config.json's model_type and whose marks fit is chosen.

    `names`: a pattern in the name of the base; `facts`: values in config.json; one of both must fit where given.
    `template`: of templates.yaml, for a tokenizer that brings none. `native`: transformers has the class itself.
    `targets`: the modules for LoRA that DeepKE-LLM names.
    """

    name: str
    types: tuple[str, ...]
    template: str = "alpaca"
    targets: tuple[str, ...] = ()
    native: bool = True
    seq2seq: bool = False
    names: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, name: str, config: Mapping[str, Any]) -> bool:
        """Whether a base of that name and config.json is of this family."""
        if config.get("model_type") not in self.types:
            return False
        named = f"{Path(name).name} {config.get('_name_or_path', '')}"
        if self.names and re.search(self.names, named, re.IGNORECASE):
            return True
        if self.facts:
            return all(config.get(key) == value for key, value in self.facts.items())
        return not self.names


_LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_FUSED = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
_GLM = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj")
_PACKED = ("W_pack", "o_proj", "gate_proj", "down_proj", "up_proj")

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("oneke", ("llama",), "llama2_zh", _LLAMA, names=r"oneke"),
        Family("vicuna", ("llama",), "vicuna", _LLAMA, names=r"vicuna"),
        Family("zhixi", ("llama",), "alpaca", _LLAMA, names=r"zhixi|knowlm"),
        Family("alpaca", ("llama",), "alpaca", _LLAMA, names=r"alpaca"),
        Family("smollm", ("llama",), "alpaca", _LLAMA, names=r"smollm"),
        Family("llama3", ("llama",), "llama3", _LLAMA, facts={"vocab_size": 128256}),
        Family("llama2", ("llama",), "llama2", _LLAMA, names=r"llama-?2.*chat"),
        Family("llama", ("llama",), "alpaca", _LLAMA),
        Family("smollm3", ("smollm3",), "alpaca", _LLAMA),
        Family("mistral", ("mistral",), "mistral", _LLAMA),
        Family("glm4", ("glm", "glm4"), "alpaca", _GLM),
        Family("glm4-remote", ("chatglm",), "alpaca", _FUSED, native=False, facts={"padded_vocab_size": 151552}),
        Family("chatglm3", ("chatglm",), "chatglm3", _FUSED, native=False, names=r"chatglm3"),
        Family("chatglm2", ("chatglm",), "chatglm2", _FUSED, native=False, names=r"chatglm2"),
        Family("chatglm", ("chatglm",), "chatglm", _FUSED, native=False, facts={"position_encoding_2d": True}),
        Family("baichuan2", ("baichuan",), "baichuan2", _PACKED, native=False, facts={"vocab_size": 125696}),
        Family("baichuan", ("baichuan",), "baichuan", _PACKED, native=False),
        Family("qwen", ("qwen",), "qwen", ("c_attn", "attn.c_proj", "w1", "w2", "mlp.c_proj"), native=False),
        Family("qwen2", ("qwen2", "qwen3"), "qwen", _LLAMA),
        Family("falcon", ("falcon",), "falcon", _FUSED),
        Family("moss", ("moss",), "moss", ("qkv_proj", "out_proj", "fc_in", "fc_out"), native=False),
        Family("gemma", ("gemma", "gemma2", "gemma3_text"), "alpaca", _LLAMA),
        Family("openba", ("openba",), "openba", ("q", "kv", "qkv", "o", "fc_in", "fc_out"), False, True),
        Family("t5", ("t5", "mt5", "umt5"), "vanilla", ("q", "k", "v", "o"), seq2seq=True),
    )
}
"""In the order in which they are tried. MOSS: DeepKE's own names do not exist in it; these do."""

OTHER = Family("other", ())
"""Any other model that transformers loads by itself or with the model's code."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How a base is taken: its family, and the name of the template it is spoken to in, or OWN."""

    family: Family
    template: str


def choose(folder: Path, name: str, family: str = "auto", template: str = "auto") -> Choice:
    """The family and template of the base in a folder, by its files unless they are named.

    Raises ConfigError for an unknown name, ModelError for a ChatGLM whose version nothing tells.
    """
    config = _read(folder / "config.json")
    found = _family(name, config) if family == "auto" else named(family)
    if template == "auto":
        return Choice(found, OWN if has_template(folder) else found.template)
    if template == OWN and not has_template(folder):
        raise ConfigError(f"model.template: the tokenizer of {name!r} brings no template", remedy="Set it to auto")
    return Choice(found, OWN if template == OWN else known_template(template).name)


def named(name: str) -> Family:
    """The family of a name. Raises ConfigError for an unknown one."""
    if name == OTHER.name:
        return OTHER
    if name not in FAMILIES:
        near = difflib.get_close_matches(name, FAMILIES, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: auto, {', '.join(FAMILIES)}, other"
        raise ConfigError(f"model.family: no family {name!r}", remedy=hint)
    return FAMILIES[name]


def _family(name: str, config: Mapping[str, Any]) -> Family:
    for family in FAMILIES.values():
        if family.fits(name, config):
            return family
    if config.get("model_type") == "chatglm":
        raise ModelError(
            f"{name!r} is a ChatGLM, and nothing in it tells which",
            remedy="Set model.family to chatglm2 or chatglm3",
        )
    return OTHER


def has_template(folder: Path) -> bool:
    """Whether the tokenizer in a folder brings a chat template."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(_read(folder / "tokenizer_config.json").get("chat_template"))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ModelError(f"cannot be read ({exc})", where=str(path), remedy="Fetch the base again") from None
    return values if isinstance(values, dict) else {}
