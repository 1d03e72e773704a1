"""Noise tokens of a model of phones: the states of noise score any sound, so that words do not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from speechalign.models import PhoneModel, PhoneSpan
from speechalign.text.word import Word

# Noise takes over where the odds that the sound is what the path says fall below these; chosen on
# CMU ARCTIC with eight kinds of noise between the words (tools/tune_noise.py).
_NOISE_ODDS = 8.0
# Seconds that no phone of speech lasts, and by how much noise scores more there than all others.
_LONGEST_PHONE, _CERTAIN = 0.6, 1.0
_NEAR = 2  # words between such a phone and the token, one included
# Frames of a noise token in which its boundary may lie, and what makes it sure of the others.
_EDGE, _SURE = 5, 30.0


class NoiseStates:
    """The states of noise of a model of phones.

    Parameters
    ----------
    model : PhoneModel
        Its noise is any sound, unless it is its silence.
    """

    def __init__(self, model: PhoneModel) -> None:
        self._noise = model.noise
        self._states = sorted(set(model.chain([model.noise]).labels.tolist()))
        slope, intercept = model.calibration
        # Where confidences say nothing, it is unknown how much less than the best sound is noise.
        self._usable = model.noise != model.silence and slope > 0
        self._deficit = max(0.0, (intercept - math.log(_NOISE_ODDS)) / slope) if slope > 0 else 0.0
        self._longest = _LONGEST_PHONE * model.sample_rate / model.grid.stride

    def widen(self, log_probs: np.ndarray, words: Sequence[Word], noisy: np.ndarray | None) -> None:
        """Let the states of noise score any sound, if a word has it; changes (T, V) ``log_probs``.

        They score what a word would whose confidence were 0.89, or what the model gives them if
        that is more: less than words have over their own sound, more than over any other. In frames
        that are known to be ``noisy``, (T,) bool, they score more than all others. What was widened
        before may be widened again with such frames.
        """
        spoken = (phones for word in words for variants in word.variants for phones in variants)
        if not self._usable or not any(self._noise in phones for phones in spoken):
            return
        any_sound = log_probs.max(axis=1) - log_probs.dtype.type(self._deficit)
        if noisy is not None:
            any_sound[noisy] += log_probs.dtype.type(self._deficit + _CERTAIN)
        for state in self._states:
            np.maximum(log_probs[:, state], any_sound, out=log_probs[:, state])

    def kept(self, log_probs: np.ndarray, spans: Sequence[PhoneSpan]) -> np.ndarray:
        """Make sure of the noise of a path but for its edges, whose times are still to be found.

        ``log_probs`` are those of the frames of these spans.
        """
        noise = [span for span in spans if span.phone == self._noise]
        if not noise:
            return log_probs
        first = spans[0].begin
        kept = log_probs.copy()
        for span in noise:
            inner = slice(span.begin + _EDGE - first, max(0, span.end - _EDGE - first))
            kept[inner, self._states] += log_probs.dtype.type(_SURE)
        return kept

    def stretched(
        self, words: Sequence[Word], members: Sequence[Sequence[PhoneSpan]], frames: int
    ) -> np.ndarray:
        """Mark the frames of phones near a noise token that last longer than any phone does.

        White noise sounds more like an F than like anything else, so that its score alone would
        leave it to the F. ``members`` are the phones of each word.
        """
        marked = np.zeros(frames, np.bool_)
        noise = {number for number, word in enumerate(words) if word.is_any_sound}
        near = {number + step for number in noise for step in range(-_NEAR, _NEAR + 1)} - noise
        for number, own in enumerate(members):
            for span in own:
                if number in near and span.end - span.begin > self._longest:
                    marked[span.begin : span.end] = True
        return marked
