"""Words with times, and the result for one utterance that has them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size

from speechalign.aligners.ctc_boundaries import lasting
from speechalign.aligners.misfit_reasons import Passage, misfit_reasons
from speechalign.aligners.search import EXACT, Search
from speechalign.aligners.word_speakers import tiers_by_speaker, tiers_of_words
from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import BackendError, InputError
from speechalign.text.word import Word

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from speechalign.viz.notebook import NotebookView

_COLUMNS = ("word", "start", "end", "confidence")
_TIMES = ("label", "start", "end", "duration")
LONG = 60.0
"""Seconds from which on a recording is drawn as a path: its words are too many to read."""


class TimedWords:
    """Words with times: an iterable that becomes tiers, tables and files.

    Subclasses have ``words``, the ``unit`` that these consist of, their mean ``confidence``, how
    long the recording is, what of it is ``untranscribed``, and ``spoken_pauses``.
    """

    words: tuple[Word, ...]
    unit: str
    confidence: float | None
    untranscribed: tuple[Interval, ...]
    spoken_pauses: tuple[Interval, ...]

    @property
    def _seconds(self) -> float:
        """Duration of the recording, seconds."""
        raise NotImplementedError

    @property
    def _bounds(self) -> tuple[float, float]:
        """Start and end of the utterance, seconds."""
        return 0.0, self._seconds

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __bool__(self) -> bool:
        return True  # A result is one without words, too.

    @property
    def said(self) -> tuple[Word, ...]:
        """The words that are in the audio, in order of time."""
        heard = (word for word in self.words if word.span is not None)
        return tuple(sorted(heard, key=lambda word: word.start))

    @property
    def misfits(self) -> tuple[Passage, ...]:
        """Passages of text and audio that differ, each with its reason: see `misfit_reasons`."""
        return tuple(misfit_reasons(self.words, self.untranscribed, self._bounds))

    def _misfits_as_data(self) -> dict[str, object]:
        """Return the misfits as plain data; nothing where there are none."""
        found = self.misfits
        return {"misfits": [asdict(passage) for passage in found]} if found else {}

    @property
    def misfit_tier(self) -> tuple[Interval, ...]:
        """Untranscribed stretches and repeated passages, in order of time."""
        repeated = (
            Interval(passage.start, passage.end, passage.kind)
            for passage in self.misfits
            if passage.kind == "repeated" and passage.start is not None and passage.end is not None
        )
        found = (*self.untranscribed, *repeated)
        return tuple(sorted(found, key=lambda interval: interval.start))

    @property
    def alignment(self) -> Alignment:
        """The tier ``words``, and that of what they consist of; by speaker, where known."""
        if any(word.speaker is not None for word in self.said):
            tiers = tiers_by_speaker([self.said], self.unit, utterances=False)
            return Alignment(tiers, self._seconds)
        return Alignment(
            {
                **tiers_of_words(self.said, self.unit),
                **({"misfits": tier} if (tier := self.misfit_tier) else {}),
            },
            self._seconds,
        )

    def to_dataframe(self, tier: str = "words") -> DataFrame:
        """Return a table, as a pandas data frame.

        Parameters
        ----------
        tier : str
            ``words``, or the ``unit`` of the utterance, such as ``phones``.

        Returns
        -------
        DataFrame
            A row for each word: ``label``, ``start``, ``end``, ``duration`` (seconds; None where it
            was skipped), ``confidence``, ``source`` and ``spoken``. Or a row for each phone, letter
            or token: ``word`` (the number of its word, from 0), ``label``, ``start``, ``end``,
            ``duration``.

        Raises
        ------
        InputError
            There is no such tier.
        BackendError
            pandas is missing.
        """
        if tier not in ("words", self.unit):
            raise InputError(f"tier: expected 'words' or {self.unit!r}, got {tier!r}")
        try:
            from pandas import DataFrame
        except ModuleNotFoundError as error:
            raise BackendError(f"to_dataframe needs {error.name}; pip install pandas") from None
        if tier == "words":
            rows: list[tuple[object, ...]] = [
                (w.label, *_times(w), w.source, " ".join(w.spoken)) for w in self.words
            ]
            return DataFrame(rows, columns=[*_TIMES, "confidence", "source", "spoken"])
        rows = [
            (number, part.label, part.start, part.end, part.duration)
            for number, word in enumerate(self.words)
            for part in word.parts
        ]
        return DataFrame(rows, columns=["word", *_TIMES])

    def save(
        self, path: str | os.PathLike[str], *, format: str | None = None, **options: object
    ) -> None:
        """Write ``alignment`` to a file, as `Alignment.save` does: by suffix, or by format."""
        self.alignment.save(path, format=format, **options)


def _times(word: Word) -> tuple[float | None, ...]:
    """Return start, end, duration and confidence."""
    if word.span is None:
        return (None,) * 4
    return word.start, word.end, word.duration, word.confidence


@dataclass(frozen=True, repr=False)
class AlignedUtterance(TimedWords):
    """An utterance with the times of its words: iterate over these, save it, plot it.

    In a terminal and in a notebook it shows as a table.

    Parameters
    ----------
    words : tuple[Word, ...]
        Those of the transcript, in its order, all with times; where it need not fit the audio, some
        are skipped, and further readings of a word follow it.
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
    untranscribed : tuple[Interval, ...]
        Audio that is not in the transcript, in order, labelled with what it sounds like.
    search : Search
        How the path was found.
    spoken_pauses : tuple[Interval, ...]
        Pauses that sound like speech, in order, labelled ``speech``; see `PauseJudge`.
    """

    words: tuple[Word, ...]
    duration: float
    log_likelihood: float
    confidence: float
    waveform: Waveform
    unit: str = "phones"
    untranscribed: tuple[Interval, ...] = ()
    search: Search = EXACT
    spoken_pauses: tuple[Interval, ...] = ()

    @classmethod
    def of(
        cls,
        words: Sequence[Word],
        waveform: Waveform,
        *,
        log_likelihood: float,
        unit: str,
        untranscribed: Sequence[Interval] = (),
        search: Search = EXACT,
        spoken_pauses: Sequence[Interval] = (),
    ) -> AlignedUtterance:
        """Put together the result of words, at least one of which has times and a confidence.

        Words that are any sound count where there are no others only.
        """
        known = [w for w in words if w.span is not None and w.confidence is not None]
        judged = [word.interval for word in known if not word.is_any_sound]
        judged = judged or [word.interval for word in known]
        confidence = np.average(
            [interval.confidence for interval in judged],
            weights=[interval.duration for interval in judged],
        )
        return cls(
            tuple(words),
            waveform.duration,
            float(log_likelihood),
            float(confidence),
            waveform,
            unit,
            tuple(untranscribed),
            search,
            tuple(spoken_pauses),
        )

    def without_short_pauses(self, least: float) -> AlignedUtterance:
        """Return the same with pauses between words shorter than ``least`` seconds closed.

        The words on both sides meet in the middle of the pause.
        """
        words = list(self.words)
        for i, j in pairwise(self._in_time()):
            before, after = words[i], words[j]
            if 0 < after.start - before.end < least:
                middle = (before.end + after.start) / 2
                words[i] = before.stretched(before.start, middle)
                words[j] = after.stretched(middle, after.end)
        return replace(self, words=tuple(words))

    def shifted(self, seconds: float) -> AlignedUtterance:
        """Return the same with all times moved, but kept within the recording."""
        parts = [part for i in self._in_time() for part in self.words[i].parts]
        times = np.array([(part.start + seconds, part.end + seconds) for part in parts])
        return self.retimed(lasting(times, self.duration))

    def retimed(self, times: np.ndarray) -> AlignedUtterance:
        """Return the same with other times of the parts of words.

        Parameters
        ----------
        times : ndarray, shape (K, 2), float64
            Start and end of each part of the words that are said, in order of time, seconds.
        """
        words = list(self.words)
        moved = iter(times.tolist())
        for i in self._in_time():
            word = words[i]
            own = [replace(part, start=s, end=e) for part, (s, e) in zip(word.parts, moved)]
            span = replace(word.interval, start=own[0].start, end=own[-1].end)
            tokens = tuple(replace(t, interval=part) for t, part in zip(word.tokens, own))
            words[i] = replace(
                word, span=span, phones=tuple(own) if word.phones else (), tokens=tokens
            )
        return replace(self, words=tuple(words))

    def _in_time(self) -> list[int]:
        """Return the numbers of the words that are said, in order of time."""
        said = [i for i, word in enumerate(self.words) if word.span is not None]
        return sorted(said, key=lambda i: self.words[i].start)

    @property
    def _seconds(self) -> float:
        return self.duration

    def to_dict(self) -> dict[str, object]:
        """Return plain data that JSON can hold: figures of the utterance, and its words.

        Returns
        -------
        dict
            ``duration``, ``log_likelihood``, ``confidence``, ``unit``, ``search``;
            ``untranscribed`` and ``spoken_pauses``, lists of label, start and end; and ``words``, a
            list of what `Word.to_dict` returns. Where text and audio differ, ``misfits``: fields of
            `Passage`.
        """
        return {
            "duration": self.duration,
            "log_likelihood": self.log_likelihood,
            "confidence": self.confidence,
            "unit": self.unit,
            "search": self.search.to_dict(),
            "untranscribed": [[i.label, i.start, i.end] for i in self.untranscribed],
            "spoken_pauses": [[i.label, i.start, i.end] for i in self.spoken_pauses],
            "words": [word.to_dict() for word in self.words],
            **self._misfits_as_data(),
        }

    def plot(self) -> Figure:
        """Draw waveform, spectrogram and tiers, or the path through the text.

        The path is drawn above a minute, and where text and audio differ.

        See `speechalign.viz.plot_alignment` and `speechalign.viz.plot_path`.

        Raises
        ------
        BackendError
            matplotlib or librosa is missing; ``pip install 'speechalign[plot]'`` brings both.
        """
        from speechalign.viz import plot_alignment, plot_path

        if self.duration > LONG or self.misfits:
            return plot_path(self.words, self.duration, untranscribed=self.untranscribed)
        return plot_alignment(self.alignment, self.waveform)

    def view(self) -> NotebookView:
        """Return an inline page for notebooks: waveform, spectrogram, tiers and sound.

        A click on a word or phone plays it. The page is part of the notebook, sound included.

        Examples
        --------
        >>> import speechalign
        >>> speechalign.align("hello.wav", "Hello, world!").view()  # doctest: +SKIP
        """
        from speechalign.viz.notebook import NotebookView

        return NotebookView(self.alignment, self.waveform)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (*_COLUMNS, self.unit),
            *(
                (word.label, word.status, "", "", "")
                if word.span is None
                else (
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
