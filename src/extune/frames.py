"""data/relations.yaml as a checked, frozen value: the relations and the clauses that state them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from .errors import DataError

LANGUAGES = ("zh", "en")
SPLITS = ("train", "test")
PARTS = tuple((lang, split) for lang in LANGUAGES for split in SPLITS)
Part = tuple[str, str]

LISTS = tuple(f"{lang}_{split}" for lang, split in PARTS)
RELATION_KEYS = ("zh", "en", "head", "tail", *LISTS)
PAIR_KEYS = ("of", *LISTS)
TYPE_KEYS = ("zh", "zh_names", "en_names")
TOP_KEYS = ("relations", "none", "openings", "types", "words")
OPTIONAL_KEYS = ("pairs", "aliases")
FREE_SLOTS = ("year",)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
UNSAFE = frozenset('(),（），;；。"《》{}\n')  # would end a name or label early in some notation or clause


@dataclass(frozen=True, slots=True)
class Frame:
    """A clause with slots in braces.

    `slots`: the types each may hold; `facts`: the triples it states, as (label, head slot, tail slot).
    """

    text: str
    slots: Mapping[str, tuple[str, ...]]
    facts: tuple[tuple[str, str, str], ...] = ()

    @property
    def subject(self) -> str | None:
        """The slot the clause starts with, if leaving it out gives a continuation ("and works for {t}")."""
        name, brace, rest = self.text[1:].partition("}")
        follows = rest.startswith(" ") or (rest[:1] > "\u2e80" and not rest.startswith("的"))
        return name if self.text.startswith("{") and brace and name in self.slots and follows else None

    @property
    def labels(self) -> frozenset[str]:
        """The relations the clause states."""
        return frozenset(label for label, _, _ in self.facts)


@dataclass(frozen=True, slots=True)
class Relations:
    """Everything the generator needs; mappings by part are keyed (language, split).

    `lines`: the clauses of each relation (or pair of relations); `names`: patterns by (language, type);
    `words`: lists that patterns draw from, by language.
    """

    labels: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]
    types: Mapping[str, str]
    lines: Mapping[Part, tuple[tuple[Frame, ...], ...]]
    none: Mapping[Part, tuple[Frame, ...]]
    openings: Mapping[Part, tuple[str, ...]]
    names: Mapping[tuple[str, str], tuple[str, ...]]
    words: Mapping[str, Mapping[str, tuple[str, ...]]]


def read_relations(path: Path | str) -> Relations:
    """Read and check relations.yaml.

    Raises DataError with `file:line` for a missing key or a clause that cannot be used.
    """
    row, lines = _load(str(path))
    _keys(row, TOP_KEYS, OPTIONAL_KEYS, str(path))
    types, words = row["types"], row["words"]
    for kind, spec in types.items():
        _keys(spec, TYPE_KEYS, (), f"{path}, type {kind}")
    relations = _items(row, lines, "relations", RELATION_KEYS, str(path))
    stated = [([spec], spec, where) for spec, where in relations]
    for spec, where in relations:
        _known([*_as_tuple(spec["head"]), *_as_tuple(spec["tail"])], types, "type", where)
    by_label = {spec["zh"]: spec for spec, _ in relations}
    for spec, where in _items(row, lines, "pairs", PAIR_KEYS, str(path)):
        _known(spec["of"], by_label, "relation", where)
        stated.append(([by_label[label] for label in spec["of"]], spec, where))
    labels = _labels(relations)
    return Relations(
        labels=labels,
        aliases=_aliases(row.get("aliases") or {}, labels, str(path)),
        types={kind: str(spec["zh"]) for kind, spec in types.items()},
        lines={part: tuple(_frames(of, spec, part, where) for of, spec, where in stated) for part in PARTS},
        none={part: _none(row["none"], part, types, f"{path}, none") for part in PARTS},
        openings={part: _texts(row["openings"], part, f"{path}, openings") for part in PARTS},
        names={(lang, k): tuple(spec[f"{lang}_names"]) for lang in LANGUAGES for k, spec in types.items()},
        words={lang: {k: tuple(v) for k, v in (words.get(lang) or {}).items()} for lang in LANGUAGES},
    )


def _load(path: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The mapping, and the line numbers of the items of each top-level list."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        loader = LOADER(text)
        root = loader.get_single_node()
        row = loader.construct_document(root) if root else None
    except FileNotFoundError:
        raise DataError("file not found", where=path, remedy="Set generate.relations") from None
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else path
        remedy = "Put clauses in double quotes, lists in [ ]"
        raise DataError(f"not YAML ({getattr(exc, 'problem', exc)})", where=place, remedy=remedy) from None
    if not isinstance(row, dict) or not isinstance(root, yaml.MappingNode):
        raise DataError("not a mapping", where=path, remedy=f"It needs the keys {', '.join(TOP_KEYS)}")
    items = ((key.value, value) for key, value in root.value if isinstance(value, yaml.SequenceNode))
    return row, {key: [item.start_mark.line + 1 for item in value.value] for key, value in items}


def _items(
    row: Mapping[str, Any], lines: Mapping[str, list[int]], key: str, keys: Sequence[str], path: str
) -> list[tuple[dict[str, Any], str]]:
    """The mappings of a top-level list, each with its `file:line`."""
    specs = row.get(key) or []
    if not isinstance(specs, list):
        raise DataError(f"{key!r} is not a list", where=path, remedy="One line `- {...}` each")
    places = [f"{path}:{line}" for line in lines.get(key, ())]
    for spec, where in zip(specs, places, strict=True):
        _keys(spec, keys, (), where)
    return list(zip(specs, places, strict=True))


def _keys(spec: Any, needed: Sequence[str], optional: Sequence[str], where: str) -> None:
    known = ", ".join([*needed, *optional])
    if not isinstance(spec, dict):
        raise DataError(f"expected a mapping, found {spec!r}", where=where, remedy=f"Known keys: {known}")
    for key in needed:
        if not spec.get(key):
            raise DataError(f"key {key!r} is missing or empty", where=where, remedy=f"Add `{key}: ...`")
    for key in spec:
        if key not in needed and key not in optional:
            raise DataError(f"unknown key {key!r}", where=where, remedy=f"Known keys: {known}")


def _known(names: Iterable[str], known: Iterable[str], noun: str, where: str) -> None:
    for name in names:
        if name not in known:
            raise DataError(f"unknown {noun} {name!r}", where=where, remedy=f"Known: {', '.join(known)}")


def _labels(relations: Iterable[tuple[Mapping[str, Any], str]]) -> dict[str, tuple[str, ...]]:
    labels: dict[str, tuple[str, ...]] = dict.fromkeys(LANGUAGES, ())
    for spec, where in relations:
        for lang in LANGUAGES:
            label = str(spec[lang])
            if label in labels[lang]:
                raise DataError(f"a second relation {label!r}", where=where, remedy="Join the two lines")
            if UNSAFE & set(label):
                raise DataError(f"label {label!r} has punctuation", where=where, remedy="Use words only")
            labels[lang] = (*labels[lang], label)
    return labels


def _aliases(aliases: Mapping[str, str], labels: Mapping[str, tuple[str, ...]], path: str) -> dict[str, str]:
    every = [label for lang in LANGUAGES for label in labels[lang]]
    _known(aliases.values(), every, "label in aliases", path)
    for alias in aliases:
        if alias in every:
            raise DataError(f"{alias!r} is a relation and an alias", where=path, remedy="Keep one of the two")
    return dict(aliases)


def _as_tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _frames(of: list[dict[str, Any]], spec: Mapping[str, Any], part: Part, where: str) -> tuple[Frame, ...]:
    """The clauses of one line for one part; `of`: the relations they state, with tails {t}, then {u}."""
    tails = dict(zip("tu", of, strict=False))
    slots = {"h": _as_tuple(of[0]["head"])} | {slot: _as_tuple(r["tail"]) for slot, r in tails.items()}
    facts = [(str(relation[part[0]]), "h", slot) for slot, relation in tails.items()]
    texts = _texts(spec, part, where)
    for text in texts:
        found = [slot for slot in _slots(text, where) if slot not in FREE_SLOTS]
        if sorted(found) != sorted(slots):
            needed = " and ".join(f"{{{slot}}}" for slot in slots)
            raise DataError(f"clause {text!r} is wrong", where=where, remedy=f"Name {needed} once each")
    return tuple(Frame(t, slots, tuple(sorted(facts, key=lambda f: t.index(f"{{{f[2]}}}")))) for t in texts)


def _none(spec: Mapping[str, Any], part: Part, types: Mapping[str, Any], where: str) -> tuple[Frame, ...]:
    frames = []
    for text in _texts(spec, part, where):
        slots = {slot: (slot.rstrip("0123456789"),) for slot in _slots(text, where) if slot not in FREE_SLOTS}
        _known([kind for (kind,) in slots.values()], types, "type", where)
        frames.append(Frame(text, slots))
    return tuple(frames)


def _texts(spec: Any, part: Part, where: str) -> tuple[str, ...]:
    """One list of clauses; those of training and test must differ."""
    lang, split = part
    _keys(spec, LISTS, (*RELATION_KEYS, *PAIR_KEYS), where)
    for text in spec[f"{lang}_train"]:
        if text in spec[f"{lang}_test"]:
            what = f"{text!r} is in {lang}_train and in {lang}_test"
            raise DataError(what, where=where, remedy="Take it out of one of them")
    return tuple(map(str, spec[f"{lang}_{split}"]))


def _slots(text: str, where: str) -> list[str]:
    try:
        return [slot for _, slot, _, _ in Formatter().parse(text) if slot is not None]
    except ValueError as exc:
        raise DataError(f"clause {text!r}: {exc}", where=where, remedy="Braces only around slots") from None
