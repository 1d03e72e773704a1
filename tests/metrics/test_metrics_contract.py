"""Every metric: additive, perfect on itself, and free of order."""

import json
import random
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from strategies import alignments

import speechalign
from speechalign import Alignment, Interval
from speechalign.errors import InputError
from speechalign.links import Links, WeightedLinks
from speechalign.metrics import METRICS, boundary_errors, report, score

_PAIRS = st.frozensets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6)
_LINKS = st.builds(Links, _PAIRS, _PAIRS)
_SECONDS = st.lists(st.floats(0, 9), min_size=4, max_size=4)
_WEIGHTED = st.builds(WeightedLinks, _LINKS, _SECONDS, _SECONDS)

# What each metric compares: a reference, and the hypothesis that is perfect for it.
SIDES = {
    "aer": (_LINKS, lambda links: links),
    "boundaries": (alignments(tiers=["words", "phones"]), lambda alignment: alignment),
    "latency": (alignments(tiers=["words", "phones"]), lambda alignment: alignment),
    "saer": (_WEIGHTED, lambda weighted: weighted.links),
    "tw-saer": (_WEIGHTED, lambda weighted: weighted.links),
    "word-errors": (st.lists(st.sampled_from("abc"), max_size=4), lambda words: words),
}
FAULT = {
    "aer": lambda score: score.error_rate,
    "boundaries": lambda score: score.both.mean or 0,
    "latency": lambda score: (score.drift or 0) ** 2 + (score.end_bias or 0) ** 2,
    "saer": lambda score: score.error_rate,
    "tw-saer": lambda score: score.error_rate,
    "word-errors": lambda score: (score.error_rate or 0) + (score.hallucination_rate or 0),
}
metrics = pytest.mark.parametrize("name", sorted(METRICS))


def test_every_metric_is_tested():
    assert set(SIDES) == set(FAULT) == set(METRICS)


@metrics
@given(data=st.data())
def test_order_free_and_pooled(name, data):
    references, perfect = SIDES[name]
    a, b, c = (data.draw(references) for _ in range(3))
    pairs = [(a, perfect(b)), (b, perfect(c)), (c, None), (a, perfect(a))]
    shuffled = random.Random(0).sample(pairs, len(pairs))
    assert score(pairs, metric=name) == score(shuffled, metric=name)
    metric = METRICS[name]
    counted = [metric.statistics(*pair) for pair in pairs]
    left = metric.score(((counted[0] + counted[1]) + counted[2]) + counted[3])
    right = metric.score(counted[0] + (counted[1] + (counted[2] + counted[3])))
    assert left == right == score(pairs, metric=name)
    total = counted[0] + counted[1] + counted[2] + counted[3]
    np.testing.assert_allclose(sum(one.counts for one in counted), total.counts, atol=1e-9)


@metrics
@given(data=st.data())
def test_perfect_on_itself(name, data):
    references, perfect = SIDES[name]
    drawn = data.draw(st.lists(references, min_size=1, max_size=3))
    assert FAULT[name](score([(one, perfect(one)) for one in drawn], metric=name)) == 0


@metrics
def test_report(name):
    weighted = WeightedLinks(Links([(0, 0)]), [1.0])
    a, perfect = {
        "aer": (weighted.links, weighted.links),
        "boundaries": (Alignment({"words": [Interval(0, 1, "a")]}, 1.0),) * 2,
        "latency": (Alignment({"words": [Interval(0, 1, "a")]}, 1.0),) * 2,
        "saer": (weighted, weighted.links),
        "tw-saer": (weighted, weighted.links),
        "word-errors": (["a"], ["a"]),
    }[name]
    found = report({"x": (a, perfect), "y": (a, None)}, metric=name)
    assert list(found.recordings) == ["x", "y"]
    assert found.recordings["x"] == score([(a, perfect)], metric=name)
    assert found.pooled == score([(a, perfect), (a, None)], metric=name)
    assert found.pooled.signature.startswith(name)
    assert found.counts.dtype == np.float64
    assert len(found.counts) == 2
    # The figures of the counts are those of the score.
    values = METRICS[name].figures(found.counts.sum(axis=0))
    pooled = found.pooled.both if name == "boundaries" else found.pooled
    figure = {"latency": "last", "word-errors": "deletion_rate"}.get(name, "f1")
    assert values[figure] == pytest.approx(float(getattr(pooled, figure)))
    many = METRICS[name].figures(np.broadcast_to(found.counts, (3, *found.counts.shape)))
    for figure, one in METRICS[name].figures(found.counts[1]).items():
        assert many[figure].shape == (3, 2)
        np.testing.assert_array_equal(many[figure][:, 1], one)


@metrics
def test_scores_are_plain_data(name):
    """JSON and format strings take every number of a score."""
    references, perfect = SIDES[name]
    reference = find(references, lambda _: True)
    found = asdict(score([(reference, perfect(reference)), (reference, None)], metric=name))
    assert json.loads(json.dumps(found)).keys() == found.keys()
    assert {type(value) for value in leaves(found)} <= {int, float, str, type(None)}


def leaves(content):
    for value in content.values():
        yield from leaves(value) if isinstance(value, dict) else [value]


def test_unknown_option_names_those_of_the_metric():
    with pytest.raises(
        InputError, match=r"teir: expected an option .*'boundaries' \(tier\), got t"
    ):
        score([], teir="words")
    with pytest.raises(InputError, match=r"tier: expected an option of the metric 'aer' \(none\)"):
        score([], metric="aer", tier="words")


def test_boundary_errors_is_the_score_of_one_pair():
    gold = Alignment({"words": [Interval(0.5, 1.0, "Yes.")], "phones": [Interval(0, 1, "Y")]}, 2.0)
    ours = Alignment({"words": [Interval(0.5, 1.25, "yes")], "phones": [Interval(0, 1, "Y")]}, 2.0)
    assert boundary_errors(gold, ours) == score([(gold, ours)])
    assert boundary_errors(gold, ours).end.bias == 0.25
    assert boundary_errors(gold, ours, tier="phones").both.mean == 0
    with pytest.raises(InputError, match="hypothesis: expected an Alignment, got list"):
        boundary_errors(gold, [])
    with pytest.raises(InputError, match="reference: expected an Alignment, got NoneType"):
        boundary_errors(None, gold)


def test_nothing_to_score():
    with pytest.raises(InputError, match="expected at least one reference, got none"):
        score([])
    with pytest.raises(InputError, match="no entry 'wer'; there is: aer, boundaries"):
        score([], metric="wer")


def test_the_recording_is_named():
    with pytest.raises(InputError, match=r"pairs\[0\]: reference: expected a tier 'words', got \["):
        score([(Alignment({"tones": ()}, 1.0), None)])


def test_exported():
    assert speechalign.score is score
