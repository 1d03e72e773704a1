"""Histogram of boundary errors, as a PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from speechalign.errors import BackendError

_LIMIT = 100.0
_BIN = 5.0


def plot_errors(starts: np.ndarray, ends: np.ndarray, path: Path, *, title: str) -> None:
    """Draw how far starts and ends lie from the reference.

    Parameters
    ----------
    starts, ends : ndarray, shape (K,), float64
        Hypothesis minus reference, seconds. Those beyond 100 ms stand in the outermost bars.
    path : Path
        The PNG to write.
    title : str
        What is compared.

    Raises
    ------
    BackendError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError(
            "matplotlib is not installed; run: pip install 'speechalign[plot]'"
        ) from None
    edges = np.arange(-_LIMIT - _BIN, _LIMIT + 2 * _BIN, _BIN)
    figure = Figure(figsize=(8, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, kind, errors, colour in (
        (above, "starts", starts, "tab:blue"),
        (below, "ends", ends, "tab:orange"),
    ):
        milliseconds = errors * 1000
        shown = np.clip(milliseconds, edges[0] + _BIN / 2, edges[-1] - _BIN / 2)
        share = np.full(len(shown), 100 / max(len(shown), 1))
        axes.hist(shown, bins=edges.tolist(), weights=share, color=colour, alpha=0.8)
        axes.axvline(0, color="black", linewidth=0.8)
        label = f"{kind}, n = {len(milliseconds)}"
        if len(milliseconds):
            median = float(np.median(milliseconds))
            outside = float(np.mean(np.abs(milliseconds) > _LIMIT + 1e-6)) * 100
            axes.axvline(median, color="black", linewidth=1, linestyle="--")
            label += f"\nmedian {median:+.1f} ms (dashed)\n{outside:.1f} % beyond {_LIMIT:g} ms"
        axes.text(0.985, 0.93, label, transform=axes.transAxes, ha="right", va="top")
        axes.set_ylabel("share (%)")
    below.set_xlabel("hypothesis − reference (ms); early on the left, late on the right")
    above.set_title(title)
    figure.savefig(path, format="png", dpi=120)
