"""The labels a model is trained for and may answer with.

Read from our `schema.yaml`, from an IEPile `schema.json` (three JSON lines: types, roles, type to roles)
or from a `types.json` with counts; or collected from labelled records.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from .errors import DataError
from .records import Entity, Record, Relation

FILE_NAMES = ("schema.yaml", "schema.json", "types.json")


@dataclass(frozen=True)
class Schema:
    """Entity types, relations and events; `aliases` maps a label found in data to the one it stands for.

    `grounded`: every extracted string must be a substring of the text (set by `prepare`, see docs/architecture.md).
    """

    entities: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    grounded: bool = True

    def canonical(self, label: str) -> str:
        """The label that stands for `label`, usually itself."""
        return self.aliases.get(label, label)


def schema_to_json(schema: Schema) -> dict[str, Any]:
    """A plain dict of the schema, as written to `schema.yaml` and into the registered model."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in _plain(schema).items()}


def _plain(schema: Schema) -> dict[str, Any]:
    row = asdict(schema)
    row["events"] = {name: list(roles) for name, roles in schema.events.items()}
    return row


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
            aliases={_label(k): _label(v) for k, v in (row.get("aliases") or {}).items()},
            descriptions={_label(k): str(v) for k, v in (row.get("descriptions") or {}).items()},
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
        row = yaml.safe_load(text)
        if isinstance(row, dict) and {"entity_types", "relation_types", "event_types"} & set(row):
            return _from_counts(row)
    except (TypeError, AttributeError) as exc:
        raise DataError(f"{WRONG_TYPE} ({exc})", where=str(path)) from None
    except (json.JSONDecodeError, yaml.YAMLError) as exc:
        raise DataError(f"not a schema ({str(exc).splitlines()[0]})", where=str(path)) from None
    if not isinstance(row, dict):
        raise DataError("a schema is a mapping", where=str(path), remedy="See docs/architecture.md, schema.yaml")
    return schema_from_json(row, str(path))


def _from_iepile(types: list[Any], roles: list[str], by_type: Mapping[str, list[str]]) -> Schema:
    """IEPile keeps entity types, event types and relations in the same three lines; the task tells which."""
    names = _labels(types)
    events = {name: _labels(by_type.get(name, roles)) for name in names} if by_type or (roles and names) else {}
    return Schema(entities=names, relations=_labels(roles), events=events)


def _from_counts(row: Mapping[str, Any]) -> Schema:
    events = row.get("event_types") or {}
    return Schema(
        entities=_counted(row.get("entity_types")),
        relations=_counted(row.get("relation_types")),
        events={
            _label(name): _counted(spec.get("roles")) if isinstance(spec, dict) else () for name, spec in events.items()
        },
    )


def _counted(value: Any) -> tuple[str, ...]:
    return _labels(list(value) if isinstance(value, dict) else value)


def collect(records: Iterable[Record]) -> Schema:
    """The schema that labelled records imply: every label seen, most frequent first, ties by name."""
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    events: dict[str, dict[str, None]] = {}
    for record in records:
        entities.update(entity.type for entity in record.entities)
        relations.update(relation.relation for relation in record.relations)
        for event in record.events:
            events.setdefault(event.event_type, {}).update((a.role, None) for a in event.arguments)
    return Schema(
        entities=_by_count(entities),
        relations=_by_count(relations),
        events={name: tuple(sorted(events[name])) for name in sorted(events)},
    )


def _by_count(counter: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counter, key=lambda label: (-counter[label], label)))


def canonical_record(record: Record, schema: Schema) -> Record:
    """The record with every aliased label replaced by the label it stands for."""
    if not schema.aliases:
        return record
    return replace(
        record,
        entities=tuple(Entity(e.text, schema.canonical(e.type), e.start, e.end) for e in record.entities),
        relations=tuple(
            Relation(r.head, schema.canonical(r.relation), r.tail, r.head_type, r.tail_type) for r in record.relations
        ),
    )
