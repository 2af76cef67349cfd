"""Records per second of `extune convert` against DeepKE-LLM's converter, in the same run, median of several.

    python benchmarks/convert.py --reference DeepKE/example/llm/InstructKGC [--samples FOLDER] [--records 20000 200000]

The reference is a checkout of yours; its `data/TASK/sample.json` are the samples unless --samples names a folder with
InstructKGC_data_TASK_{sample,schema}.json. Input: the sample repeated, each text made unique.
"""

import argparse
import filecmp
import json
import shutil
import sys
import tempfile
from functools import partial
from itertools import product
from pathlib import Path

from measure import Cost, cost, paired

SPLIT_NUM = {"NER": 6, "RE": 4, "SPO": 4, "EE": 4, "EET": 4, "EEA": 4, "KG": 1}


def inputs(samples: Path, reference: Path, task: str, records: int, folder: Path) -> tuple[Path, Path]:
    """The input of one task and its schema."""
    own = reference / "data" / task
    sample = own / "sample.json" if own.is_dir() else samples / f"InstructKGC_data_{task}_sample.json"
    schema = own / "schema.json" if own.is_dir() else samples / f"InstructKGC_data_{task}_schema.json"
    rows = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines() if line.strip()]
    source = folder / task / "input.jsonl"
    source.parent.mkdir()
    with open(source, "w", encoding="utf-8") as handle:
        for number in range(records):
            row = rows[number % len(rows)]
            handle.write(json.dumps({**row, "text": f"{row['text']}{number}"}, ensure_ascii=False) + "\n")
    shutil.copy(schema, source.parent / "schema.json")
    return source, source.parent / "schema.json"


def commands(task: str, source: Path, schema: Path, folder: Path, python: str) -> dict[str, list[str]]:
    """The reference, ours to the byte and ours by default, each with as many processes as we choose and with one."""
    split = str(SPLIT_NUM[task])
    reference = [python, "ie2instruction/convert_func.py", "--src_path", str(source), "--tgt_path",
                 str(folder / "reference.jsonl"), "--schema_path", str(schema), "--language", "zh", "--task", task,
                 "--split_num", split]  # fmt: skip
    ours = [sys.executable, "-m", "extune", "convert", str(source)]
    options = ["--task", task, "--schema", str(schema), "--split-num", split, "--language", "zh"]
    compat = [*ours, str(folder / "compat.jsonl"), *options, "--compat", "deepke"]
    default = [*ours, str(folder / "default.jsonl"), *options]
    return {
        "reference": reference,
        "`--compat`": compat,
        "`--compat`, one process": [*compat, "--workers", "1"],
        "default": default,
        "default, one process": [*default, "--workers", "1"],
    }


def main() -> None:
    """Print one row a program, task and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--samples", type=Path, default=Path())
    parser.add_argument("--records", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=["NER", "RE", "SPO", "EE"])
    parser.add_argument("--python", default=sys.executable, help="the interpreter for the reference")
    args = parser.parse_args()
    print("| records | task | program | s | records/s | times the reference | peak MB | same bytes |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for records, task in product(args.records, args.tasks):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            source, schema = inputs(args.samples, args.reference, task, records, folder)
            found = paired(_runs(commands(task, source, schema, folder, args.python), args.reference), args.times)
            same = filecmp.cmp(folder / "reference.jsonl", folder / "compat.jsonl", shallow=False)
            _print(task, found, records, same)


def _runs(commands: dict[str, list[str]], reference: Path) -> dict[str, "partial[Cost]"]:
    env = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    return {
        name: partial(cost, command, cwd=reference if name == "reference" else None, env=env)
        for name, command in commands.items()
    }


def _print(task: str, found: dict[str, Cost], records: int, same: bool) -> None:
    """`same` is of the last run with `--compat`; the order of EE's roles follows the hash seed in the reference."""
    base = found["reference"].seconds
    for name, used in found.items():
        rate, ratio = records / used.seconds, base / used.seconds
        told = ("yes" if same else "no") if "compat" in name else ""
        print(
            f"| {records:,} | {task} | {name} | {used.seconds:.2f} | {rate:,.0f} | {ratio:.1f} "
            f"| {used.megabytes:.0f} | {told} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
