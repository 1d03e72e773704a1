"""Adaptation: a model that fits a corpus better, from one that exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign.alignment import Alignment
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.pronunciation.lexicon import Lexicon
from speechalign.training.checkpoint import Iteration, Stage
from speechalign.training.expectation import Alternatives, States, expect
from speechalign.training.material import Material, check_usable, prepare, work_folder
from speechalign.training.progress import Progress
from speechalign.training.report import Trained, report
from speechalign.training.statistics import Statistics
from speechalign.training.transforms import transforms_of

_TRANSFORM_PASSES, _MEAN_PASSES = 2, 2
# Frames that the mean of the model counts for; chosen on synthetic speech (tools/bench/train.py).
_PRIOR_FRAMES = 50.0


def adapt(
    utterances: Sequence[Utterance],
    model: HmmGmm,
    output: str | Path,
    *,
    name: str,
    fmllr: bool = False,
    corrections: Mapping[str, Alignment] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Bring a model and a corpus together: a transform for each speaker, and other means.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns; minutes are enough.
    model : HmmGmm
        What to start from.
    output : str or Path
        Folder of the adapted model.
    name : str
        Of the adapted model.
    fmllr : bool
        Whether features are transformed by speaker before the means move.
    corrections : Mapping[str, Alignment] or None
        Tiers ``words``, and ``phones`` where they are known, of utterances whose times somebody
        corrected, by id, in time of the recording: what the passes keep to.
    jobs : int or None
        Number of threads (default: one for each core); no bit of the model depends on it.
    progress : Progress or None
        Called as training goes on; None to hear of Python warnings only.

    Returns
    -------
    Trained
        The adapted model and the report.

    Raises
    ------
    InputError
        No utterance can be used, corrected labels are not those of the transcript.
    OSError
        Something cannot be written; a model that was there before still is.

    Notes
    -----
    First, with ``fmllr``, two passes of Baum and Welch's algorithm that each estimate, for every
    speaker with 10 s of speech, the affine transform of each feature stream that makes their frames
    the likeliest [1]_; all of them together give that of other speakers.

    Then two passes that each give a Gaussian with N frames of sum S the mean of the highest
    posterior probability [2]_, (n m + S) / (n + N), where m is the mean of the original model and
    n = 50. Nothing else changes.

    References
    ----------
    .. [1] M. J. F. Gales, "Maximum likelihood linear transformations for HMM-based speech
       recognition", Computer Speech and Language 12(2), 1998.
    .. [2] J.-L. Gauvain and C.-H. Lee, "Maximum a posteriori estimation for multivariate Gaussian
       mixture observations of Markov chains", IEEE Trans. Speech and Audio Processing 2(2), 1994,
       eq. 25.
    """
    jobs = check_jobs(jobs)
    progress = progress or Progress()
    output = Path(output)
    with work_folder(output) as work:
        lexicon = Lexicon(model)
        material = prepare(
            utterances, lexicon, work, by_speaker=model.by_speaker, corrections=corrections,
            jobs=jobs, progress=progress.prepared,
        )  # fmt: skip
        check_usable(material, progress.warn)
        model = model.estimated(mixtures=model.mixtures, name=name)
        adapted = _fitted(material, model, fmllr=fmllr, jobs=jobs, progress=progress)
        adapted.save(output)
    return adapted


def _fitted(
    material: Material, model: HmmGmm, *, fmllr: bool, jobs: int, progress: Progress
) -> Trained:
    """Make the passes over the material."""
    alternatives = Alternatives(material.spoken)
    original = model.mixtures
    States(material, -1).clear()
    iterations: list[Iteration] = []
    first = _TRANSFORM_PASSES if fmllr else 0
    last = first + _MEAN_PASSES
    for number in range(last + 1):
        states = States(material, number)
        found = expect(
            model, material, material.spoken, alternatives, states, transforms=number < first,
            jobs=jobs, progress=progress.passed,
        )  # fmt: skip
        if not found.scores:
            raise InputError(f"corpus: no utterance fits {model.name}; check language and audio")
        most = original.means.shape[2]
        iteration = Iteration.of_pass(number + 1, last + 1, most, found)
        iterations.append(iteration)
        progress.finished(iteration)
        if number < first:
            transforms = transforms_of(found.transforms)
            model = model.estimated(mixtures=original, transforms=transforms)
        elif number < last:
            model = model.estimated(mixtures=moved_means(original, found.statistics))
    stage = Stage(model, found.statistics.visits, tuple(iterations))
    return Trained(model, report(stage, material, found.scores, states))


def moved_means(mixtures: Mixtures, statistics: Statistics) -> Mixtures:
    """Return mixtures with the means of highest posterior probability.

    Parameters
    ----------
    mixtures : Mixtures
        Their means are the prior.
    statistics : Statistics
        Of a pass with mixtures of the same shape.

    Returns
    -------
    Mixtures
        All else is the same.
    """
    # (C, M, K, H) -> (C, R, K, 1): the frames of each Gaussian, in each stream.
    counts = statistics.occupancies.sum(axis=3)[..., None]
    means = mixtures.means.astype(np.float64)
    means += (statistics.sums - counts * means) / (_PRIOR_FRAMES + counts)
    return Mixtures(
        means.astype(np.float32), mixtures.variances, mixtures.weights, mixtures.stream_weights
    )
