"""What a registered model does with its rows; `pyfunc.py` calls this in the version's own copy of the package."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .artefact import load_extractor
from .calibration import from_json
from .decode import LocalGenerator
from .errors import DataError
from .extract import Extraction, Extractor, to_json
from .records import QA, Record
from .schema import schema_from_json
from .sections import Decode

PARAMS: dict[str, Any] = {"max_new_tokens": 0, "batch_size": 0, "constrained": True}
"""Inference parameters with their defaults; 0 means as the version was trained for."""

COLUMNS = ("text", "id", "task", "schema", "question")


def load(adapter: Path, settings: Mapping[str, Any]) -> Extractor:
    """The extractor of a registered version, named by MLflow's model id where there is one.

    `settings`: MLflow's model_config, the version's `decode` section and optionally `base_path` and `calibration`.
    """
    settings = dict(settings)
    base_path = settings.pop("base_path", None) or None
    fitted = from_json(settings.pop("calibration", None) or {})
    found = load_extractor(adapter, base_path=base_path, model=_model_id(adapter), decode=Decode(**settings))
    return replace(found, calibration=fitted)


def _model_id(adapter: Path) -> str:
    """From the MLmodel file, which lies above the artifacts."""
    import yaml

    for folder in adapter.parents[:3]:
        if (folder / "MLmodel").is_file():
            row = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
            return str(row.get("model_id") or "")
    return ""


def predict(extractor: Extractor, model_input: Any, params: Mapping[str, Any]) -> list[str]:
    """One JSON extraction a row. Raises DataError for a row without a text or for a task it was not trained for."""
    configured = _configured(extractor, params)
    rows = model_input.to_dict("records") if hasattr(model_input, "to_dict") else list(model_input)
    groups: dict[str, list[int]] = {}
    records = [_record(row, number, configured) for number, row in enumerate(rows)]
    for number, row in enumerate(rows):
        groups.setdefault(_text(row, "schema") or "", []).append(number)
    found: dict[int, Extraction] = {}
    for schema, numbers in groups.items():
        chosen = _narrowed(configured, schema) if schema else configured
        found.update(zip(numbers, chosen([records[n] for n in numbers]), strict=True))
    return [json.dumps(to_json(found[n]), ensure_ascii=False) for n in range(len(rows))]


def _configured(extractor: Extractor, params: Mapping[str, Any]) -> Extractor:
    values = {key: value for key, value in params.items() if value}
    generator = extractor.generate
    if isinstance(generator, LocalGenerator):
        generator = replace(generator, **{k: values[k] for k in ("max_new_tokens", "batch_size") if k in values})
    constrained = extractor.constrained and bool(params.get("constrained", True))
    return replace(extractor, generate=generator, constrained=constrained)


def _record(row: Mapping[str, Any], number: int, extractor: Extractor) -> Record:
    text = row.get("text")
    if not isinstance(text, str):
        raise DataError("no text", where=f"row {number}", remedy=f"Columns: {', '.join(COLUMNS)}")
    asked = _text(row, "task")
    if asked and asked != extractor.prompt.task.name:
        raise DataError(
            f"task {asked!r} was asked of a model trained for {extractor.prompt.task.name!r}", where=f"row {number}"
        )
    question = _text(row, "question")
    if extractor.prompt.task.name == "QA" and not question:
        raise DataError("no question", where=f"row {number}", remedy=f"Columns: {', '.join(COLUMNS)}")
    return Record(_text(row, "id") or str(number), text, qa=QA(question, "", text) if question else None)


def _text(row: Mapping[str, Any], name: str) -> str | None:
    """An optional column: None, NaN and "" all mean not given."""
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _narrowed(extractor: Extractor, text: str) -> Extractor:
    """The extractor for the row's schema: JSON of our schema form, or a JSON list of labels of the trained task."""
    try:
        value = json.loads(text)
        if isinstance(value, list):
            value = {extractor.prompt.task.section: value}
        schema = replace(schema_from_json(value), grounded=extractor.schema.grounded)
    except (ValueError, AttributeError) as exc:
        raise DataError(f"column `schema` is not a schema ({exc})") from None
    return replace(extractor, prompt=replace(extractor.prompt, schema=schema))
