"""Which rows make an optimiser step, and how a step is cut into pieces that fit the memory.

A step is a number of rows and nothing else: the loss is summed over its answer tokens and divided by their number, so
neither packing nor the size of the pieces changes what is learned.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch.utils.data import Sampler

from ..footprint import shared
from .rows import MASKED, Tokenised

GROUP = 50
"""Steps whose rows are sorted by length together, where that is asked for (transformers' own number)."""


LONGEST = 1024
"""What a GPU is told at least of the longest row of a piece, so that this number too is mostly the same."""


def order(lengths: Sequence[int], seed: int, epoch: int, step: int, grouped: bool) -> list[int]:
    """Row numbers in the order of an epoch: shuffled, and if `grouped`, steps made of rows of like length."""
    dice = random.Random(f"{seed}:{epoch}")
    shuffled = list(range(len(lengths)))
    dice.shuffle(shuffled)
    if not grouped:
        return shuffled
    chunks = (shuffled[at : at + GROUP * step] for at in range(0, len(shuffled), GROUP * step))
    ranked = [n for chunk in chunks for n in sorted(chunk, key=lambda n: -lengths[n])]
    steps = [ranked[at : at + step] for at in range(0, len(ranked), step)]
    whole = [rows for rows in steps if len(rows) == step]
    dice.shuffle(whole)
    return [n for rows in [*whole, *(rows for rows in steps if len(rows) < step)] for n in rows]


class Steps(Sampler[list[int]]):
    """The rows of each optimiser step that fall to one of several processes: of all steps of `order`, every row to one.

    The same epoch gives the same rows after every restart, and the same steps with any number of processes.
    """

    def __init__(
        self, lengths: Sequence[int], seed: int, step: int, grouped: bool, process: int = 0, processes: int = 1
    ) -> None:
        self.lengths, self.seed, self.step, self.grouped, self.epoch = lengths, seed, step, grouped, 0
        self.process, self.processes = process, processes

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer when an epoch begins."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rows = order(self.lengths, self.seed, self.epoch, self.step, self.grouped)
        for at in range(0, len(rows), self.step):
            yield share(rows[at : at + self.step], self.lengths, self.processes)[self.process]

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.step)


def share(rows: Sequence[int], lengths: Sequence[int], processes: int) -> list[list[int]]:
    """The rows of a step for each process, about as many tokens each; a last small step may leave one without a row.

    Longest first to the process with the fewest tokens (https://doi.org/10.1137/0117039).
    """
    given: list[list[int]] = [[] for _ in range(processes)]
    tokens = [0] * processes
    for place in sorted(range(len(rows)), key=lambda place: (-lengths[rows[place]], place)):
        least = tokens.index(min(tokens))
        tokens[least] += lengths[rows[place]]
        given[least].append(place)
    return [[rows[place] for place in sorted(places)] for places in given]


def bins(lengths: Sequence[int], most: int, packed: bool = True) -> list[list[int]]:
    """Row numbers in as few pieces of at most `most` tokens as best-fit decreasing finds, each about as long.

    A small piece would cost as much time to launch as a large one. A row longer than `most` is a piece of its own. Rows
    that will be padded are left with those of like length.
    """
    tightest = _tightest(lengths, most)
    if not packed:
        return tightest
    even = share(range(len(lengths)), lengths, len(tightest))
    return even if all(sum(lengths[n] for n in piece) <= most for piece in even) else tightest


