"""A trial of context-dependent states: kept where they explain held-out speech better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.training.contexts import collect, grow, in_context
from speechalign.training.material import FEW
from speechalign.training.passes import Passes, growing

# One utterance in so many is held out.
_HELD_OUT = 10
_FIRST_PASSES = 4


@dataclass(frozen=True)
class Trial:
    """Result of the trial.

    Parameters
    ----------
    states, context_states : int
        How many there are without and with contexts.
    utterances : int
        How many were held out.
    log_likelihood, context_log_likelihood : float
        Natural logarithm per frame of these.
    """

    states: int
    context_states: int
    utterances: int
    log_likelihood: float
    context_log_likelihood: float

    @property
    def rises(self) -> bool:
        """Whether there are context-dependent states, and held-out speech is likelier with them."""
        likelier = self.context_log_likelihood > self.log_likelihood
        return likelier and self.context_states > self.states

    def text(self) -> str:
        """Return a sentence for people."""
        return (
            f"context-dependent states {'taken' if self.rises else 'not taken'}: log-likelihood of "
            f"{self.utterances} held-out utterances {self.context_log_likelihood:.4f} per frame "
            f"with {self.context_states} of them, {self.log_likelihood:.4f} with {self.states} "
            "states of phones"
        )


def try_contexts(
    passes: Passes, flat: HmmGmm, *, gaussians: int, first: int
) -> tuple[Trial, HmmGmm] | None:
    """Train with and without contexts on nine utterances in ten, and compare on the others.

    Both start from the same best paths, of a model with one Gaussian a state, and make the same
    passes.

    Parameters
    ----------
    passes : Passes
        What trains.
    flat : HmmGmm
        What training starts from.
    gaussians : int
        Largest number for a state, in both.
    first : int
        Passes before the trees are grown.

    Returns
    -------
    tuple[Trial, HmmGmm] or None
        What was found, and the model with contexts; None where there are fewer than 20 utterances.
    """
    spoken = passes.material.spoken
    if len(spoken) < FEW:
        passes.progress.warn(
            f"context-dependent states are not tried with fewer than {FEW} utterances, there are "
            f"{len(spoken)}"
        )
        return None
    order = np.random.default_rng([passes.seed, 1]).permutation(len(spoken))
    held_out = set(order[: len(spoken) // _HELD_OUT].tolist())
    kept = [utterance for i, utterance in enumerate(spoken) if i not in held_out]
    others = [spoken[i] for i in sorted(held_out)]

    model = passes.run("start", flat, growing(1, first=first), kept).model
    statistics = collect(model, passes.material, kept, jobs=passes.jobs)
    phones = range(len(model.phones))
    sounds = (model.phones.index(model.silence), model.phones.index(model.noise))
    models, scores = [], []
    for name, whole in (("phones", phones), ("contexts", sounds)):
        tree, sums = grow(statistics, len(phones), whole=whole, variance=passes.variance)
        begun = in_context(model, tree, sums, passes.variance)
        stage = passes.run(name, begun, growing(gaussians, first=_FIRST_PASSES), kept)
        found = passes.measure(name, stage, others)[1].statistics
        models.append(stage.model)
        scores.append(float(found.log_likelihood[0] / found.frames[0]))
    sizes = [found.mixtures.num_states for found in models]
    trial = Trial(sizes[0], sizes[1], len(others), scores[0], scores[1])
    return trial, models[1]
