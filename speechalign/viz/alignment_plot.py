"""Waveform, spectrogram and tiers of one recording, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from speechalign.alignment import Alignment
from speechalign.errors import BackendError
from speechalign.waveform import Waveform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_SECOND = 3.0
_NARROWEST, _WIDEST = 8.0, 60.0


def plot_alignment(alignment: Alignment, waveform: Waveform) -> Figure:
    """Draw an alignment over the sound that it belongs to.

    Parameters
    ----------
    alignment : Alignment
        Its tiers are drawn in their order, words below a confidence of 0.5 in orange.
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
    spectrum = librosa.stft(waveform.samples, n_fft=512, hop_length=hop, win_length=window)
    power = np.abs(spectrum)
    spectrogram.imshow(
        librosa.amplitude_to_db(power, ref=np.max, top_db=60),
        origin="lower",
        aspect="auto",
        cmap="gray_r",
        extent=(0, power.shape[1] * hop / rate, 0, rate / 2000),
    )
    spectrogram.set_ylabel("kHz")
    for axes, tier in zip(rows, alignment.tiers):
        _draw_tier(axes, alignment, tier, width)
    for axes in (wave, spectrogram):
        for interval in alignment.tiers[next(iter(alignment.tiers))] if alignment.tiers else ():
            for edge in (interval.start, interval.end):
                axes.axvline(edge, color="tab:blue", linewidth=0.6, alpha=0.6)
    (rows[-1] if rows else spectrogram).set_xlabel("seconds")
    wave.set_xlim(0, alignment.duration)
    return figure


def _draw_tier(axes: Axes, alignment: Alignment, tier: str, width: float) -> None:
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.set_ylabel(tier, rotation=0, ha="right", va="center")
    for interval in alignment.tiers[tier]:
        shade = "white"
        if interval.confidence is not None:
            shade = "honeydew" if interval.confidence >= 0.5 else "peachpuff"
        axes.axvspan(interval.start, interval.end, facecolor=shade, edgecolor="tab:blue", lw=0.6)
        inches = interval.duration / alignment.duration * width
        size = min(10.0, 72 * inches / max(1, len(interval.label)) * 1.5)
        if size >= 4:
            axes.text(
                (interval.start + interval.end) / 2,
                0.5,
                interval.label,
                ha="center",
                va="center",
                fontsize=size,
                clip_on=True,
                parse_math=False,
            )
