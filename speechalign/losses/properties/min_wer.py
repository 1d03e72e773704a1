"""Minimum word error rate: put one wrong word right."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import collapse
from speechalign.kernels.word_errors import EACH_LABEL, match_words, word_spans
from speechalign.losses.properties import Context


def min_wer(
    paths: np.ndarray,
    lengths: np.ndarray,
    context: Context,
    *,
    separator: int | None = None,
    most_substitutions: int = 2,
) -> np.ndarray:
    """Replace a wrong word by the right one, in the frames where it was said.

    Parameters
    ----------
    paths : ndarray, shape (P, T), int64
        One label a frame.
    lengths : ndarray, shape (P,), int64
        Frames of each path.
    context : Context
        All of it is read, the transcripts included.
    separator : int or None
        The label between words, such as the space among letters; each label is a word where there
        is none, as for phones, whose error rate it then lowers.
    most_substitutions : int
        By how many labels a word may differ from the right one; at least 1.

    Returns
    -------
    ndarray, shape (P, T), int64
        The edited paths. An edited path collapses to what it did but for one word, and has one word
        error less.

    Raises
    ------
    InputError
        There are no transcripts in the context, or an option is out of range.

    Notes
    -----
    The words of the path and those of the transcript are paired at the least edit distance. Of the
    pairs of different words with as many labels, of which few enough differ, one is chosen, each
    as likely; every run of frames with a wrong label gets the right one. Inserted and deleted words
    stay, as in [1]_. A run that would come to touch one of the same label would merge with it, and
    the word would not be right: such a pair is no choice. (The released code takes it.)

    References
    ----------
    .. [1] E. Segev et al., "Align With Purpose: Optimize Desired Properties in CTC Models with a
       General Plug-and-Play Framework", ICLR 2024.

    Examples
    --------
    Letters a=1, b=2, space=3: "aa b", where the transcript has "ab b".

    >>> context = Context(0, np.random.default_rng(1), np.array([0]), np.array([[1, 2, 3, 2]]),
    ...                   np.array([4]))
    >>> min_wer(np.array([[1, 0, 1, 1, 3, 2]]), np.array([6]), context, separator=3)
    array([[1, 0, 2, 2, 3, 2]])
    """
    targets, target_lengths = context.targets, context.target_lengths
    if targets is None or target_lengths is None:
        raise InputError("min_wer: expected transcripts, got none; give targets, target_lengths")
    if most_substitutions < 1:
        raise InputError(f"most_substitutions: expected at least 1, got {most_substitutions}")
    if separator is not None and separator < 0:
        raise InputError(f"separator: expected a label, got {separator}")
    improved = paths.copy()
    _correct(
        improved, lengths, context.blank, context.utterances, targets, target_lengths,
        EACH_LABEL if separator is None else separator, most_substitutions,
        context.generator.random(len(paths)),
    )  # fmt: skip
    return improved


@njit(cache=True, nogil=True)
def _correct(
    paths: np.ndarray,
    lengths: np.ndarray,
    blank: int,
    utterances: np.ndarray,
    targets: np.ndarray,
    target_lengths: np.ndarray,
    separator: int,
    most_substitutions: int,
    uniforms: np.ndarray,
) -> None:
    """Correct one word of each path, where there is one that can be."""
    buffers = np.empty((3, paths.shape[1]), dtype=np.int64)
    for p in range(len(paths)):
        path = paths[p, : lengths[p]]
        count = collapse(path, blank, buffers[0], buffers[1], buffers[2])
        said, starts, ends = buffers[:, :count]
        right = targets[utterances[p], : target_lengths[utterances[p]]]
        words, right_words = word_spans(said, separator), word_spans(right, separator)
        _, pairs = match_words(right, right_words, said, words)
        choices = np.empty((len(pairs), 3), dtype=np.int64)
        found = 0
        for k in range(len(pairs)):
            first, end = words[pairs[k, 1]]
            right_first, right_end = right_words[pairs[k, 0]]
            word = right[right_first:right_end]
            if end - first == len(word) and _correctable(
                said, starts, ends, first, word, most_substitutions
            ):
                choices[found] = first, right_first, len(word)
                found += 1
        if found > 0:
            first, right_first, length = choices[int(uniforms[p] * found)]
            for i in range(length):
                path[starts[first + i] : ends[first + i]] = right[right_first + i]


@njit(cache=True, nogil=True)
def _correctable(
    said: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    first: int,
    word: np.ndarray,
    most_substitutions: int,
) -> bool:
    """Say whether few labels from the first on differ from a word, and none would merge."""
    differ = 0
    end = first + len(word)
    before = said[max(first - 1, 0)]
    for i in range(first, min(end + 1, len(said))):
        label = word[i - first] if i < end else said[i]
        if label != said[i]:
            differ += 1
        if i > 0 and label == before and starts[i] == ends[i - 1]:
            return False
        before = label
    return 0 < differ <= most_substitutions
