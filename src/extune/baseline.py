"""The memorising baseline: what training data alone answers, without a model. A model has to beat it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from .records import Entity, Record
from .tasks import Item, Task
from .tasks.task import unique


def memorise(train: Sequence[Record], task: Task) -> Callable[[Record], tuple[Item, ...]]:
    """Record -> the train items whose spans all occur in its text, less those that would be wrong more often
    than right in train; the longest known span is taken at each place.

    Without these two rules single characters and parts of names swamp it (MSRA NER: F1 29 instead of 62).
    """
    recall = _recall([_unplaced(item) for record in train for item in task.items(record)], task)
    right = Counter(key for record in train for key in set(map(task.key, task.items(record))))
    tried = Counter(task.key(item) for record in train for item in recall(record.text))

    def predict(record: Record) -> tuple[Item, ...]:
        keys = ((item, task.key(item)) for item in recall(record.text))
        return tuple(item for item, key in keys if 2 * right[key] >= tried[key])

    return predict


def _unplaced(item: Item) -> Item:
    """Offsets belong to the text an item was learned from."""
    return replace(item, start=None, end=None) if isinstance(item, Entity) else item


def _recall(items: Iterable[Item], task: Task) -> Callable[[str], list[Item]]:
    """Text -> the items, each once and in their order, whose spans are all among its longest known spans."""
    known = unique(items, task.key)
    by_span: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(known):
        by_span[task.spans(item)[0]].append(number)
    longest = _segmenter({span for item in known for span in task.spans(item)})

    def recall(text: str) -> list[Item]:
        found = longest(text)
        numbers = sorted(number for span in found for number in by_span.get(span, ()))
        return [known[number] for number in numbers if found.issuperset(task.spans(known[number]))]

    return recall


def _segmenter(spans: set[str], width: int = 4) -> Callable[[str], set[str]]:
    """Text -> the spans met when it is read from left to right, the longest taken at each place.

    Only lengths of spans with the same first `width` characters are tried: every span would take minutes.
    """
    lengths: dict[str, set[int]] = defaultdict(set)
    for span in spans:
        lengths[span[:width]].add(len(span))
    longest_first = {head: sorted(sizes, reverse=True) for head, sizes in lengths.items()}

    def at(text: str, place: int) -> str:
        for size in range(width, 0, -1):
            for length in longest_first.get(text[place : place + size], ()):
                span = text[place : place + length]
                if span in spans:
                    return span
        return ""

    def segment(text: str) -> set[str]:
        found, place = set(), 0
        while place < len(text):
            span = at(text, place)
            found.add(span)
            place += len(span) or 1
        return found - {""}

    return segment
