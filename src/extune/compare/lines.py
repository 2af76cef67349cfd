"""A comparison for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 10
"""Labels and documents listed; the page and the JSON have all."""


def lines(comparison: Mapping[str, Any]) -> Iterator[str]:
    """A table of the sides, then each against the first: significance, labels, flipped documents."""
    width = max(len(side["name"]) for side in comparison["sides"]) + 2
    yield f"{comparison['task']}, {comparison['common_documents']} documents"
    yield from (f"note: {note}" for note in comparison["notes"])
    yield f"{'':{width}}{'P':>8}{'R':>8}{'F1':>8}   {'95 % interval':>14}{'exact':>8}{'invented':>10}"
    for side in comparison["sides"]:
        rates = "".join(f"{100 * side[name]:8.1f}" for name in ("precision", "recall", "f1"))
        interval = f"{100 * side['f1_low']:.1f} to {100 * side['f1_high']:.1f}"
        exact = 100 * side["exact_match"]
        yield f"{side['name']:{width}}{rates}   {interval:>14}{exact:8.1f}{side['invented_spans']:10}"
    yield from (f"{name} over seeds: {spelled_spread(row)}" for name, row in comparison.get("seeds", {}).items())
    for row in comparison["against"]:
        yield ""
        yield from _against(row, comparison)


def verdict(row: Mapping[str, Any]) -> str:
    """The difference with its interval and both p values, in one line."""
    exact = " (exact)" if row["exact"] else ""
    return (
        f"F1 {100 * row['difference']:+.1f}, 95 % interval {100 * row['low']:+.1f} to {100 * row['high']:+.1f}; "
        f"p = {row['p_bootstrap']:.2g} (paired bootstrap), {row['p_randomisation']:.2g} (randomisation{exact})"
    )


def spelled_spread(row: Mapping[str, Any]) -> str:
    """Mean, deviation, range and interval of a figure over two seeds or more, in per cent."""
    mean, sd, low, high, least, most = (100 * row[name] for name in ("mean", "sd", "low", "high", "min", "max"))
    return (
        f"mean {mean:.1f}, sd {sd:.1f}, {least:.1f} to {most:.1f}; "
        f"95 % interval of the mean {low:.1f} to {high:.1f} ({row['n']} seeds)"
    )


def _against(row: Mapping[str, Any], comparison: Mapping[str, Any]) -> Iterator[str]:
    yield f"{row['name']} against {comparison['sides'][0]['name']}: {verdict(row)}"
    changed = [label for label in row["labels"] if label["change"]]
    for label in changed[:MOST]:
        before, after = 100 * label["first"], 100 * label["second"]
        yield f"  {label['label']}: F1 {before:.1f} to {after:.1f} ({after - before:+.1f}; {label['gold']} gold items)"
    if len(changed) > MOST:
        yield f"  and {len(changed) - MOST} more labels"
    for name, how in (("lost", "right before, wrong now"), ("gained", "wrong before, right now")):
        ids = row[name]
        more = ", ..." if len(ids) > MOST else ""
        yield f"  {len(ids)} {how}{': ' if ids else ''}{', '.join(ids[:MOST])}{more}"
