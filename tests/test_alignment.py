"""Interval and Alignment keep their promises from construction on."""

import copy
import json
import math
import pickle
from dataclasses import FrozenInstanceError, asdict
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError, InputError
from speechalign.formats import FORMATS, read_alignment


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


def test_touching_intervals_and_an_exact_end_leave_no_gap():
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
    with pytest.raises(InputError, match=r"'one' starts at 0\.0 s, before 'two' ends at 2\.0 s"):
        Alignment({"words": words}, 2.0)


def test_interval_after_the_end_names_the_last():
    with pytest.raises(InputError, match=r"'yes' ends at 2\.0 s, after the recording ends at 1\.5"):
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
    change = alignment.tiers
    for attempt in (
        lambda: change.__setitem__("words", ()),
        lambda: change.__delitem__("words"),
        lambda: change.update(words=()),
        lambda: change.__ior__({"words": ()}),
        lambda: change.setdefault("more", ()),
        lambda: change.pop("words"),
        change.popitem,
        change.clear,
    ):
        with pytest.raises(TypeError, match="an Alignment cannot be changed; make another"):
            attempt()
    assert list(alignment.tiers) == ["words", "phones"]


def pickled(alignment):
    return pickle.loads(pickle.dumps(alignment))


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, pickled])
def test_alignments_can_be_sent_to_another_process(clone):
    alignment = Alignment({"words": [Interval(0, 1, "yes", 0.9)], "phones": []}, 1.5)
    twin = clone(alignment)
    assert twin == alignment
    assert dict(twin.tiers) == dict(alignment.tiers)
    assert hash(twin) == hash(alignment)
    assert repr(twin) == "<Alignment of 1.500 s: words 1, phones 0>"


def test_equal_alignments_have_equal_hashes():
    words, phones = [Interval(0, 1, "yes")], [Interval(0, 0.5, "Y")]
    one = Alignment({"words": words, "phones": phones}, 1)
    other = Alignment({"phones": phones, "words": words}, 1.0)
    assert one == other
    assert len({one, other, Alignment({"words": words}, 1)}) == 2


def test_alignments_become_plain_data():
    alignment = Alignment({"words": [Interval(0, 1, "yes", 0.9)], "phones": []}, 1.5)
    word = {"start": 0.0, "end": 1.0, "label": "yes", "confidence": 0.9}
    word |= dict.fromkeys(("start_margins", "end_margins", "goodness"))  # none was asked for
    plain = {"tiers": {"words": [word], "phones": []}, "duration": 1.5}
    assert json.loads(json.dumps(asdict(alignment))) == plain


NUMBERS = [int, np.float64, np.float32, np.int32, Fraction]


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_become_pythons_own(kind):
    interval = Interval(kind(0), kind(1), np.str_("yes"), kind(1))
    alignment = Alignment({"words": [interval]}, kind(2))
    found = [interval.start, interval.end, interval.confidence, alignment.duration]
    assert found == [0, 1, 1, 2]
    assert [type(number) for number in found] == [float] * 4
    assert type(interval.label) is str


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_writes_numbers_of_numpy(name, tmp_path):
    words = [Interval(np.float32(0.25), np.float64(0.5), "yes", np.float32(0.75))]
    path = tmp_path / f"a{FORMATS[name].SUFFIXES[0]}"
    Alignment({"words": words}, np.float64(0.5)).save(path, format=name)
    assert "np." not in path.read_text(encoding="utf-8")
    tiers = read_alignment(path, format=name).tiers
    assert tiers
    for (found,) in tiers.values():  # Karaoke is read into utterances and words.
        assert (found.start, found.end, found.label) == (0.25, 0.5, "yes")
        assert found.confidence in (0.75, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Interval("0", 1, "a"), "'a': start: expected a number, got str '0'; convert it"),
        (lambda: Interval(0, None, "a"), "'a': end: expected a number, got NoneType; conv"),
        (lambda: Interval(0, 1, 7), "label: expected a str, got int 7; Interval takes start, end"),
        (lambda: Interval("a", 0, 1), "label: expected a str, got int 1"),
        (lambda: Interval(0, 1, "a", "high"), "'a': confidence: expected a number, got str 'high'"),
        (
            lambda: Alignment({"words": [(0, 1, "a")]}, 1),
            r"tier 'words'\[0\]: expected an Interval, got tuple \(0, 1, 'a'\); write Interval\(",
        ),
        (
            lambda: Alignment({"words": 3}, 1),
            "tier 'words': expected a sequence of Interval, got i",
        ),
        (lambda: Alignment({0: []}, 1), "tiers: expected names as keys, got int 0"),
        (
            lambda: Alignment([Interval(0, 1, "a")], 1),
            "tiers: expected a mapping from names to int",
        ),
        (lambda: Alignment({}, "1"), "duration: expected a number, got str '1'"),
        (lambda: Alignment({}, 1).at("0"), "time: expected a number, got str '0'"),
        (lambda: Alignment({}, 1).shift(None), "seconds: expected a number, got NoneType"),
        (lambda: Alignment({}, 1).crop(0, "1"), "end: expected a number, got str '1'"),
    ],
)
def test_wrong_types_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


