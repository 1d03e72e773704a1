"""Articulatory score: probabilities of attributes over time, under the spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from speechalign.alignment import Alignment
from speechalign.audio.waveform import Waveform
from speechalign.errors import InputError
from speechalign.text.articulation import ATTRIBUTES
from speechalign.viz.alignment_plot import plot_alignment
from speechalign.viz.fonts import lettering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW = 0.16  # inches of a value
_NOTHING = "none"  # values that say that an attribute does not apply
_EDGE = "tab:blue"


def plot_articulation(
    alignment: Alignment, waveform: Waveform, attributes: Mapping[str, np.ndarray]
) -> Figure:
    """Draw the probabilities of articulatory attributes between a spectrogram and its phones.

    Parameters
    ----------
    alignment : Alignment
        Its tiers are drawn below, boundaries of the last one through the attributes.
    waveform : Waveform
        The same recording.
    attributes : Mapping[str, ndarray]
        For each attribute of `speechalign.text.articulation.ATTRIBUTES` that is to be drawn, the
        probability of its values, shape (T, values), at equal steps from the recording's begin to
        its end; as `ArticulatoryHmm.attributes` returns them.

    Returns
    -------
    Figure
        As `plot_alignment` returns it, with one panel an attribute; black is certain.

    Raises
    ------
    InputError
        An attribute is not known, or the array has another shape.
    BackendError
        matplotlib or librosa is missing.
    """
    for name, shares in attributes.items():
        if name not in ATTRIBUTES:
            raise InputError(f"attributes: {name!r}: expected one of {', '.join(ATTRIBUTES)}")
        wanted = len(ATTRIBUTES[name])
        if shares.ndim != 2 or shares.shape[1] != wanted:
            raise InputError(
                f"attributes: {name}: expected shape (T, {wanted}), got {shares.shape}"
            )
    figure = plot_alignment(alignment, waveform)
    wave, spectrogram, *tiers = figure.axes
    width, height = figure.get_size_inches()
    shown = {
        name: [number for number, value in enumerate(ATTRIBUTES[name]) if value != _NOTHING]
        for name in attributes
    }
    panels = [_ROW * max(2, len(values)) for values in shown.values()]
    figure.set_size_inches(width, height + sum(panels))
    grid = figure.add_gridspec(
        2 + len(panels) + len(tiers), 1,
        height_ratios=[1.2, 2.5, *panels, *[0.5] * len(tiers)],
    )  # fmt: skip
    lowest = len(panels) + 2
    for axes, row in zip([wave, spectrogram, *tiers], [0, 1, *range(lowest, lowest + len(tiers))]):
        axes.set_subplotspec(grid[row])
    labels = lettering([*attributes, *(value for name in attributes for value in ATTRIBUTES[name])])
    last = list(alignment.tiers.values())[-1] if alignment.tiers else ()
    edges = sorted({edge for interval in last for edge in (interval.start, interval.end)})
    for row, (name, values) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[2 + row], sharex=wave)
        axes.imshow(
            attributes[name][:, values[::-1]].T,
            origin="lower", aspect="auto", cmap="gray_r", vmin=0, vmax=1, interpolation="nearest",
            extent=(0, alignment.duration, -0.5, len(values) - 0.5),
        )  # fmt: skip
        axes.set_yticks(range(len(values)), [ATTRIBUTES[name][v] for v in reversed(values)])
        axes.tick_params(axis="y", labelsize=6, length=0)
        axes.tick_params(axis="x", labelbottom=False)
        axes.set_ylabel(
            name, rotation=0, ha="right", va="center", family=labels.families, labelpad=8
        )
        for edge in edges:
            axes.axvline(edge, color=_EDGE, linewidth=0.6, alpha=0.6)
    figure.align_ylabels(figure.axes[-len(shown) :] if shown else [])
    wave.set_xlim(0, alignment.duration)
    return figure
