"""Interval and Alignment keep their promises from construction on."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError


@st.composite
def tiers(draw):
    """Intervals in order, some touching, and a duration that holds them."""
    edges = draw(st.lists(st.integers(0, 1000), max_size=12, unique=True).map(sorted))
    intervals = [
        Interval(start / 100, end / 100, f"w{start}")
        for start, end in pairwise(edges)
        if draw(st.booleans())
    ]
    return intervals, (edges[-1] if edges else 0) / 100 + draw(st.sampled_from([0, 0.5]))


@pytest.mark.parametrize(
    ("start", "end"), [(math.nan, 1), (0, math.nan), (0, math.inf), (-math.inf, 1)]
)
def test_times_must_be_finite(start, end):
    with pytest.raises(InputError, match="'yes': expected finite times"):
        Interval(start, end, "yes")


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1), (1, 1), (2, 1)])
def test_spans_must_not_be_empty_or_negative(start, end):
    with pytest.raises(InputError, match=r"'yes': expected 0 <= start < end, got \["):
        Interval(start, end, "yes")


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan])
def test_confidence_is_a_probability(confidence):
    with pytest.raises(InputError, match=r"expected a confidence in \[0, 1\]"):
        Interval(0, 1, "yes", confidence)


def test_confidence_may_be_extreme_or_unknown():
    assert [Interval(0, 1, "yes", c).confidence for c in (0, 1, None)] == [0, 1, None]


def test_intervals_do_not_change():
    interval = Interval(0.5, 0.75, "yes")
    assert interval.duration == 0.25
    with pytest.raises(FrozenInstanceError):
        interval.start = 0.1


@given(tiers())
def test_contiguous_fills_every_gap_and_nothing_else(problem):
    intervals, duration = problem
    filled = list(Alignment({"words": intervals}, duration).contiguous("words"))
    assert [i for i in filled if i.label] == intervals
    edges = [0.0, *(i.end for i in filled)]
    assert [i.start for i in filled] == edges[:-1]
    assert edges[-1] == (duration if filled else 0)
    blanks = [i for i, j in pairwise(filled) if not i.label and not j.label]
    assert not blanks


def test_touching_intervals_and_exact_end_are_fine():
    alignment = Alignment({"words": [Interval(0, 0.1 + 0.2, "a"), Interval(0.1 + 0.2, 1, "b")]}, 1)
    assert [i.label for i in alignment.contiguous("words")] == ["a", "b"]


def test_overlap_names_tier_and_labels():
    words = [Interval(0, 0.5, "one"), Interval(0.4, 1, "two")]
    with pytest.raises(
        InputError, match=r"tier 'words': 'two' starts at 0.4 s, before 'one' ends at 0.5 s"
    ):
        Alignment({"words": words}, 2.0)


def test_disorder_is_an_overlap():
    words = [Interval(1, 2, "two"), Interval(0, 1, "one")]
    with pytest.raises(InputError, match="'one' starts at 0 s, before 'two' ends at 2 s"):
        Alignment({"words": words}, 2.0)


def test_interval_after_the_end_names_the_last():
    with pytest.raises(InputError, match=r"'yes' ends at 2 s, after the recording ends at 1\.5"):
        Alignment({"a": [], "words": [Interval(1, 2, "yes")]}, 1.5)


@pytest.mark.parametrize("duration", [math.nan, math.inf, -1.0])
def test_duration_is_a_length(duration):
    with pytest.raises(InputError, match="duration: expected a finite number >= 0"):
        Alignment({}, duration)


def test_tiers_keep_their_order_and_cannot_be_changed():
    intervals = [Interval(0, 1, "yes")]
    given_tiers = {"words": intervals, "phones": []}
    alignment = Alignment(given_tiers, 1.0)
    intervals.append(Interval(0, 1, "no"))
    given_tiers["more"] = []
    assert list(alignment.tiers) == ["words", "phones"]
    assert alignment.tiers["words"] == (Interval(0, 1, "yes"),)
    with pytest.raises(TypeError):
        alignment.tiers["words"] = ()


def pickled(alignment):
    return pickle.loads(pickle.dumps(alignment))


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, pickled])
def test_alignments_can_be_sent_to_another_process(clone):
    alignment = Alignment({"words": [Interval(0, 1, "yes", 0.9)], "phones": []}, 1.5)
    twin = clone(alignment)
    assert twin == alignment
    assert dict(twin.tiers) == dict(alignment.tiers)
