"""The labels a model is trained for and may answer with.

Read from our `schema.yaml`, from an IEPile `schema.json` (three JSON lines: types, roles, type to roles)
or from a `types.json` with counts; or collected from labelled records.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import DataError
from .records import Argument, Event, Graph, Record

FILE_NAMES = ("schema.yaml", "schema.json", "types.json")


@dataclass(frozen=True)
class Schema:
    """What may be asked; `aliases` maps a label found in data to the one it stands for.

    `events`: roles by event type. `triples`: (head type, relation, tail type) of typed triples.
    `attributes`: attributes by entity type, for graphs of entities with attributes.
    `examples`: solved records to show in the prompt, as JSON of the neutral form.
    `grounded`: every extracted string must be a substring of the text (set by `prepare`, see docs/architecture.md).
    """

    entities: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    triples: tuple[tuple[str, str, str], ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Mapping[str, Any], ...] = ()
    grounded: bool = True

    def canonical(self, label: str) -> str:
        """The label that stands for `label`, usually itself."""
        return self.aliases.get(label, label)


def schema_to_json(schema: Schema) -> dict[str, Any]:
    """A plain dict of the schema, as written to `schema.yaml` and into the registered model."""
    row = asdict(schema)
    return row | {
        "entities": list(schema.entities),
        "relations": list(schema.relations),
        "events": {name: list(roles) for name, roles in schema.events.items()},
        "triples": [list(triple) for triple in schema.triples],
        "attributes": {name: list(names) for name, names in schema.attributes.items()},
        "examples": list(schema.examples),
    }


def schema_from_json(row: Mapping[str, Any], where: str = "") -> Schema:
    """Build a Schema from its plain dict. Raises DataError on an unknown key or a wrong type."""
    unknown = set(row) - set(Schema.__dataclass_fields__)
    if unknown:
        known = ", ".join(Schema.__dataclass_fields__)
        raise DataError(f"unknown key {sorted(unknown)[0]!r} in schema", where=where, remedy=f"Known keys: {known}")
    try:
        return Schema(
            entities=_labels(row.get("entities")),
            relations=_labels(row.get("relations")),
            events={_label(k): _labels(v) for k, v in (row.get("events") or {}).items()},
            triples=tuple(_triple(value) for value in row.get("triples") or ()),
            attributes={_label(k): _labels(v) for k, v in (row.get("attributes") or {}).items()},
            aliases={_label(k): _label(v) for k, v in (row.get("aliases") or {}).items()},
            descriptions={_label(k): str(v) for k, v in (row.get("descriptions") or {}).items()},
            examples=tuple(dict(value) for value in row.get("examples") or ()),
            grounded=bool(row.get("grounded", True)),
        )
    except (TypeError, AttributeError) as exc:
        raise DataError(f"{WRONG_TYPE} ({exc})", where=where) from None


WRONG_TYPE = "schema has a field of the wrong type"


def _labels(value: Any) -> tuple[str, ...]:
    """Each label once; none for null. A lone string is refused, it would fall into letters."""
    if value is not None and not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list of labels")
    return tuple(dict.fromkeys(map(_label, value or ())))


def _label(value: Any) -> str:
    """A name or a number; YAML reads a bare `no` or `on` as a truth value, which is no label."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise TypeError(f"{value!r} is not a label; put it in quotes if it is one")
    return str(value)


def _triple(value: Any) -> tuple[str, str, str]:
    names = _labels(value) if len(value) != 3 else tuple(map(_label, value))
    if len(names) != 3:
        raise TypeError(f"{value!r} is not [head type, relation, tail type]")
    return names[0], names[1], names[2]


def read_schema(path: Path | str, remedy: str = "Set data.schema in params.yaml, or `auto`") -> Schema:
    """Read a schema file, told apart by its content. Raises DataError if it is missing or of no known form."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("schema file not found", where=str(path), remedy=remedy) from None
    except UnicodeDecodeError as exc:
        raise DataError(f"not UTF-8 ({exc.reason})", where=str(path)) from None
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        if len(lines) == 3 and lines[0].lstrip().startswith("["):
            return _from_iepile(*map(json.loads, lines))
        if rows := _json_rows(text):
            return _from_rows(rows)
        row = _yaml(text)
        if isinstance(row, dict) and {"entity_types", "relation_types", "event_types", "qa"} & set(row):
            return _from_counts(row)
        if isinstance(row, dict) and any("roles" in spec for spec in _objects(row.get("events"))):
            return _from_counts({"event_types": row["events"]})
    except (KeyError, TypeError, AttributeError) as exc:
        raise DataError(f"{WRONG_TYPE} ({exc})", where=str(path)) from None
    except ValueError as exc:
        raise DataError(f"not a schema ({str(exc).splitlines()[0]})", where=str(path)) from None
    if not isinstance(row, dict):
        raise DataError("a schema is a mapping", where=str(path), remedy="See docs/architecture.md, schema.yaml")
    return schema_from_json(row, str(path))


def _yaml(text: str) -> Any:
    """The value of a YAML text. Raises ValueError where it is not YAML."""
    import yaml  # most schemas are JSON, and it is slow to load

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(str(exc)) from None


def _json_rows(text: str) -> list[Mapping[str, Any]]:
    """The objects of a JSON array or of JSON Lines with DuIE's or DuEE's fields; none for any other text."""
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return []
    rows = value if isinstance(value, list) else [value]
    known = all(isinstance(row, dict) and {"predicate", "event_type"} & set(row) for row in rows)
    return rows if known else []


def _from_rows(rows: Iterable[Mapping[str, Any]]) -> Schema:
    """DuIE: {subject_type, predicate, object_type}, a slot of a complex object each; DuEE: {event_type, role_list}."""
    triples = []
    events = {}
    for row in rows:
        if "event_type" in row:
            events[_label(row["event_type"])] = _labels([role["role"] for role in row.get("role_list") or ()])
            continue
        ends = row["object_type"] if isinstance(row["object_type"], dict) else {"@value": row["object_type"]}
        for slot, name in ends.items():
            relation = row["predicate"] if slot == "@value" else f"{row['predicate']}_{slot}"
            triples.append((_label(row["subject_type"]), _label(relation), _label(name)))
    entities = dict.fromkeys(name for head, _, tail in triples for name in (head, tail))
    return Schema(
        tuple(entities), _labels([relation for _, relation, _ in triples]), events, tuple(dict.fromkeys(triples))
    )


def _from_iepile(types: list[Any], roles: list[str], by_type: Mapping[str, list[str]]) -> Schema:
    """IEPile keeps every task's labels in the same three lines; the task tells what they are."""
    names, asked = _labels(types), _labels(roles)
    by_name = {name: _labels(by_type.get(name, roles)) for name in names}
    triples = tuple(t for name in names if (t := split_triple(name)))
    attributes = {_label(name): _labels(of) for name, of in by_type.items()}
    return Schema(entities=names, relations=asked, events=by_name, attributes=attributes, triples=triples)


