"""One synthetic sentence: clauses joined into single, shared, linked or separate facts; names come later."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .frames import Frame, Part, Relations

OPENING_SHARE = 0.3
REPORT_YEARS, FACT_YEARS = (2019, 2024), (1998, 2018)
END = {"zh": "。", "en": "."}
COMMA = {"zh": "，", "en": ", "}
AND = {"zh": "，", "en": " and "}
SEPARATE = {"zh": ("，", "；", "，而"), "en": (", and ", ", while ", "; ")}
RELATIVE = {"person": ", who "}  # in English; every other type takes `which`

Lines = Sequence[Sequence[Frame]]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with numbered slots, the type of each, and its facts as (head number, label, tail number)."""

    template: str
    kinds: tuple[str, ...]
    facts: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """A frame in its sentence: what goes before it, the number in each slot, is its subject left out."""

    before: str
    frame: Frame
    binding: Mapping[str, int]
    elided: bool = False


def sentence(rng: random.Random, relations: Relations, part: Part, line: int | None) -> Sentence:
    """A sentence whose first clause is of that line of relations.yaml; None: one that states no relation."""
    lang, lines = part[0], relations.lines[part]
    frame = rng.choice(relations.none[part] if line is None else lines[line % len(lines)])
    kinds: list[str] = []
    first = _clause(rng, "", frame, kinds)
    plan = rng.choices(list(PLANS), weights=list(PLANS.values()))[0] if frame.facts else _single
    clauses = [first, *plan(rng, lines, first, kinds, lang)]
    opening = rng.choice(relations.openings[part]) if rng.random() < OPENING_SHARE else ""
    opening = opening.format(year=rng.randint(*REPORT_YEARS))
    text = opening + "".join(_spell(rng, clause) for clause in clauses)
    facts = ((c.binding[h], label, c.binding[t]) for c in clauses for label, h, t in c.frame.facts)
    return Sentence(text[0].upper() + text[1:] + END[lang], tuple(kinds), tuple(facts))


def _clause(rng: random.Random, before: str, frame: Frame, kinds: list[str], subject: int | None = None) -> Clause:
    """Number the slots of a frame: its subject may have a number, `kinds` takes the types of new ones."""
    binding = {} if frame.subject is None or subject is None else {frame.subject: subject}
    for slot, types in frame.slots.items():
        if slot not in binding:
            binding[slot] = len(kinds)
            kinds.append(rng.choice(types))
    return Clause(before, frame, binding)


def _spell(rng: random.Random, clause: Clause) -> str:
    body = clause.frame.text
    if clause.elided:
        body = body.partition("}")[2].lstrip()
    numbers = {slot: f"{{{number}}}" for slot, number in clause.binding.items()}
    return clause.before + body.format(**numbers, year=rng.randint(*FACT_YEARS))


def _about(rng: random.Random, lines: Lines, kind: str, stated: frozenset[str], facts: int) -> Frame | None:
    """A frame whose subject is of that type, of relations not yet stated, with at most so many facts."""

    def fits(frame: Frame) -> bool:
        right = frame.subject is not None and kind in frame.slots[frame.subject]
        return right and len(frame.facts) <= facts and not stated & frame.labels

    fitting = [frames for line in lines if (frames := list(filter(fits, line)))]
    return rng.choice(rng.choice(fitting)) if fitting else None


def _single(rng: random.Random, lines: Lines, first: Clause, kinds: list[str], lang: str) -> list[Clause]:
    """Nothing after the first clause."""
    return []


def _shared(rng: random.Random, lines: Lines, first: Clause, kinds: list[str], lang: str) -> list[Clause]:
    """One or two more facts about the first subject, which is not named again."""
    if first.frame.subject is None:
        return []
    number = first.binding[first.frame.subject]
    stated, wanted, clauses = first.frame.labels, rng.choice((2, 2, 3)), list[Clause]()
    # After a second name of the subject's type ("A bought B") a reader could take that one for the subject.
    while len(stated) < wanted and kinds.count(kinds[number]) == 1:
        frame = _about(rng, lines, kinds[number], stated, wanted - len(stated))
        if frame is None:
            break
        clauses.append(_clause(rng, COMMA[lang], frame, kinds, number))
        stated |= frame.labels
    clauses = [replace(clause, elided=True) for clause in clauses]
    return [*clauses[:-1], *(replace(clause, before=AND[lang]) for clause in clauses[-1:])]


def _linked(rng: random.Random, lines: Lines, first: Clause, kinds: list[str], lang: str) -> list[Clause]:
    """A fact about the other name of the first clause: "..., which is based in ..."; Chinese repeats it."""
    ends = [slot for slot in first.binding if slot != first.frame.subject]
    if lang == "en":
        ends = [slot for slot in ends if first.frame.text.endswith(f"{{{slot}}}")]
    if not ends:
        return []
    number = first.binding[rng.choice(ends)]
    frame = _about(rng, lines, kinds[number], first.frame.labels, 2)
    if frame is None:
        return []
    before = COMMA[lang] if lang == "zh" else RELATIVE.get(kinds[number], ", which ")
    return [replace(_clause(rng, before, frame, kinds, number), elided=lang == "en")]


def _separate(rng: random.Random, lines: Lines, first: Clause, kinds: list[str], lang: str) -> list[Clause]:
    """A second clause about other names."""
    frame = rng.choice(rng.choice(lines))
    if len(first.frame.facts) + len(frame.facts) > 3:
        return []
    return [_clause(rng, rng.choice(SEPARATE[lang]), frame, kinds)]


Plan = Callable[[random.Random, Lines, Clause, list[str], str], list[Clause]]
PLANS: dict[Plan, int] = {_single: 4, _shared: 4, _linked: 2, _separate: 2}
