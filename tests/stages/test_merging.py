"""`extune merge`, by the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


def test_a_new_adapter_is_trained_on_a_base_with_the_old_one_merged_into_it(
    project: Path, extune: Callable[..., Any]
) -> None:
    from safetensors.torch import load_file

    for stage in ("base", "generate", "prepare", "build", "train"):
        assert extune(project, stage).code == 0
    adapter = project / "models" / "adapter"
    assert extune(project, "merge", "models/adapter", "models/merged").code == 0
    merged = project / "models" / "merged"
    assert [path.name for path in merged.parent.iterdir() if path.name.startswith(".merged")] == []
    assert load_file(merged / "model.safetensors")

    before = (adapter / "adapter_model.safetensors").read_bytes()
    for stage in ("base", "train"):
        done = extune(project, stage, "--set", "model.base=models/merged")
        assert done.code == 0, done.err
    assert (adapter / "adapter_model.safetensors").read_bytes() != before

    done = extune(project, "merge", "models/adapter", "models/merged")
    assert (done.code, "models/merged is there already. Name a new folder" in done.err) == (2, True)
    (adapter / "extractor.json").unlink()
    done = extune(project, "merge", "models/adapter", "models/again")  # it says no base: params.yaml's is another one
    assert (done.code, "models/base was made for 'models/merged'" in done.err) == (3, True)
    assert not (project / "models" / "again").exists()


def test_a_prefix_is_not_merged(project: Path, extune: Callable[..., Any]) -> None:
    (project / "prefix").mkdir()
    (project / "prefix" / "adapter_config.json").write_text('{"peft_type": "PREFIX_TUNING"}', encoding="utf-8")
    (project / "prefix" / "adapter_model.safetensors").touch()
    assert extune(project, "base").code == 0
    done = extune(project, "merge", "prefix", "merged")
    assert (done.code, "a PREFIX_TUNING adapter cannot be merged. Only LoRA can" in done.err) == (3, True)
