"""The application that the commands add themselves to, and what they share."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DataError

if TYPE_CHECKING:
    from ..config import Config
    from ..sections import Data

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Labelled text to a governed extraction model.", context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

Preset = Annotated[str | None, typer.Option(help="Overlay on params.yaml: a name in presets/, or a file.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value over params.yaml, e.g. train.lora.r=16.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def settings(preset: str | None, overrides: list[str] | None) -> "tuple[Path, Config]":
    """The project's root and its settings; what they leave to the data's rows is read off them."""
    from ..config import load, project_root

    root = project_root()

    def told(data: "Data", name: str) -> tuple[str, int]:
        from ..foreign import told as by_rows  # with all readers, so only where it is needed

        return by_rows(data, name, root)

    return root, load(root / "params.yaml", preset, overrides or (), told)


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print a flat result, for a person or as JSON."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for key, value in result.items():
        shown = " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{key}: {shown}")


def writable(output: Path) -> None:
    """Raises DataError before the work is done rather than after it."""
    if output.is_dir():
        raise DataError("is a folder", where=str(output), remedy="Name a file")
    if any(parent.exists() and not parent.is_dir() for parent in output.parents):
        raise DataError("lies below a file", where=str(output), remedy="Name another place")
