"""Print the report of the experiment from its measurements.

python local/08_report.py EXP
"""

from __future__ import annotations

import json
from pathlib import Path

import click

_LABELS = {
    "universal": "head, all languages",
    "universal_small": "small network, all languages",
}


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(exp: Path) -> None:
    """Print one table for all measurements, and the accuracy of the heads."""
    print("# Results of universal\n")
    print("| network, trained on | tier | boundaries | mean | median | within 10 / 20 / 50 ms |")
    print("|---|---|---|---|---|---|")
    for path in sorted((exp / "measured").glob("*.json")):
        label = _LABELS.get(path.stem, f"head, {path.stem.replace('_', ' ')}")
        for row in json.loads(path.read_text(encoding="utf-8")):
            shares = " / ".join(f"{row[key]:.1f}" for key in ("10", "20", "50"))
            print(
                f"| {label} | {row['tier']} | {row['n']} | {row['mean']:.1f} ms | "
                f"{row['median']:.1f} ms | {shares} % |"
            )
    print("\n| network | language | copy | attributes right on held-out frames |")
    print("|---|---|---|---|")
    for path in sorted(exp.glob("*/log.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "language" in row:
                copy = "corrupted" if row["copy"] else "clean"
                share = 100 * row["held-out accuracy"]
                print(f"| {path.parent.name} | {row['language']} | {copy} | {share:.1f} % |")


if __name__ == "__main__":
    main()
