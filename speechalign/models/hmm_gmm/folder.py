"""Folders of HMM-GMM models: those of `speechalign.models.phone_folder`.

``model.json`` says what the features are; ``parameters.npz`` holds means, variances and weights of
the Gaussians (see `Mixtures`), and the tree of states and the transforms of speakers where there
are any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_features import SAMPLE_RATE, STRIDE
from speechalign.models.hmm_gmm.state_tree import StateTree
from speechalign.models.phone_folder import Saved, other_features, read, write

KIND = "hmm-gmm"
# What the features of a saved model are; there is one front end, with two kinds of normalisation.
_FRONT_END = {
    "front end": "sphinx: 13 cepstra, first and second differences",
    "sample rate": SAMPLE_RATE,
    "stride": STRIDE,
}
_NORMALISATIONS = {False: "mean of the utterance", True: "mean and deviation of the speaker"}


def save(model: HmmGmm, folder: Path, *, texts: Mapping[str, str]) -> None:
    """Write the model, as `speechalign.models.phone_folder.write` does."""
    described = {
        "kind": KIND,
        "features": {**_FRONT_END, "normalisation": _NORMALISATIONS[model.by_speaker]},
        "states per phone": STATES,
    }
    arrays = {
        "means": model.mixtures.means,
        "variances": model.mixtures.variances,
        "weights": model.mixtures.weights,
        "stream_weights": model.mixtures.stream_weights,
        **({} if model.tree is None else model.tree.arrays()),
        **_transform_arrays(model.transforms),
    }
    write(model, folder, described=described, arrays=arrays, texts=texts)


def load(folder: Path) -> HmmGmm:
    """Load a model from its folder.

    Raises
    ------
    FormatError
        A file is missing, damaged, or of a later version.
    """

    def make(saved: Saved) -> HmmGmm:
        features = dict(saved.described["features"])  # type: ignore[call-overload]
        normalisation = features.pop("normalisation", None)
        if features != _FRONT_END or normalisation not in _NORMALISATIONS.values():
            raise other_features(folder, saved.described)
        names = ("means", "variances", "weights", "stream_weights")
        return HmmGmm(
            mixtures=Mixtures(*(saved.arrays[name].astype(np.float32) for name in names)),
            by_speaker=normalisation == _NORMALISATIONS[True],
            transforms=_transforms(saved.arrays),
            tree=StateTree.of_arrays(saved.arrays),
            **saved.shared,
        )

    return read(folder, make)


def _transform_arrays(transforms: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays that transforms are saved as: names, and matrices; none for none."""
    if not transforms:
        return {}
    names = sorted(transforms)
    return {"speakers": np.array(names), "transforms": np.array([transforms[n] for n in names])}


def _transforms(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    if "speakers" not in arrays:
        return {}
    matrices = arrays["transforms"].astype(np.float64)
    return dict(zip(arrays["speakers"].tolist(), matrices, strict=True))
