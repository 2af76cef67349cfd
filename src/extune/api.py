"""The Python API: load a version by stage, alias, number or path; TripletExtractor for lines of triples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .artefact import SPEC, load_extractor
from .config import project_root
from .errors import ConfigError, ours
from .extract import Extraction, Extractor


def load(uri: str, *, base: str | None = None) -> Extractor:
    """An extractor from `models:/NAME@champion`, `/Production`, `/3`, `/latest`, or an adapter folder.

    A registered version runs its own code, whatever is installed; if it was evaluated, its confidences are calibrated.
    `base`: a folder with the base model, where it is not where its name says. Raises TrackingError or ModelError with
    the remedy.
    """
    if not uri.startswith("models:"):
        if not (Path(uri) / SPEC).is_file():
            raise ConfigError(f"{uri!r} is neither models:/NAME... nor a folder with {SPEC}")
        return load_extractor(Path(uri), base_path=base, model=Path(uri).name)
    import mlflow

    from .evaluation import calibration
    from .registry import resolve
    from .tracking import connect, without_advice

    client = connect(project_root())
    name, version = resolve(client, uri)
    settings = {"base_path": base or "", "calibration": calibration(client, name, version)}
    try:
        with without_advice():
            model = mlflow.pyfunc.load_model(f"models:/{name}/{version}", model_config=settings)
    except Exception as exc:
        if known := ours(exc):  # from the version's own copy of the code
            raise known from exc
        raise
    extractor: Extractor = model.unwrap_python_model().extractor
    return replace(extractor, model=f"{name}/{version}")


class TripletExtractor:
    """Base and adapter by path, triples as `(head, relation, tail)` lines."""

    def __init__(self, base_model_path: str, lora_model_path: str) -> None:
        base = None if base_model_path in ("", "embedded") else base_model_path
        self.extractor = load(lora_model_path, base=base)

    def extract_triplets(self, text: str) -> str:
        """The triples of one text, one a line; an empty string if there is none."""
        return self.batch_extract([text])[0]

    def batch_extract(self, texts: Sequence[str]) -> list[str]:
        """The triples of each text."""
        from .records import Record

        found = self.extractor(Record(str(number), text) for number, text in enumerate(texts))
        return [_lines(extraction) for extraction in found]


def _lines(extraction: Extraction) -> str:
    from .notations.triple_syntax import format_triple

    triples: Any = extraction.record.relations
    return "\n".join(format_triple(r.head, r.relation, r.tail) for r in triples)
