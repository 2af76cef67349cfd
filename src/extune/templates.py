"""Chat templates by name, from templates.yaml, as Jinja: those that DeepKE-LLM trains with.

An element is tokenised apart from its neighbours and a token of a template is an id, never text, so the ids are those
that adapters trained with the same template saw
(https://github.com/zjunlp/DeepKE/blob/main/example/llm/InstructKGC/src/datamodule/template.py).
"""

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError

TOKEN, CLOSE, BREAK = "\ue002", "\ue003", "\ue004"
"""Marks in a rendered template: around the name of a token, and between two elements."""

Element = str | Mapping[str, str]


@dataclass(frozen=True)
class Template:
    """`jinja`: of a whole chat but its BOS, with marks. `end`: what ends an answer, None for the tokenizer's EOS.

    `bos`: "tokenizer" (where it has one and adds it), "always" or "never".
    """

    name: str
    jinja: str
    end: str | None
    bos: str


@functools.cache
def templates() -> dict[str, Template]:
    """All templates by name."""
    rows = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {
        name: Template(name, _jinja(row), row.get("end"), row.get("bos", "tokenizer")) for name, row in rows.items()
    }


def template(name: str) -> Template:
    """The template of a name. Raises ConfigError for an unknown one."""
    known = templates()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: auto, {', '.join(known)}"
        raise ConfigError(f"model.template: no template {name!r}", remedy=hint)
    return known[name]


def plain_jinja(found: Template) -> str:
    """The template for programs that know no marks, BOS included; its tokens are plain text there."""
    text = found.jinja
    for mark in (TOKEN, CLOSE, BREAK):
        text = text.replace(json.dumps(mark)[1:-1], "")
    return ("" if found.bos == "never" else "{{ bos_token or '' }}") + text


def _jinja(row: Mapping[str, Any]) -> str:
    """Jinja of a row; literals stand in expressions, since a newline after a block would be taken away."""
    prefix, sep = row.get("prefix", ["{{system}}"]), _elements(row.get("sep", []))
    system = json.dumps(row.get("system", ""))
    between = f"{{% if s.system %}}{sep}{{% endif %}}" if prefix == ["{{system}}"] else sep if prefix else ""
    end = _elements([{"token": row["end"]}]) if "end" in row else "{{ eos_token or '' }}"
    return (
        f"{{% set s = namespace(system={system}, turns=0) %}}"
        "{% for m in messages if m.role == 'system' %}{% set s.system = m.content %}{% endfor %}"
        f"{_elements(prefix)}{between}"
        "{% for m in messages %}{% if m.role == 'user' %}"
        f"{{% if s.turns %}}{sep}{{% endif %}}{{% set s.turns = s.turns + 1 %}}{_elements(row['prompt'])}"
        f"{{% elif m.role == 'assistant' %}}{{{{ m.content }}}}{end}{{% endif %}}{{% endfor %}}"
    )


def _elements(elements: list[Element]) -> str:
    return "".join(
        "{{ " + (_literal(e) if isinstance(e, str) else json.dumps(f"{TOKEN}{e['token']}{CLOSE}")) + " }}"
        for e in elements
    )


def _literal(text: str) -> str:
    """A Jinja expression of an element that is text, with a break after it."""
    said = json.dumps(text + BREAK)
    return said.replace("{{system}}", '" ~ s.system ~ "').replace("{{query}}", '" ~ m.content ~ "')
