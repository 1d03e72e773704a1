"""Waveform, spectrogram and tiers of one recording, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size

from speechalign.alignment import Alignment
from speechalign.audio.waveform import Waveform
from speechalign.errors import BackendError
from speechalign.viz.fonts import Lettering, lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_SECOND = 3.0
_NARROWEST, _WIDEST = 8.0, 60.0
_LARGEST, _SMALLEST = 10.0, 5.0
# Width of a capital letter, in ems; those of East Asian scripts are twice as wide.
_LETTER = 0.75
_ELLIPSIS = "…"
_FFT = 512


def plot_alignment(alignment: Alignment, waveform: Waveform) -> Figure:
    """Draw an alignment over the sound that it belongs to.

    Parameters
    ----------
    alignment : Alignment
        Its tiers are drawn in their order, words below a confidence of 0.5 in orange, and the 50
        and 90 % credible intervals of bounds, where they are known, as bands at their feet.
    waveform : Waveform
        The same recording.

    Returns
    -------
    Figure
        Not yet shown or saved; a notebook shows it, and ``figure.savefig("x.png")`` saves it.

    Raises
    ------
    BackendError
        matplotlib or librosa is missing.
    """
    try:
        import librosa
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(
            f"plotting needs {error.name}; pip install 'speechalign[plot]'"
        ) from None

    width = float(np.clip(_INCHES_PER_SECOND * alignment.duration, _NARROWEST, _WIDEST))
    figure = Figure(figsize=(width, 4.5 + 0.5 * len(alignment.tiers)), layout="constrained")
    wave, spectrogram, *rows = figure.subplots(
        2 + len(alignment.tiers),
        1,
        sharex=True,
        height_ratios=[1.2, 2.5] + [0.5] * len(alignment.tiers),
    )
    rate = waveform.sample_rate
    seconds = np.arange(len(waveform.samples)) / rate
    wave.plot(seconds, waveform.samples, linewidth=0.5, color="black")
    wave.set_ylabel("amplitude")
    # 5 ms windows, as phoneticians read formants from broad-band spectrograms.
    hop = rate // 500
    window = rate // 200
    samples = np.pad(waveform.samples, (0, max(0, _FFT - len(waveform.samples))))
    spectrum = librosa.stft(samples, n_fft=_FFT, hop_length=hop, win_length=window)
    power = np.abs(spectrum)
    spectrogram.imshow(
        librosa.amplitude_to_db(power, ref=np.max, top_db=60),
        origin="lower",
        aspect="auto",
        cmap="gray_r",
        extent=(0, power.shape[1] * hop / rate, 0, rate / 2000),
    )
    spectrogram.set_ylabel("kHz")
    labels = [interval.label for tier in alignment.tiers.values() for interval in tier]
    letters = lettering([*alignment.tiers, *labels, _ELLIPSIS])
    for axes, tier in zip(rows, alignment.tiers):
        _draw_tier(axes, alignment, tier, letters, width)
    first = next(iter(alignment.tiers.values()), ())
    edges = sorted({edge for interval in first for edge in (interval.start, interval.end)})
    for axes in (wave, spectrogram):
        for edge in edges:
            axes.axvline(edge, color="tab:blue", linewidth=0.6, alpha=0.6)
    (rows[-1] if rows else spectrogram).set_xlabel("seconds")
    wave.set_xlim(0, alignment.duration)
    return figure


def _draw_tier(
    axes: Axes, alignment: Alignment, tier: str, letters: Lettering, width: float
) -> None:
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.set_ylabel(
        letters.drawable(tier),
        rotation=0,
        ha="right",
        va="center",
        family=letters.families,
        parse_math=False,
    )
    found = alignment.tiers[tier]
    # Neighbours share a bound, and its intervals.
    for bands, alpha in (
        ({around for i in found for around in (i.start_90, i.end_90) if around}, 0.18),
        ({around for i in found for around in (i.start_50, i.end_50) if around}, 0.4),
    ):
        for low, high in bands:
            axes.axvspan(low, high, ymax=0.2, facecolor="tab:blue", alpha=alpha, lw=0, zorder=2)
    for interval in found:
        shade = "white"
        if interval.confidence is not None:
            shade = "honeydew" if interval.confidence >= 0.5 else "peachpuff"
        axes.axvspan(interval.start, interval.end, facecolor=shade, edgecolor="tab:blue", lw=0.6)
        points = 72 * width * interval.duration / alignment.duration
        label = _shortened(letters.drawable(interval.label), int(points / (_LETTER * _SMALLEST)))
        axes.text(
            (interval.start + interval.end) / 2,
            0.5,
            label,
            ha="center",
            va="center",
            fontsize=min(_LARGEST, points / (_LETTER * max(1, cell_len(label)))),
            family=letters.families,
            clip_on=True,
            parse_math=False,
        )


def _shortened(label: str, room: int) -> str:
    """Return a label that fits into so many cells; nothing where not even a few letters do."""
    if cell_len(label) <= room:
        return label
    return set_cell_size(label, room - 1).rstrip() + _ELLIPSIS if room >= 4 else ""
