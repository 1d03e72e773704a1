"""Training of an HMM-GMM from a flat start, by EM, with mixtures that grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign.alignment import Alignment
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations, Variants
from speechalign.text.dictionary import Dictionary
from speechalign.training.calibration import calibrated
from speechalign.training.expectation import Alternatives
from speechalign.training.flat_start import flat_mixtures, flat_stay
from speechalign.training.material import Material, Spoken, check_usable, prepare, work_folder
from speechalign.training.passes import LATER_PASSES, Passes, growing, subset
from speechalign.training.progress import Progress
from speechalign.training.report import Trained, report
from speechalign.training.trial import try_contexts

SILENCE, NOISE = "sil", "spn"
# Passes with one Gaussian a state.
_FIRST_PASSES = 10
# Of the trained model; chosen on synthetic speech with known boundaries (tools/bench/train.py).
_STREAM_WEIGHTS = (1.0, 0.5, 0.5)
_ACOUSTIC_SCALE = 0.2
# Where the corpus is too small to tell.
_CALIBRATION = (1.0, 5.0)


def train(
    utterances: Sequence[Utterance],
    pronunciations: Pronunciations,
    output: str | Path,
    *,
    name: str,
    licence: str,
    gaussians: int = 8,
    corrections: Mapping[str, Alignment] | None = None,
    jobs: int | None = None,
    seed: int = 0,
    by_speaker: bool = False,
    contexts: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train a model on a corpus, from its audio and transcripts alone.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    pronunciations : Pronunciations
        Language, dictionary and what pronounces other words.
    output : str or Path
        Folder of the model. Beside it, ``NAME.work`` holds features and a checkpoint until the
        model is written: a run that was stopped goes on where it was.
    name, licence : str
        As `Model` has them.
    gaussians : int
        Largest number for a state; rarely heard states have fewer.
    corrections : Mapping[str, Alignment] or None
        Tiers ``words``, and ``phones`` where they are known, of utterances whose times somebody
        corrected, by id, in time of the recording: what the passes keep to.
    jobs : int or None
        Number of threads (default: one for each core); no bit of the model depends on it.
    seed : int
        Chooses the utterances of the first passes where the corpus is large.
    by_speaker : bool
        Whether features are normalised by speaker, as `HmmGmm` has it.
    contexts : bool
        Whether to try states that depend on the neighbours of a phone, and to take them where they
        explain held-out utterances better.
    progress : Progress or None
        Called as training goes on; None to hear of Python warnings only.

    Returns
    -------
    Trained
        The model and the report.

    Raises
    ------
    InputError
        No utterance can be used, corrected labels are not those of the transcript, or an argument
        is out of range.
    OSError
        Something cannot be written; a model that was there before still is.

    Notes
    -----
    Every phone has three states in a row. At first all states of phones are alike, one Gaussian of
    all frames but the softest, which make the silence. Each pass of Baum and Welch's
    algorithm goes over the graph of each utterance, with all pronunciations and optional pauses,
    and estimates Gaussians, transitions, pronunciation probabilities and that of a pause. After 10
    passes, and then every 3, the number of Gaussians doubles where there are frames enough.

    With ``contexts``, models with and without the states that a decision tree tells apart by the
    neighbours of a phone are first trained on nine utterances in ten. Where the others are likelier
    with them, that model is trained on all utterances by 3 more passes; else training is as
    without.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989.
    .. [2] S. Young et al., "The HTK Book", version 3.4, 2006, for flat start and splitting.
    """
    if gaussians < 1:
        raise InputError(f"gaussians: expected 1 or more, got {gaussians}")
    jobs = check_jobs(jobs)
    progress = progress or Progress()
    output = Path(output)
    lexicon = Lexicon(pronunciations)
    with work_folder(output) as work:
        material = prepare(
            utterances, lexicon, work, by_speaker=by_speaker, corrections=corrections, jobs=jobs,
            progress=progress.prepared,
        )  # fmt: skip
        check_usable(material, progress.warn)
        trained = fit(
            material, pronunciations, name=name, licence=licence, gaussians=gaussians,
            contexts=contexts, jobs=jobs, seed=seed, progress=progress,
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
    contexts: bool = False,
    jobs: int,
    seed: int,
    progress: Progress,
) -> Trained:
    """Train on material, going on from the checkpoints beside it; parameters as for `train`."""
    alternatives = Alternatives(material.spoken)
    few = subset(material.spoken, seed)
    flat, variance = _flat_model(material, few, pronunciations, name, licence, jobs)
    options = f"{material.fingerprint} {pronunciations.noise} {seed}"
    passes = Passes(material, alternatives, variance, options, seed, jobs, progress)
    model, plan = flat, growing(gaussians, first=_FIRST_PASSES)
    trial = None
    if contexts:
        tried = try_contexts(passes, flat, gaussians=gaussians, first=_FIRST_PASSES)
        if tried is not None:
            trial, in_contexts = tried
            if trial.rises:
                # Its utterances are most of the corpus: the others are soon learnt.
                model, plan = in_contexts, [gaussians] * LATER_PASSES
    stage = passes.run("checkpoint", model, plan, material.spoken)
    stage, found, states = passes.measure("checkpoint", stage, material.spoken)
    described = report(stage, material, found.scores, states, trial)
    model = stage.model.estimated(mixtures=stage.model.mixtures.weighing(_STREAM_WEIGHTS))
    return Trained(calibrated(model, material, seed=seed), described)


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
        by_speaker=bool(material.moments),
    ), variance


def _known_priors(dictionary: Mapping[str, Variants]) -> dict[Variants, tuple[float, ...]]:
    """Return the priors that a dictionary has, for words that the corpus may not have."""
    if not isinstance(dictionary, Dictionary):
        return {}
    by_word = {word: dictionary.log_priors(word) for word in dictionary}
    return {dictionary[word]: priors for word, priors in by_word.items() if any(priors)}
