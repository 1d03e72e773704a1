"""Probability of speech by an acoustic model of phones: its phones against its silence."""

from __future__ import annotations

from typing import cast

import numpy as np

from speechalign.errors import InputError
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.models.protocols import Model, PhoneModel

# Seconds that are scored at once; a pause is part of what the model normalises by.
_BLOCK = 600
_WINDOW = 0.31  # seconds over which frames are averaged
# The threshold lies a third of the way from the quiet end of a recording to its loud end, so far
# above the quiet end that steady noise alone stays below, and within limits for a recording that
# has no pause. Chosen on prompts of cmu_arctic and cathy and on noise without speech.
_QUIET, _LOUD = 5, 90  # percentiles
_SHARE, _ABOVE = 0.35, 1.7
_LEAST, _MOST = 2.0, 4.5


class PhoneDetector:
    """Tell speech by a model of phones.

    Parameters
    ----------
    model : Model
        An HMM of phones, such as ``english-sphinx``.

    Raises
    ------
    InputError
        The model is another one.

    Notes
    -----
    For each frame, the log-likelihood ratio of all phones, noises included, against silence, each
    a sum over its states; averaged over 0.31 s; less the threshold of the recording; and a logistic
    function of that. Noise that is not steady, such as music, counts as speech.
    """

    def __init__(self, model: Model) -> None:
        if not isinstance(model, PhoneHmm):
            raise InputError(
                f"{model.name}: segments need an HMM of phones with a silence, such as "
                "english-sphinx, or the detector silero"
            )
        self._silent = model.home // STATES == model.phones.index(model.silence)
        self._model = cast(PhoneModel, model)
        self.name = model.name
        self.sample_rate = model.sample_rate
        self.step = model.grid.stride / model.sample_rate

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Return the probability of speech in each frame, as `SpeechDetector` says."""
        stride = self._model.grid.stride
        blocks = -(-len(samples) // (_BLOCK * self.sample_rate))
        length = -(-len(samples) // (blocks * stride)) * stride
        ratios = np.concatenate(
            [self._ratios(samples[n : n + length]) for n in range(0, len(samples), length)]
        )
        width = 2 * round(_WINDOW / self.step / 2) + 1
        padded = np.pad(ratios, width // 2, "edge")
        means = np.convolve(padded, np.ones(width) / width, "valid")
        quiet, loud = np.percentile(means, [_QUIET, _LOUD])
        threshold = np.clip(quiet + max(_SHARE * (loud - quiet), _ABOVE), _LEAST, _MOST)
        found: np.ndarray = 1 / (1 + np.exp(np.clip(threshold - means, -50, 50)))
        return found

    def _ratios(self, samples: np.ndarray) -> np.ndarray:
        """Return the log-likelihood ratio of speech against silence in each frame."""
        emissions = self._model.emit(samples[None], np.array([len(samples)]))
        scores = emissions.log_probs[0].astype(np.float64)
        speech, silence = scores[:, ~self._silent], scores[:, self._silent]
        ratio: np.ndarray = np.logaddexp.reduce(speech, axis=1) - np.logaddexp.reduce(
            silence, axis=1
        )
        return ratio
