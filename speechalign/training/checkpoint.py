"""Checkpoints: training on its way, saved after every pass."""

from __future__ import annotations

import zipfile
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from speechalign.files.writing import in_place_of
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.training.expectation import Alternatives, Pass


@dataclass(frozen=True)
class Iteration:
    """One pass of EM.

    Parameters
    ----------
    number, of : int
        Which pass of how many, from 1.
    gaussians : int
        Largest number of Gaussians of a state.
    utterances, frames : int
        How much it went over.
    log_likelihood : float
        Natural logarithm per frame, under the parameters before the pass.
    moved : int
        Frames whose most probable state has changed since the last pass over them.
    """

    number: int
    of: int
    gaussians: int
    utterances: int
    frames: int
    log_likelihood: float
    moved: int

    @classmethod
    def of_pass(cls, number: int, of: int, gaussians: int, found: Pass) -> Iteration:
        """Sum up a pass."""
        statistics = found.statistics
        frames = int(statistics.frames[0])
        score = float(statistics.log_likelihood[0]) / frames
        moved = int(statistics.moved[0])
        return cls(number, of, gaussians, len(found.scores), frames, score, moved)


@dataclass(frozen=True)
class Stage:
    """Training on its way.

    Parameters
    ----------
    model : HmmGmm
        Present parameters.
    visits : ndarray, shape (V,), float64
        Frames of each state in the last pass.
    iterations : tuple[Iteration, ...]
        The passes so far.
    """

    model: HmmGmm
    visits: np.ndarray
    iterations: tuple[Iteration, ...]


def write_stage(path: Path, fingerprint: str, stage: Stage, alternatives: Alternatives) -> None:
    """Save a stage, of the run with this fingerprint."""
    mixtures = stage.model.mixtures
    priors = [p for word in alternatives.words for p in stage.model.variant_priors[word]]
    with in_place_of(path) as temporary, temporary.open("wb") as sink:
        np.savez(
            sink,
            fingerprint=np.array(fingerprint),
            means=mixtures.means,
            variances=mixtures.variances,
            weights=mixtures.weights,
            stream_weights=mixtures.stream_weights,
            stay=stage.model.stay,
            priors=np.array(priors, np.float64),
            silence_probability=np.array(stage.model.silence_probability),
            visits=stage.visits,
            iterations=np.array([astuple(iteration) for iteration in stage.iterations]),
        )


def read_stage(
    path: Path, fingerprint: str, model: HmmGmm, alternatives: Alternatives
) -> Stage | None:
    """Return what `write_stage` saved in the same run; None if there is nothing to resume.

    ``model`` gives what does not change.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if str(arrays["fingerprint"]) != fingerprint:
                return None
            priors = arrays["priors"].tolist()
            known = {
                word: tuple(priors[begin : begin + len(word)])
                for word, begin in alternatives.first.items()
            }
            return Stage(
                model.estimated(
                    mixtures=Mixtures(
                        *(arrays[n] for n in ("means", "variances", "weights", "stream_weights"))
                    ),
                    stay=arrays["stay"],
                    variant_priors={**model.variant_priors, **known},
                    silence_probability=float(arrays["silence_probability"]),
                ),
                arrays["visits"],
                tuple(
                    Iteration(int(n), int(of), int(g), int(u), int(f), float(score), int(moved))
                    for n, of, g, u, f, score, moved in arrays["iterations"].tolist()
                ),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
