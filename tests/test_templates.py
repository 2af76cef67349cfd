"""Chat templates by name: rendered as the reference records them."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from extune.errors import ConfigError
from extune.templates import BREAK, CLOSE, TOKEN, plain_jinja, template, templates

REFERENCE = Path(os.environ.get("EXTUNE_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference"))
QUERY = "Wer? {{x}} {% 谁 %}"


def render(jinja: str, *messages: dict[str, str], **more: Any) -> str:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(jinja).render(messages=list(messages), **more)


def unmarked(text: str) -> str:
    return re.sub(f"[{TOKEN}{CLOSE}{BREAK}]", "", text)


def user(text: str = QUERY) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    path = REFERENCE / "instruction_templates.json"
    if not path.is_file():
        pytest.skip(f"no recorded templates: set EXTUNE_REFERENCE (looked at {path})")
    rows: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def test_every_template_of_the_reference_is_here(reference: dict[str, Any]) -> None:
    assert set(templates()) == {*reference["chat_templates"], "moss", "chatglm"}


@pytest.mark.parametrize("name", templates())
def test_a_first_turn_is_what_the_reference_recorded(reference: dict[str, Any], name: str) -> None:
    if name == "chatglm":
        pytest.skip("the reference has no template for ChatGLM-6B")
    if name == "moss":
        wanted = reference["moss_json_template"]["prompt_no_input"].replace("{instruction}", QUERY)
    else:
        wanted = re.sub("^<BOS\\??>", "", reference["chat_templates"][name]["rendered_first_turn"])
        wanted = wanted.replace("{{query}}", QUERY)
    assert unmarked(render(template(name).jinja, user())) == wanted


@pytest.mark.parametrize("name", templates())
def test_tokens_and_breaks_stand_where_the_reference_has_elements(reference: dict[str, Any], name: str) -> None:
    if name not in reference["chat_templates"] or name.startswith("llama2"):
        pytest.skip("no elements are recorded")
    row = reference["chat_templates"][name]
    filled = [*row["prefix"], *(row["sep"] if row["system"] or row["prefix"] != ["{{system}}"] else []), *row["prompt"]]
    wanted = ""
    for element in filled:
        if isinstance(element, dict):
            wanted += f"{TOKEN}{element['token']}{CLOSE}"
        else:
            wanted += element.replace("{{idx}}", "1").replace("{{system}}", row["system"]) + BREAK
    found = render(template(name).jinja, user("{{query}}"))
    assert found.replace(BREAK * 2, BREAK).strip(BREAK) == wanted.replace(BREAK * 2, BREAK).strip(BREAK)


@pytest.mark.parametrize("name", templates())
def test_a_system_turn_takes_the_place_of_the_templates_own(name: str) -> None:
    found = unmarked(render(template(name).jinja, {"role": "system", "content": "SYS"}, user("Q")))
    own = unmarked(render(template(name).jinja, user("Q")))
    assert ("SYS" in found) == (name not in ("vanilla", "chatglm"))
    assert found == own or "SYS" in found


def test_an_empty_system_turn_takes_its_separator_with_it() -> None:
    empty = {"role": "system", "content": ""}
    assert unmarked(render(template("alpaca").jinja, empty, user("Q"))) == "### Instruction:\nQ\n\n### Response:\n"
    assert unmarked(render(template("starchat").jinja, empty, user("Q"))).startswith("<|system|>\n<|end|>\n<|user|>")


def test_the_plain_form_has_bos_and_no_marks() -> None:
    for found in templates().values():
        jinja = plain_jinja(found)
        assert not re.search(f"[{TOKEN}{CLOSE}{BREAK}]|\\\\ue00[234]", jinja)
        text = render(jinja, user("Q"), bos_token="<s>", eos_token="</s>")
        assert text.startswith("<s>") == (found.bos != "never")
    chat = (user("Q"), {"role": "assistant", "content": "A"})
    assert render(plain_jinja(template("belle")), *chat, eos_token="</s>").endswith("Belle: A</s>")
    assert render(plain_jinja(template("qwen")), *chat).endswith("assistant\nA<|im_end|>")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no template 'llama2zh'.*Did you mean 'llama2_zh'"):
        template("llama2zh")
    with pytest.raises(ConfigError, match=r"Known: auto, alpaca"):
        template("0")
