"""The embedded US-English aligner: the HMM-GMM and dictionary of the ``pocketsphinx`` wheel.

Its files (BSD licence, Alpha Cephei Inc. and Carnegie Mellon University) are read, and scored by
our own kernels; pocketsphinx's decoder is not used. Only the context-independent states are: they
place boundaries better than the triphones do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechalign.checks import check_lengths, check_samples
from speechalign.emissions import Emissions
from speechalign.errors import BackendError, InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph, HmmUnit, hmm_graph
from speechalign.kernels.gaussian_mixture import DIMS, STATES, tied_mixture_log_likelihoods
from speechalign.models import PhoneSpan, sphinx_files
from speechalign.models.sphinx_features import SAMPLE_RATE, STRIDE, sphinx_features
from speechalign.vocabulary import Vocabulary

_VARIANCE_FLOOR = 1e-4


class EnglishSphinx:
    """A phonetically tied HMM-GMM of US English: 42 phones of 3 states, 3 streams x 128 Gaussians.

    Parameters
    ----------
    folder : Path or None
        Folder with ``en-us/`` and ``cmudict-en-us.dict``; None for the one in the wheel.
    stream_weights : Sequence[float]
        Factors on the log-likelihoods of the cepstra and their first and second differences.

    Raises
    ------
    BackendError
        The ``pocketsphinx`` package is not installed.
    FormatError
        A file of the model is damaged.
    """

    name = "english-sphinx"
    language = "en"
    licence = "BSD-2-Clause (acoustic model: Alpha Cephei Inc., 2015; dictionary: CMU)"
    sample_rate = SAMPLE_RATE
    grid = FrameGrid(SAMPLE_RATE, STRIDE)
    normalised = False
    silence = "SIL"
    noise = "+SPN+"
    # Chosen on synthetic speech with known boundaries (tools/tune_boundaries.py).
    acoustic_scale = 0.3
    # Fitted on read speech, native and not, with words replaced (tools/calibrate_confidence.py).
    calibration = (2.48, 6.41)

    def __init__(
        self, folder: Path | None = None, *, stream_weights: Sequence[float] = (1.0, 0.5, 0.5)
    ) -> None:
        self.folder = _installed_folder() if folder is None else folder
        acoustic = self.folder / "en-us"
        self.phones, senones = sphinx_files.read_phones(acoustic / "mdef")
        means = sphinx_files.read_gaussians(acoustic / "means")
        variances = sphinx_files.read_gaussians(acoustic / "variances")
        if means.shape[3] != DIMS or senones.shape[1] != STATES:
            raise InputError(
                f"{acoustic}: expected streams of {DIMS} values and {STATES} states a phone, got "
                f"{means.shape[3]} and {senones.shape[1]}"
            )
        # A Gaussian without any variance was trained on one vector. One of ZH's sits exactly where
        # nothing changes, and would claim all digital silence (test_digital_silence_is_silence).
        degenerate = (variances < _VARIANCE_FLOOR).all(axis=3)
        variances = np.maximum(variances, _VARIANCE_FLOOR)
        weights = sphinx_files.read_mixture_weights(acoustic / "sendump")
        self._means = means
        self._half_precisions = (0.5 / variances).astype(np.float32)
        self._log_norms = (-0.5 * np.log(2 * np.pi * variances.astype(np.float64)).sum(3)).astype(
            np.float32
        )
        self._log_norms[degenerate] = -np.inf
        # (R, K, P, H) -> (P, R, K, H): each phone owns the codebook of its number.
        self._mixture_weights = np.ascontiguousarray(weights[:, :, senones].transpose(2, 0, 1, 3))
        self._stream_weights = np.array(stream_weights, np.float32)
        self.vocabulary = Vocabulary(
            [f"{phone}.{state}" for phone in self.phones for state in range(STATES)]
        )
        transitions = sphinx_files.read_transitions(acoustic / "transition_matrices")
        stay = np.log(np.diagonal(transitions, axis1=1, axis2=2))
        leave = np.log(np.diagonal(transitions, offset=1, axis1=1, axis2=2))
        self.units = {
            phone: HmmUnit(
                tuple(range(p * STATES, (p + 1) * STATES)), tuple(stay[p]), tuple(leave[p])
            )
            for p, phone in enumerate(self.phones)
        }

    @cached_property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word, without stress."""
        return sphinx_files.read_dictionary(self.folder / "cmudict-en-us.dict")

    def describe(self) -> Mapping[str, str]:
        """Return the numbers of states and words, and the phones."""
        return {
            "states": str(len(self.vocabulary)),
            "phones": " ".join(self.phones),
            "words in the dictionary": str(len(self.dictionary)),
        }

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every state on every frame.

        Parameters
        ----------
        waveforms : ndarray, shape (B, N), float32
            Samples in [-1, 1] at ``sample_rate``; those beyond a length are not read.
        lengths : ndarray, shape (B,), int64
            Samples of each recording.

        Returns
        -------
        Emissions
            Log-likelihoods, shape (B, T, 126), float32, not normalised; ceil(length / 160) frames.

        Raises
        ------
        InputError
            A recording is empty or holds NaN, or there is not one length for each.
        """
        if waveforms.ndim != 2 or len(waveforms) != len(lengths):
            raise InputError(
                f"waveforms: expected shape ({len(lengths)}, N) for {len(lengths)} lengths, got "
                f"{waveforms.shape}"
            )
        check_lengths(lengths, waveforms.shape[1], name="lengths")
        frames = np.array([self.grid.count(int(length)) for length in lengths], np.int64)
        shape = (len(lengths), int(frames.max(initial=0)), len(self.vocabulary))
        log_probs = np.full(shape, -np.inf, np.float32)
        for b, length in enumerate(lengths):
            samples = waveforms[b, :length]
            check_samples(samples, name=f"waveforms[{b}]")
            log_probs[b, : frames[b]] = tied_mixture_log_likelihoods(
                sphinx_features(samples),
                self._means,
                self._half_precisions,
                self._log_norms,
                self._mixture_weights,
                self._stream_weights,
                np.ones(len(self.phones), np.bool_),
            )
        return Emissions(log_probs, frames, self.grid, self.vocabulary, normalised=False)

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations as phone names."""
        spelt = [[[self.units[p] for p in phones] for phones in variants] for variants in words]
        return hmm_graph(spelt, silence=self.units[self.silence])

    def chain(self, phones: Sequence[str]) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own."""
        return hmm_graph([[[self.units[phone]]] for phone in phones])

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""
        entered = (graph.sources[arcs] != graph.targets[arcs]) & (graph.labels[arcs] % STATES == 0)
        begins = np.flatnonzero(entered)
        ends = np.append(begins[1:], len(arcs))
        return [
            PhoneSpan(
                self.phones[graph.labels[arcs[begin]] // STATES],
                int(graph.positions[arcs[begin]]),
                int(begin),
                int(end),
            )
            for begin, end in zip(begins, ends)
        ]


def _installed_folder() -> Path:
    """Find the model files without importing pocketsphinx, which would load an audio driver."""
    spec = find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError(
            "english-sphinx: its files are in pocketsphinx; pip install pocketsphinx"
        )
    return Path(spec.submodule_search_locations[0]) / "model" / "en-us"
