"""HMM-GMM: phones of three states, each a mixture of Gaussians over MFCC."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph, HmmUnit, hmm_graph
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models import PhoneSpan
from speechalign.models.content import content_hash
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.sphinx_features import (
    SAMPLE_RATE,
    STRIDE,
    feature_streams,
    raw_cepstra,
    sphinx_cepstra,
)
from speechalign.models.hmm_gmm.sphinx_files import InstalledDictionary
from speechalign.models.hmm_gmm.state_tree import StateTree
from speechalign.models.speakers import CepstralMoments, apply_transform, log_determinant
from speechalign.text.dictionary import Dictionary
from speechalign.vocabulary import Vocabulary

Variants = tuple[tuple[str, ...], ...]


class HmmGmm:
    """An HMM-GMM of phones of three states in a row, each with a loop, none skipped.

    Parameters
    ----------
    name, language, licence : str
        As `Model` has them.
    phones : Sequence[str]
        P units, ``silence`` and ``noise`` among them; states 3p to 3p + 2 belong to phone p, unless
        there is a tree.
    silence, noise : str
        As `PhoneModel` has them.
    mixtures : Mixtures
        Of the V states: 3P, or as many as the tree has leaves.
    stay : ndarray, shape (P, 3), float64
        Probability of repeating each state, in (0, 1).
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each lower-case word.
    variant_priors : Mapping
        Pronunciations of a word, as the dictionary has them, to the natural-log prior of each.
        Words that are missing have none: every pronunciation weighs 0.
    silence_probability : float
        Prior of a pause before, between and after words, in (0, 1).
    acoustic_scale : float
        As `PhoneModel` has it.
    calibration : tuple[float, float]
        As `PhoneModel` has it.
    pronunciation : str or None
        How words that the dictionary lacks are pronounced: a name in
        ``speechalign.text.PRONUNCIATIONS``, or the path of a model of ``speechalign g2p train``.
    by_speaker : bool
        Whether cepstra are normalised by mean and deviation of all that a speaker says (see
        `CepstralMoments`), rather than by the mean of each recording.
    transforms : Mapping[str, ndarray]
        Speaker to the transform of their features, shape (3, 13, 14), float64; that of ``""`` is
        for all other speakers.
    tree : StateTree or None
        Tells states by the neighbours of their phone; None for one set of states for each phone.

    Raises
    ------
    InputError
        Numbers of phones, states and probabilities do not match, or a name is not among the phones.
    """

    aligner = "phones"
    sample_rate = SAMPLE_RATE
    grid = FrameGrid(SAMPLE_RATE, STRIDE)
    normalised = False

    def __init__(
        self,
        *,
        name: str,
        language: str,
        licence: str,
        phones: Sequence[str],
        silence: str,
        noise: str,
        mixtures: Mixtures,
        stay: np.ndarray,
        dictionary: Mapping[str, Variants],
        variant_priors: Mapping[Variants, tuple[float, ...]],
        silence_probability: float,
        acoustic_scale: float,
        calibration: tuple[float, float],
        pronunciation: str | None = None,
        by_speaker: bool = False,
        transforms: Mapping[str, np.ndarray] | None = None,
        tree: StateTree | None = None,
    ) -> None:
        home = np.arange(STATES * len(phones)) if tree is None else tree.home
        if mixtures.num_states != len(home) or stay.shape != (len(phones), STATES):
            raise InputError(
                f"{name}: expected {len(home)} states, and {STATES} probabilities for each of "
                f"{len(phones)} phones, got {mixtures.num_states} and shape {stay.shape}"
            )
        for unit in (silence, noise):
            if unit not in phones:
                raise InputError(f"{name}: {unit!r} is not one of the phones")
        self.name = name
        self.language = language
        self.licence = licence
        self.phones = tuple(phones)
        self.silence = silence
        self.noise = noise
        self.mixtures = mixtures
        self.stay = stay
        self.dictionary = dictionary
        self.variant_priors = variant_priors
        self.silence_probability = silence_probability
        self.acoustic_scale = acoustic_scale
        self.calibration = calibration
        self.pronunciation = pronunciation
        self.by_speaker = by_speaker
        self.transforms = transforms or {}
        self.tree = tree
        self.home = home
        names = [f"{phone}.{state}" for phone in self.phones for state in range(STATES)]
        if tree is not None:
            names = [f"{names[h]}/{number}" for number, h in enumerate(home)]
        self.vocabulary = Vocabulary(names)
        self._numbers = {phone: p for p, phone in enumerate(self.phones)}
        self._log_stay, self._log_leave = np.log(stay), np.log1p(-stay)
        self._units: dict[tuple[str, str, str], HmmUnit] = {}
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
    def own_words(self) -> Collection[str]:
        """Words that the dictionary has as a user wrote them."""
        if isinstance(self.dictionary, InstalledDictionary):
            return self.dictionary.own
        return self.dictionary

    def with_pauses(self, probability: float) -> HmmGmm:
        """Return the same model with another prior of a pause, in (0, 1)."""
        if not 0 < probability < 1:
            raise InputError(
                f"pause_probability: expected a number between 0 and 1, got {probability}"
            )
        model = copy.copy(self)
        model.silence_probability = probability
        return model

    def with_dictionary(self, own: Dictionary) -> HmmGmm:
        """Return the same model with the pronunciations of a user's dictionary, in its phones."""
        model = copy.copy(self)
        if isinstance(self.dictionary, InstalledDictionary):
            model.dictionary = self.dictionary.overlaid(own)
        else:
            model.dictionary = {**self.dictionary, **own}
        model.variant_priors = {**self.variant_priors, **own.variant_priors()}
        return model

    @property
    def content_hash(self) -> str:
        """Hash of the parameters, and of the dictionary and what pronounces other words."""
        mixtures = self.mixtures
        g2p = Path(self.pronunciation or "")
        return content_hash(
            *(mixtures.means, mixtures.variances, mixtures.weights, mixtures.stream_weights),
            *(self.stay, self.silence_probability, self.acoustic_scale, self.calibration),
            *(self.phones, self.silence, self.noise, self.by_speaker),
            *(part for speaker in sorted(self.transforms.items()) for part in speaker),
            *(() if self.tree is None else self.tree.arrays().values()),
            *(list(self.dictionary.items()), list(self.variant_priors.items())),
            g2p if g2p.is_file() else self.pronunciation,
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

    def _features(self, samples: np.ndarray) -> np.ndarray:
        """Return the (3, 13, T) features of a recording."""
        if self.by_speaker:
            raw = raw_cepstra(samples)
            cepstra = (self._heard or CepstralMoments.of(raw)).normalise(raw)
        else:
            cepstra = sphinx_cepstra(samples)
        return apply_transform(feature_streams(cepstra), self._transform)

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every state on every frame, as `EmittingModel.emit` says; a frame is 10 ms."""
        check_waveforms(waveforms, lengths)
        frames = np.array([self.grid.count(int(length)) for length in lengths], np.int64)
        shape = (len(lengths), int(frames.max(initial=0)), len(self.vocabulary))
        log_probs = np.full(shape, -np.inf, np.float32)
        states = np.arange(len(self.vocabulary))
        extra = np.float32(log_determinant(self._transform))
        for b, length in enumerate(lengths):
            samples = waveforms[b, :length]
            log_probs[b, : frames[b]] = self.mixtures.log_likelihoods(
                self._features(samples), states
            )
            log_probs[b, : frames[b]] += extra
        return Emissions(log_probs, frames, self.grid, self.vocabulary, normalised=False)

    def unit(self, phone: str, *, left: str = "", right: str = "") -> HmmUnit:
        """Return the HMM of a phone between its neighbours in the word; "" where there is none."""
        key = (left, phone, right) if self.tree is not None else ("", phone, "")
        unit = self._units.get(key)
        if unit is None:
            p = self._numbers[phone]
            labels = list(range(p * STATES, (p + 1) * STATES))
            if self.tree is not None:
                around = [self._numbers.get(name, len(self.phones)) for name in (left, right)]
                labels = [self.tree.leaf(p, state, *around) for state in range(STATES)]
            unit = HmmUnit(tuple(labels), tuple(self._log_stay[p]), tuple(self._log_leave[p]))
            self._units[key] = unit
        return unit

    def _spelt(self, phones: Sequence[str]) -> list[HmmUnit]:
        around = ["", *phones, ""]
        return [
            self.unit(phone, left=left, right=right)
            for left, phone, right in zip(around, phones, around[2:])
        ]

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations as phone names."""
        spelt = [[self._spelt(phones) for phones in variants] for variants in words]
        priors = [
            self.variant_priors.get(tuple(map(tuple, variants)), (0.0,) * len(variants))
            for variants in words
        ]
        return hmm_graph(
            spelt,
            variant_weights=priors,
            silence=self.unit(self.silence),
            silence_probability=self.silence_probability,
        )

    def chain(self, phones: Sequence[str], *, positions: Sequence[int] | None = None) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own.

        ``positions`` says of each the word it is part of, as `PhoneSpan` does, to tell neighbours;
        without, no phone has any.
        """
        where = range(len(phones)) if positions is None else positions
        words: list[list[str]] = []
        for i, phone in enumerate(phones):
            if i and where[i] == where[i - 1]:
                words[-1].append(phone)
            else:
                words.append([phone])
        return hmm_graph([[[unit]] for word in words for unit in self._spelt(word)])

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""
        home = self.home[graph.labels[arcs]]
        entered = (graph.sources[arcs] != graph.targets[arcs]) & (home % STATES == 0)
        begins = np.flatnonzero(entered)
        ends = np.append(begins[1:], len(arcs))
        return [
            PhoneSpan(
                self.phones[home[begin] // STATES],
                int(graph.positions[arcs[begin]]),
                int(begin),
                int(end),
            )
            for begin, end in zip(begins, ends)
        ]
