"""Time, memory and bytes of `extune build` on many records (IEPile has 2 million rows).

    python benchmarks/build.py [--rows 2000000] [--workers-off]

Input: seeded synthetic triples, the demo's corpus replicated with unique ids and texts.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from measure import cost, replicated

ROOT = Path(__file__).resolve().parents[1]
RUN = [sys.executable, "-m", "extune"]


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name in ("MLproject", "params.yaml"):
            shutil.copy(ROOT / name, root / name)
        (root / "data").mkdir()
        shutil.copy(ROOT / "data/relations.yaml", root / "data/relations.yaml")
        for stage in ("generate", "prepare"):
            cost([*RUN, stage], cwd=root)
        read = replicated(root / "data/records/train.jsonl", root / "data/records/train.jsonl", args.rows)
        used = cost([*RUN, "build"], cwd=root)
        written = (root / "data/sft/train.jsonl").stat().st_size
        print("| records | read | written | s | records/s | peak MB |\n|---|---|---|---|---|---|")
        print(
            f"| {args.rows:,} | {read / 1e6:,.0f} MB | {written / 1e6:,.0f} MB | {used.seconds:.0f} "
            f"| {args.rows / used.seconds:,.0f} | {used.megabytes:.0f} |"
        )


if __name__ == "__main__":
    main()
