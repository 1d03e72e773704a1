"""Words of one transcript over the segments of a recording."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from speechalign import Interval
from speechalign.segmentation.distribution import distribute


def speech(*spans):
    return [Interval(start, end, "[speech]") for start, end in spans]


def test_words_go_to_the_segment_of_their_middle():
    words = [
        Interval(0.9, 1.4, "one"), Interval(1.9, 2.4, "two"), Interval(2.5, 2.6, "far"),
        Interval(5, 6, "three"),
    ]  # fmt: skip
    found = distribute(words, speech((1, 2), (2.2, 2.3), (3, 4), (5.5, 7), (8, 9)))
    assert found == (
        Interval(0.9, 1.9, "one"),
        Interval(1.9, 2.6, "two far"),
        Interval(5, 7, "three"),
    )
    assert distribute(words, []) == ()
    assert distribute([], speech((1, 2))) == ()


def intervals(label):
    gaps = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=12)

    def placed(pairs):
        found, at = [], 0
        for gap, length in pairs:
            found.append(Interval((at + gap) / 4, (at + gap + length) / 4, label))
            at += gap + length
        return found

    return gaps.map(placed)


@given(intervals("w"), intervals("[speech]"))
def test_every_word_once_in_order_and_inside(words, segments):
    found = distribute(words, segments)
    assert sum(len(i.label.split()) for i in found) == (len(words) if segments else 0)
    assert all(a.end <= b.start for a, b in pairwise(found))
    rest = iter(words)
    for segment in found:
        for _ in segment.label.split():
            word = next(rest)
            assert segment.start <= word.start
            assert word.end <= segment.end
