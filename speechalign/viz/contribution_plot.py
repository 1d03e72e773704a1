"""A contribution map as a heat map, with the words on both axes and their links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from speechalign.alignment import Interval
from speechalign.errors import BackendError
from speechalign.viz.fonts import lettering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORD_INCHES = 0.55
_NARROWEST, _WIDEST = 6.0, 40.0
_LOWEST, _HIGHEST = 3.0, 30.0


def plot_contributions(
    values: np.ndarray,
    *,
    source: Sequence[Interval],
    target: Sequence[Interval],
    links: Sequence[tuple[int, int]],
    width: float,
    height: float,
    unit: str = "seconds",
    title: str = "",
) -> Figure:
    """Draw a contribution map, the words of both sides, and the links between them.

    Parameters
    ----------
    values : ndarray, shape (rows, columns), float64
        Contributions of each part of the source to each part of the target. Each row is drawn by
        its own maximum.
    source, target : Sequence[Interval]
        Words and where they lie on the axis.
    links : Sequence[tuple[int, int]]
        Pairs (index in ``source``, index in ``target``), drawn as frames.
    width, height : float
        Length of the axes: what all columns and all rows cover.
    unit : str
        Of the source's axis.
    title : str
        What is written above.

    Returns
    -------
    Figure
        Not yet shown or saved.

    Raises
    ------
    BackendError
        matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError:
        raise BackendError(
            "matplotlib is not installed; run: pip install 'speechalign[plot]'"
        ) from None
    letters = lettering([title, *(word.label for word in (*source, *target))])
    inches = (
        float(np.clip(2 + _WORD_INCHES * len(source), _NARROWEST, _WIDEST)),
        float(np.clip(1.5 + 0.6 * _WORD_INCHES * len(target), _LOWEST, _HIGHEST)),
    )
    figure = Figure(figsize=inches, layout="constrained")
    axes = figure.subplots()
    tops = values.max(axis=1, keepdims=True, initial=0)
    shades = np.divide(values, tops, out=np.zeros_like(values), where=tops > 0)
    axes.imshow(
        shades, cmap="Blues", aspect="auto", interpolation="nearest", extent=(0, width, height, 0)
    )
    for draw, words in ((axes.axvline, source), (axes.axhline, target)):
        for edge in sorted({edge for word in words for edge in (word.start, word.end)}):
            draw(edge, color="black", linewidth=0.4, alpha=0.5)
    for i, j in links:
        corner = source[i].start, target[j].start
        box = source[i].duration, target[j].duration
        axes.add_patch(Rectangle(corner, *box, fill=False, edgecolor="tab:red", linewidth=1.8))
    above = axes.secondary_xaxis("top")
    above.set_xticks(
        [(word.start + word.end) / 2 for word in source],
        [letters.drawable(word.label) for word in source],
        rotation=60,
        ha="left",
        rotation_mode="anchor",
    )
    axes.set_yticks(
        [(word.start + word.end) / 2 for word in target],
        [letters.drawable(word.label) for word in target],
    )
    for side in (above, axes):
        side.tick_params(length=0)
    for label in (*above.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontfamily(letters.families)
        label.set_parse_math(False)
    axes.tick_params(axis="x", length=3)
    axes.set_xlabel(f"source ({unit})")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    if title:
        figure.suptitle(letters.drawable(title), family=letters.families, parse_math=False)
    return figure
