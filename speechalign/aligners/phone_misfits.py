"""Misfits for models of phones: any sound is what the best phones in any order score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.aligners.misfits import CERTAIN, Reading, find_readings
from speechalign.aligners.sound_extent import loud_at, run_lengths, steady_stretches
from speechalign.emissions import Emissions
from speechalign.graphs.loop import loop_graph
from speechalign.graphs.misfits import Misfit, Penalties
from speechalign.kernels import viterbi
from speechalign.models import PhoneModel
from speechalign.text.word import Word

# Nats; chosen with tools/tune_misfits.py.
PENALTIES = Penalties(
    skip=-50.0,
    skip_more=-3.0,
    insertion=-40.0,
    jump=-100.0,
    filler=-15.0,
    sound=1.0,
    chance=60.0,
    edge=20.0,
    beam=150.0,
)
_FILLERS = (("AH",), ("AH", "M"), ("ER",), ("M",))  # in the phones of a model that has them
_LONG_PHONE = 0.25  # seconds that hardly any phone of speech lasts


def find_phone_readings(
    model: PhoneModel,
    log_probs: np.ndarray,
    words: Sequence[Word],
    steady: np.ndarray,
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
    steady : ndarray, shape (T,), bool
        Frames in which nobody speaks, but there is sound.
    allow, penalties
        As `find_readings` takes them.

    Notes
    -----
    Other sound scores what the best phones in any order do, less a penalty where these are not a
    pause: a pause in other speech is as probable as one in the text.
    """
    fillers = [
        model.chain(phones).labels[::2].tolist()
        for phones in _FILLERS
        if set(phones) <= set(model.phones)
    ]
    scores, phones = _phone_loop(model, log_probs)
    pauses = _is_pause(model, phones)
    other = scores - np.where(pauses, 0.0, penalties.sound)
    other[steady] = log_probs[steady].max(axis=1) + CERTAIN
    return find_readings(
        log_probs,
        other.astype(log_probs.dtype),
        pauses | steady,
        model.graph([variants for word in words for variants in word.variants]),
        [model.graph(word.variants) for word in words if word.variants],
        [number for number, word in enumerate(words) for _ in word.variants],
        allow=allow,
        penalties=penalties,
        fillers=[model.chain([model.noise]).labels[::2].tolist(), *fillers],
    )


def steady_sound(model: PhoneModel, emissions: Emissions, samples: np.ndarray) -> np.ndarray:
    """Mark the frames of music and noise: no speech is so steady, shape (T,), bool.

    Of the best phones in any order, those of speech change several times a second. A pause that is
    loud is steady sound, too.
    """
    grid = emissions.grid
    _, phones = _phone_loop(model, emissions[0])
    rate = grid.sample_rate / grid.stride
    loud = loud_at(grid.seconds(np.arange(len(phones)) + 0.5), samples, model.sample_rate)
    long = run_lengths(phones) > _LONG_PHONE * rate
    return steady_stretches(np.where(_is_pause(model, phones), loud, long), rate)


def rescore(
    model: PhoneModel, emissions: Emissions, samples: np.ndarray, steady: np.ndarray
) -> None:
    """Score a recording anew as if steady sound were not in it: features are relative to a mean."""
    kept = np.repeat(~steady, emissions.grid.stride)[: len(samples)]
    rest = np.append(samples[: len(kept)][kept], samples[len(kept) :])
    again = model.emit(rest[None], np.array([len(rest)], np.int64))[0]
    places = np.flatnonzero(~steady)[: len(again)]
    emissions.log_probs[0, places] = again[: len(places)]


def _phone_loop(model: PhoneModel, log_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the best phones in any order score, and which these are, (T,) each."""
    loop = loop_graph([model.chain([phone]) for phone in model.phones])
    arcs = viterbi(log_probs, loop).arcs
    scores: np.ndarray = log_probs[np.arange(len(log_probs)), loop.labels[arcs]]
    return scores + loop.weights[arcs], loop.positions[arcs]


def _is_pause(model: PhoneModel, phones: np.ndarray) -> np.ndarray:
    pauses: np.ndarray = phones == list(model.phones).index(model.silence)
    return pauses
