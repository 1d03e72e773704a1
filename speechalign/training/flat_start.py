"""Flat start: the first model, from nothing but the frames themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.training.material import Material, Spoken, in_order

# Share of the frames of each utterance, the softest, that the silence starts from.
_SOFT = 0.15
# Probability of repeating a state that nothing is known of: states of 30 ms, pauses of 300 ms.
STAY_SPEECH, STAY_SILENCE = 0.67, 0.9


def flat_mixtures(
    material: Material, chosen: Sequence[Spoken], silence: int, phones: int, *, jobs: int
) -> tuple[Mixtures, np.ndarray]:
    """Make one Gaussian of soft frames for silence, and one of all others for every phone.

    Parameters
    ----------
    material : Material
        Where the features are.
    chosen : Sequence[Spoken]
        The utterances to measure.
    silence : int
        Which of the phones is silence.
    phones : int
        How many there are, P.
    jobs : int
        Threads; the result does not depend on it.

    Returns
    -------
    mixtures : Mixtures
        Of 3P states.
    variance : ndarray, shape (3, 13), float64
        Of all frames.
    """

    def sums(chunk: Sequence[Spoken]) -> np.ndarray:
        """Return count, sum and sum of squares of the soft and of the other frames."""
        found = np.zeros((2, 3, 3, 13))
        for utterance in chunk:
            features = feature_streams(material.cepstra(utterance)).astype(np.float64)
            soft = features[0, 0] <= np.quantile(features[0, 0], _SOFT)
            for i, part in enumerate((features[:, :, soft], features[:, :, ~soft])):
                found[i, 0] += part.shape[2]
                found[i, 1] += part.sum(axis=2)
                found[i, 2] += (part**2).sum(axis=2)
        return found

    total = np.zeros((2, 3, 3, 13))
    for part in in_order(sums, material.chunks(chosen), jobs):
        total += part
    whole = total.sum(axis=0)
    variance = np.maximum(whole[2] / whole[0] - (whole[1] / whole[0]) ** 2, 1e-4)
    counts, first, second = np.maximum(total[:, 0], 1.0), total[:, 1], total[:, 2]
    means = first / counts
    variances = np.maximum(second / counts - means**2, 0.01 * variance)
    kinds = np.ones(STATES * phones, np.int64)
    kinds[STATES * silence : STATES * (silence + 1)] = 0
    return Mixtures(
        means[kinds][:, :, None].astype(np.float32),
        variances[kinds][:, :, None].astype(np.float32),
        np.ones((STATES * phones, 1, 1, 1), np.float32),
        np.ones(3, np.float32),
    ), variance


def flat_stay(silence: int, phones: int) -> np.ndarray:
    """Return the probability of repeating each state, shape (P, 3)."""
    stay = np.full((phones, STATES), STAY_SPEECH)
    stay[silence] = STAY_SILENCE
    return stay
