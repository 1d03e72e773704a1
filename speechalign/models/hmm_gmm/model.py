"""HMM-GMM: phones of three states, each a mixture of Gaussians over MFCC."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.content import content_hash
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.sphinx_features import (
    DIFFERENCES,
    SAMPLE_RATE,
    STRIDE,
    feature_streams,
    raw_cepstra,
    sphinx_cepstra,
)
from speechalign.models.hmm_gmm.state_tree import StateTree
from speechalign.models.phone_hmm import PhoneHmm, PhoneHmmParameters
from speechalign.models.speakers import CepstralMoments, apply_transform, log_determinant
from speechalign.models.spread import Spread
from speechalign.vocabulary import Vocabulary

if TYPE_CHECKING:
    from typing_extensions import Unpack

Variants = tuple[tuple[str, ...], ...]

_BLOCK = 8192  # frames whose features are in memory at once


class HmmGmm(PhoneHmm):
    """An HMM-GMM: the states of a `PhoneHmm` are mixtures of Gaussians over MFCC.

    Parameters
    ----------
    mixtures : Mixtures
        Of the V states: 3P, or as many as the tree has leaves.
    by_speaker : bool
        Whether cepstra are normalised by mean and deviation of all that a speaker says (see
        `CepstralMoments`), rather than by the mean of each recording.
    transforms : Mapping[str, ndarray]
        Speaker to the transform of their features, shape (3, 13, 14), float64; that of ``""`` is
        for all other speakers.
    tree : StateTree or None
        Tells states by the neighbours of their phone; None for one set of states for each phone.
    **shared
        What `PhoneHmm` takes.

    Raises
    ------
    InputError
        Numbers of phones, states and probabilities do not match, or a name is not among the phones.
    """

    sample_rate = SAMPLE_RATE
    grid = FrameGrid(SAMPLE_RATE, STRIDE)

    # By tools/tune_intervals.py, on emodb-dev.
    spread = Spread(((0.717, 0.0043), (0.283, 0.0313)), stretch=1.15, power=0.29)

    def __init__(
        self,
        *,
        mixtures: Mixtures,
        by_speaker: bool = False,
        transforms: Mapping[str, np.ndarray] | None = None,
        tree: StateTree | None = None,
        **shared: Unpack[PhoneHmmParameters],
    ) -> None:
        super().__init__(**shared)
        if tree is not None:
            names = [self.vocabulary.symbols[h] for h in tree.home]
            self.home = tree.home
            self.vocabulary = Vocabulary([f"{name}/{n}" for n, name in enumerate(names)])
        if mixtures.num_states != len(self.home):
            raise InputError(
                f"{self.name}: expected {len(self.home)} states of mixtures, got "
                f"{mixtures.num_states}"
            )
        self.mixtures = mixtures
        self.by_speaker = by_speaker
        self.transforms = transforms or {}
        self.tree = tree
        self._heard: CepstralMoments | None = None
        self._transform = self.transforms.get("")

    def estimated(
        self,
        *,
        mixtures: Mixtures,
        name: str | None = None,
        stay: np.ndarray | None = None,
        variant_priors: Mapping[Variants, tuple[float, ...]] | None = None,
        silence_probability: float | None = None,
        calibration: tuple[float, float] | None = None,
        transforms: Mapping[str, np.ndarray] | None = None,
        tree: StateTree | None = None,
    ) -> HmmGmm:
        """Return the same model with other parameters; those that are None stay as they are."""
        return HmmGmm(
            name=self.name if name is None else name,
            language=self.language,
            licence=self.licence,
            phones=self.phones,
            silence=self.silence,
            noise=self.noise,
            mixtures=mixtures,
            stay=self.stay if stay is None else stay,
            dictionary=self.dictionary,
            variant_priors=self.variant_priors if variant_priors is None else variant_priors,
            silence_probability=(
                self.silence_probability if silence_probability is None else silence_probability
            ),
            acoustic_scale=self.acoustic_scale,
            calibration=self.calibration if calibration is None else calibration,
            pronunciation=self.pronunciation,
            by_speaker=self.by_speaker,
            transforms=self.transforms if transforms is None else transforms,
            tree=self.tree if tree is None else tree,
        )

    @property
    def content_hash(self) -> str:
        """Hash of the parameters, and of the dictionary and what pronounces other words."""
        mixtures = self.mixtures
        return content_hash(
            *(mixtures.means, mixtures.variances, mixtures.weights, mixtures.stream_weights),
            *(self.by_speaker, *self.shared_content),
            *(part for speaker in sorted(self.transforms.items()) for part in speaker),
            *(() if self.tree is None else self.tree.arrays().values()),
        )

    def describe(self) -> Mapping[str, str]:
        """Return the numbers of states, Gaussians and words, and the phones."""
        return {
            "states": str(len(self.vocabulary)),
            "features": "normalised by speaker" if self.by_speaker else "less the recording's mean",
            "speakers with a transform": str(len(self.transforms.keys() - {""})),
            "Gaussians": str(self.mixtures.num_gaussians),
            "phones": " ".join(self.phones),
            "words in the dictionary": str(len(self.dictionary)),
            "other words": self.pronunciation or "any sound",
        }

    def hear(self, samples: np.ndarray) -> CepstralMoments:
        """Return what a recording, (N,) float32, tells of its speaker."""
        return CepstralMoments.of(raw_cepstra(samples))

    def for_speaker(self, name: str, heard: CepstralMoments | None) -> HmmGmm:
        """Return the same model for one speaker.

        Parameters
        ----------
        name : str
            Of whom there may be a transform.
        heard : CepstralMoments or None
            The sum of what `hear` returned of their recordings; None for what each recording tells
            by itself.
        """
        model = copy.copy(self)
        model._heard = heard
        model._transform = self.transform_of(name)
        return model

    def transform_of(self, speaker: str) -> np.ndarray | None:
        """Return the transform for a speaker, shape (3, 13, 14); None if there is none."""
        return self.transforms.get(speaker, self.transforms.get(""))

    def _features(self, samples: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of the (3, 13, T) features of a recording, and which frames they are."""
        if self.by_speaker:
            raw = raw_cepstra(samples)
            cepstra = (self._heard or CepstralMoments.of(raw)).normalise(raw)
        else:
            cepstra = sphinx_cepstra(samples)
        for begin in range(0, len(cepstra), _BLOCK):
            block = slice(begin, min(begin + _BLOCK, len(cepstra)))
            low = max(0, begin - DIFFERENCES)
            streams = feature_streams(cepstra[low : block.stop + DIFFERENCES])
            own = np.ascontiguousarray(streams[:, :, begin - low : block.stop - low])
            yield block, apply_transform(own, self._transform)

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every state on every frame, as `EmittingModel.emit` says; a frame is 10 ms."""
        lengths = check_waveforms(waveforms, lengths)
        frames = np.array([self.grid.count(int(length)) for length in lengths], np.int64)
        shape = (len(lengths), int(frames.max(initial=0)), len(self.vocabulary))
        log_probs = np.empty(shape, np.float32)
        states = np.arange(len(self.vocabulary))
        extra = np.float32(log_determinant(self._transform))
        for b, length in enumerate(lengths):
            for block, features in self._features(waveforms[b, :length]):
                log_probs[b, block] = self.mixtures.log_likelihoods(features, states)
            log_probs[b, : frames[b]] += extra
            log_probs[b, frames[b] :] = -np.inf
        return Emissions(log_probs, frames, self.grid, self.vocabulary, normalised=False)

    @property
    def depends_on_neighbours(self) -> bool:
        """Return whether there is a tree."""
        return self.tree is not None

    def states(self, phone: int, left: int | None, right: int | None) -> tuple[int, ...]:
        """Return the columns of a phone's states, given the numbers of its neighbours."""
        if self.tree is None:
            return super().states(phone, left, right)
        around = [len(self.phones) if number is None else number for number in (left, right)]
        return tuple(self.tree.leaf(phone, state, *around) for state in range(STATES))