THREE = Alignment(
    {
        "words": [Interval(0.25, 0.5, "a"), Interval(0.5, 1.0, "b"), Interval(1.5, 2.0, "c")],
        "phones": [Interval(0.25, 0.375, "A")],
        "notes": [],
    },
    2.5,
)


@pytest.mark.parametrize(
    ("time", "labels"),
    [
        (0, []),
        (0.25, ["a", "A"]),
        (0.375, ["a"]),
        (0.5, ["b"]),
        (1.0, []),
        (1.75, ["c"]),
        (2.5, []),
    ],
)
def test_at_finds_the_interval_of_each_tier(time, labels):
    assert [interval.label for interval in THREE.at(time).values()] == labels


@given(tiers(), st.integers(0, 1000))
def test_at_agrees_with_a_search(problem, time):
    intervals, duration = problem
    time = min(time / 100, duration)
    holding = [i for i in intervals if i.start <= time < i.end]
    found = Alignment({"words": intervals}, duration).at(time)
    assert list(found.items()) == [("words", i) for i in holding]


@pytest.mark.parametrize("time", [-0.1, 2.6, math.nan])
def test_at_refuses_times_outside(time):
    with pytest.raises(InputError, match=r"time: expected 0 to 2\.5 s, the length of the recordin"):
        THREE.at(time)


def test_shift_moves_everything_and_back():
    later = THREE.shift(10)
    assert [(i.start, i.end) for i in later.tiers["words"]] == [
        (10.25, 10.5),
        (10.5, 11),
        (11.5, 12),
    ]
    assert later.duration == 12.5
    assert list(later.tiers) == list(THREE.tiers)
    assert later.shift(-10) == THREE
    assert THREE.shift(-0.25).tiers["words"][0].start == 0


@pytest.mark.parametrize("seconds", [-0.5, math.nan, math.inf])
def test_shift_refuses_to_pass_the_beginning(seconds):
    with pytest.raises(
        InputError, match=r"seconds: expected a finite number >= -0\.25, as .* crop"
    ):
        THREE.shift(seconds)


def test_crop_cuts_what_lies_across():
    middle = THREE.crop(0.75, 1.75)
    assert [(i.start, i.end, i.label) for i in middle.tiers["words"]] == [
        (0, 0.25, "b"),
        (0.75, 1.0, "c"),
    ]
    assert middle.duration == 1.0
    assert dict(middle.tiers) == {**middle.tiers, "phones": (), "notes": ()}
    assert THREE.crop() == THREE


@given(tiers(), st.data())
def test_crops_side_by_side_hold_all_that_is_said(problem, data):
    intervals, duration = problem
    if duration < 0.02:
        return
    whole = Alignment({"words": intervals}, duration)
    cut = data.draw(st.integers(1, round(duration * 100) - 1)) / 100
    left, right = whole.crop(0, cut), whole.crop(cut)
    assert left.duration + right.duration == pytest.approx(duration)
    spoken = sum(i.duration for half in (left, right) for i in half.tiers["words"])
    assert spoken == pytest.approx(sum(i.duration for i in intervals))


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, 1), (2, 1), (0, 3), (math.nan, 1)])
def test_crop_refuses_what_is_no_stretch(start, end):
    with pytest.raises(
        InputError, match=r"start, end: expected 0 <= start < end <= 2\.5, the leng"
    ):
        THREE.crop(start, end)


def test_save_chooses_the_format_by_suffix(tmp_path):
    THREE.save(tmp_path / "a.TextGrid")
    assert read_alignment(tmp_path / "a.TextGrid") == THREE
    THREE.save(tmp_path / "a.txt", format="json")
    assert read_alignment(tmp_path / "a.txt", format="json") == THREE
    with pytest.raises(FormatError, match="no format goes by this suffix"):
        THREE.save(tmp_path / "a.docx")
