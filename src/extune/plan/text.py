"""A plan as a person reads it, and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .planned import Plan


def plan_text(plan: Plan) -> str:
    """Some lines, the warnings last."""
    lengths, disk = plan.lengths, plan.disk
    share = 100 * plan.trainable / plan.parameters
    each, times = (" for each process", f"{plan.processes} times ") if plan.processes > 1 else ("", "")
    lines = {
        "base": f"{plan.base}: {plan.parameters:,} parameters, {plan.trainable:,} of them trained ({share:.2f} %)",
        "rows": f"{lengths.line()} ({lengths.source})",
        "steps": f"{plan.steps:,} of {plan.step_rows} rows, {plan.tokens:,} tokens",
        "way": plan.choice.why,
        "memory": f"{_size(plan.peak)} of {_size(plan.free)}{each}: {_parts(plan.memory)}",
        "time": f"{_time(plan.seconds)} on {times}{plan.device}, {plan.tokens / max(plan.seconds, 1e-9):,.0f} tokens/s",
        "disk": f"{_size(sum(disk.values()))}: {_parts(disk)}",
    }
    told = [f"{name:8}{line}" for name, line in lines.items()]
    return "\n".join([*told, *(f"warning {line}" for line in plan.warnings)])


def plan_json(plan: Plan) -> dict[str, Any]:
    """All figures; of the rows' lengths a summary."""
    lengths = plan.lengths
    shares = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
    rows = {
        "rows": lengths.rows,
        "tokens": lengths.tokens,
        "padded_tokens": lengths.padded,
        "answer_share": round(lengths.answer_share, 4),
        **{name: lengths.at(share) for name, share in shares.items()},
        "longest": lengths.longest,
        "over_window": len(lengths.over),
        "over_window_ids": lengths.over[:5],
        "window": lengths.window,
        "source": lengths.source,
    }
    speed = plan.tokens / max(plan.seconds, 1e-9)
    return {**asdict(plan), "lengths": rows, "peak": plan.peak, "tokens_per_second": speed}


def _parts(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_size(size)}" for name, size in sizes.items() if size)


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
