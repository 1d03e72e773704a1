"""The path of an alignment: where in the text the recording is, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from speechalign.alignment import Interval
from speechalign.errors import BackendError
from speechalign.text.word import Word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

_SKIPPED, _REPEATED, _UNTRANSCRIBED = "tab:red", "tab:purple", "tab:gray"
_DOUBTFUL, _CERTAIN = "tab:orange", "tab:blue"  # confidence 0 and 1
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds between ticks
_TICKS = 9


def plot_path(
    words: Sequence[Word],
    duration: float,
    *,
    untranscribed: Sequence[Interval] = (),
) -> Figure:
    """Draw the position in the text against time.

    Parameters
    ----------
    words : sequence of Word
        Those of the transcript in order, a repeated one behind the word that it repeats.
    duration : float
        Of the recording, seconds.
    untranscribed : sequence of Interval
        Audio that is not in the text.

    Returns
    -------
    Figure
        Aligned words by confidence, from orange (0) to blue (1), black where it is not known;
        repeated words in purple, skipped words as red bands across, untranscribed audio as grey
        bands from top to bottom. Not yet shown or saved.

    Raises
    ------
    BackendError
        matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, MultipleLocator
    except ImportError as error:
        raise BackendError(
            f"plotting needs {error.name}; pip install 'speechalign[plot]'"
        ) from None
    places = _places(words)
    count = max(places, default=-1) + 1
    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots()
    for span in untranscribed:
        axes.axvspan(span.start, span.end, color=_UNTRANSCRIBED, alpha=0.35, lw=0, zorder=0)
    skipped = [place for place, word in zip(places, words) if word.status == "skipped"]
    for first, last in _runs(skipped):
        axes.axhspan(first, last + 1, color=_SKIPPED, alpha=0.35, lw=0, zorder=0)
    again = [(p, w) for p, w in zip(places, words) if w.status == "repeated"]
    said = [(p, w) for p, w in zip(places, words) if w.status == "aligned" and w.span is not None]
    _draw_words(axes, said)
    repeated = _lines(again)
    repeated.set_color(_REPEATED)
    axes.add_collection(repeated)
    axes.set_xlim(0, duration)
    axes.set_ylim(0, max(count, 1))
    axes.set_xlabel("time (h:min:s)" if duration >= 3600 else "time (min:s)")
    axes.set_ylabel("word of the text")
    step = next((s for s in _STEPS if duration / s <= _TICKS), _STEPS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds)))
    seconds = sum(span.duration for span in untranscribed)
    _draw_key(axes, skipped=len(skipped), repeated=len(again), untranscribed=seconds)
    return figure


def _places(words: Sequence[Word]) -> list[int]:
    """Return the number of each word in the text; a repeated one has that of the word before."""
    places, place = [], -1
    for word in words:
        if word.status != "repeated":
            place += 1
        places.append(max(place, 0))
    return places


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of numbers."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], place
        else:
            runs.append((place, place))
    return runs


def _lines(placed: Sequence[tuple[int, Word]]) -> LineCollection:
    """Return a line for each word, from its start to its end and up by one."""
    from matplotlib.collections import LineCollection

    lines = [((w.start, p), (w.end, p + 1)) for p, w in placed]
    return LineCollection(lines, linewidths=2.5, capstyle="round")


def _draw_words(axes: Axes, said: Sequence[tuple[int, Word]]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    unknown = _lines([(p, w) for p, w in said if w.confidence is None])
    unknown.set_color("black")
    axes.add_collection(unknown)
    known = [(p, w) for p, w in said if w.confidence is not None]
    coloured = _lines(known)
    colours = [_DOUBTFUL, _CERTAIN]
    coloured.set_cmap(LinearSegmentedColormap.from_list("confidence", colours))
    coloured.set_array(np.array([word.confidence for _, word in known], float))
    coloured.set_clim(0, 1)
    axes.add_collection(coloured)
    axes.figure.colorbar(coloured, ax=axes, label="confidence of a word", pad=0.01)


def _draw_key(axes: Axes, *, skipped: int, repeated: int, untranscribed: float) -> None:
    """Draw a legend of what does not fit, if there is anything."""
    from matplotlib.patches import Patch

    kinds = [
        (skipped, _SKIPPED, f"skipped: {skipped} words of the text"),
        (repeated, _REPEATED, f"repeated: {repeated} words"),
        (untranscribed, _UNTRANSCRIBED, f"untranscribed: {untranscribed:.1f} s"),
    ]
    patches = [
        Patch(color=colour, alpha=0.35 if colour != _REPEATED else 1.0, label=label)
        for found, colour, label in kinds
        if found
    ]
    if patches:
        axes.legend(handles=patches, loc="upper left")


def _clock(seconds: float) -> str:
    """Write minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