def split_triple(name: str) -> tuple[str, str, str] | None:
    """`subject type_predicate_object type` taken apart; the predicate may hold `_`, the types may not."""
    head, _, rest = name.partition("_")
    relation, _, tail = rest.rpartition("_")
    return (head, relation, tail) if head and relation and tail else None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [spec for spec in value.values() if isinstance(spec, dict)] if isinstance(value, dict) else []


def _from_counts(row: Mapping[str, Any]) -> Schema:
    events = row.get("event_types") or {}
    return Schema(
        entities=_counted(row.get("entity_types")),
        relations=_counted(row.get("relation_types")),
        triples=tuple(_signatures(row.get("relation_types"))),
        events={
            _label(name): _counted(spec.get("roles")) if isinstance(spec, dict) else () for name, spec in events.items()
        },
    )


def _signatures(relations: Any) -> Iterator[tuple[str, str, str]]:
    for name, spec in relations.items() if isinstance(relations, dict) else ():
        for signature in spec.get("signatures") or () if isinstance(spec, dict) else ():
            if signature["head_type"] and signature["tail_type"]:  # null where the data has relations of plain strings
                yield signature["head_type"], _label(name), signature["tail_type"]


def _counted(value: Any) -> tuple[str, ...]:
    return _labels(list(value) if isinstance(value, dict) else value)


def collect(records: Iterable[Record]) -> Schema:
    """The schema that labelled records imply: every label seen, most frequent first, ties by name."""
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    triples: Counter[tuple[str, str, str]] = Counter()
    events: dict[str, Counter[str]] = {}
    for record in records:
        entities.update(entity.type for entity in record.entities)
        relations.update(relation.relation for relation in record.relations)
        triples.update((r.head_type or "", r.relation, r.tail_type or "") for r in record.relations)
        for event in record.events:
            events.setdefault(event.event_type, Counter()).update(a.role for a in event.arguments)
        for node in record.graph.nodes if record.graph else ():
            entities.update(node.labels)
        relations.update(edge.type for edge in (record.graph.edges if record.graph else ()))
    typed = [triple for triple in _by_count(triples) if triple[0]]
    return Schema(
        entities=_by_count(entities),
        relations=_by_count(relations),
        events={name: tuple(sorted(events[name])) for name in sorted(events)},
        triples=tuple(triple for triple in typed if triple[2]),
        attributes={
            name: tuple(dict.fromkeys(relation for head, relation, _ in typed if head == name))
            for name in sorted({head for head, _, _ in typed})
        },
    )


def _by_count(counter: Counter[Any]) -> tuple[Any, ...]:
    return tuple(sorted(counter, key=lambda label: (-counter[label], label)))


def canonical_record(record: Record, schema: Schema) -> Record:
    """The record with every aliased label replaced by the label it stands for, and heads typed where one type fits.

    A head without a type gets the only entity type that has the relation as an attribute.
    """
    record = _typed_heads(record, schema)
    if not schema.aliases:
        return record
    name = schema.canonical
    graph = record.graph and Graph(
        tuple(replace(node, labels=tuple(map(name, node.labels))) for node in record.graph.nodes),
        tuple(replace(edge, type=name(edge.type)) for edge in record.graph.edges),
    )
    return replace(
        record,
        entities=tuple(replace(e, type=name(e.type)) for e in record.entities),
        relations=tuple(replace(r, relation=name(r.relation)) for r in record.relations),
        events=tuple(
            Event(name(e.event_type), e.trigger, tuple(Argument(name(a.role), a.text) for a in e.arguments))
            for e in record.events
        ),
        graph=graph,
    )


def _typed_heads(record: Record, schema: Schema) -> Record:
    if not schema.attributes or all(relation.head_type for relation in record.relations):
        return record
    types = {r.relation: [t for t, names in schema.attributes.items() if r.relation in names] for r in record.relations}
    return replace(
        record,
        relations=tuple(
            replace(r, head_type=types[r.relation][0]) if not r.head_type and len(types[r.relation]) == 1 else r
            for r in record.relations
        ),
    )
