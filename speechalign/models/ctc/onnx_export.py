"""Write a torch CTC model as ONNX, which runs without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechalign.errors import InputError
from speechalign.models import DESCRIPTION, Model
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.models.ctc.onnx_ctc import KIND, NETWORK, open_network
from speechalign.models.folders import replacing_folder
from speechalign.models.onnx_program import write_program

if TYPE_CHECKING:
    from torch import Tensor, nn

# Seconds of the recordings that both networks are compared on, neither that of the export's own.
_CHECKED = (0.5, 1.7)
_MOST = 1e-3


def export(model: Model, folder: str | Path) -> float:
    """Write ``model.onnx`` and ``model.json`` to a folder, and check that they say the same.

    Parameters
    ----------
    model : Model
        A model of torchaudio or Hugging Face that hears samples, or a convolutional one of ours.
    folder : str or Path
        Made where it is missing; a model that is there is replaced.

    Returns
    -------
    float
        The largest difference of log-probabilities between the two, on noise.

    Raises
    ------
    InputError
        The model cannot be exported, the folder holds something else, or the two differ by more
        than 0.001.
    BackendError
        A package for the export is missing.
    """
    if not isinstance(model, NetworkCtc) or model.network is None or model.unit == "tokens":
        raise InputError(
            f"{model.name}: only CTC models of characters or phones that hear samples, of "
            "torchaudio or Hugging Face or of kind conv-ctc, can be exported"
        )
    network = model.network
    rate = model.sample_rate
    with replacing_folder(Path(folder)) as temporary:
        write_program(
            network,
            {"waveforms": _silence(network, rate)},
            temporary / NETWORK,
            output="logits",
            axes=[{0: "batch", 1: "samples"}],
        )
        score = open_network(temporary / NETWORK, device=None)
        worst = 0.0
        for seconds in _CHECKED:
            noise = np.random.default_rng(0).normal(size=(1, round(seconds * rate)))
            samples = (0.1 * noise).astype(np.float32)
            ours = model.emit(samples, np.array([samples.shape[1]])).log_probs
            theirs = score(samples)[:, : ours.shape[1]]
            if theirs.shape != ours.shape or not np.abs(theirs - ours).max() <= _MOST:
                raise InputError(f"{model.name}: the exported network differs from the original")
            worst = max(worst, float(np.abs(theirs - ours).max()))
        (temporary / DESCRIPTION).write_text(_description(model), encoding="utf-8")
    return worst


def _silence(network: nn.Module, samples: int) -> Tensor:
    """Return two recordings of so many zeros, where the network is."""
    return next(network.parameters()).new_zeros(2, samples)


def _description(model: NetworkCtc) -> str:
    """Return the text of ``model.json``."""
    blank = model.vocabulary.blank
    assert blank is not None
    fields = {
        "kind": KIND,
        "name": model.name,
        "language": model.language,
        "licence": model.licence,
        "unit": model.unit,
        "sample_rate": model.sample_rate,
        "stride": model.grid.stride,
        "offset": model.grid.offset,
        "reach": model.reach,
        "pronunciation": model.pronunciation,
        "blank": model.vocabulary.symbols[blank],
        "symbols": list(model.vocabulary.symbols),
    }
    return json.dumps(fields, ensure_ascii=False, indent=1) + "\n"
