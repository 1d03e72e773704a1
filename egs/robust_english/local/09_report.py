"""Write a table of boundary errors by condition and model, from the files of robustness.py.

python local/09_report.py EXP
"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(exp: Path) -> None:
    """Print Markdown: mean and median error of word boundaries, and doubted utterances."""
    for path in sorted(exp.glob("*.json")):
        rows = json.loads(path.read_text())
        models = list(dict.fromkeys(row["model"] for row in rows))
        found = {(row["condition"], row["model"]): row for row in rows}
        click.echo(f"## {path.stem}\n")
        click.echo(
            "Word boundaries, starts and ends: mean / median error in ms, utterances doubted.\n"
        )
        click.echo("| condition | " + " | ".join(Path(model).name for model in models) + " |")
        click.echo("|---" * (len(models) + 1) + "|")
        for condition in dict.fromkeys(row["condition"] for row in rows):
            cells = [
                f"{row['mean_ms']:.1f} / {row['median_ms']:.1f}, {100 * row['doubtful']:.0f} %"
                for row in (found[condition, model] for model in models)
            ]
            click.echo(f"| {condition} | " + " | ".join(cells) + " |")
        click.echo()


if __name__ == "__main__":
    main()
