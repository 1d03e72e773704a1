"""Report what text without speech changes against speech alone, and consistency against none.

python local/05_report.py EXP "1 2 3"
"""

from __future__ import annotations

from pathlib import Path

import click

from recipes.program import run
from recipes.steps.report_ctc import table
from recipes.trainer.decoded_runs import DecodedRuns

_TESTS = ("dev", "native", "learners")
_SYSTEMS = ("speech", "none", "uniform", "best_alignment")
_PAIRS = (
    ("none", "speech"),
    ("uniform", "none"),
    ("best_alignment", "none"),
    ("best_alignment", "uniform"),
)


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
def main(exp: Path, seeds: str) -> None:
    """Print the tables."""
    runs = DecodedRuns(exp, seeds.split())
    rows = [[name, *(runs.rate(name, test) for test in _TESTS)] for name in _SYSTEMS]
    click.echo("Word error rate, %: mean and range of the seeds\n")
    click.echo(table(["run", *_TESTS], rows))
    rows = [
        [ours, theirs, *(runs.change(ours, theirs, test) for test in _TESTS[1:])]
        for ours, theirs in _PAIRS
    ]
    click.echo("Word errors, % of those of the other run, with 95 % intervals\n")
    click.echo(table(["run", "other run", *_TESTS[1:]], rows))


if __name__ == "__main__":
    run(main)
