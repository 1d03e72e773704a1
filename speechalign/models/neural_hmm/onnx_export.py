"""Write the network of a neural HMM as ONNX, for programs that are not speechalign."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.models.onnx_program import write_program

NETWORK = "network.onnx"
# Frames of the features that both networks are compared on, neither that of the export's own.
_CHECKED = (40, 171)
_MOST = 1e-3


def export_network(net: PhoneNet, path: Path) -> float:
    """Write a network, and check that it says the same.

    Parameters
    ----------
    net : PhoneNet
        The network. Its inputs become ``mels``, shape (B, T, bands), which are those of `log_mel`;
        for a network on an encoder also ``states``, (B, F, width), and ``cells``, (B, T), int64.
        Its output, ``log_posteriors``, has shape (B, T, P).
    path : Path
        The file to write.

    Returns
    -------
    float
        The largest difference of log posteriors between the two, on noise.

    Raises
    ------
    InputError
        The two differ by more than 0.001.
    BackendError
        A package for the export is missing.
    """
    try:
        import onnxruntime
        import torch

        from speechalign.models.neural_hmm.torch_net import for_training
    except (ImportError, BackendError) as error:
        raise BackendError(f"export: {error}; pip install 'speechalign[export]'") from None

    class Posteriors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = for_training(net)

        def forward(
            self,
            mels: torch.Tensor,
            states: torch.Tensor | None = None,
            cells: torch.Tensor | None = None,
        ) -> torch.Tensor:
            scores: torch.Tensor = self.net(mels, None, states, cells)
            return scores.log_softmax(2)

    example = {name: torch.from_numpy(np.repeat(value, 2, axis=0))
               for name, value in _inputs(net, 64).items()}  # fmt: skip
    axes = [{0: "batch", 1: "frames"}, {0: "batch", 1: "states"}, {0: "batch", 1: "frames"}]
    write_program(
        Posteriors().eval(), example, path, output="log_posteriors", axes=axes[: len(example)]
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for frames in _CHECKED:
        given = _inputs(net, frames)
        theirs = session.run(None, given)[0][0]
        alone = [given[name][0] for name in given]
        ours = net.log_posteriors(*alone)
        if theirs.shape != ours.shape or not np.abs(theirs - ours).max() <= _MOST:
            raise InputError("export: the exported network differs from the original")
        worst = max(worst, float(np.abs(theirs - ours).max()))
    return worst


def _inputs(net: PhoneNet, frames: int) -> dict[str, np.ndarray]:
    """Return what the network takes, of one recording of noise."""
    rng = np.random.default_rng(frames)
    found = {"mels": rng.normal(size=(1, frames, net.config.bands)).astype(np.float32)}
    if net.config.encoder_width:
        states = rng.normal(size=(1, frames // 2, net.config.encoder_width))
        cells = np.minimum(np.arange(frames) // 2, frames // 2 - 1)[None]
        found |= {"states": states.astype(np.float32), "cells": cells.astype(np.int64)}
    return found
