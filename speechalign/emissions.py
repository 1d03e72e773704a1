"""Emissions: the scores of an acoustic model for every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechalign.checks import check_lengths
from speechalign.errors import InputError, wrong_type
from speechalign.frames import FrameGrid
from speechalign.vocabulary import Vocabulary


@dataclass(frozen=True)
class Emissions:
    """Scores of a batch of recordings on one frame grid.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Natural-log probabilities; log-likelihoods where ``normalised`` is False. Frames at and
        beyond a length are never read.
    input_lengths : ndarray, shape (B,), integer
        Frames of each recording; kept as int64.
    grid : FrameGrid
        Where the frames lie in time.
    vocabulary : Vocabulary
        V symbols, one a column.
    normalised : bool
        Whether each frame's probabilities sum to one.
    """

    log_probs: np.ndarray
    input_lengths: np.ndarray
    grid: FrameGrid
    vocabulary: Vocabulary
    normalised: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("grid", FrameGrid), ("vocabulary", Vocabulary)):
            if not isinstance(getattr(self, name), kind):
                raise wrong_type(name, f"a {kind.__name__}", getattr(self, name))
        if not isinstance(self.log_probs, np.ndarray) or self.log_probs.dtype.kind != "f":
            raise wrong_type("log_probs", "a floating ndarray", self.log_probs, "convert it")
        shape = self.log_probs.shape
        if len(shape) != 3 or shape[2] != len(self.vocabulary):
            raise InputError(
                f"log_probs: expected shape (B, T, {len(self.vocabulary)}), got {shape}"
            )
        lengths = check_lengths(self.input_lengths, *shape[:2], name="input_lengths")
        object.__setattr__(self, "input_lengths", lengths)

    def __getitem__(self, b: int) -> np.ndarray:
        """Return recording b without its padding, shape (T_b, V)."""
        return self.log_probs[b, : self.input_lengths[b]]