def _tightest(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Longest rows first, each into the fullest piece that still takes it."""
    pieces: list[tuple[int, list[int]]] = []
    for n in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        fitting = [(free, at) for at, (free, _) in enumerate(pieces) if free >= lengths[n]]
        if fitting:
            at = min(fitting)[1]
            pieces[at] = (pieces[at][0] - lengths[n], [*pieces[at][1], n])
        else:
            pieces.append((most - lengths[n], [n]))
    return [sorted(rows) for _, rows in pieces]


def piece(
    rows: Sequence[Tokenised], packed: bool, pad: int, bucketed: bool = False, prefixes: bool = False
) -> dict[str, Any]:
    """What the model is given of some rows: one long row without padding, or a padded batch.

    `labels` are the answer tokens alone and `answers` the places, in the flattened hidden states, that foretell them.
    `bucketed` fills every size up to one of few, so that a GPU sees the same shapes again. With `prefixes`, tokens that
    rows begin with in common are there once, and the rows sorted; see `attention`.
    """
    if not packed:
        return _padded(rows, pad)
    common = shared([row.input_ids for row in rows]) if prefixes else []
    return _tree(rows, common) if any(tokens for _, tokens in common) else _packed(rows, pad, bucketed)


def _tree(rows: Sequence[Tokenised], common: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Each row's own tokens behind those of the row before it, with which it has the `common` ones."""
    ids: list[int] = []
    positions: list[int] = []
    paths: list[list[int]] = []
    for number, tokens in common:
        row = rows[number].input_ids
        own = range(len(ids), len(ids) + len(row) - tokens)
        paths.append([*(paths[-1][:tokens] if tokens else ()), *own])
        ids += row[tokens:]
        positions += range(tokens, len(row))
    places, wanted = _answers([rows[number] for number, _ in common], paths)
    own_lengths = [len(path) - tokens for path, (_, tokens) in zip(paths, common, strict=True)]
    lengths = [len(path) for path in paths]
    return _given(ids, positions, accumulate(own_lengths, initial=0), max(lengths), places, wanted) | {
        "cu_seq_lens_k": torch.tensor(list(accumulate(lengths, initial=0)), dtype=torch.int32),
        "places": torch.tensor([place for path in paths for place in path]),
    }


def _packed(rows: Sequence[Tokenised], pad: int, bucketed: bool) -> dict[str, Any]:
    lengths = [len(row.input_ids) for row in rows]
    starts = list(accumulate(lengths, initial=0))
    places, wanted = _answers(rows, [range(*ends) for ends in pairwise(starts)])
    ids = [i for row in rows for i in row.input_ids]
    positions = [n for length in lengths for n in range(length)]
    bounds, most = starts, max(lengths)
    if bucketed:
        spare = bucket(len(ids)) - len(ids)
        ids, positions = ids + [pad] * spare, positions + [n % most for n in range(spare)]
        bounds = [*starts, *range(starts[-1] + most, len(ids), most), len(ids)]
        bounds += [len(ids)] * (bucket(len(bounds), 1) - len(bounds))
        spare = bucket(len(places), 1) - len(places)
        places, wanted = places + [0] * spare, wanted + [MASKED] * spare
        most = max(most, LONGEST)
    return _given(ids, positions, bounds, most, places, wanted)


def _given(
    ids: list[int], positions: list[int], bounds: Iterable[int], most: int, places: list[int], wanted: list[int]
) -> dict[str, Any]:
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "cu_seq_lens_q": torch.tensor(list(bounds), dtype=torch.int32),
        "max_length_q": 1 << (most - 1).bit_length(),
        "answers": torch.tensor(places, dtype=torch.long),
        "labels": torch.tensor(wanted, dtype=torch.long),
    }


def _padded(rows: Sequence[Tokenised], pad: int) -> dict[str, Any]:
    longest = max(len(row.input_ids) for row in rows)
    places, wanted = _answers(rows, [range(n * longest, (n + 1) * longest) for n in range(len(rows))])
    return {
        "input_ids": torch.tensor([row.input_ids + [pad] * (longest - len(row.input_ids)) for row in rows]),
        "attention_mask": torch.tensor([[int(n < len(row.input_ids)) for n in range(longest)] for row in rows]),
        "answers": torch.tensor(places, dtype=torch.long),
        "labels": torch.tensor(wanted, dtype=torch.long),
    }


def _answers(rows: Sequence[Tokenised], paths: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Where the hidden states stand that foretell the answers' tokens, and these tokens; `paths`: the rows' places."""
    found = [
        (path[at - 1], label)
        for row, path in zip(rows, paths, strict=True)
        for at, label in enumerate(row.labels)
        if at and label != MASKED
    ]
    return [at for at, _ in found], [label for _, label in found]


def bucket(size: int, each: int = 4) -> int:
    """The next of `each` sizes for every doubling, from 16 on."""
    unit = max((1 << (size - 1).bit_length()) // 2 // each, 1)
    return max(-(-size // unit) * unit, 16)
