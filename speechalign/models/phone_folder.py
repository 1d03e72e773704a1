"""Folders of phone HMMs: what every family saves alike, and reads again.

=================== ==========================================================================
``model.json``      kind, language, licence, phones, silence and noise, weights, version of
                    speechalign, and what the family adds
``parameters.npz``  probability of staying in each state, and the family's parameters; no pickled
                    objects
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
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from speechalign import __version__
from speechalign.errors import FormatError, InputError, SpeechAlignError
from speechalign.models import DESCRIPTION
from speechalign.models.folders import replacing_folder
from speechalign.models.installed_dictionary import InstalledDictionary
from speechalign.models.phone_hmm import PhoneHmm, PhoneHmmParameters
from speechalign.registry import Registry
from speechalign.text.dictionary import Dictionary, read_dictionary, write_dictionary

PARAMETERS = "parameters.npz"
DICTIONARY = "dictionary.txt"
G2P = "g2p.npz"
_VERSION = 1
_INSTALLED = Registry(
    "speechalign.installed_dictionaries",
    {"english-sphinx": "speechalign.models.hmm_gmm.english_sphinx:installed_dictionary"},
)
"""By name: a function that returns a dictionary that is installed with speechalign."""

_Model = TypeVar("_Model", bound=PhoneHmm)


@dataclass(frozen=True)
class Saved:
    """Contents of a folder, as `read` returns them.

    Parameters
    ----------
    described : Mapping[str, object]
        All of ``model.json``.
    arrays : Mapping[str, ndarray]
        All of ``parameters.npz``.
    shared : PhoneHmmParameters
        The keywords of `PhoneHmm`.
    """

    described: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]
    shared: PhoneHmmParameters


def write(
    model: PhoneHmm,
    folder: Path,
    *,
    described: Mapping[str, object],
    arrays: Mapping[str, np.ndarray],
    texts: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
) -> None:
    """Write a model; a model of that name is replaced once all is written.

    Parameters
    ----------
    model : PhoneHmm
        The model.
    folder : Path
        Where to.
    described : Mapping[str, object]
        What the family adds to ``model.json``; ``kind`` is its name in ``FAMILIES``.
    arrays : Mapping[str, ndarray]
        What it adds to ``parameters.npz``.
    texts : Mapping[str, str]
        File name to content, for people: ``MODEL_CARD.md`` and the like.
    files : Mapping[str, Path] or None
        File name to a file that is copied.

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
    installed = model.dictionary if isinstance(model.dictionary, InstalledDictionary) else None
    description = {
        "format": _VERSION,
        "name": model.name,
        "language": model.language,
        "licence": model.licence,
        "phones": list(model.phones),
        "silence": model.silence,
        "noise": model.noise,
        "silence probability": model.silence_probability,
        "acoustic scale": model.acoustic_scale,
        "calibration": list(model.calibration),
        "dictionary": None if installed is None else installed.name,
        "pronunciation": model.pronunciation if g2p is None else G2P,
        "speechalign": __version__,
        **described,
    }
    with replacing_folder(folder) as temporary:
        np.savez(
            temporary / PARAMETERS,
            stay=model.stay,
            **arrays,  # type: ignore[arg-type]
        )
        (temporary / DICTIONARY).write_text(_dictionary_text(model), encoding="utf-8")
        if g2p is not None:
            shutil.copyfile(g2p, temporary / G2P)
        for name, path in (files or {}).items():
            shutil.copyfile(path, temporary / name)
        for name, text in texts.items():
            (temporary / name).write_text(text, encoding="utf-8")
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (temporary / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read(folder: Path, make: Callable[[Saved], _Model]) -> _Model:
    """Read a folder that `write` wrote, and make its model.

    Parameters
    ----------
    folder : Path
        The folder.
    make : callable
        Makes the model; a ``ValueError``, ``LookupError``, ``TypeError`` or `InputError` that it
        raises means that the files are damaged.

    Raises
    ------
    FormatError
        A file is missing, damaged, or of a later version.
    """
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        if described["format"] != _VERSION:
            raise other_features(folder, described)
        path = folder / PARAMETERS
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        path = folder / DICTIONARY
        own = _read_dictionary(path, described["phones"])
        path = folder / DESCRIPTION
        installed = described.get("dictionary")
        if installed not in (None, *_INSTALLED):
            raise FormatError(f"{path}: dictionary {installed!r} is not known; update speechalign")
        slope, intercept = described["calibration"]
        pronunciation = described["pronunciation"]
        shared: PhoneHmmParameters = {
            "name": described["name"],
            "language": described["language"],
            "licence": described["licence"],
            "phones": described["phones"],
            "silence": described["silence"],
            "noise": described["noise"],
            "stay": arrays["stay"].astype(np.float64),
            "dictionary": own if installed is None else _installed(installed).overlaid(own),
            "variant_priors": own.variant_priors(),
            "silence_probability": described["silence probability"],
            "acoustic_scale": described["acoustic scale"],
            "calibration": (slope, intercept),
            "pronunciation": str(folder / G2P) if pronunciation == G2P else pronunciation,
        }
        return make(Saved(described, arrays, shared))
    except InputError as error:
        raise FormatError(f"{path}: damaged ({error}); copy the model again") from None
    except SpeechAlignError:
        raise
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}; copy the model again") from None
    except (ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: damaged ({error}); copy the model again") from None


def other_features(folder: Path, described: Mapping[str, object]) -> FormatError:
    """Return the error for a model whose features this version does not have."""
    return FormatError(
        f"{folder / DESCRIPTION}: written by speechalign {described['speechalign']}, whose models "
        "have other features; update speechalign, or train again"
    )


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
        There is no such file, or the model has no dictionary.
    FormatError
        The model or the file is damaged, or a phone is none of the model's.
    OSError
        The folder cannot be written; its dictionary is as it was.
    """
    if not (folder / DICTIONARY).is_file():
        raise InputError(
            f"{folder}: expected a model of phones in states; others have no {DICTIONARY}"
        )
    phones = read(folder, lambda saved: PhoneHmm(**saved.shared)).phones
    added = read_dictionary(words, phones=phones)
    own = _read_dictionary(folder / DICTIONARY, phones)
    write_dictionary(own.overlaid(added), folder / DICTIONARY)
    return added


def _installed(name: str) -> InstalledDictionary:
    return cast(Callable[[], InstalledDictionary], _INSTALLED[name])()


def _dictionary_text(model: PhoneHmm) -> str:
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


def _read_dictionary(path: Path, phones: Collection[str]) -> Dictionary:
    """Read the words of the folder; there may be none."""
    if not path.read_bytes().strip():
        return Dictionary({})
    return read_dictionary(path, phones=phones, warn=lambda _: None)
