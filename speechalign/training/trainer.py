"""Training of an HMM-GMM from a flat start: monophones by EM, with mixtures that grow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.lexicon import Lexicon, Pronunciations, Variants
from speechalign.models.hmm_gmm import HmmGmm
from speechalign.text.dictionary import Dictionary
from speechalign.training.calibration import calibrated
from speechalign.training.checkpoint import Iteration, Stage, read_stage, write_stage
from speechalign.training.expectation import Alternatives, States, expect
from speechalign.training.flat_start import flat_mixtures, flat_stay
from speechalign.training.material import Material, Spoken, check_usable, prepare, work_folder
from speechalign.training.maximisation import (
    grown,
    new_mixtures,
    new_priors,
    new_silence_probability,
    new_stay,
)
from speechalign.training.progress import Progress
from speechalign.training.report import Trained, report

SILENCE, NOISE = "sil", "spn"
# Passes with one Gaussian a state, and after each doubling of their number.
_FIRST_PASSES, _LATER_PASSES = 10, 3
# As long as there are at most so many Gaussians, so many seconds of speech are enough.
_SUBSET_GAUSSIANS, _SUBSET_SECONDS = 4, 3600.0
_FRAMES_PER_SECOND = 100
# Of the trained model; chosen on synthetic speech with known boundaries (tools/bench/train.py).
_STREAM_WEIGHTS = (1.0, 0.5, 0.5)
_ACOUSTIC_SCALE = 0.2
# Where the corpus is too small to tell.
_CALIBRATION = (1.0, 5.0)


def train(
    utterances: Sequence[Utterance],
    pronunciations: Pronunciations,
    output: Path,
    *,
    name: str,
    licence: str,
    gaussians: int = 8,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress,
) -> Trained:
    """Train a model on a corpus, from its audio and transcripts alone.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    pronunciations : Pronunciations
        Language, dictionary and what pronounces other words.
    output : Path
        Folder of the model. Beside it, ``NAME.work`` holds features and a checkpoint until the
        model is written: a run that was stopped goes on where it was.
    name, licence : str
        As `Model` has them.
    gaussians : int
        Largest number for a state; rarely heard states have fewer.
    jobs : int
        Threads; no bit of the model depends on it.
    seed : int
        Chooses the utterances of the first passes where the corpus is large.
    progress : Progress
        Told how far it is.

    Returns
    -------
    Trained
        The model and the report.

    Raises
    ------
    InputError
        No utterance can be used, or an argument is out of range.
    OSError
        Something cannot be written; a model that was there before still is.

    Notes
    -----
    Every phone has three states in a row. At first all states of phones are alike, one Gaussian of
    all frames but the softest, which make the silence. Each pass of Baum and Welch's
    algorithm goes over the graph of each utterance, with all pronunciations and optional pauses,
    and estimates Gaussians, transitions, pronunciation probabilities and that of a pause. After 10
    passes, and then every 3, the number of Gaussians doubles where there are frames enough.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989.
    .. [2] S. Young et al., "The HTK Book", version 3.4, 2006, for flat start and splitting.
    """
    if gaussians < 1:
        raise InputError(f"gaussians: expected 1 or more, got {gaussians}")
    if jobs < 1:
        raise InputError(f"jobs: expected 1 or more, got {jobs}")
    lexicon = Lexicon(pronunciations)
    with work_folder(output) as work:
        material = prepare(utterances, lexicon, work, jobs=jobs, progress=progress.prepared)
        check_usable(material, progress.warn)
        trained = fit(
            material, pronunciations, name=name, licence=licence, gaussians=gaussians, jobs=jobs,
            seed=seed, progress=progress,
        )  # fmt: skip
        trained.save(output)
    return trained


def fit(
    material: Material,
    pronunciations: Pronunciations,
    *,
    name: str,
    licence: str,
    gaussians: int,
    jobs: int,
    seed: int,
    progress: Progress,
) -> Trained:
    """Train on material, going on from the checkpoint beside it; parameters as for `train`."""
    alternatives = Alternatives(material.spoken)
    subset = _subset(material, seed)
    plan = _plan(gaussians)
    options = f"{material.fingerprint} {pronunciations.noise} {plan} {seed}"
    fingerprint = hashlib.sha256(options.encode()).hexdigest()
    saved = material.path.with_name("checkpoint.npz")
    model, variance = _flat_model(material, subset, pronunciations, name, licence, jobs)
    stage = read_stage(saved, fingerprint, model, alternatives)
    if stage is None:
        States(material, -1).clear()
        stage = Stage(model, np.zeros(model.mixtures.num_states), ())
    # The last pass only measures.
    for number in range(len(stage.iterations), len(plan) + 1):
        model = stage.model
        most = plan[min(number, len(plan) - 1)]
        last = number == len(plan)
        if 0 < number < len(plan) and most > plan[number - 1]:
            model = model.estimated(mixtures=grown(model.mixtures, stage.visits, most))
        chosen = subset if most <= _SUBSET_GAUSSIANS and not last else material.spoken
        states = States(material, number)
        found = expect(
            model, material, chosen, alternatives, states, jobs=jobs, progress=progress.passed
        )
        statistics = found.statistics
        if not statistics.frames[0]:
            raise InputError("corpus: no utterance fits the model any more; check the transcripts")
        if not last:
            model = model.estimated(
                mixtures=new_mixtures(model.mixtures, statistics, variance),
                stay=new_stay(model.stay, statistics),
                variant_priors={**model.variant_priors, **new_priors(alternatives, statistics)},
                silence_probability=new_silence_probability(statistics),
            )
        iteration = Iteration.of_pass(number + 1, len(plan) + 1, most, found)
        stage = Stage(model, statistics.visits, (*stage.iterations, iteration))
        progress.finished(iteration)
        if not last:
            write_stage(saved, fingerprint, stage, alternatives)
    described = report(stage, material, found.scores, states)
    model = stage.model.estimated(mixtures=stage.model.mixtures.weighing(_STREAM_WEIGHTS))
    return Trained(calibrated(model, material, seed=seed), described)


def _plan(gaussians: int) -> list[int]:
    """Return the largest number of Gaussians of a state in each pass."""
    plan = [1] * _FIRST_PASSES
    while plan[-1] < gaussians:
        plan += [min(2 * plan[-1], gaussians)] * _LATER_PASSES
    return plan


def _subset(material: Material, seed: int) -> tuple[Spoken, ...]:
    """Choose utterances that are enough for the first passes, in their order."""
    order = np.random.default_rng(seed).permutation(len(material.spoken))
    ends = np.cumsum([material.spoken[i].frames for i in order])
    enough = int(np.searchsorted(ends, _SUBSET_SECONDS * _FRAMES_PER_SECOND)) + 1
    return tuple(material.spoken[i] for i in sorted(order[:enough]))


def _flat_model(
    material: Material,
    chosen: Sequence[Spoken],
    pronunciations: Pronunciations,
    name: str,
    licence: str,
    jobs: int,
) -> tuple[HmmGmm, np.ndarray]:
    """Return the first model, and the variance of all frames."""
    heard = {p for u in material.spoken for variants in u.words for v in variants for p in v}
    known = {p for variants in pronunciations.dictionary.values() for v in variants for p in v}
    noise = pronunciations.noise
    phones = (SILENCE, noise, *sorted((heard | known) - {SILENCE, noise}))
    mixtures, variance = flat_mixtures(material, chosen, 0, len(phones), jobs=jobs)
    return HmmGmm(
        name=name,
        language=pronunciations.language,
        licence=licence,
        phones=phones,
        silence=SILENCE,
        noise=noise,
        mixtures=mixtures,
        stay=flat_stay(0, len(phones)),
        dictionary=pronunciations.dictionary,
        variant_priors=_known_priors(pronunciations.dictionary),
        silence_probability=0.5,
        acoustic_scale=_ACOUSTIC_SCALE,
        calibration=_CALIBRATION,
        pronunciation=pronunciations.pronunciation,
    ), variance


def _known_priors(dictionary: Mapping[str, Variants]) -> dict[Variants, tuple[float, ...]]:
    """Return the priors that a dictionary has, for words that the corpus may not have."""
    if not isinstance(dictionary, Dictionary):
        return {}
    by_word = {word: dictionary.log_priors(word) for word in dictionary}
    return {dictionary[word]: priors for word, priors in by_word.items() if any(priors)}
