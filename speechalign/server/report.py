"""A report of an output folder: figures, histograms and the worst utterances, in one file."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape

import numpy as np

from speechalign.aligners.result import LONG
from speechalign.errors import BackendError, SpeechAlignError
from speechalign.formats import read_alignment
from speechalign.pipeline.result import UtteranceResult
from speechalign.server.workspace import Workspace
from speechalign.viz import plot_path
from speechalign.viz.tier_page import Clip, tier_page

WORST = 50
PART = 20.0
"""Seconds that are shown of an utterance of more than a minute."""
PATHS = 20
"""How many pictures of paths there are at most."""
_BARS = 20


def report_page(workspace: Workspace, *, most: int = WORST) -> str:
    """Return a self-contained HTML page to send to somebody: read only, with sound.

    Parameters
    ----------
    workspace : Workspace
        The output folder.
    most : int
        How many utterances are shown: those of the lowest confidence, of their least confident
        word where that is the same.
    """
    results = workspace.all_results()
    aligned = [result for result in results if result.said and result.confidence is not None]
    worst = sorted(aligned, key=_badness)[:most]
    clips = [_clip(workspace, result) for result in worst]
    failed = [result for result in results if not result.words]
    introduction = "".join(
        [
            f'<div class="figures">{_table(results)}',
            _histogram(
                [w.confidence for r in aligned for w in r.said], "confidence of words", 0, 1
            ),
            _histogram([r.log_likelihood for r in aligned], "log-likelihood per frame"),
            _histogram([r.signal_to_noise for r in aligned], "signal-to-noise ratio, dB"),
            "</div>",
            _failures(failed),
            _pictures(workspace, aligned),
            f"<p>Utterances of the lowest confidence, {len(clips)} of {len(aligned)}: click a word "
            "to hear it.</p>",
        ]
    )
    return tier_page(clips, title=f"Alignments in {workspace.out}", introduction=introduction)


def _badness(result: UtteranceResult) -> tuple[float, float]:
    assert result.confidence is not None
    known = [word.confidence for word in result.said if word.confidence is not None]
    return round(result.confidence, 2), min(known, default=1.0)


def _clip(workspace: Workspace, result: UtteranceResult) -> Clip:
    """Cut an utterance out of its recording."""
    results = workspace.results(result.recording)
    alignment = result.alignment
    file = workspace.file(results)
    if result.edited and file.problem is None:
        with suppress(SpeechAlignError, OSError):  # broken: as it was aligned
            alignment = read_alignment(file.path)
    start, end, is_part = _stretch(result, alignment.duration)
    cut = alignment.crop(start, end)
    # Other speakers of the recording may be silent here.
    tiers = {name: found for name, found in cut.tiers.items() if found}
    assert result.confidence is not None
    note = f"{result.status.value}, confidence {result.confidence:.2f}"
    if result.reason:
        note += f": {result.reason}"
    if is_part:
        note += f"; {start:.1f} to {end:.1f} s, around the least confident word"
    samples, rate = None, 1
    try:
        sound = workspace.sound_of(result.recording)
        rate = sound.info.sample_rate
        samples = sound.samples(round(start * rate), round(end * rate))
    except SpeechAlignError as error:
        note += f"; {error}"
    return Clip(result.utterance, replace(cut, tiers=tiers), samples, rate, note)


def _stretch(result: UtteranceResult, duration: float) -> tuple[float, float, bool]:
    """Return what is shown of an utterance, seconds; and whether it is a part of a long one."""
    start = result.start
    end = duration if result.end is None else min(result.end, duration)
    if end - start <= LONG:
        return start, end, False
    least = min(result.said, key=lambda word: 1.0 if word.confidence is None else word.confidence)
    first = min(max(start, (least.start + least.end - PART) / 2), end - PART)
    return first, first + PART, True


def _table(results: Sequence[UtteranceResult]) -> str:
    counts = Counter(result.status.value for result in results)
    words = sum(len(result.words) for result in results)
    seconds = sum((r.end or 0.0) - r.start for r in results if r.words)
    speakers = {result.speaker for result in results if result.speaker}
    rows = [("utterances", f"{len(results)}"), *((s, f"{n}") for s, n in counts.most_common())]
    rows += [
        ("corrected by hand", f"{sum(r.edited for r in results)}"),
        ("words", f"{words}"),
        ("speech aligned", f"{seconds / 60:.1f} min"),
        ("speakers", f"{len(speakers)}"),
        ("model", ", ".join(sorted({r.model for r in results}))),
    ]
    cells = "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows)
    return f"<table>{cells}</table>"


def _histogram(
    values: Sequence[float | None],
    caption: str,
    low: float | None = None,
    high: float | None = None,
) -> str:
    """Draw a histogram as SVG; nothing without values."""
    known = np.array([value for value in values if value is not None and np.isfinite(value)])
    if not len(known):
        return ""
    low = float(known.min()) if low is None else low
    high = max(float(known.max()), low + 1e-9) if high is None else high
    counts, _ = np.histogram(known, _BARS, (low, high))
    bars = "".join(
        f'<rect x="{11 * i}" y="{80 - 80 * n / counts.max():.1f}" width="10" '
        f'height="{80 * n / counts.max():.1f}"><title>{n}</title></rect>'
        for i, n in enumerate(counts)
        if n
    )
    axis = f'<text x="0" y="93">{low:.4g}</text>'
    axis += f'<text x="219" y="93" text-anchor="end">{high:.4g}</text>'
    return (
        f'<figure><svg width="220" height="96" role="img" aria-label="Histogram of '
        f'{escape(caption)}">{bars}{axis}</svg><figcaption>{escape(caption)}: median '
        f"{np.median(known):.3g}</figcaption></figure>"
    )


def _pictures(workspace: Workspace, aligned: Sequence[UtteranceResult]) -> str:
    """Draw the paths of long recordings and of misfits, those of the lowest confidence first."""
    by_recording: dict[str, list[UtteranceResult]] = {}
    for result in aligned:
        by_recording.setdefault(result.recording, []).append(result)
    wanted = [
        recording
        for recording, members in by_recording.items()
        if (members[0].audio_duration or 0.0) > LONG or any(member.misfits for member in members)
    ]
    wanted.sort(key=lambda name: min(_badness(result) for result in by_recording[name]))
    try:
        figures = "".join(map(_picture, map(workspace.results, wanted[:PATHS])))
    except BackendError as error:
        return f"<p>No pictures of paths: {escape(str(error))}.</p>"
    return f'<div class="paths">{figures}</div>' if figures else ""


def _picture(results: Sequence[UtteranceResult]) -> str:
    """Draw the path of a recording."""
    results = sorted(results, key=lambda result: result.start)
    recording = results[0].recording
    duration = max(result.audio_duration or 0.0 for result in results)
    figure = plot_path(
        [word for result in results for word in result.words],
        duration,
        untranscribed=[span for result in results for span in result.untranscribed],
    )
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90)
    data = base64.b64encode(png.getvalue()).decode()
    caption = f"{recording}: the position in the text against time"
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{escape(caption)}" '
        f'style="max-width:100%"><figcaption dir="auto">{escape(caption)}</figcaption></figure>'
    )


def _failures(failed: Sequence[UtteranceResult]) -> str:
    """Return a table of what has no alignment, and why."""
    if not failed:
        return ""
    rows = "".join(
        f'<tr><td dir="auto">{escape(r.utterance)}</td><td>{r.status.value}</td>'
        f'<td dir="auto">{escape((r.reason or "").strip().rpartition(chr(10))[2])}</td></tr>'
        for r in failed[:200]
    )
    return f'<p>Without an alignment: {len(failed)}.</p><table class="failed">{rows}</table>'
