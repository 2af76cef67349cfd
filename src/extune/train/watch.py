"""What is heard of a training run while it goes: a bar with time left, the loss, tokens a second, the GPU's use."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from tqdm import tqdm
from transformers import TrainerCallback

from ..errors import ModelError
from ..footprint import Training, Work, flop, shape_of
from ..model import compute_dtype
from .rows import MASKED, Tokenised

OnLog = Callable[[int, Mapping[str, float]], None]

SPEED, USE = "tokens_per_second", "utilisation"


class Watch(TrainerCallback):
    """A progress bar with time left, loss and speed on stderr; the numbers of every logged step handed on.

    `tokens`: how many all processes have trained on so far, padding not counted. `work`: FLOP of one; 0 where nobody
    knows. Only the steps themselves are timed, not what lies between them.
    """

    def __init__(self, send: OnLog, tokens: Callable[[], int] = lambda: 0, work: float = 0.0) -> None:
        self.send, self.tokens, self.work = send, tokens, work
        self.able, self.done, self.seconds = 0.0, 0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called once, when the number of steps is known."""
        self.able = matmul_rate() if self.work and torch.cuda.is_available() else 0.0
        hidden = not state.is_world_process_zero
        self.bar = tqdm(total=state.max_steps, initial=state.global_step, desc="train", unit="step", disable=hidden)
        for row in state.log_history:  # before an interruption; who has them already does not take them twice
            self._hand_on(state.global_step, row)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called before every optimiser step."""
        self.before, self.began = self.tokens(), time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after every optimiser step."""
        self.done += self.tokens() - self.before
        self.seconds += time.monotonic() - self.began
        self.bar.update(state.global_step - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called once, at the end."""
        self.bar.close()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Called by the trainer at logging steps and once at the end."""
        logs = dict(logs or {})
        if "loss" in logs and self.seconds:
            logs |= self._speed(args.world_size)
        if "loss" in logs:
            shown = {"loss": f"{logs['loss']:.3f}", "tokens/s": f"{logs.get(SPEED, 0):.0f}"}
            use = {"GPU": f"{logs[USE]:.0f}%"} if USE in logs else {}
            self.bar.set_postfix(shown | use, refresh=False)
        self._hand_on(state.global_step, logs)

    def _speed(self, processes: int) -> dict[str, float]:
        """Since the last time it was asked for; the use of the GPU in percent of what it does in one large product."""
        rate, self.done, self.seconds = self.done / self.seconds, 0, 0.0
        use = {USE: 100 * rate * self.work / self.able / processes} if self.able else {}
        return {SPEED: rate, **use}

    def _hand_on(self, step: int, row: Mapping[str, Any]) -> None:
        numbers = {k: float(v) for k, v in row.items() if isinstance(v, int | float)}
        self.send(int(numbers.pop("step", step)), numbers)


def flop_per_token(model: Any, rows: Sequence[Tokenised], recompute: int = 0, common: float = 0.0) -> float:
    """Of a forward and a backward pass, on average over the rows, an adapter counted in all linear layers.

    `common`: the share of tokens that is not computed again.

    0 for a model whose shape is not known.
    """
    adapter = getattr(model, "active_peft_config", None)
    try:
        shape = shape_of(model.config.to_dict())
    except ModelError:
        return 0.0
    lengths = [len(row.input_ids) for row in rows]
    answers = sum(label != MASKED for row in rows for label in row.labels)
    work = Work(sum(lengths), answers, sum(length**2 for length in lengths))
    training = Training(rank=getattr(adapter, "r", 0), full=adapter is None, common=common)
    return flop(shape, training, work, recompute) / work.tokens


SIDE, TIMES = 8192, 10


def matmul_rate() -> float:
    """FLOP a second of a large product on this GPU in the type that is computed in; takes some 20 ms on a large one.

    Its numbers are random, since a GPU is faster with zeros; the generator is its own, so that no dropout changes.
    """
    dice = torch.Generator("cuda").manual_seed(0)
    matrix = torch.rand(SIDE, SIDE, device="cuda", generator=dice).to(compute_dtype())
    out = matrix @ matrix
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(TIMES):
        torch.mm(matrix, matrix, out=out)
    end.record()
    end.synchronize()
    del matrix, out
    torch.cuda.empty_cache()
    return float(TIMES * 2 * SIDE**3 / (begin.elapsed_time(end) / 1000))
