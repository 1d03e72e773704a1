"""An alignment as an inline page of a notebook."""

from __future__ import annotations

from html import escape

from speechalign.alignment import Alignment
from speechalign.audio.waveform import Waveform
from speechalign.viz.tier_page import Clip, tier_page

_ROW, _REST = 40, 300  # pixels: a tier; sound, spectrogram and buttons


class NotebookView:
    """Display of an alignment in a notebook: its tiers below the sound.

    Parameters
    ----------
    alignment : Alignment
        The tiers.
    waveform : Waveform
        The sound.
    """

    def __init__(self, alignment: Alignment, waveform: Waveform) -> None:
        self.alignment = alignment
        self.waveform = waveform

    def __repr__(self) -> str:
        return f"<NotebookView of {self.alignment!r}: show it in a notebook>"

    def to_html(self) -> str:
        """Return the page, one HTML file that needs nothing else."""
        clip = Clip("", self.alignment, self.waveform.samples, self.waveform.sample_rate)
        return tier_page([clip], title="")

    def _repr_html_(self) -> str:
        """Return a frame: the page has scripts and styles of its own."""
        height = _REST + _ROW * len(self.alignment.tiers)
        return (
            f'<iframe srcdoc="{escape(self.to_html())}" style="border:0;width:100%" '
            f'height="{height}" title="Alignment"></iframe>'
        )
