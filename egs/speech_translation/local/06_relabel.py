"""Give the word times of an aligner the tokens of the gold set.

    python local/06_relabel.py ALIGNED CORPUS/LANGUAGE OUT

ALIGNED is what `speechalign align CORPUS/LANGUAGE/wavs ALIGNED` wrote. Its words are those of the
transcript, one for each interval in CORPUS/LANGUAGE/textgrids, whose labels may be several tokens
(*that 's*). OUT/000.TextGrid has the times of the first with the labels of the second. The program
prints the distance of their boundaries; a sentence that was not aligned ends it.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from recipes.program import run
from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import InputError


def relabelled(aligned: Alignment, known: Alignment, name: str) -> Alignment:
    """Return words with the times of one alignment and the labels of the other."""
    ours, labels = aligned.tiers["words"], known.tiers["words"]
    if len(ours) != len(labels):
        raise InputError(f"{name}: expected {len(labels)} words, got {len(ours)}")
    words = [Interval(a.start, a.end, b.label, a.confidence) for a, b in zip(ours, labels)]
    return Alignment({"words": words}, aligned.duration)


@click.command(help=__doc__)
@click.argument("aligned", type=click.Path(exists=True, path_type=Path))
@click.argument("known", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(aligned: Path, known: Path, out: Path) -> None:
    """Write the relabelled times, print the distances."""
    out.mkdir(parents=True, exist_ok=True)
    errors = []
    for grid in sorted((known / "textgrids").glob("*.TextGrid")):
        found = list((aligned / grid.stem).glob("*.TextGrid"))
        if len(found) != 1:
            raise InputError(f"{aligned / grid.stem}: expected one TextGrid, got {len(found)}")
        reference = read_alignment(grid)
        alignment = relabelled(read_alignment(found[0]), reference, grid.stem)
        write_alignment(alignment, out / grid.name)
        for a, b in zip(alignment.tiers["words"], reference.tiers["words"]):
            errors += [abs(a.start - b.start), abs(a.end - b.end)]
    low, high = 1000 * np.median(errors), 100 * np.mean(np.array(errors) <= 0.05)
    click.echo(f"word boundaries: median distance {low:.0f} ms, {high:.1f} % within 50 ms")


if __name__ == "__main__":
    run(main)
