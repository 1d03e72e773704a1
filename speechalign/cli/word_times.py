"""Word times of the sentences of a corpus, in whatever files they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.errors import FormatError, InputError

if TYPE_CHECKING:
    from speechalign.alignment import Alignment
    from speechalign.links import TimedWord


WITHOUT_TEXT = (
    "note: without --text, the words that have times are taken for all words of a sentence; where "
    "links count punctuation, it must be there, too"
)


class WordTimes:
    """When the words of each sentence are said.

    Parameters
    ----------
    path : Path
        Alignments, one for each sentence, in any format; or a JSON file in the layout of the
        SpeechAlign data set.
    names : Sequence[str]
        The sentences.
    tier : str
        Tier of the alignments.

    Raises
    ------
    FormatError
        A file cannot be read.
    """

    def __init__(self, path: Path, names: Sequence[str], *, tier: str) -> None:
        from speechalign.formats.tree import read_tree
        from speechalign.links import match_sentences, read_word_lists

        self._path = path
        self._tier = tier
        self._alignments: dict[str, Alignment] = {}
        self._lists: dict[str, dict[str, list[TimedWord]]] = {}
        if path.is_file() and path.suffix == ".json" and not _is_alignment(path):
            self._lists = read_word_lists(path)
        else:
            tree = read_tree(path)
            for problem in tree.problems:
                click.echo(f"unusable: {problem}", err=True)
            self._alignments = tree.alignments
        self._recordings = match_sentences(names, [*self._alignments, *self._lists])

    def of(self, name: str, words: Sequence[str] | None) -> tuple[list[TimedWord], float]:
        """Return the words of a sentence, and what its recording lasts in seconds.

        Parameters
        ----------
        name : str
            One of the sentences.
        words : Sequence[str], optional
            Its words, punctuation included.

        Raises
        ------
        InputError
            There are no times of this sentence, or of other words.
        """
        from speechalign.links import fit_words, timed_words

        recording = self._recordings[name]
        if recording is None:
            raise InputError(f"{self._path}: no word times of this sentence")
        try:
            if recording in self._alignments:
                alignment = self._alignments[recording]
                return timed_words(alignment, words, tier=self._tier), alignment.duration
            said = self._only_voice(recording)
            fitted = said if words is None else fit_words(said, words)
            return fitted, max((word.end or 0.0 for word in said), default=0.0)
        except InputError as error:
            raise InputError(f"{self._path}: {recording}: {error}") from None

    def _only_voice(self, recording: str) -> list[TimedWord]:
        voices = self._lists[recording]
        if len(voices) != 1:
            raise InputError(
                f"expected one voice, got {', '.join(voices) or 'none'}; keep one in the file"
            )
        return next(iter(voices.values()))


def _is_alignment(path: Path) -> bool:
    """Tell a JSON file with tiers from one with word lists."""
    from speechalign.formats import read_alignment

    try:
        read_alignment(path)
    except FormatError:
        return False
    return True
