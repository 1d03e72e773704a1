"""Figures as commands print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechalign.metrics.resampling import ConfidenceInterval, Difference


def span(found: ConfidenceInterval | Difference) -> str:
    """Return both ends of an interval in percent, or a dash."""
    return "-" if found.low is None else f"{percent(found.low)} to {percent(found.high)}"


def percent(value: float | None) -> str:
    """Return a share in percent with two decimals, or a dash."""
    return "-" if value is None else f"{round(100 * value, 2) + 0:.2f}"  # + 0: no -0.00
