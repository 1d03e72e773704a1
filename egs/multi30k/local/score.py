"""Score translations: BLEU and chrF by sacrebleu, with bootstrap intervals.

Usage: python local/score.py data/text/test.tgt scores.json NAME=hypotheses.txt ...
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from sacrebleu.metrics import BLEU, CHRF

RESAMPLES = 1000


@click.command(help=__doc__)
@click.argument("reference", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("systems", nargs=-1, required=True)
def main(reference: Path, out: Path, systems: tuple[str, ...]) -> None:
    """Score, print, write."""
    wanted = reference.read_text(encoding="utf-8").splitlines()
    rows = {}
    for system in systems:
        name, _, file = system.partition("=")
        found = Path(file).read_text(encoding="utf-8").splitlines()
        if len(found) != len(wanted):
            raise click.ClickException(
                f"{file}: {len(found)} lines, {reference} has {len(wanted)}; translate it again"
            )
        row = {}
        for label, metric in (("bleu", BLEU()), ("chrf", CHRF())):
            score = metric.corpus_score(found, [wanted], n_bootstrap=RESAMPLES)
            row[label] = {
                "score": score.score,
                "interval": float(score._ci),
                "signature": str(metric.get_signature()),
            }
        rows[name] = row
        bleu, chrf = row["bleu"], row["chrf"]
        click.echo(
            f"{name:<24} BLEU {bleu['score']:5.2f} ± {bleu['interval']:.2f}   "
            f"chrF {chrf['score']:5.2f} ± {chrf['interval']:.2f}"
        )
    out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
