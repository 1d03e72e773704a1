"""FrameGrid: the only code that turns frames into seconds and back."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import overload

import numpy as np

from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True)
class FrameGrid:
    """Frames of equal length on the sample axis: frame t is [t * stride, (t + 1) * stride).

    The stride is counted in samples, so that the conversion is exact however long the recording.

    Parameters
    ----------
    sample_rate : int
        Samples per second, Hz.
    stride : int
        Samples per frame.
    offset : int
        Sample at which frame 0 begins; negative for a model that looks ahead of its frame.

    Examples
    --------
    >>> grid = FrameGrid(16000, 160)
    >>> grid.seconds(25), grid.frame_at(0.255), grid.count(16001)
    (0.25, 25, 101)
    """

    sample_rate: int
    stride: int
    offset: int = 0

    def __post_init__(self) -> None:
        for name in ("sample_rate", "stride", "offset"):
            value = getattr(self, name)
            if not isinstance(value, Integral):
                raise wrong_type(f"FrameGrid.{name}", "an integer number of samples", value)
            object.__setattr__(self, name, int(value))
        if self.sample_rate <= 0 or self.stride <= 0:
            raise InputError(
                f"FrameGrid: expected a positive rate and stride, got {self.sample_rate} Hz, "
                f"{self.stride} samples"
            )

    @overload
    def seconds(self, frame: float) -> float: ...
    @overload
    def seconds(self, frame: np.ndarray) -> np.ndarray: ...
    def seconds(self, frame: float | np.ndarray) -> float | np.ndarray:
        """Return the time, in seconds, at which a frame begins; a fraction lies inside it."""
        return (self.offset + frame * self.stride) / self.sample_rate

    def frame_at(self, seconds: float) -> int:
        """Return the frame that holds a time in seconds, clipped at 0."""
        sample = int(np.floor(seconds * self.sample_rate + 1e-6))
        return max(0, (sample - self.offset) // self.stride)

    def count(self, samples: int) -> int:
        """Return how many frames cover so many samples; the last may be partial."""
        return max(0, -(-(samples - self.offset) // self.stride))
