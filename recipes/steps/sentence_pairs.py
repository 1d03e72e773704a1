"""Sentence pairs as lists of ids, in batches of like lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import InputError


@dataclass(frozen=True)
class Batch:
    """Some sentence pairs.

    Parameters
    ----------
    lines : Sequence[int]
        Their numbers in the files, from 1.
    source, target : Tensor, shape (B, N), int64
        Ids, padded with 0.
    source_lengths, target_lengths : Tensor, shape (B,), int64
        Without the padding.
    """

    lines: Sequence[int]
    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor

    def with_noise(self, share: float, pieces: int) -> Batch:
        """Return it with a share of the source tokens replaced by any other than 0."""
        hit = (torch.rand(self.source.shape) < share) & (self.source != 0)
        other = torch.randint(1, pieces, self.source.shape)
        return replace(self, source=torch.where(hit, other, self.source))


class SentencePairs:
    """The pairs of NAME.src and NAME.tgt in a folder.

    Parameters
    ----------
    folder : Path
        Holds the two files: a sentence a line, ids separated by spaces.
    name : str
        Of the files.
    pieces : int
        Ids are in [1, pieces); 0 is the blank.

    Raises
    ------
    InputError
        The files have other numbers of lines, a source is empty, or an id is none.
    """

    def __init__(self, folder: Path, name: str, *, pieces: int) -> None:
        self.pieces = pieces
        self.sources = _read(folder / f"{name}.src", pieces)
        self.targets = _read(folder / f"{name}.tgt", pieces)
        if len(self.sources) != len(self.targets):
            raise InputError(
                f"{folder / name}: {len(self.sources)} sources and {len(self.targets)} targets; "
                "expected as many"
            )
        for number, source in enumerate(self.sources, 1):
            if not len(source):
                raise InputError(f"{folder / name}.src:{number}: empty; leave the pair out")

    def batches(self, tokens: int, *, seed: int, epoch: int) -> list[list[int]]:
        """Return the pairs' indices in batches of at most so many source tokens, shuffled."""
        rng = np.random.default_rng((seed, epoch))
        lengths = np.array([max(len(s), len(t)) for s, t in zip(self.sources, self.targets)])
        order = np.lexsort((rng.random(len(lengths)), lengths + rng.integers(0, 3, len(lengths))))
        found: list[list[int]] = []
        widest = 0
        for index in order.tolist():
            widest = max(widest, len(self.sources[index])) if found else len(self.sources[index])
            if not found or widest * (len(found[-1]) + 1) > tokens:
                found.append([])
                widest = len(self.sources[index])
            found[-1].append(index)
        rng.shuffle(found)
        return found

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return the pairs of some indices."""
        source, source_lengths = _padded([self.sources[i] for i in indices])
        target, target_lengths = _padded([self.targets[i] for i in indices])
        lines = [i + 1 for i in indices]
        return Batch(lines, source, source_lengths, target, target_lengths)


def _read(path: Path, pieces: int) -> list[np.ndarray]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            ids = np.array(line.split(), np.int64)
        except ValueError:
            raise InputError(f"{path}:{number}: expected ids separated by spaces") from None
        if ids.size and not 1 <= ids.min() <= ids.max() < pieces:
            raise InputError(f"{path}:{number}: expected ids in [1, {pieces}), got {line}")
        rows.append(ids)
    return rows


def _padded(rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    padded = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for b, row in enumerate(rows):
        padded[b, : len(row)] = torch.from_numpy(row)
    return padded, lengths
