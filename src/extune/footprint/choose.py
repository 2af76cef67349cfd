"""The fastest way to train that fits the memory there is."""

from collections.abc import Iterator
from dataclasses import dataclass

from .memory import Training, memory
from .shape import Shape

FILL = 0.9
"""The share of free memory that is planned for; the rest is fragmentation and what other programs take."""

BUDGETS = (32768, 24576, 16384, 12288, 8192, 6144, 4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128, 64)
"""Most tokens of a piece, to choose from."""

ENOUGH = 16384
"""Tokens of a piece above which speed no longer grows."""

LAUNCH_TOKENS = 400
"""Tokens that could be computed in the time a piece costs whatever its size."""

DEQUANTISE_TOKENS = 300
"""Tokens that could be computed in the time it takes to dequantise all layers, once forward and once backward."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How to train. `packed`: rows end to end. `cache`: a dense copy in the place of the quantised layers.

    `recompute_layers`: so many are computed again in the backward pass. `tokens`: the most in a piece. `needs`: bytes;
    `fits`: within the memory.
    """

    packed: bool
    cache: bool
    recompute_layers: int
    tokens: int
    why: str
    needs: int
    fits: bool = True


@dataclass(frozen=True, slots=True)
class _Setting:
    cache: bool
    recompute_layers: int
    tokens: int

    def cost(self, layers: int, quantised: bool) -> float:
        """Time of a token, relative to one that is computed once in a large piece."""
        again = self.recompute_layers / layers
        passes = (2 + again) / 2
        dequantise = 0 if self.cache or not quantised else DEQUANTISE_TOKENS * passes
        return passes + (LAUNCH_TOKENS * passes + dequantise) / min(self.tokens, ENOUGH)


def choose(
    shape: Shape,
    memory_free: int,
    training: Training,
    *,
    longest: int = 1,
    step_tokens: int | None = None,
    packed: bool = True,
    cache: bool | None = None,
    recompute_layers: int | None = None,
    tokens: int | None = None,
    loaded: int = 0,
) -> Choice:
    """The fastest setting whose memory fits 90 % of what is free, for rows of up to `longest` tokens.

    `memory_free` and `loaded` in bytes: the latter is what of the model is in memory already, and so not in the former.
    `step_tokens`: the most tokens of an optimiser step, above which a piece need not be planned. A value for `cache`,
    `recompute_layers` or `tokens` forces it. Where nothing fits, the smallest setting, with `fits` False.
    """
    room = int(FILL * (memory_free + loaded))
    settings = list(_settings(shape, training, longest, step_tokens, cache, recompute_layers, tokens))
    needs = {one: _bytes(shape, training, one) for one in settings}
    fitting = [one for one in settings if needs[one] <= room]
    if fitting:
        whole = min(step_tokens or BUDGETS[0], BUDGETS[0])  # a step in one piece has one size, and not two

        def order(one: _Setting) -> tuple[float, bool, int]:
            return one.cost(shape.layers, training.quantised), one.tokens < whole, needs[one]

        best = min(fitting, key=order)
    else:
        best = min(settings, key=lambda one: needs[one])
    forced = [n for n, v in (("cache", cache), ("recompute", recompute_layers), ("tokens", tokens)) if v is not None]
    why = _why(best, shape, training, packed, needs[best], room, forced)
    return Choice(packed, best.cache, best.recompute_layers, best.tokens, why, needs[best], bool(fitting))


def _settings(
    shape: Shape, training: Training, longest: int, step_tokens: int | None, cache: bool | None,
    recompute_layers: int | None, tokens: int | None,
) -> Iterator[_Setting]:  # fmt: skip
    most = max(longest, min(step_tokens or BUDGETS[0], BUDGETS[0]))
    budgets = (tokens,) if tokens else sorted({max(longest, min(most, budget)) for budget in BUDGETS}, reverse=True)
    caches = (cache,) if cache is not None else ((True, False) if training.quantised else (False,))
    counts = sorted({round(shape.layers * part / 8) for part in range(9)})
    for budget in budgets:
        for cached in caches:
            for count in counts if recompute_layers is None else (recompute_layers,):
                yield _Setting(cached, count, budget)


def _bytes(shape: Shape, training: Training, one: _Setting) -> int:
    parts = memory(shape, training, one.tokens, cache=one.cache, recompute_layers=one.recompute_layers)
    return sum(parts.values())


def _why(
    one: _Setting, shape: Shape, training: Training, packed: bool, needs: int, room: int, forced: list[str]
) -> str:  # fmt: skip
    kept = f"{one.recompute_layers} of {shape.layers} layers recomputed" if one.recompute_layers else "no recompute"
    copy = "a dense copy of the quantised layers" if one.cache else "layers dequantised as they are used"
    parts = [
        "rows end to end" if packed else "rows padded",
        *([copy] if training.quantised else []),
        kept,
        f"pieces of up to {one.tokens} tokens",
    ]
    size = f"{needs / 1e9:.1f} GB of {room / 1e9:.1f} GB to be had"
    fits = size if needs <= room else f"does not fit: {size}; this is the least"
    said = f"; forced: {', '.join(forced)}" if forced else ""
    return f"{', '.join(parts)} ({fits}{said})"
