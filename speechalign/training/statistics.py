"""Statistics: what one pass of EM over the material collects."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from speechalign.models.hmm_gmm.mixtures import Mixtures


@dataclass(eq=False)
class Statistics:
    """Expected counts under the present model, all float64; V states, A alternatives.

    Parameters
    ----------
    occupancies : ndarray, shape (C, M, K, H)
        Frames of each Gaussian in each state (see `Mixtures`).
    sums, squares : ndarray, shape (C, R, K, 13)
        Sum of the frames of each Gaussian, and of their squares.
    repeats, visits : ndarray, shape (V,)
        How often each state is repeated, and for how many frames it is visited.
    alternatives : ndarray, shape (A,)
        How often each pronunciation of a word that has several is spoken.
    pauses, places : ndarray, shape (1,)
        How often there is silence before, between and after words, and at how many places.
    log_likelihood, frames, moved : ndarray, shape (1,)
        Of all utterances; ``moved`` counts the frames whose most probable state has changed.
    """

    occupancies: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    repeats: np.ndarray
    visits: np.ndarray
    alternatives: np.ndarray
    pauses: np.ndarray
    places: np.ndarray
    log_likelihood: np.ndarray
    frames: np.ndarray
    moved: np.ndarray

    @classmethod
    def empty(cls, mixtures: Mixtures, alternatives: int) -> Statistics:
        """Return zeros for a model and a number of alternatives."""
        states = mixtures.num_states
        shapes = (
            mixtures.weights.shape, mixtures.means.shape, mixtures.means.shape, states, states,
            alternatives, 1, 1, 1, 1, 1,
        )  # fmt: skip
        return cls(*(np.zeros(shape) for shape in shapes))

    def add(self, other: Statistics) -> None:
        """Add another pass over other utterances."""
        for field in fields(self):
            own: np.ndarray = getattr(self, field.name)
            own += getattr(other, field.name)
