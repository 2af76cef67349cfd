"""The robustness suite: a test set and its prompt, each disturbed in one way, with every gold annotation still true.

A record whose annotations cannot be carried (carry.py), or that a disturbance leaves as it is, is left out and counted.
The texts and labels that are put in are the table in robustness.yaml.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from .augment import SHARES
from .carry import Place, carried, spans
from .config import read_yaml
from .errors import ConfigError
from .injection import inject
from .instruct import queries
from .noise import NOISES, outside
from .prompt import Prompt
from .records import Record, detect_language
from .schema import Schema

TABLE = Path(__file__).with_name("robustness.yaml")
PARAPHRASES = 2
UNCHANGED, NOT_CARRIED = "unchanged", "not_carried"
INJECTION = "injection"

Disturb: TypeAlias = Callable[[Record, random.Random], tuple[str, Place]]
Ask: TypeAlias = Callable[[Prompt, random.Random], Prompt]


@dataclass(frozen=True, slots=True)
class Variant:
    """A disturbed test set with the prompt to ask it by; `places` are its records' positions in the original one.

    `left_out`: how many records it lacks, by reason: UNCHANGED, NOT_CARRIED.
    """

    name: str
    records: tuple[Record, ...]
    prompt: Prompt
    places: tuple[int, ...]
    left_out: Mapping[str, int]


def suite(records: Iterable[Record], prompt: Prompt, seed: int, names: Sequence[str] = ()) -> Iterator[Variant]:
    """The variants of these names, by default all, one after another. Raises ConfigError for an unknown name."""
    records = tuple(records)
    check(names)
    return (_variant(name, records, prompt, seed) for name in names or NAMES)


def check(names: Iterable[str]) -> None:
    """Raises ConfigError for a name that is none of NAMES."""
    if unknown := [name for name in names if name not in NAMES]:
        raise ConfigError(f"no disturbance {unknown[0]!r}", remedy=f"Known ones: {', '.join(NAMES)}")


def _variant(name: str, records: Sequence[Record], prompt: Prompt, seed: int) -> Variant:
    asked = PROMPTS[name](prompt, random.Random(f"{seed}:{name}")) if name in PROMPTS else prompt
    made = [
        disturbed(record, name, seed) if name in TEXTS else _asked_anew(record, prompt, asked) for record in records
    ]
    kept = tuple((place, record) for place, record in enumerate(made) if isinstance(record, Record))
    left_out = Counter(reason for reason in made if isinstance(reason, str))
    return Variant(
        name, tuple(record for _, record in kept), asked, tuple(place for place, _ in kept),
        {reason: left_out[reason] for reason in (UNCHANGED, NOT_CARRIED)},
    )  # fmt: skip


def disturbed(record: Record, name: str, seed: int) -> Record | str:
    """The record with a disturbed text under its own id, or why there is none."""
    text, place = TEXTS[name](record, random.Random(f"{seed}:{record.id}:{name}"))
    if text == record.text:
        return UNCHANGED
    return carried(record, text, place) or NOT_CARRIED


def _asked_anew(record: Record, before: Prompt, after: Prompt) -> Record | str:
    """The record if it is asked in other words or about other labels."""
    one, two = ([(set(q.labels), p.text(q)) for q in queries(record, p.task, p.schema, -1)] for p in (before, after))
    return UNCHANGED if one == two else record


def _noisy(name: str, record: Record, rng: random.Random) -> tuple[str, Place]:
    """Slips leave annotated spans alone, so that nobody can tell them from another name; scripts change all alike."""
    kept = spans(record) if name in SHARES else []
    tried = (outside(NOISES[name], record.text, rng, rate, kept) for rate in SHARES.get(name, (1.0,)))
    new = next((new for new in tried if new.text != record.text), None)
    return (new.text, new.span) if new else _as_it_is(record)


def _as_it_is(record: Record) -> tuple[str, Place]:
    return record.text, lambda start, end: (start, end)


def _shuffled(prompt: Prompt, rng: random.Random) -> Prompt:
    """All labels in another order, the roles of events and the attributes too."""

    def order(labels: Iterable[Any]) -> tuple[Any, ...]:
        labels = tuple(labels)
        new = tuple(rng.sample(labels, len(labels)))
        return new if new != labels else (*labels[1:], *labels[:1])

    def table(by_name: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {name: order(by_name[name]) for name in order(by_name)}

    known = prompt.schema
    schema = replace(
        known, entities=order(known.entities), relations=order(known.relations), triples=order(known.triples),
        events=table(known.events), attributes=table(known.attributes),
    )  # fmt: skip
    return replace(prompt, schema=schema)


def _paraphrased(number: int, prompt: Prompt, rng: random.Random) -> Prompt:
    wordings, forms = _table()["wordings"][prompt.task.name], _table()["forms"][prompt.notation.name]
    said = {
        lang: texts[number] + (" " if lang == "en" else "") + _in_language(forms, lang)
        for lang, texts in wordings.items()
    }
    return replace(prompt, instruction={**prompt.instruction, **said})


def _distracted(prompt: Prompt, rng: random.Random) -> Prompt:
    """As many labels of other fields as there are own ones, or all there are, after them."""
    return replace(prompt, schema=distracted(prompt.schema, rng))


def distracted(schema: Schema, rng: random.Random) -> Schema:
    """The schema with labels of other fields in every section that has labels, in the languages of those."""
    return replace(
        schema,
        entities=(*schema.entities, *_more(schema.entities, "entities", rng)),
        relations=(*schema.relations, *_more(schema.relations, "relations", rng)),
        triples=(*schema.triples, *map(tuple, _more(schema.triples, "triples", rng))),
        events={**schema.events, **_rows(_more(schema.events, "events", rng), "events")},
        attributes={**schema.attributes, **_rows(_more(schema.attributes, "attributes", rng), "attributes")},
    )


def _more(own: Iterable[Any], section: str, rng: random.Random) -> list[Any]:
    """Distractors of a section, none of which is among its own labels, whatever their case."""
    names = {_joined(label).casefold() for label in own}
    languages = sorted({detect_language(name) for name in names})
    pool = [label for lang in languages for label in _table()["distractors"][lang][section]]
    new = [label for label in pool if _joined(label).casefold() not in names]
    return rng.sample(new, min(len(names), len(new)))


def _joined(label: str | Sequence[str]) -> str:
    return label if isinstance(label, str) else "_".join(label)


def _rows(names: Iterable[str], section: str) -> dict[str, tuple[str, ...]]:
    """The distractors with their roles or attributes."""
    known = {name: row for of in _table()["distractors"].values() for name, row in of[section].items()}
    return {name: tuple(known[name]) for name in names}


def _in_language(by_language: Mapping[str, Any], lang: str) -> Any:
    return by_language.get(lang) or by_language["en"]


@cache
def _table() -> dict[str, Any]:
    return read_yaml(TABLE)


TEXTS: dict[str, Disturb] = {**{name: partial(_noisy, name) for name in NOISES}, INJECTION: inject}
PROMPTS: dict[str, Ask] = {
    "label_order": _shuffled,
    **{f"paraphrase_{number + 1}": partial(_paraphrased, number) for number in range(PARAPHRASES)},
    "distractors": _distracted,
}
NAMES = (*NOISES, *PROMPTS, INJECTION)


def table(report: Mapping[str, Any]) -> list[str]:
    """The drops as lines of text; a line without figures had no record to disturb."""
    clean = report["clean"]
    names = (
        f"{'texts':>7}{'left out':>10}{'clean':>8}{'F1':>8}{'drop':>8}{'95 % interval':>19}{'read':>8}{'schema':>8}"
        f"{'invented':>10}{'obeyed':>8}"
    )
    lines = [
        f"{'':14}{names}",
        f"{'clean':14}{clean['documents']:7}{'':18}{_percent(clean['f1'])}{'':27}{_valid(clean)}",
    ]
    return lines + [_line(row) for row in report["variants"]]


def _line(row: Mapping[str, Any]) -> str:
    start = f"{row['name']:14}{row['records']:7}{sum(row['left_out'].values()):10}"
    if not row["records"]:
        return start
    interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
    figures = "".join(map(_percent, (row["clean_f1"], row["f1"], row["drop"])))
    return f"{start}{figures}{interval:>19}{_valid(row)}"


def _percent(share: float) -> str:
    return f"{100 * share:8.1f}"


def _valid(row: Mapping[str, Any]) -> str:
    """Share of answers that can be read, and that keep to the schema too; of orders that could be seen to be obeyed."""
    obeyed = f"{100 * row['obeyed_rate']:7.1f}%" if row.get("obeyed_rate") is not None else ""
    return f"{100 * row['parse_rate']:7.1f}%{100 * row['schema_valid_rate']:7.1f}%{row['invented_spans']:10}{obeyed:>8}"


def flat(report: Mapping[str, Any]) -> dict[str, float]:
    """The figures by name, `robustness.typo.drop`, of the variants that have records."""
    rows = [row for row in report["variants"] if row["records"]]
    names = ("f1", "drop", "records", "parse_rate", "schema_valid_rate", "invented_spans", "obeyed_rate")
    return {
        f"robustness.{row['name']}.{name}": float(row[name])
        for row in rows
        for name in names
        if row.get(name) is not None
    }
