"""What DeepSpeed's optimiser holds goes into a checkpoint and comes back, for as many processes."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extune.errors import EnvironmentProblem

pytestmark = pytest.mark.integration


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """This process, as all of a group."""
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def optimizer(name: str, value: float, **options: Any) -> Any:
    """As DeepSpeed makes one: PyTorch's own, over flat parts."""
    import torch

    flats = [torch.nn.Parameter(torch.full((size,), value)) for size in (5, 3)]
    inner = torch.optim.AdamW([{"params": [flat]} for flat in flats], lr=0.1, **options)
    return SimpleNamespace(**{name: flats}, optimizer=inner, loss_scaler=SimpleNamespace(cur_scale=8.0, mode="x"))


def step(zero: Any, name: str, slope: float) -> list[Any]:
    import torch

    for flat in getattr(zero, name):
        flat.grad = torch.full_like(flat, slope)
    zero.optimizer.step()
    return [flat.tolist() for flat in getattr(zero, name)]


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", ["single_partition_of_fp32_groups", "fp32_partitioned_groups_flat"])
def test_the_next_step_is_the_one_that_would_have_been(tmp_path: Path, name: str, fused: bool) -> None:
    from extune.train import state, zero

    one, other = optimizer(name, 1.0, fused=fused), optimizer(name, 7.0, fused=fused)
    step(one, name, 0.5)
    one.optimizer.param_groups[0]["lr"], one.loss_scaler.cur_scale = 0.02, 4.0
    state.save(tmp_path, zero.state(one, first=True))
    zero.put_back(other, state.load(tmp_path), 0, 1)
    assert (other.optimizer.param_groups[0]["lr"], vars(other.loss_scaler)) == (0.02, {"cur_scale": 4.0, "mode": "x"})
    assert step(one, name, -0.25) == step(other, name, -0.25)


@pytest.mark.usefixtures("group")
def test_another_number_of_processes_is_an_error_that_names_both() -> None:
    from extune.train import zero

    made = optimizer("fp32_partitioned_groups_flat", 1.0)
    step(made, "fp32_partitioned_groups_flat", 0.5)
    with pytest.raises(EnvironmentProblem, match="of 1 processes under DeepSpeed, and this is a training by 2"):
        zero.put_back(made, zero.state(made, first=True), 0, 2)
