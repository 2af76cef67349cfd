"""Training on several machines, which are processes here, and on several GPUs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .test_spread import FSDP, PRESETS, SCORES, free_port, left, result, run, same, work


@pytest.fixture(scope="module")
def alone(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """One process with four rows a step."""
    return result(tiny_base, tmp_path_factory.mktemp("alone"), 1, sft={"per_device_train_batch_size": 4})


def machine(meeting: str, *given: str) -> None:
    """What is done on one of two machines."""
    from extune.errors import ExtuneError
    from extune.processes import launch

    try:
        launch(
            1,
            ["-W", "ignore", "-c", "import sys, tests.train.test_machines as t; t.worker(*sys.argv[1:])", *given],
            2,
            meeting,
        )
    except ExtuneError as exc:
        print(exc, file=sys.stderr)
        sys.exit(exc.exit_code)


def worker(*given: str) -> None:
    from extune.processes import enter, record, together

    enter()
    try:
        with together():
            work(*given)
    except Exception as exc:
        record(exc)
        sys.exit(1)


Before = tuple[list[str], list[str]]


def on_two_machines(
    base: Path, out: Path, host: str = "localhost", before: Before = ([], []), **asked: Any
) -> list[tuple[int, str]]:
    """For each, how it ended and what it told last; `before`: the commands that put a process on a machine."""
    program = "import sys, tests.train.test_machines as t; t.machine(*sys.argv[1:])"
    words = [f"{host}:{free_port()}", str(base), str(out), json.dumps(asked)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    started = [
        subprocess.Popen(
            [*put, sys.executable, "-c", program, *words],
            cwd=PRESETS.parent,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        for put in before
    ]
    told = [process.communicate(timeout=300)[1].splitlines() for process in started]
    return [(process.returncode, lines[-1] if lines else "") for process, lines in zip(started, told, strict=True)]


@pytest.mark.integration
def test_two_machines_learn_what_one_process_does_also_if_one_of_them_dies(
    tiny_base: Path, tmp_path: Path, alone: Any
) -> None:
    asked = {"sft": {"per_device_train_batch_size": 2}}
    dead, alive = sorted(on_two_machines(tiny_base, tmp_path, **asked, die=[1, 4], machine=True))
    assert (dead[0], alive[0]) == (-signal.SIGKILL, 3)
    assert "another process of this training has ended" in alive[1]
    assert alive[1].endswith("The same command goes on from the last checkpoint")
    assert sorted(path.name for path in (tmp_path / "checkpoints" / "ours").glob("step-*"))
    assert [code for code, _ in on_two_machines(tiny_base, tmp_path, **asked)] == [0, 0]
    same(alone, left(tmp_path))


@pytest.fixture
def network() -> Iterator[tuple[str, Before]]:
    """Two network namespaces with a cable between them, and host names that nobody can resolve."""
    names = [f"extune{os.getpid()}{side}" for side in "ab"]
    cables = [f"x{os.getpid()}{side}" for side in "ab"]
    made = [["netns", "add", name] for name in names]
    made += [
        ["link", "add", cables[0], "netns", names[0], "type", "veth", "peer", "name", cables[1], "netns", names[1]]
    ]
    for n in range(2):
        made += [["-n", names[n], "addr", "add", f"10.231.7.{n + 1}/24", "dev", cables[n]]]
        made += [["-n", names[n], "link", "set", link, "up"] for link in ("lo", cables[n])]
    try:
        for words in made:
            subprocess.run(["ip", *words], check=True, capture_output=True)
        named = ["unshare", "-u", "sh", "-c", 'hostname "$0"; exec "$@"']
        first, second = ([*["ip", "netns", "exec", name], *named, name] for name in names)
        yield "10.231.7.1", (first, second)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no network namespaces can be made here ({exc})")
    finally:
        for name in names:
            with contextlib.suppress(OSError):
                subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.mark.integration
def test_machines_meet_by_address_where_their_names_mean_nothing(
    tiny_base: Path, tmp_path: Path, alone: Any, network: tuple[str, Before]
) -> None:
    host, before = network
    done = on_two_machines(tiny_base, tmp_path, host, before, sft={"per_device_train_batch_size": 2})
    assert [code for code, _ in done] == [0, 0], done
    same(alone, left(tmp_path))


def near(
    one: tuple[dict[str, Any], dict[str, Any]], other: tuple[dict[str, Any], dict[str, Any]], apart: float
) -> None:
    """As `same`, where sums are rounded otherwise."""
    losses = [[row["loss"] for row in each[0]["curve"]] for each in (one, other)]
    assert losses[0] == pytest.approx(losses[1], apart)
    assert {name: w.shape for name, w in one[1].items()} == {name: w.shape for name, w in other[1].items()}


TWO: dict[str, dict[str, Any]] = {
    "ddp": {},
    "fsdp": FSDP,
    **{stage: {"deepspeed": str(PRESETS / f"deepspeed-{stage}.json")} for stage in ("zero2", "zero3")},
}
NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}


@pytest.fixture
def gpus() -> None:
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip(f"needs 2 GPUs, {torch.cuda.device_count()} here")


def there(way: str) -> None:
    if way.startswith("zero"):
        pytest.importorskip("deepspeed", reason="needs `pip install deepspeed`")


@pytest.mark.gpu
@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("quantization", [{}, NF4], ids=["16 bit", "4 bit"])
@pytest.mark.parametrize("way", TWO)
def test_two_gpus_learn_what_one_does(tiny_base: Path, tmp_path: Path, way: str, quantization: dict[str, Any]) -> None:
    there(way)
    alone = result(tiny_base, tmp_path / "one", 1, sft={"per_device_train_batch_size": 4}, quantization=quantization)
    two = result(
        tiny_base, tmp_path / "two", 2, sft={"per_device_train_batch_size": 2, **TWO[way]}, quantization=quantization
    )
    near(alone, two, 0.02)


@pytest.mark.gpu
@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("way", TWO)
def test_two_gpus_keep_the_best_as_one_does(tiny_base: Path, tmp_path: Path, way: str) -> None:
    there(way)
    alone = result(tiny_base, tmp_path / "one", 1, sft={"per_device_train_batch_size": 4}, **SCORES)
    two = result(tiny_base, tmp_path / "two", 2, sft={"per_device_train_batch_size": 2, **TWO[way]}, **SCORES)
    near(alone, two, 0.02)
    assert alone[0]["metrics"]["best_step"] == two[0]["metrics"]["best_step"] == 2


@pytest.mark.gpu
@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("way", TWO)
def test_a_killed_process_on_a_gpu_goes_on(tiny_base: Path, tmp_path: Path, way: str) -> None:
    there(way)
    sft = {"per_device_train_batch_size": 2, **TWO[way]}
    unbroken = result(tiny_base, tmp_path / "unbroken", 2, sft=sft)
    codes, _ = run(tiny_base, tmp_path / "broken", 2, sft=sft, die=[0, 4])
    assert codes[0] == -signal.SIGKILL
    near(unbroken, result(tiny_base, tmp_path / "broken", 2, sft=sft), 0.02)
