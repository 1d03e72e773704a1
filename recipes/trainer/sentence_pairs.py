"""Sentence pairs of text, or of speech and text, in batches of similar lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.feature_store import FeatureStore
from speechalign.errors import InputError


@dataclass(frozen=True)
class Batch:
    """A padded batch of sentence pairs.

    Parameters
    ----------
    lines : Sequence[int]
        Line numbers in the files, from 1.
    source : Tensor, shape (B, N), int64, or (B, F, M), float32
        Ids or features, padded with 0.
    target : Tensor, shape (B, L), int64
        Ids, padded with 0.
    source_lengths, target_lengths : Tensor, shape (B,), int64
        Lengths without padding.
    """

    lines: Sequence[int]
    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor


class SentencePairs:
    """The pairs of NAME.src and NAME.tgt in a folder, or of NAME.speech and NAME.tgt.

    Parameters
    ----------
    folder : Path
        Folder of the two files: a sentence in each line, ids separated by spaces. NAME.speech is a
        folder that speak_features.py wrote.
    name : str
        Name of the files.
    pieces : int
        Ids are in [1, pieces); 0 is the blank.
    mels : int
        Size of a feature vector of NAME.speech; 0 to read NAME.src.

    Raises
    ------
    InputError
        The files differ in their numbers of lines, a source is empty, or an id is invalid.
    """

    def __init__(self, folder: Path, name: str, *, pieces: int, mels: int = 0) -> None:
        self.pieces = pieces
        if mels:
            speech = FeatureStore(folder / f"{name}.speech", mels=mels)
            self.sources = [speech.features(i) for i in range(len(speech))]
        else:
            self.sources = _read(folder / f"{name}.src", pieces)
        self.targets = _read(folder / f"{name}.tgt", pieces)
        if len(self.sources) != len(self.targets):
            raise InputError(
                f"{folder / name}: {len(self.sources)} sources and {len(self.targets)} targets; "
                "expected equal numbers"
            )
        for number, source in enumerate(self.sources, 1):
            if not len(source):
                raise InputError(f"{folder / name}.src:{number}: empty; leave the pair out")

    def batches(self, tokens: int, *, seed: int, epoch: int) -> list[list[int]]:
        """Return indices of pairs in shuffled batches of at most ``tokens`` tokens or frames."""
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
        """Return the batch of some pairs."""
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
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True), lengths
