import numpy as np
import pytest

from speechalign.errors import InputError
from speechalign.models.speech_llm.ctc_support import (
    has_characters,
    spelled,
    supported_text,
    supported_words,
)
from speechalign.vocabulary import Vocabulary

A, B, SPACE, BLANK = 0, 1, 2, 3


def frames(labels, sure=0.9):
    """Log-probabilities of frames in which one label is sure."""
    probs = np.full((len(labels), 4), (1 - sure) / 3)
    probs[np.arange(len(labels)), labels] = sure
    return np.log(probs)


SAID = frames([A, BLANK, SPACE, B, B, BLANK, SPACE, A, A])  # "a b a"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ([[A], [B], [A]], [0, 1, 2]),
        ([[A], [B], [B], [A]], None),
        ([[A], [B], [A], [B, A, B]], [0, 1, 2]),
        ([[B, B, B], [A], [B], [A]], [1, 2, 3]),
        ([], []),
        ([[]], [0]),
        ([[A], [], [B], [A], [B]], [0, 1, 2, 3]),
    ],
)
def test_inserted_words_go(words, kept):
    found = supported_words(SAID, words, blank=BLANK, separator=SPACE)
    if kept is None:  # One of the two equal words.
        assert found in ([0, 1, 3], [0, 2, 3])
    else:
        assert found == kept


def test_silence_supports_nothing():
    silence = frames([BLANK] * 6)
    assert supported_words(silence, [[A], [B]], blank=BLANK) == []
    assert supported_words(silence, [[A], [B]], blank=BLANK, threshold=-1e9) == [0, 1]


def test_more_words_than_frames():
    assert supported_words(SAID[:1], [[A]] * 4, blank=BLANK, separator=SPACE) == [0]


def test_a_higher_threshold_drops_what_is_unsure():
    unsure = frames([A, BLANK, B], sure=0.5)
    assert supported_words(unsure, [[A], [B]], blank=BLANK) == [0, 1]
    assert supported_words(unsure, [[A], [B]], blank=BLANK, threshold=20.0) == []


def test_scores_are_checked():
    with pytest.raises(InputError, match="log_probs"):
        supported_words(np.full((2, 4), np.nan), [[A]], blank=BLANK)


def test_spelling():
    letters = Vocabulary(["<pad>", "|", "a", "B", "b", "'"], blank="<pad>")
    assert spelled("a'b,", letters) == [2, 5, 4]
    assert spelled("A", letters) == [2]
    assert spelled("AC", letters) == []
    assert has_characters(letters)
    assert not has_characters(Vocabulary(["<pad>", "AA", "HH"], blank="<pad>"))
    # Phones of one letter are no characters.
    assert not has_characters(Vocabulary(["<pad>", "AA", "B", "D"], blank="<pad>"))


def test_text():
    vocabulary = Vocabulary(["a", "b", "|", "<pad>"], blank="<pad>")
    assert supported_text(SAID, "A b a ab", vocabulary, threshold=0.0) == "A b a"
    # What cannot be spelled stays.
    assert supported_text(SAID, "a é b a", vocabulary, threshold=0.0) == "a é b a"
