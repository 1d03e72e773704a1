"""Copies of recordings that networks are trained on: clean, or corrupted with a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.audio.augmentation import corrupt
from speechalign.corpus import Utterance


def copy_of(
    utterances: Sequence[Utterance], number: int, *, rate: int, seed: str | None
) -> np.ndarray:
    """Return the samples of a recording, (N,) float32.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        The corpus; babble is mixed from its recordings.
    number : int
        Which of them.
    rate : int
        Sample rate, Hz.
    seed : str or None
        What the corruption is drawn from; None for the clean recording.
    """
    samples = utterances[number].waveform(rate).samples
    if seed is None:
        return samples

    def voice(rng: np.random.Generator) -> np.ndarray:
        return utterances[int(rng.integers(len(utterances)))].waveform(rate).samples

    return corrupt(samples, rate, seed=seed, voice=voice)
