"""What `make demo` prints at the end: figures, where the model is, what to try next."""

import json
from pathlib import Path
from typing import Any

from .files import read_json
from .stages import MODULES


def overview(root: Path) -> str:
    """A short text. Raises DataError if the pipeline has not run."""
    remedy = "Run `dvc repro`"
    figures = read_json(root / "metrics" / "eval.json", remedy)
    version = read_json(root / "models" / "registered.json", remedy)
    uri = f"models:/{version['name']}/{version['version']}"
    return "\n".join([*_figures(figures), "", _seconds(root), "", f"registered: {uri}", *_next(version, root)])


def _figures(figures: dict[str, Any]) -> list[str]:
    rows = ["split         F1     95 % interval   memorising   exact       valid  invented  texts"]
    for split, f in figures.items():
        interval = f"{100 * f['f1_low']:.1f} to {100 * f['f1_high']:.1f}"
        rows.append(
            f"{split:8}{100 * f['f1']:8.1f}{interval:>18}{100 * f['baseline_f1']:13.1f}{100 * f['exact_match']:8.1f}"
            f"{100 * f['parse_rate']:11.1f}%{f['invented_spans']:10.0f}{f['documents']:7.0f}"
        )
    return rows


def _seconds(root: Path) -> str:
    path = root / ".cache" / "seconds.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    parts = [f"{name} {known[name]:.0f}" for name in MODULES if name in known]
    return f"seconds: {', '.join(parts)}; in all {sum(known.values()):.0f}"


def _next(version: dict[str, Any], root: Path) -> list[str]:
    bin_folder = ".venv/bin/" if (root / ".venv" / "bin" / "extune").is_file() else ""
    return [
        "report: reports/index.html",
        "",
        "try next:",
        f"  {bin_folder}extune chat --text '周雨薇毕业于江城大学，现任远帆科技的产品总监。'",
        f"  {bin_folder}extune promote {version['version']} --why 'first version'",
        f"  {bin_folder}mlflow ui --backend-store-uri sqlite:///mlflow.db",
    ]
