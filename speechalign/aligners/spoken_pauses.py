"""Pauses of a path that sound like speech: words, perhaps, that the transcript lacks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from speechalign.aligners.sound_extent import Kind
from speechalign.alignment import Interval
from speechalign.models import PhoneModel, PhoneSpan

# Chosen on read speech with and without all of its words, and with noise and music put into it, for
# models with Gaussians and with networks (docs/method.md): in so many seconds of a pause, phones
# score so many nats a frame more than silence and noise.
_LEAST, _MARGIN = 0.2, 5.5


class PauseJudge:
    """Compares the pauses of a path with speech.

    Parameters
    ----------
    model : PhoneModel
        Its silence and its noise are no speech; any other state is.
    """

    def __init__(self, model: PhoneModel) -> None:
        silence = set(model.chain([model.silence]).labels.tolist())
        noise = set(model.chain([model.noise]).labels.tolist())
        self._wordless = np.array(sorted(silence | noise))
        self._noise = np.array(sorted(noise - silence), np.int64)
        self._least = round(_LEAST * model.sample_rate / model.grid.stride)

    def spoken(
        self,
        log_probs: np.ndarray,
        spans: Sequence[PhoneSpan],
        kinds: Sequence[Kind],
        times: np.ndarray,
    ) -> tuple[Interval, ...]:
        """Return the pauses in which somebody seems to speak.

        Parameters
        ----------
        log_probs : ndarray, shape (T, V), float32 or float64
            Natural-log likelihoods of every state.
        spans : Sequence[PhoneSpan]
            The path.
        kinds : sequence of {"word", "noise", "silence"}
            What each span is. Where there is noise, the transcript says that there is sound.
        times : ndarray, shape (K + 1,), float64
            Boundaries of the K spans, seconds.

        Notes
        -----
        In 0.2 s of them the best state of all scores 5.5 nats a frame more, on average, than
        silence and noise: the path has silence there because the text has nothing to say. Where the
        transcript has noise, its states score any sound, and are left out.
        """
        marked = "noise" in kinds
        found = []
        for is_word, group in groupby(range(len(spans)), lambda k: kinds[k] == "word"):
            own = list(group)
            frames = slice(spans[own[0]].begin, spans[own[-1]].end)
            if is_word or frames.stop - frames.start < self._least:
                continue
            scores = log_probs[frames]
            if marked:
                if any(kinds[k] == "noise" for k in own):
                    continue
                scores = scores.copy()
                scores[:, self._noise] = -np.inf
            margins = scores.max(axis=1) - scores[:, self._wordless].max(axis=1)
            sums = np.cumsum(np.append(0.0, margins))
            if (sums[self._least :] - sums[: -self._least]).max() > self._least * _MARGIN:
                found.append(Interval(float(times[own[0]]), float(times[own[-1] + 1]), "speech"))
        return tuple(found)
