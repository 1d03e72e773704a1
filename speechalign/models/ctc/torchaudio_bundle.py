"""torchaudio's CTC models: ``torchaudio:MMS_FA``, and other bundles by name.

``torchaudio:NAME@FILE`` reads the weights from a file instead of torchaudio's download.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.models.device import (
    Score,
    batch_seconds,
    choose_device,
    half_precision,
    import_torch,
    log_probs_on,
)
from speechalign.models.frame_timing import convolution_grid
from speechalign.models.weights import load_weights
from speechalign.vocabulary import Vocabulary

if TYPE_CHECKING:
    from torch import nn
    from torchaudio.pipelines import Wav2Vec2ASRBundle

_PREFIX = "torchaudio:"
BLANK, STAR = "-", "*"

# Bundle: language of the text.
_BUNDLES = {
    "MMS_FA": "mul",
    **{
        f"WAV2VEC2_ASR_{size}_{data}": "en"
        for size in ("BASE", "LARGE", "LARGE_LV60K")
        for data in ("10M", "100H", "960H")
    },
    **{f"VOXPOPULI_ASR_BASE_10K_{code.upper()}": code for code in ("en", "es", "de", "fr", "it")},
    "HUBERT_ASR_LARGE": "en",
    "HUBERT_ASR_XLARGE": "en",
}
_LICENCES = {
    "MMS": "CC-BY-NC-4.0",
    "WAV2VEC2": "MIT",
    "VOXPOPULI": "CC-BY-NC-4.0",
    "HUBERT": "MIT",
}

NAMES = tuple(f"{_PREFIX}{name}" for name in _BUNDLES)


def recognises(source: str) -> bool:
    """Tell whether the source begins with ``torchaudio:``."""
    return source.startswith(_PREFIX)


def load(
    source: str | Path,
    *,
    device: str | None = None,
    offline: bool = False,
    allow_pickle: bool = False,
    star: bool = False,
) -> NetworkCtc:
    """Load a bundle of ``torchaudio.pipelines``.

    Parameters
    ----------
    source : str or Path
        ``torchaudio:NAME`` or ``torchaudio:NAME@FILE``, where FILE holds the weights, as
        torchaudio offers them or as safetensors.
    device, offline, allow_pickle
        As in `load_model`. What torchaudio itself downloads needs no ``allow_pickle``.
    star : bool
        Append the wildcard that MMS_FA defines, ``*`` of probability one, as the last column. The
        aligner has one of its own, which leaves the words beside it alone.

    Returns
    -------
    NetworkCtc
        Characters; MMS_FA reads any language in Latin letters.

    Raises
    ------
    InputError
        There is no such bundle or file; the weights do not fit, or may not be read.
    BackendError
        torchaudio is missing, or the weights cannot be downloaded.
    """
    name, _, file = str(source).removeprefix(_PREFIX).partition("@")
    if name not in _BUNDLES:
        raise InputError(f"{source}: torchaudio has no CTC bundle of this name; there is: "
                         f"{', '.join(_BUNDLES)}")  # fmt: skip
    if star and name != "MMS_FA":
        raise InputError(f"{source}: star: only MMS_FA defines one")
    import_torch("torchaudio")
    try:
        import torchaudio
    except (ImportError, OSError) as error:
        raise BackendError(
            f"{source}: torchaudio does not load ({error}); pip install 'speechalign[torchaudio]'"
        ) from None
    from speechalign.models.ctc.sample_network import SampleNetwork

    bundle = cast("Wav2Vec2ASRBundle", getattr(torchaudio.pipelines, name))
    network = SampleNetwork(
        _network(bundle, file, offline=offline, allow_pickle=allow_pickle),
        epsilon=1e-5 if bundle._normalize_waveform else None,
        masked=False,
    )
    target = choose_device(device)
    network.to(target).eval()
    score = log_probs_on(target, network, half=half_precision(target))
    symbols = list(bundle.get_labels(blank=BLANK))
    if name == "MMS_FA":
        symbols.remove(STAR)
    layers = [
        (kernel, stride) for _, kernel, stride in bundle._params["extractor_conv_layer_config"]
    ]
    grid = convolution_grid(layers, sample_rate=int(bundle.sample_rate))
    return NetworkCtc(
        _with_certain_star(score) if star else score,
        Vocabulary([*symbols, STAR] if star else symbols, blank=BLANK),
        grid,
        reach=2 * grid.offset + grid.stride,
        name=f"{_PREFIX}{name}" + (f"@{Path(file).name}" if file else ""),
        language=_BUNDLES[name],
        licence=f"{_LICENCES[name.partition('_')[0]]} (weights)",
        unit="characters",
        facts={
            "parameters": str(sum(p.numel() for p in network.parameters())),
            "device": str(target),
        },
        normalised=not star,
        network=None if star else network,
        batch_seconds=batch_seconds(target),
        exact=log_probs_on(target, network),
        weights=[network],
    )


def _network(
    bundle: Wav2Vec2ASRBundle, file: str, *, offline: bool, allow_pickle: bool
) -> nn.Module:
    """Build the network and fill it, from a file or from torchaudio's cache or download."""
    import torch
    from torchaudio.pipelines._wav2vec2 import utils

    network: nn.Module = utils._get_model(bundle._model_type, bundle._params)
    if file:
        weights = load_weights(Path(file), allow_pickle=allow_pickle)
        if bundle._remove_aux_axis and len(weights["aux.weight"]) > bundle._params["aux_num_out"]:
            utils._remove_aux_axes(weights, bundle._remove_aux_axis)
    else:
        cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(bundle._path).name
        if offline and not cached.is_file():
            raise BackendError(
                f"{bundle._path}: is not at {cached} and may not be downloaded (--offline, "
                "HF_HUB_OFFLINE); copy it there, or name the file: torchaudio:NAME@FILE"
            )
        try:
            weights = utils._get_state_dict(bundle._path, None, bundle._remove_aux_axis)
        except OSError as error:
            raise BackendError(
                f"{bundle._path}: cannot be downloaded: {error}; copy it to {cached}, or name the "
                "file: torchaudio:NAME@FILE"
            ) from None
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).split("\n")[1:2]
        raise InputError(f"{file}: these weights do not fit the bundle: {reason}") from None
    return network


def _with_certain_star(score: Score) -> Score:
    def starred(samples: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        found = score(samples, lengths)
        return np.concatenate([found, np.zeros_like(found[..., :1])], axis=2)

    return starred
