"""Delays of labels, of the first one and of the last one."""

import numpy as np
import pytest

from speechalign import Alignment, Interval
from speechalign.errors import InputError
from speechalign.metrics import METRICS, report, score
from speechalign.metrics.latency import score as latency
from speechalign.metrics.latency import statistics, statistics_of_times

GOLD = [(0.5, 1.0, "one"), (1.0, 1.5, "two"), (2.0, 3.0, "three")]


def alignment(intervals, tier="words"):
    return Alignment({tier: [Interval(*interval) for interval in intervals]}, 10.0)


def moved(by, intervals=GOLD):
    return [(start + by, end + by, label) for start, end, label in intervals]


def test_by_hand():
    late = [(0.75, 1.0, "one"), (1.0, 1.75, "two"), (3.25, 3.5, "three")]
    found = score([(alignment(GOLD), alignment(late))], metric="latency")
    assert found.n == found.reference_labels == found.hypothesis_labels == 3
    assert found.drift == pytest.approx((0.25 + 0 + 1.25) / 3)
    assert found.drift_median == 0.25
    assert found.drift_p90 == pytest.approx(0.25 + 0.8 * 1.0)
    assert found.end_bias == pytest.approx((0 + 0.25 + 0.5) / 3)
    assert found.first == 0.25
    assert found.last == found.last_p50 == found.last_p90 == 0.25


@pytest.mark.parametrize("delay", [-0.25, 0.0, 0.125, 2.0])
def test_constant_delay(delay):
    found = score([(alignment(GOLD), alignment(moved(delay)))], metric="latency")
    assert found.drift == found.drift_median == found.drift_p90 == found.end_bias == delay
    assert found.first == delay
    assert found.last == delay - 1.0  # The last label starts a second before it ends.


def test_pooled_by_labels_and_by_recordings():
    pairs = {
        "a": (alignment(GOLD), alignment(moved(0.5))),
        "b": (alignment(GOLD[:1]), alignment(moved(0.25, GOLD[:1]))),
        "c": (alignment(GOLD), None),
        "d": (alignment(GOLD), alignment([])),
    }
    found = report(pairs, metric="latency")
    assert found.pooled.drift == pytest.approx((3 * 0.5 + 0.25) / 4)
    assert found.pooled.first == pytest.approx((0.5 + 0.25) / 2)
    assert found.pooled.last == pytest.approx((-0.5 - 0.25) / 2)
    assert found.pooled.last_p90 == pytest.approx(-0.5 + 0.9 * 0.25)
    assert (found.pooled.n, found.pooled.reference_labels, found.pooled.hypothesis_labels) == (
        4, 10, 4,
    )  # fmt: skip
    assert (found.pooled.reference_recordings, found.pooled.hypothesis_recordings) == (4, 3)
    nothing = found.recordings["c"]
    assert nothing.drift is nothing.end_bias is nothing.first is nothing.last_p90 is None
    figures = METRICS["latency"].figures(found.counts.sum(0))
    for name, value in figures.items():
        assert value == pytest.approx(getattr(found.pooled, name))
    assert np.isnan(METRICS["latency"].figures(found.counts[2])["drift"])


def test_only_equal_labels_have_a_drift():
    said = [(0.75, 1.0, "won"), (1.25, 1.5, "two"), (2.5, 3.0, "three"), (4.0, 4.5, "four")]
    found = score([(alignment(GOLD), alignment(said))], metric="latency")
    assert found.n == 2
    assert found.drift == pytest.approx((0.25 + 0.5) / 2)
    assert (found.first, found.last) == (0.25, 1.0)


def test_speakers_share_the_first_and_the_last():
    both = {"Ann - words": GOLD[1:], "Bob - words": GOLD[:1]}
    tiers = {name: [Interval(*i) for i in found] for name, found in both.items()}
    gold = Alignment(tiers, 9.0)
    late = Alignment(
        {name: [Interval(*i) for i in moved(0.5, found)] for name, found in both.items()}, 9.0
    )
    found = score([(gold, late)], metric="latency")
    assert (found.first, found.last, found.drift) == (0.5, -0.5, 0.5)


def test_arrays_agree_with_alignments():
    late = [(0.75, 1.0, "one"), (1.0, 1.75, "two"), (3.25, 3.5, "three")]
    gold, ours = (np.array([i[:2] for i in side]) for side in (GOLD, late))
    found = latency(statistics_of_times(gold, ours, tier="phones"))
    expected = statistics(alignment(GOLD, "phones"), alignment(late, "phones"), tier="phones")
    assert found == latency(expected)
    nothing = latency(statistics_of_times(np.zeros((0, 2)), np.zeros((0, 2))))
    assert nothing.drift is nothing.first is nothing.last is None
    assert nothing.reference_recordings == 1


def test_signature():
    found = score([(alignment(GOLD), None)], metric="latency")
    assert found.signature == (
        "latency|tier:words|labels:nfkc+casefold+nopunct|pairs:edit-distance,equal"
        "|emission:start|last:reference-end|pool:labels,recordings|v:1"
    )


def test_errors():
    with pytest.raises(InputError, match=r"pairs\[0\]: hypothesis: expected a tier 'words'"):
        score([(alignment(GOLD), alignment(GOLD, "phones"))], metric="latency")
    gold = np.array([[0.0, 1.0], [1.0, 2.0]])
    with pytest.raises(InputError, match=r"times: .* got \(2, 2\) and \(1, 2\)"):
        statistics_of_times(gold, gold[:1])
    with pytest.raises(InputError, match=r"times: expected \(K, 2\).* got \(2,\) and \(2,\)"):
        statistics_of_times(gold[0], gold[0])
    broken = gold.copy()
    broken[1, 0] = np.nan
    with pytest.raises(InputError, match=r"hypothesis\[1\]: expected finite times, got \[nan, 2"):
        statistics_of_times(gold, broken)
    with pytest.raises(InputError, match="expected one tier, got 'words' and 'phones'"):
        statistics_of_times(gold, gold) + statistics_of_times(gold, gold, tier="phones")
