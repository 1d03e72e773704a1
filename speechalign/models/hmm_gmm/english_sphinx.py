"""The embedded US-English aligner: the HMM-GMM and dictionary of the ``pocketsphinx`` wheel.

Its files (BSD licence, Alpha Cephei Inc. and Carnegie Mellon University) are read, and scored by
our own kernels; pocketsphinx's decoder is not used. Only the context-independent states are: they
place boundaries better than the triphones do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechalign.errors import BackendError, FormatError, InputError
from speechalign.kernels.gaussian_mixture import DIMS, STATES
from speechalign.models.hmm_gmm import sphinx_files
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.installed_dictionary import InstalledDictionary

_NAME = "english-sphinx"
_DICTIONARY = "cmudict-en-us.dict"
_VARIANCE_FLOOR = 1e-4
# SHA-256 of the files of pocketsphinx 5.1, for which the constants below were chosen.
_SHA256 = {
    "en-us/mdef": "2360f9a86889c1cfee8bd618a0269387911e5fb2920a594f506b18b8c79683b0",
    "en-us/means": "832019e32cac12eb318964f96f469034acb12d0348eeddc3831831a100cb4dd4",
    "en-us/variances": "b00d696f85e96834fc10f8e5f06428d8c4db6bffdbe5845b6f69bf6efbc48fa5",
    "en-us/sendump": "8c9564c0d5bef69ca9d9bf1014abe162f071644cf02cf1fa8a483c3dc165a7a8",
    "en-us/transition_matrices": "c1f7f28ea43177be734be1f88bd7f1b9a853d0e660f8599c67c6eaeca8bb539a",
    _DICTIONARY: "20b5c293e1f311fb375fe067e500ec5636f4fc7af5594967263696def9b23bfe",
}


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
        The ``pocketsphinx`` package is not installed, or its files are of another version.
    FormatError
        A file of the model is damaged.
    """

    def __init__(
        self, folder: Path | None = None, *, stream_weights: Sequence[float] = (1.0, 0.5, 0.5)
    ) -> None:
        self.folder = _installed_folder(_SHA256) if folder is None else folder
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


@cache
def installed_dictionary() -> InstalledDictionary:
    """Read the dictionary in the wheel, once; models share it and do not change it."""
    entries = sphinx_files.read_dictionary(_installed_folder([_DICTIONARY]) / _DICTIONARY)
    return InstalledDictionary(_NAME, entries)


def _installed_folder(names: Iterable[str]) -> Path:
    """Return the folder of the files in the wheel, once those that are named are as expected."""
    # Importing pocketsphinx would load an audio driver.
    spec = find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError(
            "english-sphinx: its files are in pocketsphinx; pip install 'pocketsphinx>=5.1,<6'"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model" / "en-us"
    for name in names:
        path = folder / name
        try:
            found = sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise FormatError(f"{path}: {error.strerror}; install pocketsphinx again") from None
        if found != _SHA256[name]:
            raise BackendError(
                f"{path}: expected the file of pocketsphinx 5.1, which english-sphinx was made "
                f"for, got another (SHA-256 {found}); pip install --force-reinstall "
                "'pocketsphinx==5.1.1'"
            )
    return folder
