"""Bases of the Hugging Face hub, by the command line."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from .hub_server import NAME, Answer, Hub

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

TEXT = "Ann Lee works for Bolt Robotics."


@pytest.fixture
def hub(tiny_base: Path) -> Iterator[Hub]:
    """A hub with the tiny base, and with what a base must not be read from beside it."""
    with Hub() as server:
        files = {path.name: path.read_bytes() for path in tiny_base.iterdir()}
        files |= {"pytorch_model.bin": b"pickle", "modeling_tiny.py": b"code", "original/model.safetensors": b"again"}
        server.repositories[NAME] = [files]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def call(
    hub: Hub, project: Path, tmp_path: Path, extune: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """`extune WORDS` in a project whose base is the hub's, with a cache of its own: exit code, stdout, errors of ours."""
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    for retrying in (file_download, _http):
        monkeypatch.setattr(retrying, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    give(project, base=NAME)

    def run(*words: str) -> Any:
        hub.asked.clear()
        code, out, err = extune(project, *words)
        told = [line for line in err.splitlines() if line.startswith("extune: ")]
        assert (code == 0) == (not told), err
        return SimpleNamespace(code=code, out=out, told="\n".join(told))

    return run


def give(project: Path, **model: Any) -> None:
    """Change the section `model` of params.yaml."""
    path = project / "params.yaml"
    params = json.loads(path.read_text(encoding="utf-8"))
    params["model"] |= model
    path.write_text(json.dumps(params), encoding="utf-8")


def snapshot(tmp_path: Path, commit: str) -> set[str]:
    """The names of the files that were kept of a commit."""
    folder = next((tmp_path / "cache").glob(f"*/snapshots/{commit}"))
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_base_of_the_hub_is_trained_registered_and_asked_and_its_commit_is_kept(
    call: Callable[..., Any], hub: Hub, project: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from extune.bases import fingerprint
    from extune.tracking import connect

    first = hub.commit()
    assert f"revision: {first}" in call("base").out
    assert snapshot(tmp_path, first) == {path.name for path in tiny_base.iterdir()}
    note = json.loads((project / "models/base/base.note").read_text(encoding="utf-8"))
    assert note == {"name": NAME, "fingerprint": fingerprint(tiny_base), "revision": first}

    hub.repositories[NAME].append({**hub.repositories[NAME][0], "tokenizer.json": b"another one"})
    for words in (["generate"], ["prepare"], ["build"], ["train"], ["register"]):
        assert call(*words).code == 0
        assert hub.asked == []
    spec = json.loads((project / "models/adapter/extractor.json").read_text(encoding="utf-8"))
    assert (spec["base"]["name"], spec["base"]["revision"]) == (NAME, first)
    client = connect(project, "extune")
    version = client.get_model_version("extune", "1")
    assert version.tags["base.revision"] == first
    assert client.get_run(version.run_id).data.params["model.revision"] == first

    (project / "text.txt").write_text(TEXT + "\n", encoding="utf-8")
    asking = ("extract", "text.txt", "found.jsonl", "--model", "models:/extune/1")
    hub.shutdown()
    hub.server_close()
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        assert call("base").code == 0
        assert call(*asking).code == 0
        assert json.loads((project / "found.jsonl").read_text(encoding="utf-8"))["model"] == "extune/1"
        (project / "found.jsonl").unlink()

    weights = next((tmp_path / "cache").glob("*/snapshots/*/model.safetensors"))
    weights.resolve().write_bytes(weights.read_bytes()[:-1] + b"x")
    done = call(*asking)
    assert (done.code, "is not the one the adapter was trained on" in done.told) == (3, True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    done = call(*asking)
    assert (done.code, "not whole in the Hugging Face cache" in done.told) == (3, True)
    assert not (project / "found.jsonl").exists()


def test_the_environment_says_which_hub(hub: Hub, project: Path, tmp_path: Path) -> None:
    give(project, base=NAME)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "extune", "base", "--json"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["revision"] == hub.commit()


def refusing(status: int, code: str = "") -> Callable[[Answer], None]:
    return lambda answer: answer.refuse(status, code)


def cut(answer: Answer) -> None:
    """Half of the weights, and nothing more however often they are asked for."""
    answer.send(b"x" * 1000, keep=0.0 if "Range" in answer.headers else 0.5)


FILE = "/resolve/"
REFUSALS = {
    "unknown": ({"base": "org/none"}, {}, "neither a folder nor a model that the hub shows you. Check the"),
    "no id": ({"base": "models/mine/first"}, {}, "neither a folder nor a Hugging Face id. Set model.base to"),
    "gated": ({}, {FILE: refusing(401, "GatedRepo")}, "its owner must grant access. Ask for it on the model's page"),
    "gated for you": ({}, {FILE: refusing(403, "GatedRepo")}, "its owner must grant access. Ask for it on the"),
    "forbidden": ({}, {"/api/": refusing(403)}, r"the hub refuses it \(HTTP 403\). If you may use it, log in"),
    "no branch": ({"revision": "v9"}, {}, "the hub has no revision 'v9' of it. Set model.revision to one of its"),
    "no commit": ({"revision": "a" * 40}, {}, f"the hub has no revision '{'a' * 40}' of it. Set model.revision"),
    "out of order": ({}, {"/api/": refusing(500)}, r"the download failed \(HTTP 500\). Check network, proxy and"),
    "files out of order": ({}, {FILE: refusing(503)}, r"the download failed \(HTTP 503\). Check network, proxy"),
    "cut": ({}, {"/elsewhere/": cut}, r"the download failed \(.+\). Check network, .* then run it again"),
    "no hub at all": ({}, {"/": lambda answer: answer.send(b"<html>")}, r"the download failed \(.+\). Check network"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_hub_does_not_give_is_one_line_with_a_remedy_and_changes_nothing(
    call: Callable[..., Any], hub: Hub, project: Path, case: str
) -> None:
    model, hub.failing, told = REFUSALS[case]
    give(project, **model)
    note = project / "models" / "base" / "base.note"
    note.parent.mkdir(parents=True)
    note.write_text("before", encoding="utf-8")
    done = call("base")
    assert done.code == 3
    assert re.match(f"extune: model.base: no base model '[^']+': {told}", done.told)
    assert note.read_text(encoding="utf-8") == "before"


def test_a_download_that_was_cut_goes_on_where_it_was(call: Callable[..., Any], hub: Hub, tmp_path: Path) -> None:
    weights = hub.repositories[NAME][0]["model.safetensors"]

    def once(answer: Answer) -> None:
        hub.failing.clear()
        answer.send(weights, keep=0.5)

    hub.failing = {"/elsewhere/": once}
    assert call("base").code == 0
    kept = next((tmp_path / "cache").glob("*/snapshots/*/model.safetensors"))
    assert kept.read_bytes() == weights


def test_a_download_that_was_cut_is_not_taken_for_a_base_later(
    call: Callable[..., Any], hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    hub.failing = {"/elsewhere/": cut}
    assert call("base").code == 3
    assert "model.safetensors" not in snapshot(tmp_path, hub.commit())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = call("base")
    assert (done.code, "not whole in the Hugging Face cache" in done.told) == (3, True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.failing = {}
    assert call("base").code == 0


def test_a_server_that_is_down_is_one_line(call: Callable[..., Any], hub: Hub) -> None:
    hub.shutdown()
    hub.server_close()
    done = call("base")
    assert (done.code, "the download failed ([Errno" in done.told) == (3, True)


def test_pickled_weights_are_not_even_fetched(call: Callable[..., Any], hub: Hub) -> None:
    del hub.repositories[NAME][0]["model.safetensors"]
    done = call("base")
    assert done.code == 3
    assert "*.safetensors missing (pickled weights, *.bin, are not read)" in done.told
    assert not [path for path in hub.asked if path.endswith(".bin")]


def test_weights_in_parts_are_all_needed(call: Callable[..., Any], hub: Hub) -> None:
    files = hub.repositories[NAME][0]
    files["model-1.safetensors"] = files.pop("model.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    done = call("base")
    assert (done.code, "model-2.safetensors missing" in done.told) == (3, True)


def test_code_is_fetched_only_where_it_is_to_run_and_its_commit_is_given(
    call: Callable[..., Any], hub: Hub, project: Path, tmp_path: Path
) -> None:
    plain = json.loads(call("base", "--json").out)
    assert not [path for path in hub.asked if path.endswith(".py")]
    give(project, trust_remote_code=True)
    assert call("base").code == 2
    give(project, revision=hub.commit())
    assert json.loads(call("base", "--json").out)["fingerprint"] != plain["fingerprint"]
    assert "modeling_tiny.py" in snapshot(tmp_path, hub.commit())


def test_another_base_than_the_one_made_ready_is_not_trained(call: Callable[..., Any], project: Path) -> None:
    for words in (["base"], ["generate"], ["prepare"], ["build"]):
        assert call(*words).code == 0
    give(project, base="org/other")
    done = call("train")
    assert (done.code, "models/base was made for 'org/tiny', and model.base is 'org/other'" in done.told) == (3, True)


def test_a_plan_fetches_the_configuration_alone_and_leaves_no_half_base(
    call: Callable[..., Any], hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    assert call("plan").code == 0
    assert snapshot(tmp_path, hub.commit()) == {"config.json"}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    done = call("base")
    assert (done.code, "not whole in the Hugging Face cache" in done.told) == (3, True)


def test_an_adapter_of_the_hub_is_trained_on_and_nothing_pickled_is_fetched(
    call: Callable[..., Any], hub: Hub, project: Path, tmp_path: Path
) -> None:
    for words in (["base"], ["generate"], ["prepare"], ["build"], ["train"]):
        assert call(*words).code == 0
    adapter = project / "models" / "adapter"
    names = ("adapter_config.json", "adapter_model.safetensors")
    files = {name: (adapter / name).read_bytes() for name in names}
    hub.repositories["org/lora"] = [{**files, "adapter_model.bin": b"pickle", "code.py": b"code"}, {}]
    first = next(iter(hub.commits("org/lora")))
    pinned = ("--set", f"train.adapter=org/lora@{first}")
    assert call("plan", *pinned).code == 0
    assert snapshot(tmp_path, first) == {"adapter_config.json"}
    assert call("train", *pinned).code == 0
    assert snapshot(tmp_path, first) == set(names)
    assert (adapter / names[1]).read_bytes() != files[names[1]]

    for given, told in (
        ("org/lora", "org/lora has no adapter_config.json"),
        ("org/lora@v9", "the hub has no revision 'v9' of it. Write OWNER/NAME@REVISION"),
        ("org/none", "train.adapter: no adapter 'org/none': neither a folder nor a model that the hub shows you"),
    ):
        for stage in ("plan", "train"):
            done = call(stage, "--set", f"train.adapter={given}")
            assert (done.code, told in done.told) == (3, True), done.told
