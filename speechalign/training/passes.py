"""Runs of EM passes with mixtures that grow, saved after each pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import InputError
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.training.checkpoint import Iteration, Stage, read_stage, write_stage
from speechalign.training.expectation import Alternatives, Pass, States, expect
from speechalign.training.material import Material, Spoken
from speechalign.training.maximisation import (
    grown,
    new_mixtures,
    new_priors,
    new_silence_probability,
    new_stay,
)
from speechalign.training.progress import Progress

# Passes after each doubling of the number of Gaussians.
LATER_PASSES = 3
# As long as there are at most so many Gaussians, so many seconds of speech are enough.
_SUBSET_GAUSSIANS, _SUBSET_SECONDS = 4, 3600.0
_FRAMES_PER_SECOND = 100


def growing(gaussians: int, *, first: int) -> list[int]:
    """Return the largest number of Gaussians of a state in each pass, ``first`` of them with 1."""
    plan = [1] * first
    while plan[-1] < gaussians:
        plan += [min(2 * plan[-1], gaussians)] * LATER_PASSES
    return plan


def subset(spoken: Sequence[Spoken], seed: int) -> tuple[Spoken, ...]:
    """Choose utterances that are enough for the first passes, in their order."""
    order = np.random.default_rng(seed).permutation(len(spoken))
    ends = np.cumsum([spoken[i].frames for i in order])
    enough = int(np.searchsorted(ends, _SUBSET_SECONDS * _FRAMES_PER_SECOND)) + 1
    return tuple(spoken[i] for i in sorted(order[:enough]))


@dataclass(frozen=True)
class Passes:
    """A run of passes over some utterances, and a last one that only measures.

    Parameters
    ----------
    material : Material
        Where the features are; the checkpoint lies beside them.
    alternatives : Alternatives
        Of the material.
    variance : ndarray, shape (3, 13), float64
        Of all speech.
    options : str
        Whatever the result depends on, but for the plan.
    seed : int
        Chooses the utterances of the first passes where there are many.
    jobs : int
        Threads; no bit of the result depends on it.
    progress : Progress
        Told of every pass.
    """

    material: Material
    alternatives: Alternatives
    variance: np.ndarray
    options: str
    seed: int
    jobs: int
    progress: Progress

    def run(self, name: str, model: HmmGmm, plan: Sequence[int], chosen: Sequence[Spoken]) -> Stage:
        """Go on where the checkpoint is, or begin with the model.

        Parameters
        ----------
        name : str
            Of the checkpoint.
        model : HmmGmm
            What the run starts from.
        plan : Sequence[int]
            Largest number of Gaussians of a state in each pass.
        chosen : Sequence[Spoken]
            What it goes over.

        Returns
        -------
        Stage
            After the last pass of the plan.
        """
        saved = self.material.path.with_name(f"{name}.npz")
        options = f"{self.options} {name} {list(plan)}"
        fingerprint = hashlib.sha256(options.encode()).hexdigest()
        stage = read_stage(saved, fingerprint, model, self.alternatives)
        if stage is None:
            States(self.material, -1, name).clear()
            stage = Stage(model, np.zeros(model.mixtures.num_states), ())
        few = subset(chosen, self.seed)
        for number in range(len(stage.iterations), len(plan)):
            model, most = stage.model, plan[number]
            if number and most > plan[number - 1]:
                model = model.estimated(mixtures=grown(model.mixtures, stage.visits, most))
            now = few if most <= _SUBSET_GAUSSIANS else chosen
            found = self._pass(name, model, number, now)
            statistics = found.statistics
            priors = new_priors(self.alternatives, statistics)
            model = model.estimated(
                mixtures=new_mixtures(model.mixtures, statistics, self.variance),
                stay=new_stay(model, statistics),
                variant_priors={**model.variant_priors, **priors},
                silence_probability=new_silence_probability(statistics),
            )
            iteration = Iteration.of_pass(number + 1, len(plan) + 1, most, found)
            stage = Stage(model, statistics.visits, (*stage.iterations, iteration))
            self.progress.finished(iteration)
            write_stage(saved, fingerprint, stage, self.alternatives)
        return stage

    def measure(
        self, name: str, stage: Stage, chosen: Sequence[Spoken]
    ) -> tuple[Stage, Pass, States]:
        """Make the pass after a run that only measures, and tell the states that it found."""
        number = len(stage.iterations)
        found = self._pass(name, stage.model, number, chosen)
        most = stage.iterations[-1].gaussians
        iteration = Iteration.of_pass(number + 1, number + 1, most, found)
        self.progress.finished(iteration)
        last = Stage(stage.model, found.statistics.visits, (*stage.iterations, iteration))
        return last, found, States(self.material, number, name)

    def _pass(self, name: str, model: HmmGmm, number: int, chosen: Sequence[Spoken]) -> Pass:
        found = expect(
            model, self.material, chosen, self.alternatives, States(self.material, number, name),
            jobs=self.jobs, progress=self.progress.passed,
        )  # fmt: skip
        if not found.statistics.frames[0]:
            raise InputError("corpus: no utterance fits the model any more; check the transcripts")
        return found
