"""Misfits for models of phones: any sound is what the best phones in any order score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from speechalign.aligners.misfits import Reading, find_readings
from speechalign.graphs.loop import loop_graph
from speechalign.graphs.misfits import Misfit, Penalties
from speechalign.kernels import viterbi
from speechalign.models import PhoneModel
from speechalign.text.word import Word

# Nats; chosen with tools/tune_misfits.py.
PENALTIES = Penalties(
    skip=-30.0,
    skip_more=-3.0,
    insertion=-40.0,
    jump=-100.0,
    filler=-15.0,
    sound=1.8,
    chance=40.0,
    word=10.0,
    beam=150.0,
)
_FILLERS = (("AH",), ("AH", "M"), ("ER",), ("M",))  # in the phones of a model that has them
# Seconds that no phone of speech lasts, and by how much other sound scores more there.
_LONGEST_PHONE, _CERTAIN = 0.6, 1.0


def find_phone_readings(
    model: PhoneModel,
    log_probs: np.ndarray,
    words: Sequence[Word],
    *,
    allow: Sequence[Misfit],
    penalties: Penalties,
) -> list[Reading]:
    """Find which words are read, where text and audio need not fit.

    Parameters
    ----------
    model : PhoneModel
        Model that scored the recording.
    log_probs : ndarray, shape (T, V), float32 or float64
        Its log-likelihoods.
    words : Sequence[Word]
        Those of the transcript.
    allow, penalties
        As `find_readings` takes them.
    """
    fillers = [
        model.chain(phones).labels[::2].tolist()
        for phones in _FILLERS
        if set(phones) <= set(model.phones)
    ]
    spoken = [variants for word in words for variants in word.variants]
    return find_readings(
        log_probs,
        any_sound(model, log_probs),
        model.graph(spoken),
        [model.graph([variants]) for variants in spoken],
        [number for number, word in enumerate(words) for _ in word.variants],
        allow=allow,
        penalties=penalties,
        fillers=[model.chain([model.noise]).labels[::2].tolist(), *fillers],
    )


def any_sound(model: PhoneModel, log_probs: np.ndarray) -> np.ndarray:
    """Return what the best phones in any order score in each frame.

    What would be one phone for longer than any lasts is noise or music: it scores more.
    """
    phones = list(model.phones)
    loop = loop_graph([model.chain([phone]) for phone in phones])
    arcs = viterbi(log_probs, loop).arcs
    scores: np.ndarray = log_probs[np.arange(len(log_probs)), loop.labels[arcs]]
    longest = _LONGEST_PHONE * model.sample_rate / model.grid.stride
    spoken = loop.positions[arcs]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(spoken)) + 1, [len(spoken)]])
    for begin, end in pairwise(edges.tolist()):
        if end - begin > longest and phones[spoken[begin]] != model.silence:
            best = log_probs[begin:end].max(axis=1)
            scores[begin:end] = best + log_probs.dtype.type(_CERTAIN)
    return scores
