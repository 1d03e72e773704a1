"""Report what each loss changes against as many steps of plain CTC.

python local/09_report.py EXP "1 2 3 4 5"
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from recipes.program import run
from recipes.steps.report_ctc import table
from recipes.trainer.decoded_runs import DecodedRuns

_TESTS = ("dev", "native", "learners")
_PLAIN = "base/continued"
_LOSSES = ("base/min_wer", "base/mwer", "base/low_latency")


class Runs(DecodedRuns):
    """Runs whose letters have times, too."""

    def delay(self, name: str, baseline: str, split: str) -> str:
        """Format by how many ms the letters of the transcripts begin later: mean and range."""
        found = []
        for ours, theirs in zip(self.read(name, split), self.read(baseline, split)):
            differences = [
                np.subtract(a["starts"], b["starts"])
                for a, b in zip(ours["utterances"], theirs["utterances"])
                if len(a["starts"]) == len(b["starts"])
            ]
            found.append(1000 * np.concatenate(differences).mean())
        return f"{np.mean(found):+.0f} ({min(found):+.0f} to {max(found):+.0f})"


def gap(decoded: Sequence[dict[str, Any]]) -> str:
    """Format the oracle gap, in points: mean and range of the seeds."""
    gaps = [100 * (d["wer"] - d["oracle"]) for d in decoded]
    return f"{np.mean(gaps):.2f} ({min(gaps):.2f} to {max(gaps):.2f})"


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
def main(exp: Path, seeds: str) -> None:
    """Print the tables."""
    runs = Runs(exp, seeds.split())
    rows = [
        [name, title, *(runs.change(name, _PLAIN, split + suffix) for split in _TESTS[1:])]
        for suffix, title in (("", "greedy"), (".lm", "n-gram"))
        for name in _LOSSES
        if runs.has(name, f"native{suffix}")
    ]
    click.echo("Word errors, % of those of as many steps of plain CTC\n")
    click.echo(table(["loss", "decoding", *_TESTS[1:]], rows))
    names = ("base", _PLAIN, *_LOSSES)
    rows = [
        [
            name,
            title,
            *(runs.rate(name, s + suffix) if runs.has(name, s + suffix) else "-" for s in _TESTS),
        ]
        for suffix, title in (("", "greedy"), (".lm", "n-gram"))
        for name in names
        if runs.has(name, f"native{suffix}")
    ]
    click.echo("Word error rate, %: mean and range of the seeds\n")
    click.echo(table(["run", "decoding", *_TESTS], rows))
    rows = [[name, *(runs.delay(name, _PLAIN, split) for split in _TESTS[1:])] for name in _LOSSES]
    click.echo("Letters begin later than with plain CTC, ms\n")
    click.echo(table(["loss", *_TESTS[1:]], rows))
    rows = []
    tried = [("early", "3", "min_wer"), ("late", "3", "min_wer"), ("base", "3", "min_wer")]
    tried += [("base", weight, f"min_wer_{weight}") for weight in ("1", "10")]
    for start, weight, name in tried:
        run_name = f"{start}/{name}"
        done = [s for s in runs.seeds if (exp / s / run_name / "dev.json").exists()]
        curve = Runs(exp, done)
        if done and curve.has(start, "train_part"):
            plain = f"{start}/continued"
            found = curve.rate(plain, "dev"), curve.change(run_name, plain, "dev")
            rows.append(
                [start, gap(curve.read(start, "train_part")), weight, str(len(done)), *found]
            )
    click.echo("Starting point and weight of min_wer, on dev\n")
    head = ["start", "oracle gap on training data", "weight", "seeds", "WER of plain CTC, %"]
    click.echo(table([*head, "word errors, %"], rows))


if __name__ == "__main__":
    run(main)
