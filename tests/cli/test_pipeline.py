"""The commands of the stages: how several machines are asked for."""

import json

import pytest
from typer.testing import CliRunner

from extune.cli import app, pipeline
from extune.errors import ConfigError


@pytest.mark.parametrize("words", [["--nodes", "2"], ["--at", "host:29500"]])
def test_several_machines_need_a_place_to_meet(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["train", *words])
    assert isinstance(done.exception, ConfigError)
    assert "extune train --nodes 2 --at HOST:29500" in str(done.exception)


@pytest.mark.integration
@pytest.mark.usefixtures("project")
def test_one_process_on_each_of_two_machines_is_started_through_the_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(pipeline.processes, "launch", lambda *given: seen.extend(given))
    done = CliRunner().invoke(
        app, ["train", "--nodes", "2", "--at", "host:29500", "--set", "train.processes=1"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert seen == [1, ["-m", "extune", "train", "--set", "train.processes=1"], 2, "host:29500"]


@pytest.mark.integration
@pytest.mark.usefixtures("project")
def test_what_a_library_prints_is_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def noisy(*_: object) -> dict[str, int]:
        print("[WARNING] no accelerator")
        return {"steps": 3}

    monkeypatch.setattr("extune.stages.stage", lambda name: noisy)
    done = CliRunner().invoke(app, ["build", "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == {"stage": "build", "steps": 3}
    assert "no accelerator" in done.stderr
