"""Prefix beam search over CTC emissions, with an n-gram model of the pieces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from speechalign.text.ngram import BackoffModel


@dataclass(frozen=True)
class LanguageModel:
    """An n-gram model with its weight.

    Parameters
    ----------
    ngrams : BackoffModel
        N-grams of ids, trained on sequences that begin with ``begin`` and end with ``end``.
    begin, end : int
        Symbols of the model beside the ids.
    weight : float
        Factor on its natural-log probabilities.
    bonus : float
        Added for each token, against short outputs.
    """

    ngrams: BackoffModel
    begin: int
    end: int
    weight: float
    bonus: float


@dataclass
class _Prefix:
    """Log-probabilities of the paths to a prefix, by how they end, and of its text."""

    silent: float
    spoken: float
    state: int
    text: float

    @property
    def total(self) -> float:
        return _add(self.silent, self.spoken)


def beam_search(
    log_probs: np.ndarray,
    *,
    blank: int,
    width: int = 16,
    candidates: int = 8,
    model: LanguageModel | None = None,
) -> list[int]:
    """Return the most probable labels, summed over their paths, with a language model.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    blank : int
        Column of the blank.
    width : int
        Number of prefixes kept after each frame.
    candidates : int
        Number of tokens, the most probable ones, tried at each frame.
    model : LanguageModel or None
        None to use the CTC scores only.

    Returns
    -------
    list of int
        The labels.

    Notes
    -----
    The search of A. Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition using
    Bi-Directional Recurrent DNNs", arXiv 1408.2873, 2014, in the log domain.
    """
    start = 0 if model is None else model.ngrams.step(0, model.begin)[1]
    beams: dict[tuple[int, ...], _Prefix] = {(): _Prefix(0.0, -math.inf, start, 0.0)}
    for row in log_probs:
        silent = float(row[blank])
        likely = np.argpartition(-row, min(candidates, len(row) - 1))[: candidates + 1]
        tokens = [(int(v), float(row[v])) for v in likely if v != blank][:candidates]
        grown: dict[tuple[int, ...], _Prefix] = {}

        for prefix, old in beams.items():
            same = grown.setdefault(prefix, _Prefix(-math.inf, -math.inf, old.state, old.text))
            same.silent = _add(same.silent, old.total + silent)
            if prefix:
                same.spoken = _add(same.spoken, old.spoken + float(row[prefix[-1]]))
            for token, score in tokens:
                again = bool(prefix) and prefix[-1] == token
                before = old.silent if again else old.total
                if before == -math.inf:
                    continue
                longer = (*prefix, token)
                if longer not in grown:
                    state, text = old.state, old.text
                    if model is not None:
                        gain, state = model.ngrams.step(old.state, token)
                        text += model.weight * gain + model.bonus
                    grown[longer] = _Prefix(-math.inf, -math.inf, state, text)
                found = grown[longer]
                found.spoken = _add(found.spoken, before + score)
        ranked = sorted(grown.items(), key=lambda item: -(item[1].total + item[1].text))
        beams = dict(ranked[:width])

    def final(item: tuple[tuple[int, ...], _Prefix]) -> float:
        score = item[1].total + item[1].text
        if model is not None:
            score += model.weight * model.ngrams.step(item[1].state, model.end)[0]
        return score

    return list(max(beams.items(), key=final)[0])


def _add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b))."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
