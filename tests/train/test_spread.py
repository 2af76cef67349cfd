"""Several processes learn what one process learns from the same rows a step, also after one of them was killed."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from extune.processes import rank

LORA = {"r": 4, "target_modules": "all-linear"}
SFT = {
    "max_length": 300, "logging_steps": 1, "num_train_epochs": 2, "warmup_steps": 1, "learning_rate": 1e-2,
    "adam_epsilon": 1e-3,  # else a gradient of almost nothing, which rounding decides, moves a weight as far as any
}  # fmt: skip
ROWS = 9
"""Two whole steps of four rows, and one row over: in each epoch's last step one of two processes has none."""


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{n}",
            "prompt": [{"role": "user", "content": f"Extract: Ann{n} founded Bolt{n}{', she said' * (n % 4)}."}],
            "completion": [{"role": "assistant", "content": f"(Ann{n}, founded, Bolt{n}){'!' * (5 * (n % 3))}"}],
        }
        for n in range(ROWS)
    ]


def work(base: str, out: str, given: str) -> None:
    """What one process does; the first one writes what came of it.

    `die`: the rank that is killed, and when; `machine`: with the process that started it. `full`: the rank whose memory
    holds pieces of so many tokens only, and where that shows: in the passes, or when gradients are averaged. `slow`:
    the rank that needs as many seconds more than the others for what it gathers in the end.
    """
    import torch

    from extune import model
    from extune.model import Base
    from extune.train import run as training
    from extune.train.resume import Keeping
    from extune.train.run import Method, train

    if not torch.cuda.is_available():
        model.compute_dtype = training.compute_dtype = lambda: (
            torch.float32
        )  # bfloat16, where a CPU is fast with it, rounds too much to compare
    asked = json.loads(given)
    if {"fsdp", "deepspeed"} & set(asked.get("sft", {})) and not torch.cuda.is_available():
        as_if_gpus()
    if asked.get("full"):
        fill(*asked["full"])
    folder = Path(out)
    if asked.get("slow"):
        slow(*asked["slow"], folder)
    keeping = Keeping(folder / "checkpoints" / "ours", 1, 2)

    def on_log(step: int, values: Mapping[str, float]) -> None:
        if asked.get("die") == [rank(), step] and "loss" in values:
            if asked.get("machine"):
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    looking = looks(asked["looks"]) if asked.get("looks") else None
    done = train(
        rows(), Base(base, asked.get("quantization", {})), base_name="tiny", sft={**SFT, **asked.get("sft", {})}, method=Method(asked.get("method", "lora"), lora=LORA), seed=1,
        speed=asked.get("speed"), max_dropped=0.0, out=folder / "adapter", scratch=folder / "scratch",
        on_log=on_log, keeping=keeping, looking=looking,
    )  # fmt: skip
    (folder / f"left-{rank()}").write_text(str(time.time()))
    if not rank():
        (folder / "done.json").write_text(json.dumps({"curve": done.curve, "metrics": done.metrics}))


def fill(full: int, tokens: int, place: str = "_step") -> None:
    """One process runs out of memory at the end of each step in larger pieces, or, instead of it, in averaging."""
    import torch

    from extune.train.trainer import Trainer

    real = getattr(Trainer, place)

    def tried(self: Any, *given: Any) -> Any:
        late = place != "_step"
        total = None if late else real(self, *given)
        if rank() == full and self.most_tokens > tokens:
            raise torch.OutOfMemoryError
        return real(self, *given) if late else total

    setattr(Trainer, place, tried)


def looks(scores: list[float]) -> Any:
    """A look at the model after every step, at texts of which it finds none, with these scores in place of F1."""
    from extune.notations import NOTATIONS
    from extune.prompt import Prompt
    from extune.records import Record, Relation
    from extune.schema import Schema
    from extune.tasks import TASKS
    from extune.train import best, run
    from extune.train.best import Looking

    real, left = best.dev_f1, iter(scores)
    run.dev_f1 = lambda model, **given: real(model, **given) + next(left)
    relation = Relation("founded", "Ann", "Bolt")
    records = [Record(f"d{n}", f"Ann{n} founded Bolt{n}.", relations=(relation,)) for n in range(3)]
    prompt = Prompt(TASKS["RE"], NOTATIONS["triple_lines"], Schema(relations=("founded",)))
    return Looking(1, None, records, prompt)


def slow(late: int, seconds: float, folder: Path) -> None:
    """One process has its part of the whole weights only then, as with NCCL, whose calls return before they are done."""
    from extune.train import sharding

    real = sharding.trained

    def trained(*given: Any) -> Any:
        found = real(*given)
        if rank() == late:
            time.sleep(seconds)
            (folder / "gathered").write_text(str(time.time()))
        return found

    sharding.trained = trained


def as_if_gpus() -> None:
    """Make accelerate shard over processes on the CPU: PyTorch and DeepSpeed can, and it does not ask them to."""
    import torch
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    from extune.train import spread

    spread.device = lambda: "cuda:0"
    torch.distributed.init_process_group("gloo")
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
    PartialState.set_device = lambda self: setattr(self, "device", torch.device("cpu"))


