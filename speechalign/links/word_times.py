"""Word times of the sentences of a corpus, in whatever files they are."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError, InputError, SpeechAlignWarning
from speechalign.formats import read_alignment
from speechalign.formats.tree import read_tree
from speechalign.links.words import (
    TimedWord,
    fit_words,
    match_sentences,
    read_word_lists,
    timed_words,
)


class WordTimes:
    """The times of the words of each sentence of a corpus.

    Parameters
    ----------
    path : path-like
        Alignments, one for each sentence, in any format; or a JSON file in the layout of the
        SpeechAlign data set.
    sentences : Sequence[str]
        Names of the sentences, or their numbers, counted from 1; matched by `match_sentences`.
    tier : str
        Tier of the alignments that has the words.

    Raises
    ------
    FormatError
        The file cannot be read. A damaged file of a folder is a `SpeechAlignWarning`, and its
        sentence has no times.
    """

    def __init__(
        self, path: str | os.PathLike[str], sentences: Sequence[str], *, tier: str = "words"
    ) -> None:
        self._path = Path(path)
        self._tier = tier
        self._alignments: dict[str, Alignment] = {}
        self._lists: dict[str, dict[str, list[TimedWord]]] = {}
        if self._path.is_file() and self._path.suffix == ".json" and not _is_alignment(self._path):
            self._lists = read_word_lists(self._path)
        else:
            tree = read_tree(self._path)
            for problem in tree.problems:
                warnings.warn(f"left out: {problem}", SpeechAlignWarning, stacklevel=2)
            self._alignments = tree.alignments
        self._recordings = match_sentences(sentences, [*self._alignments, *self._lists])

    def of(self, sentence: str, words: Sequence[str] | None = None) -> list[TimedWord]:
        """Return the words of a sentence with their times.

        Parameters
        ----------
        sentence : str
            Name of one of the sentences.
        words : Sequence[str], optional
            Its words, punctuation included (default: the words that have times).

        Raises
        ------
        InputError
            The sentence has no times, or other words have them.
        """
        recording = self._recording(sentence)
        try:
            if recording in self._alignments:
                return timed_words(self._alignments[recording], words, tier=self._tier)
            said = self._only_voice(recording)
            return said if words is None else fit_words(said, words)
        except InputError as error:
            raise InputError(f"{self._path}: {recording}: {error}") from None

    def seconds(self, sentence: str) -> float:
        """Return the length of the recording of a sentence; in a word list, the last word's end.

        Raises
        ------
        InputError
            The sentence has no times.
        """
        recording = self._recording(sentence)
        if recording in self._alignments:
            return self._alignments[recording].duration
        return max((word.end or 0.0 for word in self._only_voice(recording)), default=0.0)

    def _recording(self, sentence: str) -> str:
        recording = self._recordings[sentence]
        if recording is None:
            raise InputError(f"{self._path}: no word times of this sentence")
        return recording

    def _only_voice(self, recording: str) -> list[TimedWord]:
        voices = self._lists[recording]
        if len(voices) != 1:
            raise InputError(
                f"expected one voice, got {', '.join(voices) or 'none'}; keep one in the file"
            )
        return next(iter(voices.values()))


def _is_alignment(path: Path) -> bool:
    """Tell a JSON file with tiers from one with word lists."""
    try:
        read_alignment(path)
    except FormatError:
        return False
    return True
