"""compare_alignments: trees of files scored from Python as pairs in memory are."""

import json

import numpy as np
import pytest

from speechalign import Alignment, Interval, write_alignment
from speechalign.errors import InputError
from speechalign.metrics import boundary_errors, compare_alignments, score


def alignment(shift, tier="words"):
    words = [Interval(k + 0.5 + shift, k + 1.5 + shift, f"w{k}") for k in range(3)]
    return Alignment({tier: words}, 6.0)


@pytest.fixture
def trees(tmp_path):
    """Write a reference of three recordings, and a hypothesis of two and of one more."""
    for folder, shifts in (
        ("gold", {"s1/a": 0, "s1/b": 0, "s2/c": 0}),
        ("ours", {"s1/a": 0.5, "b": 0.25, "d": 0}),
    ):
        for name, shift in shifts.items():
            path = tmp_path / folder / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_alignment(alignment(shift), path)
    return tmp_path / "gold", tmp_path / "ours"


def test_trees_score_as_pairs_do(trees):
    found = compare_alignments(*trees)
    pairs = [(alignment(0), alignment(0.5)), (alignment(0), alignment(0.25)), (alignment(0), None)]
    assert found.pooled == score(pairs)
    assert list(found.recordings) == ["s1/a", "s1/b", "s2/c"]
    assert found.recordings["s1/b"] == boundary_errors(*pairs[1])
    assert (found.missing, found.without_reference, found.unusable) == (("s2/c",), ("d",), ())
    np.testing.assert_array_equal(found.start_errors, [0.5] * 3 + [0.25] * 3)
    np.testing.assert_array_equal(found.end_errors, found.start_errors)
    assert found.intervals == {}


def test_all_figures_go_into_json(trees):
    found = compare_alignments(*map(str, trees), resamples=50, seed=2)
    content = json.loads(json.dumps(found.to_dict()))
    assert content["pooled"]["both"]["mean"] == found.pooled.both.mean
    assert content["intervals"]["mean"]["low"] == found.intervals["mean"].low
    assert content["no_reference"] == ["d"]
    assert found.intervals == compare_alignments(*trees, resamples=50, seed=2).intervals


def test_a_reference_without_the_tier_is_named_first(trees):
    with pytest.raises(InputError, match=r"(?s)^\S+gold: no alignment with a tier 'word'\n.*words"):
        compare_alignments(*trees, tier="word")


def test_what_cannot_be_used_is_named(trees):
    (trees[1] / "s1/a.json").write_text("{")
    write_alignment(alignment(0, tier="phones"), trees[1] / "b.json")
    with pytest.raises(InputError, match=r"(?s)no alignment for any of the 3.*a\.json.*b: no tier"):
        compare_alignments(*trees)
    write_alignment(alignment(0), trees[1] / "b.json")
    found = compare_alignments(*trees)
    assert found.missing == ("s1/a", "s2/c")
    assert [line.partition(",")[0] for line in found.unusable] == [str(trees[1] / "s1/a.json")]
