"""What an aligner makes of one utterance: words, and what they consist of, with their times."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len, set_cell_size

from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import Waveform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ("word", "start", "end", "confidence")


class SpokenWord(Protocol):
    """What is known of a word of the transcript before it is aligned."""

    @property
    def label(self) -> str:
        """The user's own word, with casing and punctuation."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """What is said for it: ``("five", "dollars")`` for ``$5``."""

    @property
    def source(self) -> str:
        """How it is known what sounds that has."""


@dataclass(frozen=True)
class AlignedToken:
    """A character, or a longer piece of a word, with its time.

    Parameters
    ----------
    interval : Interval
        When it is said.
    start, end : int
        Characters ``[start, end)`` of the word's label that it stands for: the user's own text,
        not what is spoken for it.
    """

    interval: Interval
    start: int
    end: int


@dataclass(frozen=True)
class AlignedWord:
    """One word of the transcript, with its time.

    Parameters
    ----------
    word : SpokenWord
        The user's word, what is said for it, and how that is known.
    interval : Interval
        When it is said, and with what confidence it is; None where nothing is known.
    phones : tuple[Interval, ...]
        The pronunciation that fits best; pauses inside the word are gaps. Empty where the model
        knows no phones.
    tokens : tuple[AlignedToken, ...]
        The characters or pieces that the model read instead. Empty where it has phones.
    """

    word: SpokenWord
    interval: Interval
    phones: tuple[Interval, ...] = ()
    tokens: tuple[AlignedToken, ...] = ()

    @property
    def parts(self) -> tuple[Interval, ...]:
        """The phones, or the times of the tokens where there are none."""
        return self.phones or tuple(token.interval for token in self.tokens)


@dataclass(frozen=True, repr=False)
class AlignedUtterance:
    """An utterance with the times of its words; plots itself, and shows as a table.

    Parameters
    ----------
    words : tuple[AlignedWord, ...]
        As many as the transcript has.
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

    words: tuple[AlignedWord, ...]
    duration: float
    log_likelihood: float
    confidence: float
    waveform: Waveform
    unit: str = "phones"

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
                    word.interval.label,
                    f"{word.interval.start:.3f}",
                    f"{word.interval.end:.3f}",
                    "" if word.interval.confidence is None else f"{word.interval.confidence:.2f}",
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
