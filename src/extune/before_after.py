"""What tuning bought: how the base without its adapter is asked, beside the tuned version, and the table of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .prompt import Prompt
from .records import Record, record_to_json

BASE, CONSTRAINED, EXAMPLES, TUNED = "base", "base_constrained", "base_examples", "tuned"
TITLES = {
    BASE: "base, free",
    CONSTRAINED: "base, constrained",
    EXAMPLES: "base, constrained, examples",
    TUNED: "tuned",
}
_TYPES = {"zh": "类型：{}。", "en": " Types: {}."}


def untuned(prompt: Prompt, shots: Iterable[Record]) -> dict[str, tuple[Prompt, bool]]:
    """What the base is asked by, and whether its answers are held to the grammar, by name.

    Examples are those of the tuned version's own prompt, else `shots`.
    """
    plain = spelled_out(replace(prompt, schema=replace(prompt.schema, examples=())))
    shown = prompt.schema.examples or tuple(record_to_json(record) for record in shots)
    solved = replace(plain, schema=replace(plain.schema, examples=shown))
    return {BASE: (plain, False), CONSTRAINED: (plain, True), **({EXAMPLES: (solved, True)} if shown else {})}


def spelled_out(prompt: Prompt) -> Prompt:
    """The prompt in the task's whole wording, with the labels where it does not list them: the base learned neither."""
    task, notation, labels = prompt.task, prompt.notation, prompt.task.labels(prompt.schema)
    whole = replace(prompt, instruction={})
    listed, unlisted = (notation.prompt("", task.question(asked, prompt.schema), "") for asked in (labels, ()))
    if listed != unlisted or not labels:
        return whole
    wording = task.instructions.get(notation.name) or task.instructions["iepile_json"]
    types = {lang: _TYPES.get(lang, _TYPES["en"]).format(", ".join(labels)) for lang in wording}
    return replace(whole, instruction={lang: said + types[lang] for lang, said in wording.items()})


def table(report: Mapping[str, Any]) -> list[str]:
    """The systems as lines of text."""
    names = f"{'valid':>8}{'F1':>8}{'95 % interval':>18}{'precision':>11}{'recall':>8}{'exact':>8}{'invented':>10}"
    head = f"{'':28}{names}{'behind tuned':>14}"
    return [head, *map(_line, report["systems"])]


def _line(row: Mapping[str, Any]) -> str:
    interval = f"{100 * row['f1_low']:.1f} to {100 * row['f1_high']:.1f}"
    behind = f"{100 * row['behind']:14.1f}" if "behind" in row else ""
    return (
        f"{TITLES[row['name']]:28}{100 * row['parse_rate']:7.1f}%{100 * row['f1']:8.1f}{interval:>18}"
        f"{100 * row['precision']:11.1f}{100 * row['recall']:8.1f}{100 * row['exact_match']:8.1f}"
        f"{row['invented_spans']:10}{behind}"
    )


def flat(report: Mapping[str, Any]) -> dict[str, float]:
    """The figures by name: `before_after.base.f1`."""
    names: Sequence[str] = ("f1", "parse_rate", "schema_valid_rate", "invented_spans")
    return {f"before_after.{row['name']}.{name}": float(row[name]) for row in report["systems"] for name in names}
