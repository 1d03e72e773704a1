"""The embedded US-English aligner: the HMM-GMM and dictionary of the ``pocketsphinx`` wheel.

Its files (BSD licence, Alpha Cephei Inc. and Carnegie Mellon University) are read, and scored by
our own kernels; pocketsphinx's decoder is not used. Only the context-independent states are: they
place boundaries better than the triphones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.kernels.gaussian_mixture import DIMS, STATES
from speechalign.models.hmm_gmm import sphinx_files
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_files import InstalledDictionary

_NAME = "english-sphinx"
_DICTIONARY = "cmudict-en-us.dict"
_VARIANCE_FLOOR = 1e-4


class EnglishSphinx(HmmGmm):
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

    def __init__(
        self, folder: Path | None = None, *, stream_weights: Sequence[float] = (1.0, 0.5, 0.5)
    ) -> None:
        self.folder = _installed_folder() if folder is None else folder
        acoustic = self.folder / "en-us"
        phones, senones = sphinx_files.read_phones(acoustic / "mdef")
        means = sphinx_files.read_gaussians(acoustic / "means")
        variances = sphinx_files.read_gaussians(acoustic / "variances")
        if means.shape[3] != DIMS or senones.shape[1] != STATES:
            raise InputError(
                f"{acoustic}: expected streams of {DIMS} values and {STATES} states a phone, got "
                f"{means.shape[3]} and {senones.shape[1]}"
            )
        # (R, K, P, H) -> (P, R, K, H): each phone owns the codebook of its number.
        weights = sphinx_files.read_mixture_weights(acoustic / "sendump")[:, :, senones]
        weights = np.ascontiguousarray(weights.transpose(2, 0, 1, 3))
        # A Gaussian without any variance was trained on one vector. One of ZH's sits exactly where
        # nothing changes, and would claim all digital silence (test_digital_silence_is_silence).
        weights[(variances < _VARIANCE_FLOOR).all(axis=3)] = 0.0
        transitions = sphinx_files.read_transitions(acoustic / "transition_matrices")
        super().__init__(
            name=_NAME,
            language="en",
            licence="BSD-2-Clause (acoustic model: Alpha Cephei Inc., 2015; dictionary: CMU)",
            phones=phones,
            silence="SIL",
            noise="+SPN+",
            mixtures=Mixtures(
                means,
                np.maximum(variances, _VARIANCE_FLOOR),
                weights,
                np.array(stream_weights, np.float32),
            ),
            stay=np.diagonal(transitions, axis1=1, axis2=2).astype(np.float64),
            dictionary=(
                installed_dictionary()
                if folder is None
                else sphinx_files.read_dictionary(folder / _DICTIONARY)
            ),
            variant_priors={},
            # Both chosen on synthetic speech with known boundaries (tools/tune_boundaries.py).
            silence_probability=0.5,
            acoustic_scale=0.3,
            # Fitted on read speech, native and not, with words replaced
            # (tools/calibrate_confidence.py).
            calibration=(2.48, 6.41),
            pronunciation="english",
        )


def installed_dictionary() -> InstalledDictionary:
    """Read the dictionary in the wheel."""
    entries = sphinx_files.read_dictionary(_installed_folder() / _DICTIONARY)
    return InstalledDictionary(_NAME, entries)


def _installed_folder() -> Path:
    """Find the model files without importing pocketsphinx, which would load an audio driver."""
    spec = find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError(
            "english-sphinx: its files are in pocketsphinx; pip install pocketsphinx"
        )
    return Path(spec.submodule_search_locations[0]) / "model" / "en-us"