def fork(base: str, out: str, count: str, given: str) -> None:
    """`work` in so many processes, all forked from this one, which has imported what takes seconds; their exit codes."""
    if not shutil.which("nvidia-smi"):  # CUDA, once looked at, does not outlive a fork
        import extune.train.run  # noqa: F401

    children = []
    for number in range(int(count)):
        if pid := os.fork():
            children.append(pid)
            continue
        if int(count) > 1:
            os.environ.update(RANK=str(number), LOCAL_RANK=str(number), WORLD_SIZE=count)
        code = 1
        try:
            work(base, out, given)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    codes: dict[int, int] = {}
    while len(codes) < len(children):
        pid, status = os.wait()
        codes[pid] = os.waitstatus_to_exitcode(status)
        if codes[pid] and len(codes) < len(children):
            kill_soon(set(children) - set(codes))
    print(json.dumps([codes[pid] for pid in children]))


def kill_soon(pids: set[int]) -> None:
    """As torchrun does: NCCL waits for ever for a process that has gone."""

    def kill() -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(20, kill)
    timer.daemon = True
    timer.start()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run(base: Path, out: Path, count: int, **asked: Any) -> tuple[list[int], str]:
    """The exit codes of so many processes, and what they told."""
    out.mkdir(exist_ok=True)
    port = free_port()
    program = "import sys, tests.train.test_spread as t; t.fork(*sys.argv[1:])"
    command = [sys.executable, "-W", "ignore", "-c", program, str(base), str(out), str(count), json.dumps(asked)]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, **shared},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def result(base: Path, out: Path, count: int, **asked: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was written, and the adapter's weights."""
    codes, told = run(base, out, count, **asked)
    assert codes == [0] * count, told[-3000:]
    return left(out)


def left(out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors.torch import load_file

    (weights,) = (out / "adapter").glob("*.safetensors")
    return json.loads((out / "done.json").read_text()), load_file(weights)


def same(one: tuple[dict[str, Any], dict[str, Any]], other: tuple[dict[str, Any], dict[str, Any]]) -> None:
    import torch

    assert [row["step"] for row in one[0]["curve"]] == [row["step"] for row in other[0]["curve"]]
    assert [row["loss"] for row in one[0]["curve"]] == pytest.approx([row["loss"] for row in other[0]["curve"]], 1e-5)
    for name in ("train_loss", "steps", "rows", "tokens"):
        assert one[0]["metrics"][name] == pytest.approx(other[0]["metrics"][name], 1e-5), name
    torch.testing.assert_close(one[1], other[1], rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def alone(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """One process with four rows a step."""
    return result(tiny_base, tmp_path_factory.mktemp("alone"), 1, sft={"per_device_train_batch_size": 4})


@pytest.mark.integration
def test_two_processes_learn_what_one_does(tiny_base: Path, tmp_path: Path, alone: Any) -> None:
    assert len(alone[0]["curve"]) == 6
    same(alone, result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2}))


FSDP = {"fsdp": True, "fsdp_config": {"version": 2}}


@pytest.mark.integration
def test_two_processes_with_a_part_of_the_model_each_learn_what_one_does(
    tiny_base: Path, tmp_path: Path, alone: Any
) -> None:
    same(alone, result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2, **FSDP}, speed={"tokens": 64}))


SCORES = {"looks": [0.1, 0.3, 0.2, 0.1, 0.1, 0.1]}


