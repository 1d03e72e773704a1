"""Device, precision and batch size of torch networks."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

import numpy as np

from speechalign.errors import BackendError

if TYPE_CHECKING:
    import torch

# Seconds of audio, padding included. A CPU is fastest with one recording after the other
# (tools/bench/emit.py); four chunks of a long recording keep a GPU busy.
_SECONDS = {"cuda": 128.0}


class Score(Protocol):
    """A function that scores recordings: a network with its front end."""

    def __call__(self, samples: np.ndarray, lengths: np.ndarray | None = None, /) -> np.ndarray:
        """Turn (B, N) float32 samples into (B, T, V) float32 log-probabilities.

        Without the (B,) int64 lengths, all recordings have N samples; with them, those of each are
        followed by zeros.
        """


class Logits(Protocol):
    """Scores of samples by a network, as in `Score`, on tensors."""

    def __call__(
        self, samples: torch.Tensor, lengths: torch.Tensor | None = None, /
    ) -> torch.Tensor:
        """Turn (B, N) samples into (B, T, V) logits."""


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


def batch_seconds(device: torch.device) -> float:
    """Return how much audio to score at once, in seconds; 0 for one recording after the other."""
    return _SECONDS.get(device.type, 0.0)


def half_precision(device: torch.device) -> torch.dtype | None:
    """Return the type of half precision that makes a device faster; None where none does."""
    import torch

    return torch.float16 if device.type == "cuda" else None


def log_probs_on(device: torch.device, logits: Logits, *, half: torch.dtype | None = None) -> Score:
    """Make a function of arrays of one of tensors.

    Parameters
    ----------
    device : torch.device
        Where the network is.
    logits : callable
        What it makes of samples there.
    half : torch.dtype or None
        Run the network in mixed precision with this type; what overflows in it is scored again in
        single precision. None for single precision. The softmax is in single precision always.

    Returns
    -------
    callable
        From (B, N) float32 samples to (B, T, V) float32 log-probabilities.
    """
    import torch

    def score(samples: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        heard = torch.from_numpy(samples).to(device)
        long = None if lengths is None else torch.from_numpy(lengths).to(device)
        with torch.inference_mode():
            with nullcontext() if half is None else torch.autocast(device.type, half):
                found = logits(heard, long).float()
            if half is not None and not found.isfinite().all():
                found = logits(heard, long).float()
            normalised: np.ndarray = found.log_softmax(-1).cpu().numpy()
        return normalised

    return score
