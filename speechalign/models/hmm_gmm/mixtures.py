"""Mixtures: the Gaussians of the states of an HMM, shared or not, over feature streams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from speechalign.errors import InputError
from speechalign.kernels.gaussian_mixture import (
    DIMS,
    STATES,
    mixture_log_likelihoods,
    tied_mixture_log_likelihoods,
)


class Mixtures:
    """Diagonal Gaussian mixtures of V = C * H states over R streams of 13 values.

    Either each state has a mixture over all streams together (M = 1, H = 1), or the three states
    of a phone share the Gaussians of a codebook and mix them in each stream by itself (M = R,
    H = 3: phonetically tied).

    Parameters
    ----------
    means, variances : ndarray, shape (C, R, K, 13), float32
        K Gaussians for each codebook and stream; variances are positive.
    weights : ndarray, shape (C, M, K, H), float32
        Weight of each Gaussian in each state of its codebook. One of weight 0 in all of them is
        not there.
    stream_weights : ndarray, shape (R,), float32
        Factor on the log-likelihood of each stream.

    Raises
    ------
    InputError
        Shapes that do not belong together, a variance that is not positive, or a state without a
        Gaussian.
    """

    def __init__(
        self,
        means: np.ndarray,
        variances: np.ndarray,
        weights: np.ndarray,
        stream_weights: np.ndarray,
    ) -> None:
        codebooks, streams, densities, dims = means.shape
        joint = (codebooks, 1, densities, 1)
        tied = (codebooks, streams, densities, STATES)
        if dims != DIMS or variances.shape != means.shape or stream_weights.shape != (streams,):
            raise InputError(
                f"mixtures: expected means and variances of one shape (C, R, K, {DIMS}) and R "
                f"stream weights, got {means.shape}, {variances.shape} and {stream_weights.shape}"
            )
        if weights.shape not in (joint, tied):
            raise InputError(f"weights: expected shape {joint} or {tied}, got {weights.shape}")
        if not (variances > 0).all():
            raise InputError("variances: expected values above 0")
        if not (weights.sum(axis=2) > 0).all():
            raise InputError("weights: a state has no Gaussian of positive weight")
        self.means = means
        self.variances = variances
        self.weights = weights
        self.stream_weights = stream_weights

    @property
    def num_states(self) -> int:
        """Number of states, V."""
        return int(self.weights.shape[0] * self.weights.shape[3])

    @property
    def num_gaussians(self) -> int:
        """Number of Gaussians that are there; one over several streams counts once."""
        return int(self._used.sum())

    def weighing(self, stream_weights: Sequence[float]) -> Mixtures:
        """Return the same mixtures with other stream weights."""
        weights = np.array(stream_weights, np.float32)
        return Mixtures(self.means, self.variances, self.weights, weights)

    @cached_property
    def _used(self) -> np.ndarray:
        return np.asarray(self.weights.any(axis=3))

    @cached_property
    def half_precisions(self) -> np.ndarray:
        """1 / (2 variance), shape (C, R, K, 13), float32."""
        return (0.5 / self.variances).astype(np.float32)

    @cached_property
    def log_norms(self) -> np.ndarray:
        """Logarithm of each normaliser, shape (C, M, K), float32; -inf for what is not there."""
        by_stream = -0.5 * np.log(2 * np.pi * self.variances.astype(np.float64)).sum(axis=3)
        if self.weights.shape[1] == 1:
            by_stream = by_stream.sum(axis=1, keepdims=True)
        return np.where(self._used, by_stream, -np.inf).astype(np.float32)

    @cached_property
    def log_weights(self) -> np.ndarray:
        """Logarithm of the weights, shape (C, M, K, H), float32."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.weights))

    @cached_property
    def _weighted(self) -> tuple[np.ndarray, np.ndarray]:
        """Half precisions and log-norms with the stream weights and mixture weights in them."""
        factors = self.stream_weights.astype(np.float64)
        norms = -0.5 * np.log(2 * np.pi * self.variances.astype(np.float64)).sum(axis=3)
        with np.errstate(divide="ignore"):
            log_norms = (norms * factors[:, None]).sum(axis=1) + np.log(self.weights[:, 0, :, 0])
        halves = self.half_precisions * self.stream_weights[:, None, None]
        return halves, log_norms.astype(np.float32)

    def log_likelihoods(self, features: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Score states on frames.

        Parameters
        ----------
        features : ndarray, shape (R, 13, T), float32
            Feature streams; the frames are contiguous.
        states : ndarray, shape (U,), int64
            State h of codebook c is number ``c * H + h``.

        Returns
        -------
        ndarray, shape (T, U), float32
            Natural-log likelihoods.
        """
        if self.weights.shape[1] == 1:
            halves, log_norms = self._weighted
            return mixture_log_likelihoods(features, self.means, halves, log_norms, states)
        used = np.zeros(len(self.means), np.bool_)
        used[states // STATES] = True
        scores = tied_mixture_log_likelihoods(
            features, self.means, self.half_precisions, self.log_norms, self.weights,
            self.stream_weights, used,
        )  # fmt: skip
        whole = len(states) == self.num_states and (states == np.arange(self.num_states)).all()
        return scores if whole else scores[:, states]
