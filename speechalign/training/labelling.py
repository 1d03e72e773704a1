"""Labels of frames, by alignment; also with scores that have been computed before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.content import content_hash
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.training.frame_store import FrameArray, frame_labels
from speechalign.training.phone_net import log_prior

PRIOR_WEIGHT = 0.5


class StoredHmm(PhoneHmm):
    """The phones and words of a model, with scores from a store for one recording after another.

    Parameters
    ----------
    model : PhoneHmm
        Gives phones and words.
    posteriors : FrameArray
        Natural-log posteriors of the phones. Half of their log prior is taken off.
    """

    sample_rate = NeuralHmm.sample_rate
    grid = NeuralHmm.grid

    def __init__(self, model: PhoneHmm, posteriors: FrameArray) -> None:
        super().__init__(**model.parameters)
        self.posteriors = posteriors
        self.log_priors = log_prior(posteriors)
        self._taken = (PRIOR_WEIGHT * self.log_priors).astype(np.float32)
        self.number = 0

    @property
    def content_hash(self) -> str:
        """Hash of the scores, and of the dictionary and what pronounces other words."""
        return content_hash(self.posteriors.rows, *self.shared_content)

    def describe(self) -> Mapping[str, str]:
        """Return the phones."""
        return {"phones": " ".join(self.phones)}

    def scores(self, number: int) -> np.ndarray:
        """Return the (T, 3P) scores of the states on a recording."""
        return np.repeat(self.posteriors[number].astype(np.float32) - self._taken, STATES, axis=1)

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:  # noqa: ARG002
        """Return the scores of recording ``number``."""
        scores = self.scores(self.number)
        frames = np.array([len(scores)], np.int64)
        return Emissions(scores[None], frames, self.grid, self.vocabulary, normalised=False)


class StoredArticulation(StoredHmm):
    """The phones and words of a model, scored by stored attributes.

    Parameters
    ----------
    model : PhoneHmm
        Gives phones and words; also the same model as ``head``.
    posteriors : FrameArray
        Natural logarithm of the outputs of the head's network.
    head : ArticulatoryHmm
        Scores attributes. Boundaries and confidences are weighed as it has them.
    ipa : Mapping[str, str] or None
        IPA of the phones that are written otherwise; of what is no phone, silence and noise of the
        head.
    """

    def __init__(
        self,
        model: PhoneHmm,
        posteriors: FrameArray,
        head: ArticulatoryHmm,
        ipa: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(model, posteriors)
        own = {model.silence: head.silence, model.noise: head.noise, **(ipa or {})}
        names = [own.get(phone, phone) for phone in model.phones]
        self._head = head.with_phones(names)
        places = [self._head.phones.index(name) for name in names]
        self._columns = np.concatenate([self._head.states(place, None, None) for place in places])
        self.acoustic_scale, self.calibration = head.acoustic_scale, head.calibration

    def scores(self, number: int) -> np.ndarray:
        """Return the (T, 3P) scores of the states on a recording."""
        scores = self._head.state_scores(self.posteriors[number].astype(np.float32))
        return scores[:, self._columns]


def align_frames(
    aligner: Aligner, model: PhoneHmm, utterance: Utterance, frames: int
) -> tuple[np.ndarray, float]:
    """Return the number of the phone of each frame, and the confidence of the alignment.

    Parameters
    ----------
    aligner : Aligner
        Of the model.
    model : PhoneHmm
        Whose phones are numbered.
    utterance : Utterance
        The recording and what is said.
    frames : int
        How many of 10 ms it has, T.

    Returns
    -------
    labels : ndarray, shape (T,), int16
        All silence where the utterance cannot be aligned.
    confidence : float
        0 then.
    """
    numbers = {phone: number for number, phone in enumerate(model.phones)}
    numbers["spn"] = numbers[model.noise]
    silence = numbers[model.silence]
    try:
        found = aligner.align(utterance.waveform(NeuralHmm.sample_rate), utterance.text)
    except AlignmentError:
        return frame_labels([], frames, silence=silence), 0.0
    phones = [
        (phone.start, phone.end, numbers[phone.label])
        for word in found.words
        for phone in word.phones
    ]
    return frame_labels(phones, frames, silence=silence), found.confidence
