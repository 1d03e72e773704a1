"""Every metric: additive, perfect on itself, and free of order."""

import random

import pytest
from hypothesis import given
from strategies import alignments

import speechalign
from speechalign import Alignment, Interval
from speechalign.errors import InputError
from speechalign.metrics import METRICS, report, score

WORDS = alignments(tiers=["words", "phones"])


@pytest.mark.parametrize("name", sorted(METRICS))
@given(a=WORDS, b=WORDS, c=WORDS)
def test_order_free_and_pooled(name, a, b, c):
    pairs = [(a, b), (b, c), (c, None), (a, a)]
    shuffled = random.Random(0).sample(pairs, len(pairs))
    assert score(pairs, metric=name) == score(shuffled, metric=name)
    metric = METRICS[name]
    counted = [metric.statistics(*pair) for pair in pairs]
    left = metric.score(((counted[0] + counted[1]) + counted[2]) + counted[3])
    right = metric.score(counted[0] + (counted[1] + (counted[2] + counted[3])))
    assert left == right == score(pairs, metric=name)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_report(name):
    a = Alignment({"words": [Interval(0, 1, "a")]}, 1.0)
    found = report({"x": (a, a), "y": (a, None)}, metric=name)
    assert list(found.recordings) == ["x", "y"]
    assert found.recordings["x"] == score([(a, a)], metric=name)
    assert found.pooled == score([(a, a), (a, None)], metric=name)
    assert found.pooled.signature.startswith(name)


def test_nothing_to_score():
    with pytest.raises(InputError, match="expected at least one reference, got none"):
        score([])
    with pytest.raises(InputError, match="no entry 'wer'; there is: boundaries"):
        score([], metric="wer")


def test_the_recording_is_named():
    with pytest.raises(InputError, match=r"pairs\[0\]: reference: expected a tier 'words', got \["):
        score([(Alignment({"tones": ()}, 1.0), None)])


def test_exported():
    assert speechalign.score is score
