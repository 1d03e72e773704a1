"""Pauses of a path that sound like speech: words, perhaps, that the transcript lacks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from speechalign.aligners.label_rows import LabelRow
from speechalign.aligners.sound_extent import Kind
from speechalign.alignment import Interval
from speechalign.emissions import Emissions
from speechalign.models import PhoneModel, PhoneSpan

# Chosen on read speech with and without all of its words, and with noise and music put into it, for
# models with Gaussians and with networks (docs/method.md): in so many seconds of a pause, phones
# score so many nats a frame more than silence and noise.
_LEAST, _MARGIN = 0.2, 5.5
# For models that have no noise: in as long, so many frames of labels that the path does not read.
_LABELS = 3


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
            if _largest_sum(margins, self._least) > self._least * _MARGIN:
                found.append(Interval(float(times[own[0]]), float(times[own[-1] + 1]), "speech"))
        return tuple(found)


def spoken_blanks(
    emissions: Emissions, row: LabelRow, duration: float, *, wordless: Sequence[int]
) -> tuple[Interval, ...]:
    """Return the pauses between the labels of a CTC path in which somebody seems to speak.

    Parameters
    ----------
    emissions : Emissions
        Of one recording.
    row : LabelRow
        The path.
    duration : float
        Of the recording, seconds.
    wordless : Sequence[int]
        The blank, and what stands between words.

    Notes
    -----
    In 0.2 s of them, three frames have a label that is more probable than the blank: the path has
    blanks there because the text has nothing to say. Pauses beside noise, and beside what the model
    cannot read, are left out.
    """
    scores = emissions[0]
    least = round(_LEAST * emissions.grid.sample_rate / emissions.grid.stride)
    spans = row.spans[row.is_spoken]
    any_sound = np.pad(row.labels[row.is_spoken] >= scores.shape[1], 1)
    edges = np.concatenate([[0], spans.ravel(), [len(scores)]]).reshape(-1, 2)
    found = []
    for (begin, end), unknown in zip(edges.tolist(), any_sound[:-1] | any_sound[1:]):
        if unknown or end - begin < least:
            continue
        labels = ~np.isin(scores[begin:end].argmax(axis=1), wordless)
        if _largest_sum(labels, least) >= _LABELS:
            start, stop = (emissions.grid.seconds(float(frame)) for frame in (begin, end))
            found.append(Interval(max(0.0, start), min(stop, duration), "speech"))
    return tuple(found)


def _largest_sum(values: np.ndarray, count: int) -> float:
    """Return the largest sum of so many values in a row."""
    sums = np.append(0, np.cumsum(values))
    return float((sums[count:] - sums[:-count]).max())
