"""Loops that a decoder falls into, and what is left of them."""

import pytest

from speechalign.transcription import cut_loops


@pytest.mark.parametrize(
    ("text", "left", "cut"),
    [
        ("", "", 0),
        ("one two three", "one two three", 0),
        ("no, no, no, no!", "no, no, no, no!", 0),  # people say that
        ("Yes " * 8 + "indeed.", "Yes indeed.", 7),
        ("So, thank you. " + "Thank you. " * 5 + "Bye.", "So, thank you. Bye.", 10),
        ("a b c d " * 4, "a b c d", 12),
        ("a b c d " * 3, "a b c d a b c d a b c d", 0),
        ("ご視聴" * 9 + "。", "ご視聴。", 8),
        ("hahahaha", "hahahaha", 0),
    ],
)
def test_loops_are_cut_to_one(text, left, cut):
    assert cut_loops(text) == (left, cut)


def test_cutting_twice_changes_nothing():
    once, _ = cut_loops("well " + "we go on and on " * 9 + "we go " + "on " * 20 + "until now")
    assert cut_loops(once) == (once, 0)
