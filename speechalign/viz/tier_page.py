"""A page of utterances with sound and tiers: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from html import escape
from importlib import resources

import numpy as np
import soundfile
import soxr

from speechalign.alignment import Alignment, Interval

_SCRIPTS = (
    "wavesurfer/wavesurfer.min.js", "wavesurfer/spectrogram.min.js", "wavesurfer/timeline.min.js",
    "tiers.js", "clips.js",
)  # fmt: skip
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; connect-src data: blob:"
)
# Opus takes few sample rates; 16 kHz keep what a spectrogram of speech shows.
_RATE = 16000
_FAINT = 0.001
"""The peak, of full scale, below which sound is not drawn any larger: silence looks silent."""
_ROW = 40  # pixels, as in tiers.js


@dataclass(frozen=True, eq=False)
class Clip:
    """An utterance on a page.

    Parameters
    ----------
    name : str
        Its heading; empty for none.
    alignment : Alignment
        Its tiers, in time of the clip.
    samples : ndarray, shape (N,), float32; or None
        Its sound; None where that cannot be read.
    sample_rate : int
        Hz.
    note : str
        A line below the heading, such as a reason.
    """

    name: str
    alignment: Alignment
    samples: np.ndarray | None
    sample_rate: int
    note: str = ""


def tier_page(clips: Sequence[Clip], *, title: str, introduction: str = "") -> str:
    """Return a self-contained HTML page: waveform, spectrogram, tiers and sound of each clip.

    Parameters
    ----------
    clips : Sequence[Clip]
        In order.
    title : str
        Of the page; empty for a page that is part of another.
    introduction : str
        HTML before the clips.

    Returns
    -------
    str
        HTML with scripts, without references to other files. Labels are data, never markup.
    """
    data = json.dumps([_data(clip) for clip in clips], ensure_ascii=False)
    # In a script element, only "</script" and "<!--" mean something.
    data = data.replace("<", "\\u003c").encode("utf-8", "backslashreplace").decode("utf-8")
    scripts = "".join(f"<script>{_read(name)}</script>\n" for name in _SCRIPTS)
    heading = f"<h1>{escape(title)}</h1>\n" if title else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title or 'speechalign')}</title>\n<style>{_read('clips.css')}</style>"
        f"</head>\n<body>\n{heading}{introduction}\n"
        f"{''.join(map(_section, clips))}"
        f'<script type="application/json" id="clips">{data}</script>\n{scripts}</body></html>\n'
    )


def _read(name: str) -> str:
    return resources.files("speechalign.viz").joinpath("data", name).read_text(encoding="utf-8")


def _section(clip: Clip) -> str:
    heading = f'<h2 dir="auto">{escape(clip.name)}</h2>' if clip.name else ""
    note = f'<p class="note" dir="auto">{escape(clip.note)}</p>' if clip.note else ""
    height = max(1, len(clip.alignment.tiers)) * _ROW
    return (
        f'<section class="clip">{heading}{note}<div class="scroll"><div class="strip">'
        f'<div class="sound"></div><canvas class="tiers" tabindex="0" role="application" '
        f'aria-label="Tiers of {escape(clip.name or "the utterance")}" height="{height}" '
        f'style="height:{height}px"></canvas></div></div>'
        '<div class="bar"><button type="button">Play</button>'
        '<span class="info" aria-live="polite" dir="auto"></span></div></section>\n'
    )


def _data(clip: Clip) -> dict[str, object]:
    return {
        "duration": clip.alignment.duration,
        "audio": None if clip.samples is None else _opus(clip.samples, clip.sample_rate),
        "peak": None if clip.samples is None else float(np.abs(clip.samples).max(initial=_FAINT)),
        "tiers": [
            {
                "name": name,
                "intervals": [interval_row(i, i) for i in intervals],
            }
            for name, intervals in clip.alignment.tiers.items()
        ],
    }


def interval_row(interval: Interval, known: Interval) -> list[object]:
    """Return what tiers.js reads: bounds, label, confidence, margins of the start and of the end.

    Parameters
    ----------
    interval : Interval
        Where it is.
    known : Interval
        The same as it was aligned, with what is known of it.
    """
    margins = [
        own and [round(seconds, 5) for seconds in astuple(own)]
        for own in (known.start_margins, known.end_margins)
    ]
    row = [interval.start, interval.end, interval.label, known.confidence]
    return [*row, *margins] if any(margins) else row


def _opus(samples: np.ndarray, rate: int) -> str:
    """Return sound as a data address, Ogg Opus."""
    if rate != _RATE:
        samples = soxr.resample(samples, rate, _RATE)
    sink = io.BytesIO()
    soundfile.write(sink, samples, _RATE, format="OGG", subtype="OPUS")
    return f"data:audio/ogg;base64,{base64.b64encode(sink.getvalue()).decode()}"
