"""Folders of HMM-GMM models: saved, and loaded again.

=================== ==========================================================================
``model.json``      kind, language, licence, phones, silence and noise, weights, what the features
                    are, version of speechalign
``parameters.npz``  means, variances and weights of the Gaussians (see `Mixtures`), probability of
                    staying in each state, tree of states and transforms of speakers where there
                    are any; no pickled objects
``dictionary.txt``  words and their pronunciations, in any format that
                    `speechalign.text.dictionary.read_dictionary` reads, for people to edit;
                    where ``model.json`` names a dictionary that is installed with speechalign,
                    the words that differ from it, or have a probability
``g2p.npz``         what pronounces other words, where that is not one of speechalign's own ways
others              for people: the model card, the report of the training
=================== ==========================================================================
"""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from speechalign import __version__
from speechalign.errors import FormatError
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models import DESCRIPTION
from speechalign.models.folders import replacing_folder
from speechalign.models.hmm_gmm.english_sphinx import installed_dictionary
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_features import SAMPLE_RATE, STRIDE
from speechalign.models.hmm_gmm.state_tree import StateTree
from speechalign.models.installed_dictionary import InstalledDictionary
from speechalign.text.dictionary import Dictionary, read_dictionary, write_dictionary

KIND = "hmm-gmm"
PARAMETERS = "parameters.npz"
DICTIONARY = "dictionary.txt"
G2P = "g2p.npz"
# What the features of a saved model are; there is one front end, with two kinds of normalisation.
_FRONT_END = {
    "front end": "sphinx: 13 cepstra, first and second differences",
    "sample rate": SAMPLE_RATE,
    "stride": STRIDE,
}
_NORMALISATIONS = {False: "mean of the utterance", True: "mean and deviation of the speaker"}
_VERSION = 1
_INSTALLED = {"english-sphinx": installed_dictionary}


def save(model: HmmGmm, folder: Path, *, texts: Mapping[str, str]) -> None:
    """Write the model; a model of that name is replaced once all is written.

    Parameters
    ----------
    model : HmmGmm
        The model.
    folder : Path
        Where to.
    texts : Mapping[str, str]
        File name to content, for people: ``MODEL_CARD.md`` and the like.

    Raises
    ------
    InputError
        ``folder`` holds something other than a model.
    OSError
        The files cannot be written; what was there before is still there.
    """
    g2p = model.pronunciation
    if g2p is not None and Path(g2p).suffix != ".npz":
        g2p = None
    description = {
        "kind": KIND,
        "format": _VERSION,
        "name": model.name,
        "language": model.language,
        "licence": model.licence,
        "features": {**_FRONT_END, "normalisation": _NORMALISATIONS[model.by_speaker]},
        "states per phone": STATES,
        "phones": list(model.phones),
        "silence": model.silence,
        "noise": model.noise,
        "silence probability": model.silence_probability,
        "acoustic scale": model.acoustic_scale,
        "calibration": list(model.calibration),
        "dictionary": _installed_name(model),
        "pronunciation": model.pronunciation if g2p is None else G2P,
        "speechalign": __version__,
    }
    with replacing_folder(folder) as temporary:
        optional = {} if model.tree is None else model.tree.arrays()
        optional |= _transform_arrays(model.transforms)
        np.savez(
            temporary / PARAMETERS,
            means=model.mixtures.means,
            variances=model.mixtures.variances,
            weights=model.mixtures.weights,
            stream_weights=model.mixtures.stream_weights,
            stay=model.stay,
            **optional,  # type: ignore[arg-type]
        )
        (temporary / DICTIONARY).write_text(_dictionary_text(model), encoding="utf-8")
        if g2p is not None:
            shutil.copyfile(g2p, temporary / G2P)
        for name, text in texts.items():
            (temporary / name).write_text(text, encoding="utf-8")
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (temporary / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def add_words(folder: Path, words: Path) -> Dictionary:
    """Give the dictionary of a model the pronunciations of a file.

    Parameters
    ----------
    folder : Path
        The model.
    words : Path
        A dictionary, as `speechalign.text.dictionary.read_dictionary` takes it; its words replace
        those of the same spelling.

    Returns
    -------
    Dictionary
        What was added, in the phones of the model.

    Raises
    ------
    InputError
        There is no such file.
    FormatError
        The model or the file is damaged, or a phone is none of the model's.
    OSError
        The folder cannot be written; its dictionary is as it was.
    """
    model = load(folder)
    added = read_dictionary(words, phones=model.phones)
    own = _read_dictionary(folder / DICTIONARY, model.phones)
    write_dictionary(own.overlaid(added), folder / DICTIONARY)
    return added


def _installed_name(model: HmmGmm) -> str | None:
    return model.dictionary.name if isinstance(model.dictionary, InstalledDictionary) else None


def _dictionary_text(model: HmmGmm) -> str:
    lines = []
    installed = model.dictionary if isinstance(model.dictionary, InstalledDictionary) else None
    for word, variants in model.dictionary.items():
        priors = model.variant_priors.get(variants)
        if installed is not None and priors is None and word not in installed.own:
            continue
        for i, phones in enumerate(variants):
            probability = [] if priors is None else [repr(math.exp(priors[i]))]
            lines.append("\t".join([word, *probability, " ".join(phones)]) + "\n")
    return "".join(lines)


def load(folder: Path) -> HmmGmm:
    """Load a model from its folder.

    Raises
    ------
    FormatError
        A file is missing, damaged, or of a later version.
    """
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        features = dict(described["features"]) if described["format"] == _VERSION else {}
        normalisation = features.pop("normalisation", None)
        if features != _FRONT_END or normalisation not in _NORMALISATIONS.values():
            raise FormatError(
                f"{path}: written by speechalign {described['speechalign']}, whose models have "
                "other features; update speechalign, or train again"
            )
        path = folder / PARAMETERS
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            mixtures = Mixtures(
                *(arrays[name].astype(np.float32)
                  for name in ("means", "variances", "weights", "stream_weights"))
            )  # fmt: skip
            stay = arrays["stay"].astype(np.float64)
            tree = StateTree.of_arrays(arrays)
            transforms = _transforms(arrays)
        path = folder / DICTIONARY
        own = _read_dictionary(path, described["phones"])
        path = folder / DESCRIPTION
        installed = described.get("dictionary")
        if installed not in (None, *_INSTALLED):
            raise FormatError(f"{path}: dictionary {installed!r} is not known; update speechalign")
        dictionary = own if installed is None else _INSTALLED[installed]().overlaid(own)
        slope, intercept = described["calibration"]
        pronunciation = described["pronunciation"]
        return HmmGmm(
            name=described["name"],
            language=described["language"],
            licence=described["licence"],
            phones=described["phones"],
            silence=described["silence"],
            noise=described["noise"],
            mixtures=mixtures,
            stay=stay,
            dictionary=dictionary,
            variant_priors=own.variant_priors(),
            silence_probability=described["silence probability"],
            acoustic_scale=described["acoustic scale"],
            calibration=(slope, intercept),
            pronunciation=str(folder / G2P) if pronunciation == G2P else pronunciation,
            by_speaker=normalisation == _NORMALISATIONS[True],
            transforms=transforms,
            tree=tree,
        )
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}; copy the model again") from None
    except (ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: damaged ({error}); copy the model again") from None


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


def _read_dictionary(path: Path, phones: Collection[str]) -> Dictionary:
    """Read the words of the folder; there may be none."""
    if not path.read_bytes().strip():
        return Dictionary({})
    return read_dictionary(path, phones=phones, warn=lambda _: None)
