"""How fast a device computes and what it holds: known GPUs from a table, anything else measured in a moment."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError

GB = 10**9


@dataclass(frozen=True, slots=True)
class Device:
    """`memory`: bytes. `flops`: that a large product reaches each second in the type that is computed in.

    `bandwidth`: bytes moved each second. `bf16`: whether that type has hardware. `compute`: bytes of the type used.
    """

    name: str
    memory: int
    flops: float
    bandwidth: float
    bf16: bool = True
    compute: int = 2
    gpu: bool = True


def _gpu(name: str, memory: float, tera: float, giga: float, bf16: bool = True) -> Device:
    return Device(name, int(memory * GB), tera * 1e12, giga * 1e9, bf16)


REACHED = 0.8
"""Of a published dense bf16 or fp16 rate, what a large product reaches; the H200's 790 TFLOP/s are measured."""

DEVICES = {
    device.name: device
    for device in (
        _gpu("b200", 180, 2250 * REACHED, 7000),
        _gpu("h200", 141, 790, 4300),
        _gpu("h100", 80, 989 * REACHED, 3000),
        _gpu("a100", 80, 312 * REACHED, 1800),
        _gpu("a100-40", 40, 312 * REACHED, 1400),
        _gpu("l40s", 48, 362 * REACHED, 780),
        _gpu("a6000", 48, 155 * REACHED, 690),
        _gpu("a10", 24, 125 * REACHED, 540),
        _gpu("l4", 24, 121 * REACHED, 270),
        _gpu("4090", 24, 165 * REACHED, 910),
        _gpu("3090", 24, 71 * REACHED, 840),
        _gpu("v100", 32, 125 * REACHED, 800, bf16=False),
        _gpu("t4", 16, 65 * 0.5, 270, bf16=False),
    )
}
"""Published memory and dense rates of the makers' data sheets."""


def device_of(name: str, memory: float | None = None, sizes: tuple[int, int] = (576, 1536)) -> Device:
    """A device by name: `auto` is what is here, `cpu` this machine's, else one of DEVICES.

    `memory`: GB to plan with instead of its own. `sizes`: of the product that is timed where a device is not known, the
    model's width and its MLP's. Raises ConfigError for a name that is not known.
    """
    found = _here(sizes) if name == "auto" else _processor(sizes) if name == "cpu" else DEVICES.get(name.lower())
    if found is None:
        raise ConfigError(f"no device {name!r}", remedy=f"Known: auto, cpu, {', '.join(DEVICES)}")
    return replace(found, memory=int(memory * GB)) if memory else found


def _here(sizes: tuple[int, int]) -> Device:
    import torch

    if not torch.cuda.is_available():
        return _processor(sizes)
    free, whole = torch.cuda.mem_get_info()
    full_name = torch.cuda.get_device_name()
    words = full_name.lower().replace("-", " ").split()
    known = next((d for d in DEVICES.values() if d.name in words and 0.8 < whole / d.memory < 1.25), None)
    if known:
        return replace(known, memory=free)
    bf16 = torch.cuda.is_bf16_supported()
    dtype = torch.bfloat16 if bf16 else torch.float16
    flops, bandwidth = _measured((4096, 4096, 8192), 2**28, dtype, "cuda", torch.cuda.synchronize)
    return Device(full_name, free, flops, bandwidth, bf16)


def _processor(sizes: tuple[int, int]) -> Device:
    import torch

    from ..model import compute_dtype

    # compute_dtype speaks of the GPU where there is one.
    dtype = torch.float32 if torch.cuda.is_available() else compute_dtype()
    flops, bandwidth = _measured((256, *sizes), 2**25, dtype, "cpu", lambda: None)
    name = f"cpu, {torch.get_num_threads()} threads"
    return Device(name, free_memory(), flops, bandwidth, dtype is torch.bfloat16, dtype.itemsize, gpu=False)


def _measured(
    product: tuple[int, int, int], values: int, dtype: Any, where: str, wait: Callable[[], None]
) -> tuple[float, float]:
    """FLOP and bytes a second: the best of some products of (rows, inputs, outputs) and of some copies; 50 ms."""
    import torch

    rows, inputs, outputs = product
    left, right = (torch.ones(n, inputs, dtype=dtype, device=where) for n in (rows, outputs))
    long, copy = (torch.ones(values, dtype=torch.uint8, device=where) for _ in range(2))
    seconds = _least_seconds(lambda: torch.nn.functional.linear(left, right), wait)
    moved = _least_seconds(lambda: copy.copy_(long), wait)
    return 2 * rows * inputs * outputs / seconds, 2 * values / moved


def _least_seconds(work: Callable[[], Any], wait: Callable[[], None], budget: float = 0.025) -> float:
    """The best time is that of a machine which nobody else uses, and the most repeatable one."""
    times: list[float] = []
    until = time.perf_counter() + budget
    while len(times) < 4 or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - began)
    return min(times)


def free_memory() -> int:
    """Bytes that a process may still take: of the machine, or of its control group where that is less."""
    found = [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable"):
            found = [int(line.split()[1]) * 1024]
    limit, used = _lines("/sys/fs/cgroup/memory.max"), _lines("/sys/fs/cgroup/memory.current")
    if limit and used and limit[0].isdigit():
        found.append(int(limit[0]) - int(used[0]))
    return min(found)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").split("\n")
    except OSError:
        return []
