"""A synthetic bilingual corpus of relation triples: clauses from data/relations.yaml, names from Faker.

The unseen test set shares neither names nor clauses with the train pool.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import DataError
from .frames import LANGUAGES, UNSAFE, Part, Relations, read_relations
from .records import Record, Relation
from .schema import Schema
from .sentences import Sentence, sentence

__all__ = ["generate", "instruct_row", "read_relations", "schema_of"]

LOCALES = {"zh": "zh_CN", "en": "en_US"}
PROVIDERS = [f"faker.providers.{name}" for name in ("person", "address", "company", "misc")]
CANDIDATES = 600  # names asked of Faker for each type; about a quarter goes to the test set
FEWEST_NAMES = 6
ATTEMPTS = 200
LIMITS = {"zh": (10, 45), "en": (6, 30)}  # characters, words
INSTRUCTION = {
    "zh": "找出文本中全部的(主体, 关系, 客体)三元组，每行写一个。",
    "en": "List every (head, relation, tail) triple that the text states, one per line.",
}

Names = Mapping[tuple[str, str], Sequence[str]]


def generate(
    relations: Relations, *, train: int, test: int, chinese: float, empty: float, seed: int
) -> tuple[list[Record], list[Record]]:
    """The train pool and the unseen test set; equal arguments give equal records.

    `chinese`: the share of Chinese records; `empty`: the share, in each language, without a triple.
    Raises DataError if there are too few names or clauses for that many different texts.
    """
    known, unseen = _names(relations, seed)
    pool = _records(relations, known, "train", train, chinese, empty, seed)
    # Two neighbouring words of a train text can spell a test name by chance: such names are not used.
    texts = "\n".join(record.text for record in pool)
    fresh = {key: [name for name in names if name not in texts] for key, names in unseen.items()}
    return pool, _records(relations, fresh, "test", test, chinese, empty, seed)


def schema_of(relations: Relations) -> Schema:
    """The labels the corpus uses, Chinese first, and their aliases."""
    labels = tuple(label for lang in LANGUAGES for label in relations.labels[lang])
    return Schema(relations=labels, aliases=dict(relations.aliases))


def instruct_row(record: Record) -> dict[str, Any]:
    """The record as an instruction row: `output` has a line `(head, relation, tail)` for each triple."""
    output = "\n".join(f"({r.head}, {r.relation}, {r.tail})" for r in record.relations)
    return {
        "id": record.id,
        "instruction": INSTRUCTION[record.lang],
        "input": record.text,
        "output": output,
        "lang": record.lang,
    }


def _names(relations: Relations, seed: int) -> tuple[Names, Names]:
    """Names for training and for the test set, by (language, type); no train name contains a test name."""
    from faker import Faker
    from faker.providers import DynamicProvider

    known: dict[tuple[str, str], list[str]] = {}
    unseen: dict[tuple[str, str], list[str]] = {}
    for lang in LANGUAGES:
        faker = Faker(LOCALES[lang], providers=PROVIDERS)
        for word, elements in relations.words[lang].items():
            # Without a generator DynamicProvider draws from one that nobody seeds.
            faker.add_provider(DynamicProvider(word, list(elements), faker.factories[0]))
        for kind in relations.types:
            names = _candidates(faker, relations.names[lang, kind], f"{seed}:{lang}:{kind}")
            unseen[lang, kind] = [name for name in names if _is_test(name)]
            known[lang, kind] = [name for name in names if not _is_test(name)]
        held_out = frozenset(name for kind in relations.types for name in unseen[lang, kind])
        for kind in relations.types:
            known[lang, kind] = [name for name in known[lang, kind] if held_out.isdisjoint(_parts(name))]
    return known, unseen


def _candidates(faker: Any, patterns: Sequence[str], key: str) -> list[str]:
    faker.seed_instance(int.from_bytes(_digest(key)[:8]))
    try:
        names = [faker.parse(patterns[i % len(patterns)]) for i in range(CANDIDATES)]
    except AttributeError as exc:
        where = f"names {', '.join(patterns)}"
        raise DataError(str(exc), where=where, remedy="Add the list under `words`") from None
    return [name for name in dict.fromkeys(names) if not UNSAFE & set(name)]


def _parts(name: str) -> Iterator[str]:
    """Every string that stands in the name."""
    return (name[start:end] for start in range(len(name)) for end in range(start + 1, len(name) + 1))


def _is_test(name: str) -> bool:
    return _digest(name)[0] < 64


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _records(
    relations: Relations, names: Names, split: str, count: int, chinese: float, empty: float, seed: int
) -> list[Record]:
    """`count` records with different texts; languages, empty ones and relations take turns by number."""
    _check_names(relations, names, count)
    records: list[Record] = []
    seen: set[str] = set()
    turns = dict.fromkeys(LANGUAGES, 0)
    width = max(4, len(str(count)))
    for number in range(count):
        name = f"gen-{split}-{number + 1:0{width}d}"
        lang = "zh" if _due(number, chinese) else "en"
        turn, turns[lang] = turns[lang], turns[lang] + 1
        line = None if _due(turn, empty) else turn - _so_far(turn, empty)
        rng = random.Random(f"{seed}:{name}")
        record = _record(rng, relations, names, (lang, split), line, name, seen)
        seen.add(record.text)
        records.append(record)
    return records


def _check_names(relations: Relations, names: Names, count: int) -> None:
    for (lang, kind), known in names.items():
        if count and len(known) < FEWEST_NAMES:
            what = f"type {kind!r} has only {len(known)} usable {lang} names"
            raise DataError(what, where=f"types.{kind}", remedy="Add patterns, or longer lists under `words`")


def _so_far(number: int, share: float) -> int:
    return int(round(number * share, 6))


def _due(number: int, share: float) -> bool:
    """Whether item `number` is one of an evenly spread share."""
    return _so_far(number + 1, share) > _so_far(number, share)


def _record(
    rng: random.Random,
    relations: Relations,
    names: Names,
    part: Part,
    line: int | None,
    name: str,
    seen: set[str],
) -> Record:
    """A record with a new text, whose first clause is of that line of relations.yaml."""
    lang, _ = part
    for _ in range(ATTEMPTS):
        draft = sentence(rng, relations, part, line)
        drawn = [rng.choice(names[lang, kind]) for kind in draft.kinds]
        text = draft.template.format(*drawn)
        clear = all(text.count(word) == draft.template.count(f"{{{i}}}") for i, word in enumerate(drawn))
        if clear and text not in seen and _fits(text, lang):
            facts = _facts(relations, draft, drawn, lang)
            return Record(name, text, lang, relations=facts, source="generate")
    what = f"no new text for {name} after {ATTEMPTS} attempts"
    raise DataError(what, where="generate", remedy="Ask for fewer samples, or add clauses and words")


def _fits(text: str, lang: str) -> bool:
    fewest, most = LIMITS[lang]
    return fewest <= len(text if lang == "zh" else text.split()) <= most


def _facts(relations: Relations, draft: Sentence, drawn: Sequence[str], lang: str) -> tuple[Relation, ...]:
    kinds = [relations.types[kind] if lang == "zh" else kind for kind in draft.kinds]
    return tuple(Relation(drawn[h], label, drawn[t], kinds[h], kinds[t]) for h, label, t in draft.facts)
