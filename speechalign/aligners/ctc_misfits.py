"""Misfits for CTC models: other speech is the best labels, music and noise are long blanks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np

from speechalign.aligners.misfits import CERTAIN, Reading, find_readings
from speechalign.aligners.sound_extent import run_lengths, steady_stretches
from speechalign.graphs.ctc_variants import ctc_variant_graph
from speechalign.graphs.misfits import Misfit, Penalties

# Nats; chosen with tools/tune_misfits.py.
PENALTIES = Penalties(
    skip=-20.0,
    skip_more=-1.0,
    insertion=-10.0,
    jump=-25.0,
    filler=-4.0,
    sound=3.0,
    chance=8.0,
    edge=3.0,
    beam=60.0,
)
_LONG_BLANK = 0.4  # seconds that blanks between the labels of speech hardly ever last


def find_ctc_readings(
    log_probs: np.ndarray,
    variants: Sequence[Sequence[Sequence[int]]],
    owners: Sequence[int],
    steady: np.ndarray,
    loud: np.ndarray,
    *,
    blank: int,
    allow: Sequence[Misfit],
    penalties: Penalties,
) -> list[Reading]:
    """Find which words are read, where text and audio need not fit.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V + 1), float32 or float64
        Log-probabilities of the model's labels, and of any label in the last column.
    variants : Sequence[Sequence[Sequence[int]]]
        Labels of each way to say each word.
    owners : Sequence[int]
        Number of the word of the transcript that each of these belongs to.
    steady : ndarray, shape (T,), bool
        Frames in which nobody speaks, but there is sound.
    loud : ndarray, shape (T,), bool
        Frames that are louder than the background.
    blank : int
        Label of the blank.
    allow, penalties
        As `find_readings` takes them.
    """
    best = log_probs.max(axis=1)
    label = log_probs.argmax(axis=1) != blank
    other = best - np.where(label, penalties.sound, 0.0)
    other[steady] = best[steady] + CERTAIN
    words = [
        [own for _, own in group] for _, group in groupby(zip(owners, variants), itemgetter(0))
    ]
    return find_readings(
        log_probs,
        other.astype(log_probs.dtype),
        ~(label | loud) | steady,
        ctc_variant_graph(variants, blank=blank),
        [ctc_variant_graph(own, blank=blank) for own in words],
        owners,
        allow=allow,
        penalties=penalties,
        fillers=[[log_probs.shape[1] - 1]],
    )


def steady_blanks(
    log_probs: np.ndarray, loud: np.ndarray, rate: float, *, blank: int
) -> np.ndarray:
    """Mark the frames of music and noise, shape (T,), bool: loud, and without a label for long."""
    blanks = log_probs.argmax(axis=1) == blank
    long = run_lengths(blanks) > _LONG_BLANK * rate
    return steady_stretches(blanks & loud & long, rate)
