"""Speaker statistics of a model: moments of features, and a transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechalign.kernels.feature_transform import transformed

# Sums are kept in integers of this unit, so that the order of adding them makes no difference.
_UNIT = 2.0**-16
# Cepstra of speech have variances of one to a hundred.
_LEAST_VARIANCE = 0.01


def loud_frames(cepstra: np.ndarray) -> np.ndarray:
    """Tell which of (T, 13) raw cepstra, of 16-bit amplitudes, have c0 >= 0; all, if none has."""
    loud: np.ndarray = cepstra[:, 0] >= 0
    return loud if loud.any() else np.ones_like(loud)


@dataclass(frozen=True, eq=False)
class CepstralMoments:
    """Sums over the frames of a speaker that are loud enough; they can be added in any order.

    Parameters
    ----------
    frames : int
        How many there are.
    sums, squares : ndarray, shape (13,), int64
        Sum of their cepstra, and of the squares of these, in units of 2**-16.
    """

    frames: int
    sums: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, cepstra: np.ndarray) -> CepstralMoments:
        """Add up the (T, 13) raw cepstra of a recording, those of its `loud_frames`."""
        cepstra = cepstra.astype(np.float32)  # as the material of training has them
        loud = cepstra[loud_frames(cepstra)].astype(np.float64)
        sums, squares = (np.rint(part.sum(axis=0) / _UNIT) for part in (loud, loud**2))
        return cls(len(loud), sums.astype(np.int64), squares.astype(np.int64))

    def __add__(self, other: CepstralMoments) -> CepstralMoments:
        return CepstralMoments(
            self.frames + other.frames, self.sums + other.sums, self.squares + other.squares
        )

    def normalise(self, cepstra: np.ndarray) -> np.ndarray:
        """Return (T, 13) raw cepstra less the mean, over the standard deviation, float64."""
        mean = _UNIT * self.sums / self.frames
        variance = _UNIT * self.squares / self.frames - mean**2
        # What hardly changes, as in a recording of silence, stays as it is.
        deviation = np.sqrt(np.where(variance > _LEAST_VARIANCE, variance, 1.0))
        return (cepstra - mean) / deviation


def apply_transform(features: np.ndarray, transform: np.ndarray | None) -> np.ndarray:
    """Transform (R, 13, T) feature streams by (R, 13, 14) [A b]; None leaves them as they are."""
    return features if transform is None else transformed(features, transform)


def log_determinant(transform: np.ndarray | None) -> float:
    """Return the sum over streams of log |det A|, what a transform adds to log-likelihoods."""
    return 0.0 if transform is None else float(np.linalg.slogdet(transform[..., :-1])[1].sum())