@pytest.fixture(scope="module")
def alone_looking(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One process that keeps the weights of its second look."""
    sft = {"per_device_train_batch_size": 4}
    return result(tiny_base, tmp_path_factory.mktemp("looking"), 1, sft=sft, **SCORES)


@pytest.mark.integration
@pytest.mark.parametrize("way", [{}, FSDP], ids=["copies", "FSDP"])
def test_several_processes_look_and_keep_the_best_as_one_does(
    tiny_base: Path, tmp_path: Path, alone: Any, alone_looking: Any, way: dict[str, Any]
) -> None:
    import torch

    found = result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2, **way}, **SCORES)
    assert found[0]["metrics"]["best_step"] == 2
    same(alone_looking, found)
    assert not all(torch.allclose(found[1][name], last, atol=1e-5) for name, last in alone[1].items())


@pytest.mark.integration
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_processes_under_deepspeed_keep_the_best_as_one_does(
    tiny_base: Path, tmp_path: Path, alone_looking: Any, stage: str, zero: Any
) -> None:
    same(alone_looking, result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2, **zero(stage)}, **SCORES))


@pytest.mark.integration
def test_none_leaves_while_another_still_gathers(tiny_base: Path, tmp_path: Path) -> None:
    result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2, "max_steps": 1, **FSDP}, slow=[0, 2.0])
    assert float((tmp_path / "left-1").read_text()) >= float((tmp_path / "gathered").read_text())


PRESETS = Path(__file__).parents[2] / "presets"


@pytest.fixture
def zero(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """`train.sft` for a stage of DeepSpeed, on the CPU."""
    pytest.importorskip("deepspeed", reason="needs `pip install deepspeed`")
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    return lambda stage: {"deepspeed": str(PRESETS / f"deepspeed-{stage}.json"), "use_cpu": False}


@pytest.mark.integration
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_two_processes_under_deepspeed_learn_what_one_does(
    tiny_base: Path, tmp_path: Path, alone: Any, stage: str, zero: Any
) -> None:
    sft = {"per_device_train_batch_size": 2, **zero(stage)}
    same(alone, result(tiny_base, tmp_path, 2, sft=sft, speed={"tokens": 64}))


FULL = {"method": "full", "speed": {"tokens": 128}}


@pytest.fixture(scope="module")
def alone_whole(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One process that trains all of the model."""
    return result(tiny_base, tmp_path_factory.mktemp("whole"), 1, sft={"per_device_train_batch_size": 4}, **FULL)


@pytest.mark.integration
def test_a_model_that_is_trained_in_parts_is_written_whole(tiny_base: Path, tmp_path: Path, alone_whole: Any) -> None:
    sft = {"per_device_train_batch_size": 2, **FSDP}
    same(alone_whole, result(tiny_base, tmp_path, 2, sft=sft, **FULL))


@pytest.mark.integration
def test_a_model_that_is_trained_in_parts_by_deepspeed_is_written_whole(
    tiny_base: Path, tmp_path: Path, alone_whole: Any, zero: Any
) -> None:
    sft = {"per_device_train_batch_size": 2, **zero("zero3")}
    same(alone_whole, result(tiny_base, tmp_path, 2, sft=sft, **FULL))


@pytest.mark.integration
def test_pieces_of_other_numbers_in_each_process_change_nothing(tiny_base: Path, tmp_path: Path, alone: Any) -> None:
    same(alone, result(tiny_base, tmp_path, 2, sft={"per_device_train_batch_size": 2}, speed={"tokens": 64}))


@pytest.mark.integration
def test_a_process_without_memory_gives_all_smaller_pieces_and_the_step_stays(
    tiny_base: Path, tmp_path: Path, alone: Any
) -> None:
    sft = {"per_device_train_batch_size": 2}
    codes, told = run(tiny_base, tmp_path, 2, sft=sft, full=[1, 130], speed={"tokens": 256})
    assert codes == [0, 0], told[-3000:]
    same(alone, left(tmp_path))
    assert "pieces of" in told


@pytest.mark.integration
@pytest.mark.parametrize(("way", "place"), [(FSDP, "_step"), ({}, "_average")], ids=["FSDP", "averaging"])
def test_where_the_others_wait_for_one_without_memory_the_next_life_has_smaller_pieces(
    tiny_base: Path, tmp_path: Path, alone: Any, way: dict[str, Any], place: str
) -> None:
    sft, lives = {"per_device_train_batch_size": 2, **way}, 0
    while (ended := run(tiny_base, tmp_path, 2, sft=sft, full=[1, 130, place], speed={"tokens": 256}))[0] != [0, 0]:
        lives += 1
        assert ended[0][0] != 0, "the other one does not go on alone"
        assert "The same command goes on, with pieces of" in ended[1]
        assert lives < 4
    assert lives
    same(alone, left(tmp_path))


@pytest.mark.integration
@pytest.mark.parametrize(("victim", "way"), [(0, {}), (1, {}), (0, FSDP)], ids=["first", "other", "first of FSDP"])
def test_a_killed_process_ends_all_and_the_next_run_goes_on(
    tiny_base: Path, tmp_path: Path, alone: Any, victim: int, way: dict[str, Any]
) -> None:
    small = {"per_device_train_batch_size": 2, **way}
    codes, _ = run(tiny_base, tmp_path, 2, sft=small, die=[victim, 4])
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] not in (0, -signal.SIGKILL)
    assert not (tmp_path / "adapter").exists()
    assert sorted(path.name for path in (tmp_path / "checkpoints" / "ours").glob("step-*"))
    codes, told = run(tiny_base, tmp_path, 2, sft=small)
    assert codes == [0, 0], told[-3000:]
    assert "going on after step" in told
    same(alone, left(tmp_path))


@pytest.mark.integration
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_a_training_under_deepspeed_goes_on_where_it_was_killed(
    tiny_base: Path, tmp_path: Path, alone: Any, stage: str, zero: Any
) -> None:
    sft = {"per_device_train_batch_size": 2, **zero(stage)}
    codes, _ = run(tiny_base, tmp_path, 2, sft=sft, die=[1, 4])
    assert codes[1] == -signal.SIGKILL
    assert not (tmp_path / "adapter").exists()
    kept = sorted(path.name for path in (tmp_path / "checkpoints" / "ours").glob("step-*"))
    assert kept[-1] >= "step-00000003"
    codes, told = run(tiny_base, tmp_path, 2, sft=sft)
    assert codes == [0, 0], told[-3000:]
    assert "going on after step" in told
    same(alone, left(tmp_path))
