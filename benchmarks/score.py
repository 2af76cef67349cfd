"""Lines per second of `extune score` against DeepKE-LLM's evaluator, in the same run, median of several.

    python benchmarks/score.py --reference DeepKE/example/llm/InstructKGC [--samples FOLDER] [--lines 240000]

The reference is a checkout of yours; its `data/TASK/test.json` are the questions unless --samples names a folder with
TASK_test.json. Input: those rows repeated, each text made unique, answered with the gold and some
mistakes. The reference's EET needs the name of one method mended, which is done here; its SPO cannot run. Then one
text with up to 8,000 items on either side.
"""

import argparse
import json
import random
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from measure import Cost, cost, paired

Row = dict[str, Any]
TASKS = ("NER", "RE", "EE", "EET", "EEA", "KG")
SIZES = (1000, 2000, 4000, 8000)
MEND = (
    "import sys, runpy; sys.path.insert(0, 'ie2instruction'); "
    "from eval.extracter.eet_extracter import EETExtracter as E; E.post_process = E.post_process4; "
    "runpy.run_path('ie2instruction/eval_func.py', run_name='__main__')"
)


def questions(samples: Path, reference: Path, task: str) -> list[Row]:
    """The rows that are repeated."""
    own = reference / "data" / task / "test.json"
    path = own if own.is_file() else samples / f"{task}_test.json"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_lines(path: Path, rows: list[Row], task: str, lines: int) -> None:
    """Prediction lines in the reference's form."""
    rng = random.Random(task)
    asked = [json.loads(row["instruction"]) for row in rows]
    gold = [json.loads(row["label"]) for row in rows]
    with open(path, "w", encoding="utf-8") as handle:
        for number in range(lines):
            again, place = divmod(number, len(rows))
            question = {**asked[place], "input": f"{asked[place]['input']}{again}"}
            answer = json.dumps(ANSWERS[task](gold[place], names(question["schema"]), rng), ensure_ascii=False)
            row = {
                "id": f"{rows[place]['id'][:56]}{again:08}",
                "task": task,
                "source": f"S{again % 5}",
                "instruction": json.dumps(question, ensure_ascii=False),
                "label": rows[place]["label"],
                "output": answer if rng.random() < 0.99 else answer[:-1],
            }
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")


def names(schema: list[Any]) -> list[str]:
    """The labels that are asked."""
    return [label if isinstance(label, str) else label.get("event_type") or label["entity_type"] for label in schema]


def said(text: str, rng: random.Random) -> str:
    """A string of the answer: one in ten is wrong."""
    return text if rng.random() < 0.9 else text[:-1] or "x"


def entities(gold: list[Row], labels: list[str], rng: random.Random) -> Row:
    """NER: {type: [string]}"""
    return {name: [said(e["entity"], rng) for e in gold if e["entity_type"] == name] for name in labels}


def relations(gold: list[Row], labels: list[str], rng: random.Random) -> Row:
    """RE: {relation: [{head, tail}]}"""
    return {
        name: [{"head": said(r["head"], rng), "tail": r["tail"]} for r in gold if r["relation"] == name]
        for name in labels
    }


def events(gold: list[Row], labels: list[str], rng: random.Random) -> Row:
    """EE and EEA: {type: [{trigger, arguments: {role: value or NAN}}]}"""
    return {
        name: [
            {
                "trigger": said(e["event_trigger"], rng),
                "arguments": {a["role"]: said(a["argument"], rng) for a in e["arguments"]} | {"?": "NAN"},
            }
            for e in gold
            if e["event_type"] == name
        ]
        for name in labels
    }


def triggers(gold: list[Row], labels: list[str], rng: random.Random) -> Row:
    """EET: {type: [trigger]}"""
    return {name: [said(e["event_trigger"], rng) for e in gold if e["event_type"] == name] for name in labels}


def attributes(gold: list[Row], labels: list[str], rng: random.Random) -> Row:
    """KG: {type: {head: {attribute: value}}}"""
    return {name: {r["head"]: {r["relation"]: said(r["tail"], rng)} for r in gold} for name in labels}


ANSWERS = {"NER": entities, "RE": relations, "EE": events, "EET": triggers, "EEA": events, "KG": attributes}


def commands(task: str, path: Path, python: str) -> dict[str, list[str]]:
    """The reference, its figures by ours with one process and with as many as there are, and our own figures."""
    start = ["-c", MEND] if task == "EET" else ["ie2instruction/eval_func.py"]
    ours = [sys.executable, "-m", "extune", "score", str(path), "--task", task]
    return {
        "reference": [python, *start, "--path1", str(path), "--task", task, "--sort_by", "source"],
        "compat, 1": [*ours, "--compat", "deepke", "--workers", "1"],
        "compat": [*ours, "--compat", "deepke"],
        "default": ours,
    }


def same(path: Path, task: str) -> bool:
    """Whether the reference and ours give the same figures."""
    from extune.deepke.scoring import score_file

    written = json.loads((path.parent / "output_msg" / path.name).read_text(encoding="utf-8"))
    return bool(written == score_file(path, task).figures)


def large(items: int, folder: Path) -> Path:
    """One text with so many entities, predicted in reverse."""
    names = [f"n{number}" for number in range(items)]
    gold = [{"entity": name, "entity_type": "T"} for name in names]
    row = {
        "id": "one",
        "source": "S",
        "instruction": json.dumps({"instruction": "x", "schema": ["T"], "input": " ".join(names)}),
        "label": json.dumps(gold),
        "output": json.dumps({"T": names[::-1]}),
    }
    path = folder / f"{items}.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Print one row a task and program, then one a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--samples", type=Path, default=Path())
    parser.add_argument("--lines", type=int, default=240_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--python", default=sys.executable, help="the interpreter for the reference")
    args = parser.parse_args()
    print("| task | program, processes | s | lines/s | times the reference | peak MB |\n|---|---|---|---|---|---|")
    for task in args.tasks:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "lines.jsonl"
            write_lines(path, questions(args.samples, args.reference, task), task, args.lines)
            found = paired(_runs(commands(task, path, args.python), args.reference), args.times)
            _print(task, found, args.lines, same(path, task))
    print("\n| items on either side | reference s | compat s | default s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for items in SIZES:
            path = large(items, Path(scratch))
            found = paired(_runs(commands("NER", path, args.python), args.reference), args.times)
            print(
                f"| {items:,} | "
                + " | ".join(f"{found[n].seconds:.2f}" for n in ("reference", "compat", "default"))
                + " |"
            )


def _runs(commands: dict[str, list[str]], reference: Path) -> dict[str, "partial[Cost]"]:
    env = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    return {
        name: partial(cost, command, cwd=reference if name == "reference" else None, env=env)
        for name, command in commands.items()
    }


def _print(task: str, found: dict[str, Cost], lines: int, equal: bool) -> None:
    base = found["reference"].seconds
    for name, used in found.items():
        rate, ratio = lines / used.seconds, base / used.seconds
        print(
            f"| {task} | {name} | {used.seconds:.2f} | {rate:,.0f} | {ratio:.1f} | {used.megabytes:.0f} |", flush=True
        )
    print(f"| {task} | the same figures: {'yes' if equal else 'NO'} | | | | |", flush=True)


if __name__ == "__main__":
    main()
