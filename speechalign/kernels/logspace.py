"""Sums of probabilities that are kept as natural logarithms; all handling of -inf is here."""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True)
def log_add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b)); -inf means zero."""
    if a < b:
        a, b = b, a
    if b == -math.inf:
        return a
    return a + math.log1p(math.exp(b - a))
