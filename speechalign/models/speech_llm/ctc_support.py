"""Support of words by the CTC layer of an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.checks import check_log_probs
from speechalign.kernels.ctc_loss import ctc_occupation
from speechalign.vocabulary import Vocabulary


def supported_words(
    log_probs: np.ndarray,
    words: Sequence[Sequence[int]],
    *,
    blank: int,
    separator: int | None = None,
    threshold: float = 0.0,
) -> list[int]:
    """Drop words, one after the other, without which CTC finds a recording more probable.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities of a CTC model.
    words : Sequence[Sequence[int]]
        The labels of each word, in order; a word of no labels cannot be judged, and stays.
    blank : int
        Column of the blank.
    separator : int or None
        Label between two words; None for none.
    threshold : float
        Nats that a word has to gain to stay: what the text with it is more probable than the text
        without it.

    Returns
    -------
    list[int]
        Positions of the words that stay.

    Raises
    ------
    InputError
        A score is NaN or +inf, or of another shape or dtype.

    Notes
    -----
    With S the log-probability of a text, summed over alignments, the gain of word w is
    ``S(text) - S(text without w)``. The word of the least gain is dropped if that is below the
    threshold, the last of several such, and the others are judged again. Where the frames are too
    few for the text, the word goes whose absence makes the rest most probable. O(W^2) sums over
    alignments.

    Examples
    --------
    >>> log_probs = np.log([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1]])
    >>> supported_words(log_probs, [[1], [2]], blank=0)
    [0]
    """
    check_log_probs(log_probs)
    kept = list(range(len(words)))
    while True:
        judged = [k for k in kept if len(words[k])]
        if not judged:
            return kept
        texts = [_joined(words, [k for k in kept if k != left], separator) for left in judged]
        scores = _scores(log_probs, [_joined(words, kept, separator), *texts], blank)
        whole, without = scores[0], scores[1:]
        worst = len(judged) - 1 - int(without[::-1].argmax())
        if whole > -np.inf and whole - without[worst] >= threshold:
            return kept
        kept.remove(judged[worst])


def supported_text(
    log_probs: np.ndarray, text: str, vocabulary: Vocabulary, *, threshold: float
) -> str:
    """Return a text without the words that `supported_words` drops, by its characters."""
    assert vocabulary.blank is not None
    words = text.split()
    separators = [s for s in ("|", " ") if s in vocabulary]
    kept = supported_words(
        log_probs,
        [spelled(word, vocabulary) for word in words],
        blank=vocabulary.blank,
        separator=vocabulary.ids(separators[:1])[0] if separators else None,
        threshold=threshold,
    )
    return " ".join(words[k] for k in kept)


def has_characters(vocabulary: Vocabulary) -> bool:
    """Tell whether words can be spelled: whether letters are single ones, not phones or pieces.

    Examples
    --------
    >>> has_characters(Vocabulary(["<pad>", "a", "b", "|"], blank="<pad>"))
    True
    >>> has_characters(Vocabulary(["<pad>", "B", "AA"], blank="<pad>"))
    False
    """
    letters = [symbol for symbol in vocabulary.symbols if symbol.isalpha()]
    return bool(letters) and all(len(symbol) == 1 for symbol in letters)


def spelled(word: str, vocabulary: Vocabulary) -> list[int]:
    """Return the columns of a word's characters; none where one of them has no column.

    Examples
    --------
    >>> letters = Vocabulary(["_", "A", "B"], blank="_")
    >>> spelled("ab.", letters), spelled("abc", letters)
    ([1, 2], [])
    """
    letters = [c for c in word if c.isalnum() or c == "'"]
    for spelling in (letters, [c.lower() for c in letters], [c.upper() for c in letters]):
        if all(c in vocabulary for c in spelling):
            return vocabulary.ids(spelling)
    return []


def _joined(words: Sequence[Sequence[int]], kept: list[int], separator: int | None) -> list[int]:
    found: list[int] = []
    for k in kept:
        if found and len(words[k]) and separator is not None:
            found.append(separator)
        found.extend(words[k])
    return found


def _scores(log_probs: np.ndarray, texts: list[list[int]], blank: int) -> np.ndarray:
    """Return the log-probability of each text."""
    targets = np.full((len(texts), max(map(len, texts))), blank)
    for row, text in zip(targets, texts):
        row[: len(text)] = text
    lengths = np.array([len(text) for text in texts])
    frames = np.full(len(texts), len(log_probs))
    many = np.broadcast_to(log_probs, (len(texts), *log_probs.shape))
    return ctc_occupation(many, targets, frames, lengths, blank=blank).scores
