"""Word errors of what ``decode_states.py`` has decoded, over several seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechalign.errors import InputError

_RESAMPLES = 2000


def read(path: Path) -> dict[str, Any]:
    """Read a JSON file that an earlier stage wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing; run the stages before this one") from None
    assert isinstance(found, dict)
    return found


class DecodedRuns:
    """What was decoded of the runs of an experiment, for each seed.

    Parameters
    ----------
    exp : Path
        Folder of the experiment: EXP/SEED/RUN/SPLIT.json.
    seeds : Sequence[str]
        Names of the seeds.
    """

    def __init__(self, exp: Path, seeds: Sequence[str]) -> None:
        self.exp, self.seeds = exp, seeds

    def read(self, name: str, split: str) -> list[dict[str, Any]]:
        """Read a split of a run, for each seed."""
        return [read(self.exp / seed / name / f"{split}.json") for seed in self.seeds]

    def has(self, name: str, split: str) -> bool:
        """Tell whether all seeds have the split of a run."""
        return all((self.exp / s / name / f"{split}.json").exists() for s in self.seeds)

    def counts(self, name: str, split: str) -> np.ndarray:
        """Return words, substitutions, deletions, insertions: (seeds, recordings, 4)."""
        return np.array(
            [[u["counts"][:4] for u in d["utterances"]] for d in self.read(name, split)]
        )

    def rate(self, name: str, split: str) -> str:
        """Format the word error rate: mean and range of the seeds."""
        counts = self.counts(name, split).sum(1)
        rates = 100 * counts[:, 1:].sum(1) / counts[:, 0]
        return f"{rates.mean():.2f} ({rates.min():.2f} to {rates.max():.2f})"

    def change(self, name: str, baseline: str, split: str) -> str:
        """Format by how many per cent of them the errors change, as `change_of_errors` does."""
        ours, theirs = (self.counts(n, split)[:, :, 1:].sum(2) for n in (name, baseline))
        return change_of_errors(ours, theirs)


def change_of_errors(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Format by how many per cent of them the errors, (seeds, recordings), change."""
    value, low, high = resampled_change(ours, theirs)
    each = 100 * (ours.sum(1) / np.maximum(1, theirs.sum(1)) - 1)
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]; seeds {' '.join(f'{x:+.1f}' for x in each)}"


def resampled_change(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """Return by how many per cent of them counts, (seeds, recordings), change.

    Returns
    -------
    value, low, high : float
        The interval of 95 % is of a bootstrap that draws seeds and recordings, both with
        replacement.
    """
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        seeds = rng.integers(0, len(ours), len(ours))
        recordings = rng.integers(0, ours.shape[1], ours.shape[1])
        a, b = (x[np.ix_(seeds, recordings)].sum() for x in (ours, theirs))
        drawn.append(a / max(1, b) - 1)
    low, high = 100 * np.percentile(drawn, [2.5, 97.5])
    return 100 * (ours.sum() / max(1, theirs.sum()) - 1), low, high
