"""Report what heads leave out of long recordings.

python local/08_report.py EXP "1 2 3"
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from recipes.program import run
from recipes.steps.decode_long import RUNS
from recipes.steps.report_ctc import table
from recipes.trainer.decoded_runs import read, resampled_change
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.formats import read_alignment

_MARKED = ("both", "each")
_NAMES = {"alone": "alone", "primary": "{}/primary/mixed"}
_NAMES |= {name: f"{{}}/{name}/mixed" for name in _MARKED}
_COLUMNS = ("WER", "substituted", "deleted", "inserted")


def rates(found: list[list[dict[str, Any]]]) -> np.ndarray:
    """Return words, and errors in all and by kind: (seeds, recordings, 5)."""
    counts = np.array([[figures["counts"][:4] for figures in seed] for seed in found])
    return np.insert(counts, 1, counts[..., 1:].sum(-1), axis=-1)


def spread(values: np.ndarray, form: str = ".1f") -> str:
    """Format mean and range of the seeds."""
    return f"{values.mean():{form}} ({values.min():{form}} to {values.max():{form}})"


def change(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Format by how many per cent counts (seeds, recordings) change: see `resampled_change`."""
    value, low, high = resampled_change(ours, theirs)
    return f"{value:+.1f} % [{low:+.1f}, {high:+.1f}]"


def reported(exp: Path) -> str:
    """Say how much of the others' speech `align --allow insertions` reports, and how much else."""
    found = {"other": 0.0, "primary": 0.0, "reported": 0.0, "all": 0.0}
    aligned = 0
    for utterance in read_corpus(exp / "mixed" / "test" / "primary.jsonl"):
        path = exp / "aligned" / f"{utterance.id}.TextGrid"
        if not path.exists():
            continue
        aligned += 1
        turns = read_alignment(exp / "mixed/test/turns" / f"{utterance.id}.TextGrid").tiers
        misfits = read_alignment(path).tiers.get("misfits", ())
        inserted = [m for m in misfits if m.label == "untranscribed"]
        for name in ("other", "primary"):
            for turn in turns[name]:
                found[name] += sum(
                    max(0.0, min(turn.end, m.end) - max(turn.start, m.start)) for m in inserted
                )
        found["reported"] += sum(m.duration for m in inserted)
        found["all"] += sum(turn.duration for turn in turns["other"])
    if not aligned:
        return "No recording was aligned."
    return (
        f"{aligned} recordings aligned: {found['reported']:.0f} s reported as untranscribed, of "
        f"them {found['other']:.0f} of the {found['all']:.0f} s of others, and "
        f"{found['primary']:.0f} s of the primary speaker."
    )


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
def main(exp: Path, seeds: str) -> None:
    """Print the tables."""
    found: dict[str, list[list[dict[str, Any]]]] = {
        name: [
            list(read(exp / _NAMES[name].format(seed) / "long.json").values())
            for seed in seeds.split()
        ]
        for name in _NAMES
    }
    if not found["both"][0]:
        raise InputError(f"{exp}: no recordings were decoded; run the stages before this one")
    counts = {name: rates(each) for name, each in found.items()}
    rows = []
    for name in _NAMES:
        sums = counts[name].sum(1)
        shares = [spread(100 * sums[:, k] / sums[:, 0]) for k in range(1, 5)]
        silence = np.array([max(f["longest_silence"] for f in seed) for seed in found[name]])
        rows.append([name, *shares, spread(silence)])
    click.echo("Words of the primary speaker, %; longest silence over their speech, s\n")
    click.echo(table(["trained on", *_COLUMNS, "longest silence"], rows))
    rows = [
        [
            f"{ours} - {theirs}",
            *(change(counts[ours][..., k], counts[theirs][..., k]) for k in (1, 3)),
        ]
        for ours, theirs in (*product(_MARKED, ("primary", "alone")), ("each", "both"))
    ]
    click.echo(table(["difference", "errors", "deletions"], rows))
    names = list(found["both"][0][0]["deleted"])
    assert len(names) == len(RUNS)
    rows = []
    for name in _NAMES:
        deleted = {
            kind: np.array([sum(f["deleted"][kind] for f in seed) for seed in found[name]])
            for kind in names
        }
        longest = np.array([max(f["longest_run"] for f in seed) for seed in found[name]])
        rows.append(
            [name, *(spread(deleted[kind], ".0f") for kind in names), spread(longest, ".0f")]
        )
    click.echo("Words deleted in runs of so many, and the longest run\n")
    click.echo(table(["trained on", *names, "longest"], rows))
    rows = []
    for name, role in product(_MARKED, ("primary", "other")):
        cells = []
        for marked in ("primary", "other"):
            part, whole = (
                np.array([sum(f["seconds"][key] for f in seed) for seed in found[name]])
                for key in (f"{role} as {marked}", role)
            )
            cells.append(spread(100 * part / np.maximum(whole, 1e-9)))
        rows.append([name, role, *cells])
    click.echo("Regions that heads write: % of the seconds in which one role alone speaks\n")
    click.echo(table(["trained on", "who speaks", "as primary", "as other"], rows))
    click.echo(reported(exp))


if __name__ == "__main__":
    run(main)
