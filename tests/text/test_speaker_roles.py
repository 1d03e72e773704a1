"""Transcripts with marks of the speaker's role."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.alignment import Interval
from speechalign.errors import InputError
from speechalign.text.speaker_roles import (
    OTHER,
    PRIMARY,
    RoleSpan,
    Turn,
    role_spans,
    role_targets,
    role_tier,
)

WORDS = st.text("abc'", min_size=1, max_size=4)
TURNS = st.lists(
    st.builds(
        Turn,
        st.floats(0, 100),
        st.lists(WORDS, min_size=1, max_size=4).map(tuple),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(TURNS)
def test_marks_tell_every_word_and_its_role_in_the_order_of_time(turns):
    words, spans = role_spans(role_targets(turns))
    said = [(w, t.primary) for t in sorted(turns, key=lambda t: t.start) for w in t.words]
    heard = [(w, s.primary) for s in spans for w in words[s.start : s.end]]
    assert heard == said
    assert all(a.primary != b.primary and a.end == b.start for a, b in pairwise(spans))


@given(TURNS)
def test_primary_alone_is_what_is_left_when_others_are_taken_out(turns):
    words, spans = role_spans(role_targets(turns))
    kept = [w for s in spans if s.primary for w in words[s.start : s.end]]
    assert role_targets(turns, others=False) == kept


@given(TURNS)
def test_a_mark_stands_where_the_role_changes_and_nowhere_else(turns):
    marks = [word for word in role_targets(turns) if word in (PRIMARY, OTHER)]
    assert len(marks) == len(role_spans(role_targets(turns))[1])
    assert all(a != b for a, b in pairwise(marks))


@given(TURNS)
def test_marks_before_every_word_tell_the_same(turns):
    marked = role_targets(turns, every_word=True)
    assert role_spans(marked) == role_spans(role_targets(turns))
    assert all(word in (PRIMARY, OTHER) for word in marked[::2])
    assert len(marked) == 2 * len(role_spans(marked)[0])


def test_words_of_two_who_talk_at_once_come_in_the_order_in_which_they_begin():
    turns = [
        Turn(0.0, ("one",)),
        Turn(1.0, ("three",)),
        Turn(0.5, ("two",), primary=False),
        Turn(1.0, ("four",), primary=False),
    ]
    assert role_targets(turns) == [
        PRIMARY, "one", OTHER, "two", PRIMARY, "three", OTHER, "four",
    ]  # fmt: skip


def test_what_a_model_says_need_not_begin_with_a_mark_or_alternate():
    marked = ["a", PRIMARY, "b", OTHER, OTHER, "c", PRIMARY]
    words, spans = role_spans(marked)
    assert words == ["a", "b", "c"]
    assert spans == [RoleSpan(True, 0, 2), RoleSpan(False, 2, 3)]
    assert role_spans([OTHER]) == ([], [])


def test_regions_reach_from_the_first_word_of_a_role_to_the_last():
    words = [Interval(0.5 * i, 0.5 * i + 0.3, w) for i, w in enumerate("abc")]
    regions = role_tier(words, [RoleSpan(False, 0, 2), RoleSpan(True, 2, 3)])
    assert [(r.start, r.end, r.label) for r in regions] == [
        (0.0, 0.8, "other"),
        (1.0, 1.3, "primary"),
    ]
    assert role_tier([], []) == []
    with pytest.raises(InputError, match="expected those of 2 words, got 3"):
        role_tier(words[:2], [RoleSpan(True, 0, 3)])


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ([], "an empty mixture"),
        ([Turn(0.0, ())], "0.0 s has an empty word or none"),
        ([Turn(0.0, ("a", ""))], "empty word"),
        ([Turn(2.0, ("a", OTHER))], "2.0 s has <other> among its words"),
        ([Turn(float("nan"), ("a",))], "expected a finite start, got nan"),
    ],
)
def test_a_mixture_that_cannot_be_told(turns, message):
    with pytest.raises(InputError, match=message):
        role_targets(turns)
