"""Boundary errors: every figure by hand, and the invariances they must have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import alignments

from speechalign import Alignment, Interval
from speechalign.errors import InputError
from speechalign.metrics.boundaries import score, statistics


def words(*triples, tier="words"):
    return Alignment({tier: [Interval(*triple) for triple in triples]}, 100.0)


def test_by_hand():
    gold = words((1, 2, "one"), (2, 3, "two"), (4, 5, "three"), (6, 7, "four"))
    ours = words((1.01, 2.02, "one"), (2.02, 3, "two"), (3.95, 5.2, "three"), (6, 7, "five"))
    found = score(statistics(gold, ours))
    assert (found.reference_labels, found.hypothesis_labels, found.matched_labels) == (4, 4, 3)
    assert found.label_completion == 0.75
    start, end, both = found.start, found.end, found.both
    assert (start.n, end.n, both.n) == (3, 3, 6)
    assert start.mean == pytest.approx(0.08 / 3)  # 10, 20, 50 ms
    assert start.bias == pytest.approx(-0.02 / 3)
    assert start.median == pytest.approx(0.02)
    assert start.p95 == pytest.approx(0.02 + 0.9 * 0.03)
    assert start.within == {0.01: 1 / 3, 0.025: 2 / 3, 0.05: 1.0, 0.1: 1.0}
    assert end.within == {0.01: 1 / 3, 0.025: 2 / 3, 0.05: 2 / 3, 0.1: 2 / 3}  # 20, 0, 200 ms
    assert (start.precision, start.recall, start.f1) == (0.5, 0.5, 0.5)
    assert both.mean == pytest.approx(0.3 / 6)
    assert both.f1 == 4 / 8


def test_precision_and_recall_differ_with_the_number_of_labels():
    gold = words((1, 2, "a"), (2, 3, "b"))
    ours = words((1, 2, "a"), (2, 2.5, "c"), (2.5, 3, "b"))
    both = score(statistics(gold, ours)).both
    assert (both.precision, both.recall, both.f1) == (3 / 6, 3 / 4, 6 / 10)


def test_a_missing_hypothesis_counts_against_completion():
    gold = words((1, 2, "a"), (2, 3, "b"))
    found = score(statistics(gold, None) + statistics(gold, gold))
    assert found.recording_completion == found.label_completion == 0.5
    assert (found.both.precision, found.both.recall) == (1.0, 0.5)
    assert found.both.mean == 0
    nothing = score(statistics(gold, None))
    assert (nothing.both.n, nothing.both.mean, nothing.both.p95, nothing.both.bias) == (
        0,
        None,
        None,
        None,
    )
    assert nothing.both.within[0.01] is None
    assert nothing.both.precision is None
    assert nothing.both.recall == 0


def test_nothing_said():
    found = score(statistics(words(), words()))
    assert (found.label_completion, found.recording_completion) == (None, 1.0)


@given(alignments(tiers=["words"]))
def test_perfect_on_itself(alignment):
    found = score(statistics(alignment, alignment))
    n = len(alignment.tiers["words"])
    assert found.matched_labels == n
    assert found.both.n == 2 * n
    if n:
        assert (found.both.mean, found.both.bias, found.both.f1) == (0, 0, 1)


@given(alignments(tiers=["words"], min_tiers=1), st.sampled_from([-0.125, 0.01, 0.025, 0.05, 0.1]))
def test_a_shift_is_mean_and_bias(alignment, shift):
    def moved(by):
        tier = [Interval(i.start + by, i.end + by, i.label) for i in alignment.tiers["words"]]
        return Alignment({"words": tier}, alignment.duration + 2)

    found = score(statistics(moved(1), moved(1 + shift))).both
    if found.n:
        assert found.mean == pytest.approx(abs(shift))
        assert found.bias == pytest.approx(shift)
        # A difference of exactly the tolerance counts, whatever floats make of it.
        assert found.within == {tau: float(abs(shift) <= tau) for tau in (0.01, 0.025, 0.05, 0.1)}
        assert found.f1 == float(abs(shift) <= 0.02)


@given(alignments(tiers=["words"]), alignments(tiers=["words"]))
def test_figures_are_ordered(a, b):
    found = score(statistics(a, b))
    for errors in (found.start, found.end, found.both):
        shares = [s for s in errors.within.values() if s is not None]
        assert shares == sorted(shares)
        if errors.n:
            assert abs(errors.bias) <= errors.mean + 1e-12
            assert errors.median <= errors.p95 + 1e-12


def test_words_match_without_case_and_punctuation():
    gold = words((0, 1, "“Don’t,”"), (1, 2, "Straße"), (2, 3, "well-known"), (3, 4, "…"))
    ours = words((0, 1, "don't"), (1, 2, "STRASSE"), (2, 3, "wellknown"), (3, 4, "…"))
    assert score(statistics(gold, ours)).matched_labels == 4
    other = words((0, 1, "does"), (1, 2, "strasse!"), (2, 3, "known"), (3, 4, "."))
    assert score(statistics(gold, other)).matched_labels == 1


def test_phones_match_exactly():
    gold = words((0, 1, "AH0"), (1, 2, "s"), (2, 3, "t̪"), tier="phones")
    ours = words((0, 1, "AH"), (1, 2, "S"), (2, 3, "t̪"), tier="phones")
    found = score(statistics(gold, ours, tier="phones"))
    assert found.matched_labels == 1
    assert "tier:phones|labels:exact" in found.signature
    assert "labels:nfkc+casefold+nopunct" in score(statistics(words(), words())).signature


def test_only_equal_labels_are_paired():
    gold = words((0, 1, "a"), (1, 2, "b"), (2, 3, "c"))
    ours = words((1.01, 2, "b"), (2, 3, "x"), (3, 4, "c"))
    counted = statistics(gold, ours)
    np.testing.assert_allclose(counted.start_errors, [0.01, 1])
    np.testing.assert_allclose(counted.end_errors, [0, 1])


def test_several_speakers_match_by_name():
    gold = Alignment({n: [Interval(0, 1, "a")] for n in ("A - words", "B - words", "words2")}, 9.0)
    ours = Alignment({n: [Interval(0, 1, "a")] for n in ("B - words", "C - words")}, 9.0)
    found = score(statistics(gold, ours))
    assert (found.reference_labels, found.hypothesis_labels, found.matched_labels) == (2, 2, 1)


def test_lone_tiers_match_whatever_the_speaker():
    gold = Alignment({"Ann - words": [Interval(0, 1, "a")]}, 9.0)
    assert score(statistics(gold, words((0, 1, "a")))).matched_labels == 1


def test_silence_is_no_label():
    gold = words((0, 1, " "), (1, 2, "a"))
    assert score(statistics(gold, words((1, 2, "a")))).label_completion == 1


def test_refuses():
    with pytest.raises(InputError, match=r"hypothesis: expected a tier 'words', got \['phones'\]"):
        statistics(words(), words(tier="phones"))
    with pytest.raises(InputError, match="expected one tier, got 'words' and 'phones'"):
        statistics(words(), None) + statistics(words(tier="phones"), None, tier="phones")


def test_words_that_overlap_are_scored():
    one, two, three = (Interval(n, n + 0.9, f"w{n}") for n in range(3))
    reference = Alignment({"words": [one, two, three]}, 9.0)
    layered = Alignment({"words": [one, three], "words (2)": [two]}, 9.0)
    assert len(statistics(reference, layered).start_errors) == 3
    assert len(statistics(layered, layered, tier="words (2)").start_errors) == 1
