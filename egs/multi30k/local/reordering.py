"""Measure how far translations reorder their sources, and how models do by that distance.

    python local/reordering.py data/text test plot.png table.json NAME=hypotheses.txt ...

The reordering distance of a sentence pair is Kendall's: the share of pairs of target words whose
source words stand in the opposite order. The source word of a target word is the most probable one
by IBM model 1 (P. F. Brown et al., "The Mathematics of Statistical Machine Translation",
Computational Linguistics 19(2), 1993) after five iterations on train and the test set. The program
draws the mean bigram F1 of each model's translations by quarters of that distance, and writes the
figures.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import click
import numpy as np

ITERATIONS = 5


def read(path: Path) -> list[list[str]]:
    """Return the lower-case words of each line."""
    return [line.lower().split() for line in path.read_text(encoding="utf-8").splitlines()]


def ids(sentences: list[list[str]], known: dict[str, int]) -> list[np.ndarray]:
    """Number the words in order of appearance."""
    return [np.array([known.setdefault(w, len(known)) for w in words]) for words in sentences]


def distances(source: list[list[str]], target: list[list[str]], wanted: int) -> np.ndarray:
    """Return the reordering distance of the last ``wanted`` pairs."""
    vocabularies: tuple[dict[str, int], dict[str, int]] = ({}, {})
    s, t = (ids(side, known) for side, known in zip((source, target), vocabularies))
    keys = [np.add.outer(b * len(vocabularies[0]), a).ravel() for a, b in zip(s, t)]
    pairs, cells = np.unique(np.concatenate(keys), return_inverse=True)
    widths = np.repeat([len(a) for a in s], [len(b) for b in t])
    rows = np.repeat(np.arange(len(widths)), widths)
    owners = pairs % len(vocabularies[0])
    chances = np.ones(len(pairs))
    for _ in range(ITERATIONS):
        weights = chances[cells]
        weights /= np.bincount(rows, weights)[rows]
        counts = np.bincount(cells, weights)
        chances = counts / np.bincount(owners, counts)[owners]
    weights = chances[cells]
    starts = np.concatenate([[0], np.cumsum(widths)])
    best = np.array([weights[a:b].argmax() for a, b in pairwise(starts)])
    ends = np.cumsum([len(b) for b in t])
    found = []
    for end, words in list(zip(ends, t))[-wanted:]:
        places = best[end - len(words) : end]
        i, j = np.triu_indices(len(places), 1)
        found.append(float((places[i] > places[j]).mean()) if len(i) else 0.0)
    return np.array(found)


def bigram_f1(hypothesis: list[str], reference: list[str]) -> float:
    """Return the F1 of clipped bigram matches, or of words if a sentence has no bigram."""
    n = 2 if min(len(hypothesis), len(reference)) > 1 else 1
    a, b = (Counter(zip(*(words[k:] for k in range(n)))) for words in (hypothesis, reference))
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0


@click.command(help=__doc__)
@click.argument("text", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.argument("plot", type=click.Path(path_type=Path))
@click.argument("table", type=click.Path(path_type=Path))
@click.argument("systems", nargs=-1, required=True)
def main(text: Path, name: str, plot: Path, table: Path, systems: tuple[str, ...]) -> None:
    """Write plot and table."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    reference = read(text / f"{name}.tgt")
    sources = read(text / "train.src") + read(text / f"{name}.src")
    distance = distances(sources, read(text / "train.tgt") + reference, len(reference))
    quarters = np.array_split(np.argsort(distance, kind="stable"), 4)
    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    middles = [float(distance[quarter].mean()) for quarter in quarters]
    rows = {}
    for system in systems:
        label, _, file = system.partition("=")
        hypotheses = read(Path(file))
        scores = np.array([bigram_f1(h, r) for h, r in zip(hypotheses, reference, strict=True)])
        means = [float(scores[quarter].mean()) for quarter in quarters]
        errors = [float(scores[quarter].std() / len(quarter) ** 0.5) for quarter in quarters]
        axes.errorbar(middles, means, yerr=errors, marker="o", capsize=3, label=label)
        rows[label] = means
    axes.set_xlabel("reordering distance of the sentence (Kendall, quarters)")
    axes.set_ylabel("bigram F1 (mean, standard error)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(plot, dpi=150)
    table.write_text(json.dumps({"distance": middles, "f1": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
