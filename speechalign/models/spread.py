"""Scatter of boundaries that are set by hand about those of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Map from a model's distribution of a boundary to that of the boundary set by hand.

    Parameters
    ----------
    laplace : tuple of (float, float)
        Shares that sum to one, each with the scale, in seconds, of a Laplace distribution: errors
        that are added, as labellers do not agree.
    stretch : float
        Factor on the distances from the boundary, for a distribution with a standard deviation of
        10 ms.
    power : float
        The factor is proportional to this power of the standard deviation: above 0, wide
        distributions are made wider, and narrow ones narrower.
    """

    laplace: tuple[tuple[float, float], ...]
    stretch: float = 1.0
    power: float = 0.0
