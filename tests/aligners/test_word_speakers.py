"""Who says each word."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speechalign import Alignment, Interval
from speechalign.aligners.word_speakers import assign_speakers, tiers_by_speaker
from speechalign.text.word import Word


def word(start, end, label="w"):
    span = Interval(start, end, label)
    return Word(label, (label,), span=span, phones=(Interval(start, end, "W"),))


def test_the_larger_share_counts():
    turns = [Interval(0, 1.0, "ann"), Interval(1.0, 3.0, "bob"), Interval(2.0, 2.6, "ann")]
    words = [word(0.2, 0.8), word(0.9, 1.05), word(0.95, 1.3), word(2.1, 2.5), word(2.5, 3.0)]
    found = assign_speakers(words, turns)
    assert [w.speaker for w in found] == ["ann", "ann", "bob", "bob", "bob"]
    assert [w.others for w in found] == [(), (), (), ("ann",), ()]


def test_words_beside_turns_belong_to_the_nearest_or_to_nobody():
    turns = [Interval(1.0, 2.0, "ann"), Interval(3.0, 4.0, "bob")]
    words = [word(0.1, 0.4), word(0.5, 0.7), word(2.1, 2.3), word(2.7, 2.9), word(5.0, 5.5)]
    assert [w.speaker for w in assign_speakers(words, turns)] == [None, "ann", "ann", "bob", None]
    skipped = Word("x", ("x",), status="skipped")
    assert assign_speakers([skipped], turns) == (skipped,)
    assert assign_speakers(words, []) == tuple(words)


turn = st.builds(
    lambda start, length, name: Interval(start / 10, (start + length) / 10, name),
    st.integers(0, 60), st.integers(1, 30), st.sampled_from("abc"),
)  # fmt: skip


@given(st.lists(turn, max_size=8), st.integers(0, 80), st.integers(1, 20))
def test_shares_are_those_that_counting_finds(turns, first, count):
    turns.sort(key=lambda t: (t.start, t.end, t.label))
    (found,) = assign_speakers([word(first / 10, (first + count) / 10)], turns)
    ticks = np.arange(first, first + count)
    shares = {
        name: sum(
            any(round(t.start * 10) <= k < round(t.end * 10) for t in turns if t.label == name)
            for k in ticks
        )
        for name in "abc"
    }
    most = max(shares.values())
    if most:
        assert shares[found.speaker] == most
        assert set(found.others) == {
            n for n, share in shares.items() if 2 * share >= count and n != found.speaker
        }
    else:
        assert found.others == ()


def test_tiers_by_speaker():
    words = assign_speakers(
        [word(0, 1, "one"), word(1, 2, "two"), word(2, 3, "three"), word(4, 5, "four")],
        [Interval(0, 2.0, "ann"), Interval(1.2, 3, "bob"), Interval(4, 5, "ann")],
    )
    tiers = tiers_by_speaker([words[:3], words[3:]], "phones", utterances=True)
    assert {name: [i.label for i in found] for name, found in tiers.items()} == {
        "ann - utterances": ["one two", "four"],
        "ann - words": ["one", "two", "four"],
        "ann - phones": ["W", "W", "W"],
        "bob - utterances": ["three"],
        "bob - words": ["three"],
        "bob - phones": ["W"],
        "overlap": ["ann + bob"],
    }
    assert tiers["overlap"] == [Interval(1, 2, "ann + bob")]
    Alignment(tiers, 5.0)


def test_passages_that_overlap_go_to_layers():
    turns = [Interval(0, 5, "ann")]
    passages = [
        assign_speakers([word(0, 2), word(2, 4)], turns),
        assign_speakers([word(1, 3)], turns),
    ]
    tiers = tiers_by_speaker(passages, "phones", utterances=False)
    assert list(tiers) == ["words", "phones", "words (2)", "phones (2)"]
    Alignment(tiers, 5.0)
