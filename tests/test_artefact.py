"""What an adapter was trained with, and whether it may be trained on with something else."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from extune.artefact import check_continued, quantised_as, write_spec
from extune.config import Config, load, parse
from extune.errors import ModelError
from extune.families import Choice, choose
from extune.schema import Schema

NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"load_in_4bit": False, "bnb_4bit_quant_type": "nf4"}),
    (NF4, {**NF4, "bnb_4bit_compute_dtype": "float32", "bnb_4bit_quant_storage": "bfloat16", "load_in_8bit": False}),
    ({"load_in_4bit": True}, {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": False}),
    ({"load_in_8bit": True}, {"load_in_8bit": True, "llm_int8_threshold": 6.0, "bnb_4bit_quant_type": "nf4"}),
]
# How it was quantised, and how it is to be now.
OTHER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (NF4, {}),
    (NF4, {**NF4, "bnb_4bit_quant_type": "fp4"}),
    (NF4, {**NF4, "bnb_4bit_use_double_quant": False}),
    ({}, NF4),
    ({"load_in_8bit": True}, NF4),
    (NF4, {"load_in_8bit": True}),
    ({"load_in_4bit": True}, {**NF4, "llm_int8_skip_modules": ["lm_head", "o_proj"]}),
    ({**NF4, "llm_int8_skip_modules": ["lm_head", "o_proj"]}, NF4),
    ({"load_in_8bit": True, "llm_int8_threshold": 0.0}, {"load_in_8bit": True}),
]


def config(quantization: dict[str, Any]) -> Config:
    return parse({"data": {"source": "x"}, "model": {"quantization": quantization}})


@pytest.fixture
def choice(tmp_path: Path) -> Choice:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    return choose(tmp_path, "base")


@pytest.mark.parametrize(("one", "other"), SAME)
def test_settings_that_change_no_number_of_a_base_are_the_same_quantisation(
    tmp_path: Path, choice: Choice, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert quantised_as(one) == quantised_as(other)
    write_spec(tmp_path, config(one), Schema(), "f" * 64, choice)
    check_continued(tmp_path, config(other), "f" * 64, choice)


@pytest.mark.parametrize(("had", "now"), OTHER)
def test_an_adapter_of_another_quantisation_is_refused_with_the_words_that_make_it_what_it_was(
    tmp_path: Path, choice: Choice, had: dict[str, Any], now: dict[str, Any]
) -> None:
    write_spec(tmp_path, config(had), Schema(), "f" * 64, choice)
    params = tmp_path / "params.yaml"
    params.write_text(json.dumps({"data": {"source": "x"}, "model": {"quantization": now}}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"trained otherwise: quantization \{.*, now \{") as caught:
        check_continued(tmp_path, load(params), "f" * 64, choice)
    assert "\n" not in str(caught.value)
    told = re.search(r"To train it on, add (.*); for a new adapter", caught.value.remedy)
    assert told
    words = [word for word in shlex.split(told[1]) if word != "--set"]
    check_continued(tmp_path, load(params, None, words), "f" * 64, choice)


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")
def test_an_artefact_says_how_it_was_spoken_to_and_what_it_may_be_trained_on_with(
    project: Path, tiny_base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import extune
    from extune.artefact import find_base, read_spec, weights_digest
    from extune.bases import fingerprint
    from extune.methods import save
    from extune.model import load_base

    config = load("params.yaml", None, ["model.quantization=null model.template=vanilla train.method=full"])
    mark = fingerprint(tiny_base)
    found = find_base({**config.model.model_dump(), "name": config.model.base, "fingerprint": mark})
    assert (found.family, found.template) == ("llama", "vanilla")
    save(load_base(found), "full", found, "tiny", project / "out")
    write_spec(project / "out", config, Schema(relations=("r",)), mark, found.choice)
    assert read_spec(project / "out").base["template"] == "vanilla"
    extractor = extune.load(str(project / "out"), base="nowhere: it is its own base")
    assert extractor.generate.encoder.name == "vanilla"
    assert extractor.extract("x").problems is not None
    assert len(weights_digest(project / "out")) == 64

    check_continued(project / "out", config, mark, found.choice)
    with pytest.raises(ModelError, match=r"quantization {}, now {'load_in_4bit': True.* --set model.quantization=null"):
        check_continued(project / "out", load("params.yaml", None, ["model.template=vanilla"]), mark, found.choice)
    other = load("params.yaml", None, ["model.template=alpaca task.system=Hi task.notation=iepile_json"])
    message = "template 'vanilla', now 'own'; notation 'triple_lines', now 'iepile_json'; system turn '', now 'Hi'"
    with pytest.raises(ModelError, match=message):
        check_continued(project / "out", other, mark, choose(tiny_base, "tiny"))
    with pytest.raises(ModelError, match=r"trained otherwise: base"):
        check_continued(project / "out", config, "f" * 64, found.choice)
    check_continued(project, config, mark, found.choice)
    assert "nobody checks" in caplog.text
