"""Acoustic models: by name, from folders and files of several families, and from a model hub.

Protocols define the interfaces of models: every model is a `Model`; one that scores frames is an
`EmittingModel`, and either a `PhoneModel` or a `CtcModel`; one that listens to a text as a whole is
an `AttentionModel`.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, cast

from speechalign.errors import InputError, wrong_type
from speechalign.models.protocols import (
    Attention,
    AttentionModel,
    AttributeModel,
    CtcModel,
    CtcPhoneModel,
    CtcTokenModel,
    DictionaryModel,
    EmittingModel,
    Model,
    OpenPhoneModel,
    PausingModel,
    PhoneModel,
    PhoneSpan,
    SpeakerModel,
)
from speechalign.registry import Registry

MODELS = Registry(
    "speechalign.models",
    {
        "english": "speechalign.models.neural_hmm.shipped:english",
        "english-ctc-small": "speechalign.models.ctc.conv_ctc:english_ctc_small",
        "english-gmm": "speechalign.models.hmm_gmm.shipped:english_gmm",
        "english-sphinx": "speechalign.models.hmm_gmm.english_sphinx:EnglishSphinx",
        "english-whisper": "speechalign.models.neural_hmm.shipped:english_whisper",
        "german": "speechalign.models.neural_hmm.shipped:german",
        "german-gmm": "speechalign.models.hmm_gmm.shipped:german_gmm",
        "german-whisper": "speechalign.models.neural_hmm.shipped:german_whisper",
        "universal": "speechalign.models.neural_hmm.shipped:universal",
        "universal-small": "speechalign.models.neural_hmm.shipped:universal_small",
    },
)
"""By name: a class or function that makes a model; it needs no arguments."""

FAMILIES = Registry(
    "speechalign.model_families",
    {
        "articulatory-hmm": "speechalign.models.neural_hmm.folder:load",
        "conv-ctc": "speechalign.models.ctc.conv_ctc:load",
        "hmm-gmm": "speechalign.models.hmm_gmm.folder:load",
        "neural-hmm": "speechalign.models.neural_hmm.folder:load",
        "onnx-ctc": "speechalign.models.ctc.onnx_ctc:load_exported",
        "speech-llm": "speechalign.models.speech_llm.folder:load",
    },
)
"""By kind: a function that loads a model from the folder whose ``model.json`` names the kind."""

SOURCES = Registry(
    "speechalign.model_sources",
    {
        "hf-ctc": "speechalign.models.ctc.hf_ctc",
        "hub": "speechalign.models.hub",
        "onnx": "speechalign.models.ctc.onnx_ctc",
        "torchaudio": "speechalign.models.ctc.torchaudio_bundle",
        "whisper": "speechalign.models.whisper_attention",
    },
)
"""By name: a module of models in a foreign format, with `Source`'s functions."""

DESCRIPTION = "model.json"
_TRUE = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub has it


class Source(Protocol):
    """Interface of the modules in ``SOURCES``, which must import fast.

    ``NAMES`` are the models that it has by name, for people to choose from.
    """

    NAMES: Sequence[str]

    def recognises(self, source: str) -> bool:
        """Tell whether this is a model of the family, without loading any of it."""

    @property
    def load(self) -> Callable[..., Model]:
        """Loader: a function of the path and of the options that its keywords name."""


def load_model(
    source: str | Path,
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
    encoder: str | Path | None = None,
) -> Model:
    """Load an acoustic model.

    Parameters
    ----------
    source : str or Path
        One of these, the first that fits: a name in ``MODELS``; a folder with a ``model.json``
        that names the kind of model; whatever a module in ``SOURCES`` recognises; ``org/name`` or
        ``org/name@revision`` on the Hugging Face hub.
    device : str or None
        ``cpu``, ``cuda`` or ``cuda:1`` ...; None for the GPU where the model can use one.
    offline : bool
        Use no network; only what was downloaded before. ``HF_HUB_OFFLINE=1`` in the environment
        means the same.
    allow_pickle : bool
        Read weights that are a Python pickle, with torch's reader that runs no code. Without,
        only safetensors and ONNX.
    encoder : str, Path or None
        Folder, or ``org/name`` on the hub, of the pretrained encoder that a neural HMM was trained
        on; None for where it was then.

    Returns
    -------
    Model
        Ready to use.

    Raises
    ------
    InputError
        There is no such model; a file is missing, damaged or a pickle; the model does not read an
        option; it is not there and may not, or cannot, be downloaded.
    BackendError
        A package or device that the model needs is missing.
    """
    if not isinstance(source, str | os.PathLike):
        raise wrong_type("source", "the name or path of a model", source)
    offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE
    options: dict[str, object] = {"device": device, "offline": offline}
    options["allow_pickle"] = allow_pickle
    if encoder is not None:
        options["encoder"] = encoder
    return _call(_loader(str(source)), str(source), options)


def known_names() -> list[str]:
    """Return the names that `load_model` knows, without those on a hub."""
    return [*MODELS, *(name for family in SOURCES for name in _source(family).NAMES)]


def _loader(source: str) -> Callable[..., Model]:
    """Find what loads a source; called with the source or, for a name, with nothing."""
    if source in MODELS:
        return cast(Callable[..., Model], MODELS[source])
    path = Path(source) / DESCRIPTION
    if path.exists():
        try:
            kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path}: damaged; expected a JSON object with a kind") from None
        if kind not in FAMILIES:
            raise InputError(f"{path}: kind {kind!r} is not one of {', '.join(FAMILIES)}")
        return cast(Callable[..., Model], FAMILIES[kind])
    for family in SOURCES:
        if _source(family).recognises(source):
            return _source(family).load
    if Path(source).is_dir():
        raise InputError(
            f"{source}: expected a model, but it has no {DESCRIPTION}, no config.json and no .onnx "
            "file; name the folder that holds the files of the model"
        )
    near = get_close_matches(source, known_names(), n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"{source}: no such model; {hint}expected a name that `speechalign model list` shows, a "
        "folder, or org/name on the Hugging Face hub"
    )


def _source(family: str) -> Source:
    return cast(Source, SOURCES[family])


def _call(loader: Callable[..., Model], source: str, options: Mapping[str, object]) -> Model:
    """Load a source with the options that its loader reads."""
    read = inspect.signature(loader).parameters
    if "device" not in read and options["device"] not in (None, "cpu"):
        raise InputError(f"{source}: this model runs on the CPU only, got {options['device']}")
    if "encoder" in options and "encoder" not in read:
        raise InputError(f"{source}: takes no encoder; leave --encoder out")
    keywords = {name: value for name, value in options.items() if name in read}
    return loader(**keywords) if source in MODELS else loader(Path(source), **keywords)


__all__ = [
    "DESCRIPTION",
    "FAMILIES",
    "MODELS",
    "SOURCES",
    "Attention",
    "AttentionModel",
    "AttributeModel",
    "CtcModel",
    "CtcPhoneModel",
    "CtcTokenModel",
    "DictionaryModel",
    "EmittingModel",
    "Model",
    "OpenPhoneModel",
    "PausingModel",
    "PhoneModel",
    "PhoneSpan",
    "Source",
    "SpeakerModel",
    "known_names",
    "load_model",
]
