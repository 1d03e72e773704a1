"""Calibration: how a word's log-likelihood deficit becomes a confidence, learnt from the corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from speechalign.errors import AlignmentError
from speechalign.kernels import viterbi
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.models.speakers import apply_transform
from speechalign.pronunciation.lexicon import Variants
from speechalign.training.material import Material, Spoken

# Utterances to learn from; with fewer words of either kind nothing can be learnt.
_UTTERANCES, _LEAST = 100, 10
_RIDGE = 0.1


def calibrated(model: HmmGmm, material: Material, *, seed: int) -> HmmGmm:
    """Return the model with the calibration that `fitted_calibration` finds on its corpus."""
    states = np.arange(model.mixtures.num_states)

    def score(utterance: Spoken) -> np.ndarray:
        features = apply_transform(
            feature_streams(material.cepstra(utterance)), model.transform_of(utterance.speaker)
        )
        return model.mixtures.log_likelihoods(features, states)

    calibration = fitted_calibration(model, material.spoken, score, seed=seed)
    return model.estimated(mixtures=model.mixtures, calibration=calibration)


def fitted_calibration(
    model: PhoneHmm,
    spoken: Sequence[Spoken],
    score: Callable[[Spoken], np.ndarray],
    *,
    seed: int,
) -> tuple[float, float]:
    """Return the calibration that fits a corpus.

    Parameters
    ----------
    model : PhoneHmm
        Its scores are calibrated.
    spoken : Sequence[Spoken]
        What was said, mostly as the transcripts say.
    score : callable
        Gives the (T, V) scores of the states on an utterance.
    seed : int
        Chooses up to 100 utterances, and words that were not said.

    Returns
    -------
    tuple[float, float]
        Slope and intercept; those of the model if there are less than ten words of either kind.

    Notes
    -----
    Each utterance is aligned as it was read, and again with one word replaced by another of the
    corpus. The logistic regression of "this word was said" on the mean deficit, both outcomes
    weighted alike, gives slope and intercept.
    """
    rng = np.random.default_rng(seed)
    vocabulary = sorted({word for utterance in spoken for word in utterance.words})
    chosen = rng.permutation(len(spoken))[:_UTTERANCES]
    said: list[float] = []
    unsaid: list[float] = []
    for index in chosen.tolist():
        utterance = spoken[index]
        log_probs = score(utterance)
        wrong = int(rng.integers(len(utterance.words)))
        other = vocabulary[int(rng.integers(len(vocabulary)))]
        replaced = [*utterance.words[:wrong], other, *utterance.words[wrong + 1 :]]
        try:
            true = word_deficits(model, log_probs, utterance.words)
            false = word_deficits(model, log_probs, replaced)[wrong]
        except AlignmentError:
            continue
        said += true
        if other != utterance.words[wrong]:
            unsaid.append(false)
    if min(len(said), len(unsaid)) < _LEAST:
        return model.calibration
    values = np.array(said + unsaid)
    outcomes = np.arange(len(values)) < len(said)
    return logistic_regression(values, outcomes)


def word_deficits(model: PhoneHmm, log_probs: np.ndarray, words: Sequence[Variants]) -> list[float]:
    """Return, for each word, its mean score on the best path less that of each frame's best state.

    ``log_probs`` has shape (T, V). AlignmentError if the words do not fit.
    """
    graph = model.graph(words)
    arcs = viterbi(log_probs, graph).arcs
    deficits = log_probs[np.arange(len(log_probs)), graph.labels[arcs]] - log_probs.max(axis=1)
    size = 2 * len(words) + 1
    sums = np.bincount(graph.positions[arcs], deficits, size)
    counts = np.bincount(graph.positions[arcs], minlength=size)
    means: list[float] = (sums[1::2] / counts[1::2]).tolist()
    return means


def logistic_regression(values: np.ndarray, outcomes: np.ndarray) -> tuple[float, float]:
    """Fit slope and intercept to values (N,) and outcomes (N,) of both kinds, weighted alike.

    Newton's method on the likelihood, with a slight pull towards zero for separable data.
    """
    weights = np.where(outcomes, 0.5 / outcomes.sum(), 0.5 / (~outcomes).sum()) * len(values)
    design = np.stack([values, np.ones_like(values)], axis=1)
    beta = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ beta).clip(-30, 30)))
        gradient = design.T @ (weights * (outcomes - p)) - _RIDGE * beta
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(2)
        beta += np.linalg.solve(hessian, gradient)
    return float(beta[0]), float(beta[1])
