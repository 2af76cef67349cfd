"""One training row, token by token: what the model reads and what the loss counts."""

from collections.abc import Callable, Sequence

IGNORED = -100
"""The label of a token outside the loss, as PyTorch's cross entropy has it."""


def tokens_table(row_ids: Sequence[int], labels: Sequence[int], decode: Callable[[int], str]) -> str:
    """A line a token: position, id, `loss` where it counts, text as a Python literal; then the counts.

    `labels`: of the same length, IGNORED or the id itself. Raises ValueError where they differ from that.
    """
    counted = [label != IGNORED for label in labels]
    for place, (one, label) in enumerate(zip(row_ids, labels, strict=True)):
        if label not in (IGNORED, one):
            raise ValueError(f"token {place} is {one}, its label {label}")
    places, ids = len(str(len(row_ids))), max((len(str(one)) for one in row_ids), default=0)
    lines = [
        f"{place:>{places}}  {one:>{ids}}  {'loss' if counts else '   -'}  {decode(one)!r}"
        for place, (one, counts) in enumerate(zip(row_ids, counted, strict=True))
    ]
    first = f", the first at {counted.index(True)}" if any(counted) else ""
    return "\n".join([*lines, f"{len(row_ids)} tokens, {sum(counted)} counted by the loss{first}"]) + "\n"
