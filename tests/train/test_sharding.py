"""Gradients of several processes become their mean, whatever each of them has."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .test_spread import free_port

pytestmark = pytest.mark.integration

SIZES = (3, 5, 3, 2)


def work(process: str, port: str, has: str, bucket: str) -> None:
    """What one of two processes does: gradients of its number on the parameters it has, averaged and printed."""
    import torch

    from extune.train import sharding

    sharding.BUCKET = int(bucket)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=int(process), world_size=2)
    parameters = [torch.nn.Parameter(torch.zeros(size)) for size in SIZES]
    for number in json.loads(has):
        parameters[number].grad = torch.full((SIZES[number],), float(10 * number + int(process)))
    sharding.average(parameters)
    print(json.dumps([None if p.grad is None else p.grad.tolist() for p in parameters]), flush=True)
    torch.distributed.destroy_process_group()


def averaged(has: tuple[list[int], list[int]], bucket: int) -> list[Any]:
    """What each of the two processes has then."""
    port = str(free_port())
    program = "import sys, tests.train.test_sharding as t; t.work(*sys.argv[1:])"
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program, str(n), port, json.dumps(has[n]), str(bucket)],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True,
        )
        for n in range(2)
    ]  # fmt: skip
    return [json.loads(process.communicate(timeout=120)[0].splitlines()[-1]) for process in started]


@pytest.mark.parametrize("bucket", [1, 6, 1000])
def test_a_gradient_that_one_process_lacks_counts_as_zero_and_one_that_none_has_stays_away(bucket: int) -> None:
    one, other = averaged(([0, 1], [0, 2]), bucket)
    assert one == other == [[0.5] * 3, [5.0] * 5, [10.5] * 3, None]


def test_weights_are_put_back_whole_or_not_at_all() -> None:
    import torch

    from extune.train.sharding import put_back, trained

    model = torch.nn.Linear(2, 2)
    had = {name: value.clone() for name, value in trained(model, True).items()}
    torch.nn.init.zeros_(model.weight)
    put_back(model, {})
    assert not model.weight.any(), "another process keeps them"
    put_back(model, had)
    assert torch.equal(model.weight, had["weight"])
    with pytest.raises(KeyError):
        put_back(model, {"weight": had["weight"]})
