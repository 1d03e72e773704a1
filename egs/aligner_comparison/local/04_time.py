"""Time the aligners on clean speech: in turns, a process for each, several rounds.

    python local/04_time.py EXP [--only NAME ...] [--value NAME=VALUE ...] [--rounds 3]

EXP/times/ROUND/GOLD/ALIGNER.json gets what it cost, for the largest English gold corpus and for the
smallest, which shows what it costs to start. Aligners that failed in stage 3 are left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import click
from aligners import ALIGNERS

from recipes.program import run
from speechalign.files.writing import write_text

stage_3 = import_module("03_align")


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="NAME", help="Aligner; may be repeated.")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE")
@click.option("--rounds", default=3, show_default=True)
def main(exp: Path, only: Sequence[str], values: Sequence[str], rounds: int) -> None:
    """Run every aligner once in each round."""
    given = dict(value.split("=", 1) for value in values)
    golds = [
        (description["seconds"], name)
        for name, description in stage_3.descriptions(exp).items()
        if description["language"] == "en" and "@" not in name
    ]
    for number in range(1, rounds + 1):
        for gold in dict.fromkeys(name for _, name in (max(golds), min(golds))):
            for name in only or ALIGNERS:
                record = exp / "times" / str(number) / gold / f"{name}.json"
                done = exp / "aligned" / gold / "clean" / f"{name}.json"
                failed = not done.is_file() or json.loads(done.read_text("utf-8"))["reason"]
                if failed or record.is_file():
                    continue
                with tempfile.TemporaryDirectory() as out:
                    command = stage_3.command_of(
                        ALIGNERS[name], exp, gold, "clean", Path(out) / "out", given
                    )
                    cost = stage_3.measured(command)
                record.parent.mkdir(parents=True, exist_ok=True)
                write_text(record, json.dumps(asdict(cost), indent=1) + "\n")
                click.echo(f"round {number}, {gold}, {name}: {cost.user:.1f} s of CPU")


if __name__ == "__main__":
    run(main)
