"""The plan beside what then happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .planned import Plan

ALLOWED = {"seconds": 0.25, "tokens_per_second": 1 / 3, "peak_memory": 0.15, "tokens": 0.02}
"""Shares by which a plan may be off. A quarter less time is a third more speed; tokens are those of one epoch."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure: planned, real, and the difference as a share of the real one."""

    name: str
    planned: float
    real: float

    @property
    def off(self) -> float:
        """Above 0 where the plan asked for too much."""
        return (self.planned - self.real) / self.real if self.real else 0.0

    @property
    def held(self) -> bool:
        """Within what a plan may be off; counts must be met exactly."""
        return abs(self.off) <= ALLOWED.get(self.name, 0.0)


def compare(plan: Plan, real: Mapping[str, float]) -> list[Compared]:
    """The figures of a plan that a run also has, by the names in its metrics; `peak_memory` in bytes."""
    planned: dict[str, float] = {
        "rows": len(plan.lengths.kept),
        "steps": plan.steps,
        "tokens": plan.tokens,
        "seconds": plan.seconds,
        "tokens_per_second": plan.tokens / plan.seconds if plan.seconds else 0.0,
        "peak_memory": plan.peak,
    }
    return [Compared(name, float(value), float(real[name])) for name, value in planned.items() if name in real]


def compared_text(rows: Sequence[Compared]) -> str:
    """A table for a person."""
    lines = [f"{'':18}{'plan':>12}{'real':>12}{'off':>8}"]
    for row in rows:
        big = row.name == "peak_memory"
        planned, real = (f"{value / 1e9:.2f} GB" if big else f"{value:,.0f}" for value in (row.planned, row.real))
        lines.append(f"{row.name:18}{planned:>12}{real:>12}{100 * row.off:+7.0f} %{'' if row.held else '  !'}")
    return "\n".join(lines)
