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
_PLAIN = "continued"
_LOSSES = ("min_wer", "mwer", "low_latency")
_DECODED = (("", "greedy"), (".lm", "n-gram"))


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

    def row(self, name: str, suffix: str) -> list[str]:
        """Format the word error rates of the splits that were decoded."""
        splits = (split + suffix for split in _TESTS)
        return [self.rate(name, split) if self.has(name, split) else "-" for split in splits]


def gap(decoded: dict[str, Any]) -> Sequence[str]:
    """Format the greedy errors, the oracle's, and the gap between them."""
    rate, best = 100 * decoded["wer"], 100 * decoded["oracle"]
    return f"{rate:.2f}", f"{best:.2f}", f"{rate - best:.2f}"


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
def main(exp: Path, seeds: str) -> None:
    """Print the tables."""
    runs, start = Runs(exp, seeds.split()), Runs(exp, ["."])
    rows = [
        [name, title, *(runs.change(name, _PLAIN, split + suffix) for split in _TESTS[1:])]
        for suffix, title in _DECODED
        for name in _LOSSES
        if runs.has(name, f"native{suffix}")
    ]
    click.echo("Word errors, % of those of as many steps of plain CTC\n")
    click.echo(table(["loss", "decoding", *_TESTS[1:]], rows))
    rows = [["base", "greedy", *start.row("base", "")]]
    rows += [
        [name, title, *runs.row(name, suffix)]
        for suffix, title in _DECODED
        for name in (_PLAIN, *_LOSSES)
        if runs.has(name, f"native{suffix}")
    ]
    click.echo("Word error rate, %: mean and range of the seeds\n")
    click.echo(table(["run", "decoding", *_TESTS], rows))
    rows = [[name, *(runs.delay(name, _PLAIN, split) for split in _TESTS[1:])] for name in _LOSSES]
    click.echo("Letters begin later than with plain CTC, ms\n")
    click.echo(table(["loss", *_TESTS[1:]], rows))
    rows = [
        [name, *gap(start.read(name, "train_part")[0])]
        for name in ("base", "early")
        if start.has(name, "train_part")
    ]
    click.echo("Word errors on a part of the training data, %: greedy, best of samples, gap\n")
    click.echo(table(["start", "greedy", "best", "gap, points"], rows))
    rows = []
    for folder in sorted({path.parent.name for path in exp.glob("*/curve/*/dev.json")}):
        name = f"curve/{folder}"
        done = Runs(exp, [s for s in runs.seeds if (exp / s / name / "dev.json").exists()])
        delay = done.delay(name, _PLAIN, "dev")
        rows.append([folder, str(len(done.seeds)), done.change(name, _PLAIN, "dev"), delay])
    done = Runs(exp, [s for s in runs.seeds if (exp / s / "early/min_wer/dev.json").exists()])
    if done.seeds:
        change = done.change("early/min_wer", "early/continued", "dev")
        delay = done.delay("early/min_wer", "early/continued", "dev")
        rows.append(["min_wer from the earlier start", str(len(done.seeds)), change, delay])
    if rows:
        click.echo("Other weights, on dev\n")
        click.echo(table(["loss_weight", "seeds", "word errors, %", "letters later, ms"], rows))


if __name__ == "__main__":
    run(main)
