"""Transforms of the features of each speaker that make them likelier: constrained MLLR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from speechalign.kernels.gaussian_mixture import DIMS

# With fewer frames, a speaker has the transform of the corpus, and that none.
LEAST_FRAMES = 1000.0
_STREAMS = 3
# Rows are gone over until a sweep gains less than so much for each frame, and at most so often.
_GAIN, _SWEEPS = 1e-7, 100


@dataclass(eq=False)
class TransformStatistics:
    """Sufficient statistics of the transform of a speaker, float64.

    Parameters
    ----------
    squares, pulls : ndarray, shape (3, 13, 14, 14) and (3, 13, 14)
        As `add_transform_statistics` has them.
    frames : ndarray, shape (1,)
        How many there are.
    """

    squares: np.ndarray
    pulls: np.ndarray
    frames: np.ndarray

    @classmethod
    def empty(cls) -> TransformStatistics:
        """Return zeros."""
        shape = (_STREAMS, DIMS, DIMS + 1)
        return cls(np.zeros((*shape, DIMS + 1)), np.zeros(shape), np.zeros(1))

    def add(self, other: TransformStatistics) -> None:
        """Add those of other frames."""
        self.squares += other.squares
        self.pulls += other.pulls
        self.frames += other.frames

    def objective(self, transform: np.ndarray) -> float:
        """Return what of the expected log-likelihood depends on a (3, 13, 14) transform.

        N log |det A| - 1/2 sum over rows w of (w G w' - 2 w k'), summed over streams.
        """
        determinants = np.linalg.slogdet(transform[..., :DIMS])[1].sum()
        quadratic = np.einsum("ria,riab,rib->", transform, self.squares, transform)
        linear = (transform * self.pulls).sum()
        return float(self.frames[0] * determinants - 0.5 * quadratic + linear)


def identity() -> np.ndarray:
    """Return the transform that changes nothing, shape (3, 13, 14)."""
    return np.broadcast_to(np.eye(DIMS, DIMS + 1), (_STREAMS, DIMS, DIMS + 1)).copy()


def likeliest(statistics: TransformStatistics) -> np.ndarray | None:
    """Estimate the transform of a speaker.

    Parameters
    ----------
    statistics : TransformStatistics
        Of all their frames.

    Returns
    -------
    ndarray or None
        [A b] of each stream, shape (3, 13, 14); None with fewer than 1000 frames.

    Notes
    -----
    Row by row, each being the best while the others stay: with G and k the statistics of row i, p
    its cofactors in A and a zero behind them, and N frames, row i becomes (a p + k) inv(G), where a
    solves  a^2 p inv(G) p' + a p inv(G) k' - N = 0  and is that of the two solutions with the
    larger  N log |a p inv(G) p' + p inv(G) k'| - a^2 p inv(G) p' / 2.  Over all rows again and
    again, from the identity, until nothing is gained. A dimension that never changes makes the
    transform undefined, and there is none.

    References
    ----------
    .. [1] M. J. F. Gales, "Maximum likelihood linear transformations for HMM-based speech
       recognition", Computer Speech and Language 12(2), 1998, section 3.2 and appendix B.
    """
    frames = float(statistics.frames[0])
    if frames < LEAST_FRAMES:
        return None
    found = identity()
    try:
        inverses = np.linalg.inv(statistics.squares)
        before, value = -np.inf, statistics.objective(found)
        for _ in range(_SWEEPS):
            if not value - before > _GAIN * frames:
                break
            for matrix, inverse, pulls in zip(found, inverses, statistics.pulls):
                for i in range(DIMS):
                    matrix[i] = _row(matrix, i, inverse[i], pulls[i], frames)
            before, value = value, statistics.objective(found)
    except np.linalg.LinAlgError:
        return None
    return found if np.isfinite(found).all() else None


def _row(
    matrix: np.ndarray, i: int, inverse: np.ndarray, pull: np.ndarray, frames: float
) -> np.ndarray:
    square = matrix[:, :DIMS]
    # The cofactors of a row are that column of the inverse, times the determinant, which the
    # solution cancels.
    cofactors = np.append(np.linalg.inv(square)[:, i], 0.0)
    a, b = cofactors @ inverse @ cofactors, cofactors @ inverse @ pull
    root = np.sqrt(b * b + 4 * a * frames)
    best = max(
        ((-b + sign * root) / (2 * a) for sign in (1, -1)),
        key=lambda alpha: frames * np.log(abs(alpha * a + b)) - 0.5 * alpha * alpha * a,
    )
    row: np.ndarray = (best * cofactors + pull) @ inverse
    return row


def transforms_of(by_speaker: Mapping[str, TransformStatistics]) -> dict[str, np.ndarray]:
    """Estimate the transform of each speaker, and under ``""`` that of all of them together.

    Parameters
    ----------
    by_speaker : Mapping[str, TransformStatistics]
        Those of ``""`` are of utterances whose speaker is not known.

    Returns
    -------
    dict[str, ndarray]
        As `HmmGmm` has them; those with too few frames are missing.
    """
    total = TransformStatistics.empty()
    for name in sorted(by_speaker):
        total.add(by_speaker[name])
    found = {name: likeliest(by_speaker[name]) for name in sorted(by_speaker) if name}
    found[""] = likeliest(total)
    return {name: transform for name, transform in found.items() if transform is not None}
