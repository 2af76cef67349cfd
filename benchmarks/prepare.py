"""Time and peak memory of `extune prepare` and `extune inspect` on many records.

    python benchmarks/prepare.py RECORDS.jsonl [--task RE] [--rows 20000 200000 2000000] [--only prepare]

Input: the records of the file again and again, each with an id and a text of its own.
"""

import argparse
import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path

from measure import cost, replicated

ROOT = Path(__file__).resolve().parents[1]
RUN = [sys.executable, "-m", "extune"]


def main() -> None:
    """Print one row a command and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=Path)
    parser.add_argument("--task", default="RE")
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000, 2_000_000])
    parser.add_argument("--only", choices=("prepare", "inspect"))
    args = parser.parse_args()
    print("| records | read | command | s | records/s | peak MB |\n|---|---|---|---|---|---|", flush=True)
    for rows, name in product(args.rows, [args.only] if args.only else ["prepare", "inspect"]):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            for file in ("MLproject", "params.yaml"):
                shutil.copy(ROOT / file, root / file)
            source = root / "source.jsonl"
            read = replicated(args.records, source, rows) / 1e6
            settings = ["--set", f"data.source={source.name}", "--set", f"task.name={args.task}"]
            used = cost([*RUN, name, *(settings if name == "prepare" else [source.name])], cwd=root)
            print(
                f"| {rows:,} | {read:,.0f} MB | `{name}` | {used.seconds:.1f} | {rows / used.seconds:,.0f} "
                f"| {used.megabytes:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
