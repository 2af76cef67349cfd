"""Extraction with a registered version: file to file, or one text after another."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError
from .app import Json, app, writable

Uri = Annotated[
    str, typer.Option("--model", help="models:/NAME@champion, /Production, /3, /latest, or an adapter folder.")
]
BasePath = Annotated[str | None, typer.Option("--base", help="Folder of the base model, if not where its name says.")]


@app.command()
def extract(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="JSON Lines with `text` (and `id`), or plain lines.")],
    output: Annotated[Path, typer.Argument(help="JSON Lines of extractions; appears whole or not at all.")],
    model: Uri = "models:/extune/latest",
    base: BasePath = None,
) -> None:
    """Extract from every text of a file."""
    from ..extract import to_json
    from ..files import write_jsonl

    writable(output)
    records = _texts(source)
    extractor = _extractor(model, base)
    found = extractor(records)
    long = [r for r, e in zip(records, found, strict=True) if any(p.startswith("too long") for p in e.problems)]
    if long:
        raise DataError(
            f"{len(long)} text(s) do not fit the model's window; nothing was written", where=long[0].where,
            remedy="Split them into shorter texts",
        )  # fmt: skip
    write_jsonl(output, (to_json(e) for e in found))
    print(json.dumps({"texts": len(found), "problems": sum(bool(e.problems) for e in found), "written": str(output)}))


@app.command()
def chat(
    text: Annotated[
        str | None, typer.Option(help="Extract from this text and end; without it, ask line by line.")
    ] = None,
    question: Annotated[str | None, typer.Option(help="About the text, for a model that answers questions.")] = None,
    model: Uri = "models:/extune/latest",
    base: BasePath = None,
    as_json: Json = False,
) -> None:
    """Extract from one text, or from what is typed, line by line, until an empty line."""
    extractor = _extractor(model, base)
    lines = [text] if text is not None else iter(lambda: _ask(), "")
    for line in lines:
        _answer(extractor.extract(line, question=question), as_json)


def _texts(source: Path) -> list[Any]:
    """The texts of a file. Raises DataError, naming the first line that is bad."""
    from ..readers.texts import read
    from ..records import Rejected

    results = list(read(source))
    bad = [result for result in results if isinstance(result, Rejected)]
    if bad:
        raise DataError(
            f"{bad[0].reason} ({len(bad)} of {len(results)} lines are bad; nothing was written)", where=bad[0].where,
            remedy="A line is a text, or JSON with a string `text` and perhaps `id`",
        )  # fmt: skip
    if not results:
        raise DataError("the file is empty", where=str(source))
    return results


def _extractor(model: str, base: str | None) -> Any:
    from ..api import load

    return load(model, base=base)


def _ask() -> str:
    try:
        return input("text> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _answer(extraction: Any, as_json: bool) -> None:
    from ..extract import to_json

    row = to_json(extraction)
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
        return
    shown = list(_shown(row))
    print("\n".join(shown) or "(nothing found)")
    for problem in row["problems"]:
        print(f"! {problem}", file=sys.stderr)


def _shown(row: dict[str, Any]) -> Iterator[str]:
    """The items of an extraction, a line each."""
    for entity in row["entities"]:
        yield f"{entity['text']}  [{entity['type']}]  {entity['start']}-{entity['end']}"
    for relation in row["relations"]:
        yield f"{relation['head']['text']}  —{relation['relation']}→  {relation['tail']['text']}"
    for event in row["events"]:
        yield f"{event['event_type']}  {event['trigger']['text'] if event['trigger'] else ''}".rstrip()
        yield from (f"    {argument['role']}: {argument['text']}" for argument in event["arguments"])
    for item in row.get("graph", ()):
        if item["kind"] == "node":
            yield f"{item['text']}  [{', '.join(item['labels'])}]"
        else:
            yield f"{item['source']['text']}  —{item['type']}→  {item['target']['text']}"
    for answer in row.get("answers", ()):
        yield answer["text"] or "(the document does not say)"
