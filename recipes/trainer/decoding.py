"""Greedy decoding and error rates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from recipes.trainer.feature_store import Split
from recipes.trainer.state_head import StateHead
from speechalign.kernels.edit_distance import edit_distance
from speechalign.models.ctc.conv_net import ConvCTCNet
from speechalign.vocabulary import Vocabulary


class CtcModel(Protocol):
    """A network whose columns are the symbols of a vocabulary."""

    @property
    def net(self) -> ConvCTCNet | StateHead:
        """The network."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Its columns, one of them the blank."""

    def save(self, folder: Path, /) -> None:
        """Write the model."""


def collapse(path: np.ndarray, *, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (L,) labels of a (T,) path without repeats and blanks, and their (L, 2) frames."""
    begins = np.append(0, np.flatnonzero(path[1:] != path[:-1]) + 1)[: len(path)]
    spans = np.stack([begins, np.append(begins[1:], len(path))[: len(begins)]], 1)
    labels = path[begins]
    return labels[labels != blank].astype(np.int64), spans[labels != blank]


def log_probs(
    model: CtcModel, store: Split, *, batch_seconds: float = 60.0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the index of each utterance of a split, and its (T, V) float32 log-probabilities."""
    net = model.net.eval()
    symbols = {symbol: i for i, symbol in enumerate(model.vocabulary.symbols)}
    device = next(net.parameters()).device
    for indices in store.batches(batch_seconds, seed=0, epoch=0):
        batch = store.batch(indices, symbols)
        lengths = batch.lengths.to(device)
        with torch.inference_mode():
            scores = net.encode(net.normalise(batch.features.to(device), lengths), lengths)
        # What takes the rows may train in between, or leave some.
        for index, frames, row in zip(
            indices, net.frames(batch.lengths).tolist(), scores.cpu().numpy()
        ):
            yield index, row[:frames]


def error_rate(model: CtcModel, store: Split, *, batch_seconds: float = 60.0) -> float:
    """Return the label error rate of a split, decoded greedily."""
    errors = phones = 0
    assert model.vocabulary.blank is not None
    for index, scores in log_probs(model, store, batch_seconds=batch_seconds):
        target = np.array(model.vocabulary.ids(store.entries[index].phones), np.int64)
        found, _ = collapse(scores.argmax(1), blank=model.vocabulary.blank)
        errors += edit_distance(target, found).distance
        phones += len(target)
    return errors / max(1, phones)
