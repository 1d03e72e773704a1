"""Minimum word error rate: put one wrong word right."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import collapse
from speechalign.kernels.edit_distance import edit_pairs
from speechalign.kernels.word_errors import EACH_LABEL, match_words, word_spans
from speechalign.losses.properties import Context

_MISSING = -1


def min_wer(
    paths: np.ndarray,
    lengths: np.ndarray,
    context: Context,
    *,
    separator: int | None = None,
    most_edits: int = 2,
) -> np.ndarray:
    """Replace a wrong word by the right one, in the frames where it was said.

    Words are what the context's ``words`` says, else what stands between separators, else single
    labels.

    Parameters
    ----------
    paths : ndarray, shape (P, T), int64
        One label a frame.
    lengths : ndarray, shape (P,), int64
        Frames of each path.
    context : Context
        All of it is read, the transcripts included.
    separator : int or None
        The label between words, such as the space among letters. Phones have none: give ``words``,
        or each label is a word.
    most_edits : int
        By how many labels a word may differ from the right one; at least 1.

    Returns
    -------
    ndarray, shape (P, T), int64
        The edited paths. An edited path collapses to what it did but for one word, and has one word
        error less.

    Raises
    ------
    InputError
        There are no transcripts in the context, or words without log-probabilities; an option is
        out of range; or there are both a separator and ``words``.

    Notes
    -----
    The words of the path and those of the transcript are paired at the least edit distance. Of the
    pairs of different words with as many labels, of which few enough differ, one is chosen, each
    as likely; every run of frames with a wrong label gets the right one. Inserted and deleted words
    stay, as in [1]_. A run that would come to touch one of the same label would merge with it, and
    the word would not be right: such a pair is no choice. (The released code takes it.)

    With ``words``, the labels of the path and those of the transcript are paired instead, since
    nothing in a path tells which word a label is of. A word is wrong if a label of it is, if one is
    missing, or if others are among them, and few enough such edits put it right: others become
    blanks; missing labels take a frame each of the blanks between the labels beside them, where
    together they are most probable (elsewhere a model would be asked to say them where nothing of
    them is to be heard). A word of which nothing was said stays missing.

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
    if most_edits < 1:
        raise InputError(f"most_edits: expected at least 1, got {most_edits}")
    if separator is not None and separator < 0:
        raise InputError(f"separator: expected a label, got {separator}")
    improved = paths.copy()
    uniforms = context.generator.random(len(paths))
    transcripts = (context.utterances, targets, target_lengths)
    if context.words is None:
        _correct(
            improved, lengths, context.blank, *transcripts,
            EACH_LABEL if separator is None else separator, most_edits, uniforms,
        )  # fmt: skip
    elif separator is not None:
        raise InputError("separator: expected None where words are given; give one of them")
    elif context.log_probs is None:
        raise InputError("min_wer: expected log_probs beside words, got none; give both")
    else:
        _complete(
            improved, lengths, context.blank, *transcripts, context.words, most_edits, uniforms,
            context.log_probs(),
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
    most_edits: int,
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
                said, starts, ends, first, word, most_edits
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
    most_edits: int,
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
    return 0 < differ <= most_edits


@njit(cache=True, nogil=True)
def _complete(
    paths: np.ndarray,
    lengths: np.ndarray,
    blank: int,
    utterances: np.ndarray,
    targets: np.ndarray,
    target_lengths: np.ndarray,
    words: np.ndarray,
    most_edits: int,
    uniforms: np.ndarray,
    log_probs: np.ndarray,
) -> None:
    """Put right one word of each path, as ``words`` tells them, where there is one that can be."""
    frames = paths.shape[1]
    buffers, others = np.empty((3, frames), dtype=np.int64), np.empty((3, frames), dtype=np.int64)
    edited = np.empty(frames, dtype=np.int64)
    for p in range(len(paths)):
        path, trial = paths[p, : lengths[p]], edited[: lengths[p]]
        scores = log_probs[utterances[p]]
        count = collapse(path, blank, buffers[0], buffers[1], buffers[2])
        said, starts, ends = buffers[:, :count]
        right = targets[utterances[p], : target_lengths[utterances[p]]]
        word_of = words[utterances[p]]
        _, pairs = edit_pairs(right, said)
        opposite = np.full(len(right), _MISSING)
        for k in range(len(pairs)):
            opposite[pairs[k, 0]] = pairs[k, 1]
        choices = np.empty((len(right), 2), dtype=np.int64)
        found = first = 0
        while first < len(right):
            end = first + 1
            while end < len(right) and word_of[end] == word_of[first]:
                end += 1
            at, word = opposite[first:end], right[first:end]
            if 0 < _edits(said, at, word) <= most_edits:
                trial[:] = path
                _put_right(trial, scores, starts, ends, at, word, blank)
                count = collapse(trial, blank, others[0], others[1], others[2])
                if _is_right(others[0, :count], said, at, word):
                    choices[found] = first, end
                    found += 1
            first = end
        if found > 0:
            first, end = choices[int(uniforms[p] * found)]
            _put_right(path, scores, starts, ends, opposite[first:end], right[first:end], blank)


@njit(cache=True, nogil=True)
def _edits(said: np.ndarray, at: np.ndarray, word: np.ndarray) -> int:
    """Count the edits that put a word right; 0 as well if none of its labels has one opposite."""
    edits = 0
    last = _MISSING
    for i in range(len(word)):
        if at[i] == _MISSING:
            edits += 1
        else:
            edits += said[at[i]] != word[i]
            if last != _MISSING:
                edits += at[i] - last - 1
            last = at[i]
    return edits if last != _MISSING else 0


@njit(cache=True, nogil=True)
def _put_right(
    path: np.ndarray,
    log_probs: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    at: np.ndarray,
    word: np.ndarray,
    blank: int,
) -> None:
    """Write a word over the labels that stand opposite its own, and between them."""
    last = _MISSING
    i = 0
    while i < len(word):
        missing = 0
        while i + missing < len(word) and at[i + missing] == _MISSING:
            missing += 1
        here = at[i + missing] if i + missing < len(word) else _MISSING
        if last != _MISSING:
            begin = ends[last]
            following = here if here != _MISSING else last + 1
            end = starts[following] if following < len(starts) else len(path)
            if here != _MISSING:
                path[begin:end] = blank
        else:
            begin, end = ends[here - 1] if here > 0 else 0, starts[here]
        if missing > 0:
            before = path[begin - 1] if begin > 0 else blank
            after = path[end] if end < len(path) else blank
            _insert(
                path[begin:end], log_probs[begin:end], word[i : i + missing], blank, before,
                after if here == _MISSING else word[i + missing],
            )  # fmt: skip
        i += missing
        if here != _MISSING:
            path[starts[here] : ends[here]] = word[i]
            i += 1
        last = here


@njit(cache=True, nogil=True)
def _insert(
    path: np.ndarray,
    log_probs: np.ndarray,
    labels: np.ndarray,
    blank: int,
    before: int,
    after: int,
) -> None:
    """Write labels over as many blanks where that is most probable, if they fit at all.

    They keep their order, and a blank stays between a label and its like, those ``before`` and
    ``after`` the blanks included.
    """
    frames = len(path)
    scores = np.full((len(labels), frames), -np.inf)
    places = np.zeros((len(labels), frames), dtype=np.int64)  # Of the label before.
    for k in range(len(labels)):
        apart = 1 + (labels[k] == (labels[k - 1] if k > 0 else before))
        best, place = (0.0, 0) if k == 0 else (-np.inf, 0)
        for t in range(apart - 1, frames):
            if k > 0 and t >= apart and scores[k - 1, t - apart] > best:
                best, place = scores[k - 1, t - apart], t - apart
            scores[k, t] = best + log_probs[t, labels[k]] - log_probs[t, blank]
            places[k, t] = place
    last = frames - (labels[-1] == after)
    if last <= 0:
        return
    t = int(scores[-1, :last].argmax())
    if scores[-1, t] == -np.inf:
        return
    for k in range(len(labels) - 1, -1, -1):
        path[t] = labels[k]
        t = int(places[k, t])


@njit(cache=True, nogil=True)
def _is_right(now: np.ndarray, said: np.ndarray, at: np.ndarray, word: np.ndarray) -> bool:
    """Say whether the labels of an edited path are the old ones, but for the word."""
    first, last = len(said), 0
    for i in range(len(word)):
        if at[i] != _MISSING:
            first, last = min(first, at[i]), max(last, at[i])
    after = first + len(word)
    if len(now) != after + len(said) - last - 1:
        return False
    return (
        np.array_equal(now[:first], said[:first])
        and np.array_equal(now[first:after], word)
        and np.array_equal(now[after:], said[last + 1 :])
    )
