"""Where a torch network runs, and in which precision: mixed on CUDA, single elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from speechalign.errors import BackendError

if TYPE_CHECKING:
    import torch


def import_torch(extra: str) -> None:
    """Import torch; BackendError names the extra of speechalign that brings it."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise BackendError(
            f"this model needs torch, which is not installed; pip install 'speechalign[{extra}]'"
        ) from None


def choose_device(device: str | None) -> torch.device:
    """Return the device asked for, or the GPU where there is one; BackendError if it is missing."""
    import torch

    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise BackendError(f"device: {device!r} is not there: {reason}; use cpu") from None
    return chosen


def log_probs_on(
    device: torch.device, logits: Callable[[torch.Tensor], torch.Tensor]
) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function of arrays of one of tensors.

    Parameters
    ----------
    device : torch.device
        Where the network is.
    logits : callable
        Takes (B, N) samples there, returns (B, T, V) logits.

    Returns
    -------
    callable
        From (B, N) float32 samples to (B, T, V) float32 log-probabilities. The network runs in
        half precision on CUDA; the softmax is in single precision everywhere.
    """
    import torch

    def score(samples: np.ndarray) -> np.ndarray:
        mixed = torch.autocast("cuda") if device.type == "cuda" else nullcontext()
        with torch.inference_mode(), mixed:
            found = logits(torch.from_numpy(samples).to(device))
            normalised: np.ndarray = found.float().log_softmax(-1).cpu().numpy()
        return normalised

    return score
