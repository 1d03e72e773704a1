"""Layers of a small convolutional network: matrix products, convolutions over time, activations.

The products are written out because those of a BLAS library start threads of their own, which slow
down aligners that work side by side. On one core they reach two thirds of OpenBLAS's speed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Rational approximation of erf on [-4, 4], beyond which it is one in single precision: numerator,
# times x, and denominator, in powers of the square, the highest first. As in Eigen (MPL-2.0),
# Eigen/src/SpecialFunctions; its largest error is some units in the last place.
_P = (
    *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05),
    *(-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
)
_Q = (
    *(-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03),
    *(-7.37332916720468e-03, -1.42647390514189e-02),
)
_CONTRACT = {"contract", "nsz"}  # products and sums may fuse; their order stays


@njit(cache=True, nogil=True, fastmath=_CONTRACT)
def add_affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """Add ``x @ weight + bias`` to ``out``.

    Parameters
    ----------
    x : ndarray, shape (T, K), float32
        Rows of input.
    weight : ndarray, shape (K, N), float32
        Weights.
    bias : ndarray, shape (N,), float32
        Added to each row.
    out : ndarray, shape (T, N), float32
        What is added to.
    """
    rows, inner = x.shape
    columns = weight.shape[1]
    whole = inner - inner % 4
    # Four rows by four terms: each weight is read once for four products, each sum once for four.
    for t in range(0, rows - rows % 4, 4):
        out0, out1, out2, out3 = out[t], out[t + 1], out[t + 2], out[t + 3]
        for n in range(columns):
            out0[n] += bias[n]
            out1[n] += bias[n]
            out2[n] += bias[n]
            out3[n] += bias[n]
        for k in range(0, whole, 4):
            a0, a1, a2, a3 = x[t, k], x[t, k + 1], x[t, k + 2], x[t, k + 3]
            b0, b1, b2, b3 = x[t + 1, k], x[t + 1, k + 1], x[t + 1, k + 2], x[t + 1, k + 3]
            c0, c1, c2, c3 = x[t + 2, k], x[t + 2, k + 1], x[t + 2, k + 2], x[t + 2, k + 3]
            d0, d1, d2, d3 = x[t + 3, k], x[t + 3, k + 1], x[t + 3, k + 2], x[t + 3, k + 3]
            w0, w1, w2, w3 = weight[k], weight[k + 1], weight[k + 2], weight[k + 3]
            for n in range(columns):
                v0, v1, v2, v3 = w0[n], w1[n], w2[n], w3[n]
                out0[n] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3
                out1[n] += b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3
                out2[n] += c0 * v0 + c1 * v1 + c2 * v2 + c3 * v3
                out3[n] += d0 * v0 + d1 * v1 + d2 * v2 + d3 * v3
    for t in range(rows):
        first = 0
        if t < rows - rows % 4:
            first = whole
        else:
            for n in range(columns):
                out[t, n] += bias[n]
        for k in range(first, inner):
            a = x[t, k]
            for n in range(columns):
                out[t, n] += a * weight[k, n]


@njit(cache=True, nogil=True, fastmath=_CONTRACT)
def depthwise(x: np.ndarray, taps: np.ndarray, bias: np.ndarray, dilation: int) -> np.ndarray:
    """Convolve each channel over time with a filter of its own, zeros around the input.

    Parameters
    ----------
    x : ndarray, shape (T, C), float32
        Input.
    taps : ndarray, shape (K, C), float32
        Filters; K is odd, the middle tap weighs the frame itself.
    bias : ndarray, shape (C,), float32
        Added to each frame.
    dilation : int
        Frames from one tap to the next.

    Returns
    -------
    ndarray, shape (T, C), float32
        Output.
    """
    rows, channels = x.shape
    size = taps.shape[0]
    out = np.empty((rows, channels), np.float32)
    for t in range(rows):
        for c in range(channels):
            out[t, c] = bias[c]
        for k in range(size):
            at = t + (k - size // 2) * dilation
            if 0 <= at < rows:
                for c in range(channels):
                    out[t, c] += x[at, c] * taps[k, c]
    return out


@njit(cache=True, nogil=True, fastmath=True)
def layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray, floor: float) -> None:
    """Normalise each row in place to mean 0 and variance 1, then scale and shift its columns.

    Parameters
    ----------
    x : ndarray, shape (T, C), float32
        Changed.
    gain, bias : ndarray, shape (C,), float32
        Scale and shift.
    floor : float
        Added to the variance.
    """
    rows, channels = x.shape
    for t in range(rows):
        total = np.float32(0)
        for c in range(channels):
            total += x[t, c]
        mean = np.float32(total / channels)
        total = np.float32(0)
        for c in range(channels):
            total += (x[t, c] - mean) * (x[t, c] - mean)
        scale = np.float32(1 / np.sqrt(total / channels + floor))
        for c in range(channels):
            x[t, c] = (x[t, c] - mean) * scale * gain[c] + bias[c]


@njit(cache=True, nogil=True, fastmath=_CONTRACT)
def gelu(x: np.ndarray) -> None:
    """Apply the activation ``x (1 + erf(x / sqrt(2))) / 2`` to (T, C) float32 in place."""
    half, root = np.float32(0.5), np.float32(np.sqrt(0.5))
    one, four = np.float32(1), np.float32(4)
    p0, p1, p2, p3, p4, p5, p6 = (
        np.float32(_P[0]), np.float32(_P[1]), np.float32(_P[2]), np.float32(_P[3]),
        np.float32(_P[4]), np.float32(_P[5]), np.float32(_P[6]),
    )  # fmt: skip
    q0, q1, q2, q3, q4 = (
        np.float32(_Q[0]), np.float32(_Q[1]), np.float32(_Q[2]), np.float32(_Q[3]),
        np.float32(_Q[4]),
    )  # fmt: skip
    rows, channels = x.shape
    for t in range(rows):
        for c in range(channels):
            value = x[t, c]
            u = min(max(value * root, -four), four)
            s = u * u
            above = u * ((((((p0 * s + p1) * s + p2) * s + p3) * s + p4) * s + p5) * s + p6)
            below = (((q0 * s + q1) * s + q2) * s + q3) * s + q4
            x[t, c] = half * value * (one + above / below)
