"""Folders of neural HMMs: those of `speechalign.models.phone_folder`.

``model.json`` holds the sizes of the network, the weight of the priors and, where there is one,
what the encoder is; ``parameters.npz`` holds the weights of the network in half precision, each
as ``net.NAME``, and the log priors of the phones. The encoder itself is not in the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.encoder import EncoderFacts, load_encoder
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.models.phone_folder import Saved, read, write

KIND = "neural-hmm"
ARTICULATORY = "articulatory-hmm"
_PREFIX = "net."


def save(
    model: NeuralHmm,
    folder: Path,
    *,
    texts: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
) -> None:
    """Write the model, as `speechalign.models.phone_folder.write` does."""
    described = {
        "kind": KIND,
        **_articulatory(model),
        "network": model.net.config.keywords(),
        "prior weight": model.prior_weight,
        "encoder": None if model.facts is None else asdict(model.facts),
    }
    arrays = {
        f"{_PREFIX}{name}": values.astype(np.float16) for name, values in model.net.weights.items()
    }
    arrays["log_priors"] = model.log_priors
    write(model, folder, described=described, arrays=arrays, texts=texts, files=files)


def load(
    folder: Path,
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
    encoder: str | Path | None = None,
) -> NeuralHmm:
    """Load a model from its folder, and its encoder.

    Parameters
    ----------
    folder : Path
        The folder.
    device, offline, allow_pickle, encoder
        As in `load_model`.

    Raises
    ------
    FormatError
        A file is missing, damaged, or of a later version.
    InputError
        The encoder is another than the model was trained on.
    BackendError
        The encoder cannot be found, or a package is missing.
    """
    model = load_without_encoder(folder)
    if model.facts is None:
        if encoder is not None:
            raise InputError(f"{folder}: takes no encoder, as it has a network of its own")
        return model
    source = encoder or model.facts.source
    if encoder is None and Path(source).is_absolute() and not Path(source).is_dir():
        raise BackendError(
            f"{folder}: its encoder is not at {source} any more; name its folder, or org/name on "
            "the Hugging Face hub, with --encoder"
        )
    try:
        loaded = load_encoder(
            source, layers=model.facts.layers, device=device, offline=offline,
            allow_pickle=allow_pickle,
        )  # fmt: skip
    except BackendError as error:
        raise BackendError(
            f"{folder}: needs the encoder {source}, or --encoder with its folder: {error}"
        ) from None
    except InputError as error:
        raise InputError(
            f"{folder}: was trained on the encoder {model.facts.source}: {error}; name the folder "
            "of that encoder with --encoder"
        ) from None
    return model.with_encoder(loaded)


def load_without_encoder(folder: Path) -> NeuralHmm:
    """Load a model that will score stored outputs of its network; errors as for `load`."""
    return read(folder, _model)


def _model(saved: Saved) -> NeuralHmm:
    described = cast("dict[str, Any]", saved.described)
    facts = described["encoder"]
    if facts is not None:
        facts = EncoderFacts(
            **{**facts, "layers": tuple(facts["layers"]), "probe": tuple(facts["probe"])}
        )
    weights = {
        name.removeprefix(_PREFIX): values.astype(np.float32)
        for name, values in saved.arrays.items()
        if name.startswith(_PREFIX)
    }
    config = NetConfig.from_keywords(described["network"], source="network")
    common: dict[str, Any] = {
        "net": PhoneNet(config, weights),
        "log_priors": saved.arrays["log_priors"].astype(np.float64),
        "prior_weight": float(described["prior weight"]),
        "facts": facts,
        **saved.shared,
    }
    if described["kind"] == ARTICULATORY:
        return ArticulatoryHmm(
            durations=described["durations"], temperature=described["temperature"], **common
        )
    return NeuralHmm(**common)


def _articulatory(model: NeuralHmm) -> dict[str, object]:
    """Return what ``model.json`` has of a model of attributes."""
    if not isinstance(model, ArticulatoryHmm):
        return {}
    return {
        "kind": ARTICULATORY,
        "durations": dict(model.durations),
        "temperature": model.temperature,
    }
