"""Print the scores of all seeds as tables: python local/report.py EXP "TESTS" "SEEDS"."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import click


def summary(values: list[float], digits: int = 2) -> str:
    """Return the mean, and the range where there are several."""
    mean = f"{statistics.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("tests")
@click.argument("seeds")
def main(exp: Path, tests: str, seeds: str) -> None:
    """Print the tables in Markdown."""
    folders = [exp / seed for seed in seeds.split()]
    signatures = set()
    for test in tests.split():
        scores = [json.loads((f / f"{test}.json").read_text("utf-8")) for f in folders]
        click.echo(f"## {test}, {len(folders)} seed(s): mean (range)\n")
        click.echo("| system | BLEU | 95 % interval of one run | chrF | BLEU beside more CTC |")
        click.echo("|---|---|---|---|---|")
        for system in scores[0]:
            bleu = [score[system]["bleu"]["score"] for score in scores]
            interval = statistics.mean(score[system]["bleu"]["interval"] for score in scores)
            chrf = [score[system]["chrf"]["score"] for score in scores]
            base = "more_ctc, 4-gram" if "4-gram" in system else "more_ctc"
            gains = [b - score[base]["bleu"]["score"] for b, score in zip(bleu, scores)]
            click.echo(
                f"| {system} | {summary(bleu)} | ± {interval:.2f} | {summary(chrf)} | "
                f"{'' if system == base else summary(gains)} |"
            )
            signatures |= {f"{m}: {scores[0][system][m]['signature']}" for m in ("bleu", "chrf")}
        click.echo()
    for line in sorted(signatures):
        click.echo(f"`{line}`  ")
    found = [json.loads((f / "reordering.json").read_text("utf-8")) for f in folders]
    click.echo("\n## Bigram F1 by quarters of the reordering distance\n")
    distance = " | ".join(f"{x:.2f}" for x in found[0]["distance"])
    click.echo(f"| distance | {distance} |\n|---|---|---|---|---|")
    for system in found[0]["f1"]:
        means = [statistics.mean(f["f1"][system][q] for f in found) for q in range(4)]
        click.echo(f"| {system} | {' | '.join(f'{x:.3f}' for x in means)} |")


if __name__ == "__main__":
    main()
