"""Features of a split on disk, with the phones of its transcripts, and their batches."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from speechalign.errors import InputError

FEATURES, INDEX = "features.f16", "index.jsonl"


@dataclass(frozen=True)
class Entry:
    """One utterance of a split.

    Parameters
    ----------
    id, speaker, text, audio : str
        As in the manifest.
    first, frames : int
        First feature vector and number of vectors.
    words : tuple[tuple[str, ...], ...]
        The phones of each spoken word.
    """

    id: str
    speaker: str
    text: str
    audio: str
    first: int
    frames: int
    words: tuple[tuple[str, ...], ...]

    @property
    def phones(self) -> list[str]:
        """All phones, in order."""
        return [phone for word in self.words for phone in word]


@dataclass(frozen=True)
class Batch:
    """A batch of utterances, padded with zeros.

    Parameters
    ----------
    features : Tensor, shape (B, F, M), float32
        Feature vectors.
    lengths : Tensor, shape (B,), int64
        Feature frames of each utterance.
    targets : Tensor, shape (B, L), int64
        Numbers of the phones.
    target_lengths : Tensor, shape (B,), int64
        Phones of each utterance.
    words : Tensor, shape (B, L), int64
        Number, from 0, of the word of each phone.
    ids : list[str]
        Ids of the utterances.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor
    target_lengths: torch.Tensor
    words: torch.Tensor
    ids: list[str]


class Split(ABC):
    """Utterances to train on, or to test.

    Parameters
    ----------
    entries : list[Entry]
        The utterances.
    width : int
        M, values of a feature vector.
    rate : float
        Feature vectors a second.
    """

    def __init__(self, entries: list[Entry], *, width: int, rate: float) -> None:
        self.entries = entries
        self.width = width
        self.rate = rate

    def __len__(self) -> int:
        return len(self.entries)

    @abstractmethod
    def features(self, index: int) -> np.ndarray:
        """Return the (F, M) float32 features of one utterance."""

    def batch(self, indices: Sequence[int], symbols: dict[str, int]) -> Batch:
        """Return the batch of some utterances; ``symbols`` has the numbers of the phones."""
        chosen = [self.entries[index] for index in indices]
        lengths = torch.tensor([entry.frames for entry in chosen])
        target_lengths = torch.tensor([len(entry.phones) for entry in chosen])
        features = torch.zeros(len(chosen), int(lengths.max()), self.width)
        targets = torch.zeros(len(chosen), int(target_lengths.max()), dtype=torch.int64)
        words = torch.zeros_like(targets)
        for b, (index, entry) in enumerate(zip(indices, chosen)):
            features[b, : entry.frames] = torch.from_numpy(self.features(index))
            targets[b, : len(entry.phones)] = torch.tensor(
                [symbols[phone] for phone in entry.phones], dtype=torch.int64
            )
            words[b, : len(entry.phones)] = torch.repeat_interleave(
                torch.tensor([len(word) for word in entry.words], dtype=torch.int64)
            )
        ids = [entry.id for entry in chosen]
        return Batch(features, lengths, targets, target_lengths, words, ids)

    def batches(self, seconds: float, *, seed: int, epoch: int) -> list[list[int]]:
        """Cut a shuffled epoch into batches of at most ``seconds`` of padded speech.

        A batch has utterances of similar length. Batches and their order depend on ``seed`` and
        ``epoch`` only.
        """
        generator = np.random.default_rng([seed, epoch])
        frames = np.array([entry.frames for entry in self.entries])
        order = np.argsort(frames * generator.uniform(0.85, 1.15, len(frames)), kind="stable")
        batches: list[list[int]] = []
        longest = 0
        for index in order.tolist():
            longest = max(longest, int(frames[index]))
            if not batches or longest * (len(batches[-1]) + 1) > self.rate * seconds:
                batches.append([])
                longest = int(frames[index])
            batches[-1].append(index)
        return [batches[i] for i in generator.permutation(len(batches))]


class FeatureStore(Split):
    """The features that ``compute_features.py`` wrote.

    Parameters
    ----------
    folder : Path
        Folder with ``features.f16`` and ``index.jsonl``.
    mels : int
        Size of a feature vector.

    Raises
    ------
    InputError
        A file is missing, or the two do not match.
    """

    def __init__(self, folder: Path, *, mels: int = 80) -> None:
        try:
            lines = (folder / INDEX).read_text(encoding="utf-8").splitlines()
            size = (folder / FEATURES).stat().st_size
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: missing; run compute_features.py") from None
        super().__init__([_entry(json.loads(line)) for line in lines], width=mels, rate=100.0)
        frames = sum(entry.frames for entry in self.entries)
        if size != 2 * frames * mels:
            raise InputError(
                f"{folder / FEATURES}: expected {2 * frames * mels} bytes for {frames} frames, got "
                f"{size}; run compute_features.py again"
            )
        self._features = np.memmap(folder / FEATURES, np.float16, "r", shape=(frames, mels))

    def features(self, index: int) -> np.ndarray:
        """Return the (F, M) float32 features of one utterance."""
        entry = self.entries[index]
        return self._features[entry.first : entry.first + entry.frames].astype(np.float32)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each of the M values, over at most 10^5 frames."""
        some = self._features[:: 1 + len(self._features) // 100_000].astype(np.float64)
        return some.mean(0), some.std(0)


def _entry(data: dict[str, object]) -> Entry:
    words = data.pop("words")
    assert isinstance(words, list)
    return Entry(**data, words=tuple(map(tuple, words)))  # type: ignore[arg-type]
