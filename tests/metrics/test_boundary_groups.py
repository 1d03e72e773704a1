"""Groups of boundaries: contexts read off phones, sums over groups, and what has no phones."""

import numpy as np
import pytest

from speechalign import Alignment, Interval
from speechalign.errors import InputError
from speechalign.metrics.alignment_trees import compare_pairs
from speechalign.metrics.boundary_groups import GROUPINGS, boundaries_of, group

# "a" | "sa" | pause | "ta": vowel-fricative, vowel-pause, pause-plosive ...
PHONES = [(0.5, 0.8, "AA"), (0.8, 1.0, "S"), (1.0, 1.3, "AA"), (2.0, 2.1, "T"), (2.1, 2.5, "AA")]
WORDS = [(0.5, 0.8, "ah"), (0.8, 1.3, "sah"), (2.0, 2.5, "tah")]


def recording(shift=0.0, phones=PHONES):
    tiers = {"words": WORDS, "phones": phones}
    return Alignment(
        {
            name: [Interval(start + shift, end + shift, label) for start, end, label in own]
            for name, own in tiers.items()
        },
        4.0,
    )


def found(by, gold=None, ours=None):
    pairs = {"ann/x": (gold or recording(), ours or recording(0.02)), "bo/y": (recording(), None)}
    return {name: own.n for name, own in group(boundaries_of(pairs), by).items()}


def test_a_boundary_is_known_by_the_phones_on_both_sides():
    assert found("context") == {"pause": 4, "fricative": 2}
    assert found("phone-class") == {"vowel": 4, "fricative": 1, "plosive": 1}


def test_two_vowels_and_a_stop():
    phones = [(0.5, 0.8, "AA"), (0.8, 1.3, "IY"), (1.3, 2.0, "T"), (2.0, 2.5, "AA")]
    assert found("context", recording(phones=phones)) == {"pause": 2, "stop": 2, "vowel-vowel": 2}


def test_speakers_and_durations():
    assert found("speaker") == {"ann": 6}
    assert found("duration") == {"0.2 to 0.4 s": 2, "from 0.4 s": 4}
    with pytest.raises(InputError, match="expected one of context, phone-class"):
        found("weather")


def test_without_phones_only_pauses_are_known():
    words = Alignment({"words": recording().tiers["words"]}, 4.0)
    assert found("context", words) == {"pause": 4, "unknown": 2}


def test_groups_are_a_partition():
    rng = np.random.default_rng(0)
    ours = recording(float(rng.uniform(-0.05, 0.05)))
    report = compare_pairs({"ann/x": (recording(), ours)}, by=list(GROUPINGS))
    for groups in report.groups.values():
        sums = (
            sum(own.n for own in groups.values()),
            sum(own.n * own.mean for own in groups.values()),
        )
        assert sums == pytest.approx((report.pooled.both.n, 6 * report.pooled.both.mean))
