"""Forward and backward of a piece as one CUDA graph: a GPU is told once what to do, and then only to do it again.

A small model, or a big one on few rows, otherwise waits for Python: thousands of kernels of some microseconds each.
Whole-network capture as in https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from collections.abc import Mapping
from typing import Any

import torch

WARM_UP = 2
"""Passes before a capture, in which libraries choose and compile their kernels."""


class Graphs:
    """The captured passes of a model, one for each set of shapes; they share their memory."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.sums = [torch.zeros_like(p) for p in self.trained]
        self.pool = torch.cuda.graph_pool_handle()
        self.aside = torch.cuda.Stream()  # one for all: cuBLAS keeps 32 MB for each stream that it sees
        self.made: dict[Any, tuple[dict[str, Any], torch.cuda.CUDAGraph, torch.Tensor]] = {}

    def begin(self) -> None:
        """Before the first piece of a step: gradients are zero, and kept where the graphs add to them."""
        torch._foreach_zero_(self.sums)

    def end(self) -> None:
        """After the last piece: the optimiser finds the gradients in place."""
        for parameter, total in zip(self.trained, self.sums, strict=True):
            parameter.grad = total

    def run(self, given: Mapping[str, Any], scale: torch.Tensor) -> torch.Tensor:
        """Add a piece's gradients; returns its loss. `given` are tensors on the CPU, `scale` one on the GPU."""
        whole = {**given, "scale": scale}
        key = tuple((name, tuple(v.shape) if torch.is_tensor(v) else v) for name, v in whole.items())
        if key not in self.made:
            self.made[key] = self._capture(whole)
        held, graph, loss = self.made[key]
        for name, value in whole.items():
            if torch.is_tensor(value):
                held[name].copy_(value, non_blocking=True)
        graph.replay()
        return loss

    def _capture(self, whole: Mapping[str, Any]) -> tuple[dict[str, Any], torch.cuda.CUDAGraph, torch.Tensor]:
        held = {name: v.cuda() if torch.is_tensor(v) else v for name, v in whole.items()}
        self.aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.aside):
            for _ in range(WARM_UP):
                for parameter in self.trained:
                    parameter.grad = None
                self._pass(held)
        torch.cuda.current_stream().wait_stream(self.aside)
        self.end()
        torch.cuda.empty_cache()  # a graph has memory of its own, and cannot take what the warm-up has left
        graph = torch.cuda.CUDAGraph()
        # NCCL's own thread asks the GPU for news all the time, which a capture of all threads would forbid.
        with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
            loss = self._pass(held)
        return held, graph, loss

    def _pass(self, held: Mapping[str, Any]) -> torch.Tensor:
        given = {name: value for name, value in held.items() if name != "scale"}
        loss: torch.Tensor = self.model(**given)["loss"] * held["scale"]
        loss.backward()
        return loss.detach()
