"""The result for one utterance: its words, and their phones or letters, with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size

from speechalign.aligners.ctc_boundaries import lasting
from speechalign.alignment import Alignment
from speechalign.audio.waveform import Waveform
from speechalign.text.word import Word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ("word", "start", "end", "confidence")


@dataclass(frozen=True, repr=False)
class AlignedUtterance:
    """An utterance with the times of its words; plots itself, and shows as a table.

    Parameters
    ----------
    words : tuple[Word, ...]
        As many as the transcript has, all with times.
    duration : float
        Seconds.
    log_likelihood : float
        Of the best path, natural logarithm per frame of 10 ms.
    confidence : float
        Mean confidence of the words, weighted by duration, in [0, 1].
    waveform : Waveform
        What was aligned.
    unit : str
        What the words consist of, which is the name of its tier: ``phones``, or ``characters`` or
        ``tokens`` for a model that knows no phones.
    """

    words: tuple[Word, ...]
    duration: float
    log_likelihood: float
    confidence: float
    waveform: Waveform
    unit: str = "phones"

    @classmethod
    def of(
        cls, words: Sequence[Word], waveform: Waveform, *, log_likelihood: float, unit: str
    ) -> AlignedUtterance:
        """Put together the result of words with times, at least one of which has a confidence."""
        judged = [word.interval for word in words if word.confidence is not None]
        confidence = np.average(
            [interval.confidence for interval in judged],
            weights=[interval.duration for interval in judged],
        )
        return cls(
            tuple(words), waveform.duration, log_likelihood, float(confidence), waveform, unit
        )

    def without_short_pauses(self, least: float) -> AlignedUtterance:
        """Return the same with pauses between words shorter than ``least`` seconds closed.

        The words on both sides meet in the middle of the pause.
        """
        words = list(self.words)
        for i in range(len(words) - 1):
            before, after = words[i], words[i + 1]
            if 0 < after.start - before.end < least:
                middle = (before.end + after.start) / 2
                words[i] = before.stretched(before.start, middle)
                words[i + 1] = after.stretched(middle, after.end)
        return replace(self, words=tuple(words))

    def shifted(self, seconds: float) -> AlignedUtterance:
        """Return the same with all times moved, but kept within the recording."""
        parts = [part for word in self.words for part in word.parts]
        times = np.array([(part.start + seconds, part.end + seconds) for part in parts])
        moved = iter(lasting(times, self.duration).tolist())
        words = []
        for word in self.words:
            own = [replace(part, start=s, end=e) for part, (s, e) in zip(word.parts, moved)]
            span = replace(word.interval, start=own[0].start, end=own[-1].end)
            tokens = tuple(replace(t, interval=part) for t, part in zip(word.tokens, own))
            words.append(
                replace(word, span=span, phones=tuple(own) if word.phones else (), tokens=tokens)
            )
        return replace(self, words=tuple(words))

    @property
    def alignment(self) -> Alignment:
        """The tier ``words``, and that of what they consist of."""
        return Alignment(
            {
                "words": [word.interval for word in self.words],
                self.unit: [part for word in self.words for part in word.parts],
            },
            self.duration,
        )

    def plot(self) -> Figure:
        """Draw waveform, spectrogram and tiers; needs the extra ``speechalign[plot]``."""
        from speechalign.viz import plot_alignment

        return plot_alignment(self.alignment, self.waveform)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (*_COLUMNS, self.unit),
            *(
                (
                    word.label,
                    f"{word.start:.3f}",
                    f"{word.end:.3f}",
                    "" if word.confidence is None else f"{word.confidence:.2f}",
                    " ".join(part.label for part in word.parts),
                )
                for word in self.words
            ),
        ]

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(map(cell_len, column)) for column in zip(*rows)]
        return "\n".join(
            "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        names, *rows = self._rows()
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
