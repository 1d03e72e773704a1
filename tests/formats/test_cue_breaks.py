"""Where subtitles and lines end: with sentences and clauses, never inside names and numbers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import SpeechAlignWarning
from speechalign.formats.cue_breaks import CLAUSE, INSIDE, SENTENCE, break_costs
from speechalign.formats.cue_lines import lines_of, wrap


def spoken(text, *, seconds=0.25, pause=0.0):
    """Return the words of a text one after the other."""
    starts = [round(n * (seconds + pause), 6) for n in range(len(text.split()))]
    words = [Interval(s, round(s + seconds, 6), w) for s, w in zip(starts, text.split())]
    return Alignment({"words": words}, words[-1].end)


def cues(alignment, path, **options):
    write_alignment(alignment, path, **options)
    return [i.label for i in read_alignment(path).tiers["utterances"]]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("we met Dr. Anna Smith there", ["Dr. Anna Smith"]),
        ("J. S. Bach died", ["J. S. Bach"]),
        ("Ludwig van Beethoven and Rio de Janeiro", ["Ludwig van Beethoven", "Rio de Janeiro"]),
        ("the Bank of England said", ["Bank of England"]),
        (
            "Dr. James van der Berg and Maria de la Cruz",
            ["Dr. James van der Berg", "Maria de la Cruz"],
        ),
        ("then Van Morrison sang for Peter und der Wolf", ["Van Morrison"]),
        ("on the twenty first of June", ["twenty first"]),
        ("it costs 10 000 dollars or $5 million now", ["10 000 dollars", "$5 million"]),
        ("on May 5 at 10 p.m. we left", ["May 5", "10 p.m."]),
        ("read chapter 3 and No. 7 please", ["chapter 3", "No. 7"]),
        ("one hundred and five dogs, twenty two cats", ["one hundred and five", "twenty two"]),
        ("THIS TEXT HAS CAPITALS", []),
        ("we saw Ann. Bob left, Carl", []),
        ("in 1999, 2000 and 2001", []),
        ("there were three. Four left", []),
    ],
)
def test_names_and_numbers_are_whole(text, whole):
    words = text.split()
    costs = break_costs(words)
    runs, run = [], [words[0]]
    for word, cost in zip(words[1:], costs):
        if cost == INSIDE:
            run.append(word)
            continue
        runs.append(run)
        run = [word]
    found = [" ".join(run) for run in [*runs, run] if len(run) > 1]
    assert found == whole


def test_ends_of_sentences_and_clauses():
    text = "He came. “Why?” she asked, now (late) approx. nine — then J. Smith left"
    words = text.split()
    costs = dict(zip(words, break_costs(words)))
    assert [w for w in words[:-1] if costs[w] == SENTENCE] == ["came."]
    assert [w for w in words[:-1] if costs[w] == CLAUSE] == [
        "“Why?”",
        "asked,",
        "now",
        "(late)",
        "nine",
        "—",
    ]


def test_a_pause_makes_a_break_likelier():
    words = "alpha beta gamma".split()  # noqa: SIM905
    before = break_costs(words)
    assert break_costs(words, [0.3, 0.0]) == [before[0] - 1, before[1]]


def test_cues_end_with_sentences_and_clauses(tmp_path):
    text = (
        "When the rain had stopped, we walked along the river to the old mill. Nobody was there. "
        "Professor Ada Lovelace paid 12 million dollars for it, which surprised us all."
    )
    assert cues(spoken(text), tmp_path / "x.srt") == [
        "When the rain had stopped,",
        "we walked along the river to the old mill.",
        "Nobody was there.",
        "Professor Ada Lovelace paid",
        "12 million dollars for it,",
        "which surprised us all.",
    ]
    path = tmp_path / "x.vtt"
    assert cues(spoken(text, seconds=0.2), path, cue_lines=2) == [
        "When the rain had stopped, we walked along the river to the old mill.",
        "Nobody was there.",
        # Two lines would tear a number here.
        "Professor Ada Lovelace paid 12 million dollars for it,",
        "which surprised us all.",
    ]
    assert "stopped,\nwe" in path.read_text()
    assert "paid\n12 million dollars" in path.read_text()


@given(
    st.lists(
        st.sampled_from(["a", "Ann", "Lee", "river", "and", "5", "million", "left.", "so,", "I"]),
        min_size=1,
        max_size=25,
    ),
    st.integers(8, 30),
)
def test_lines_hold_every_word_and_no_more_than_their_width(words, width):
    lines = lines_of(words, width)
    assert [first for first, _ in lines] == [0, *(last for _, last in lines[:-1])]
    assert lines[-1][1] == len(words)
    assert all(last - first == 1 or len(" ".join(words[first:last])) <= width
               for first, last in lines)  # fmt: skip
    fewest = len(wrap(" ".join("x" * len(word) for word in words), width).split("\n"))
    costs = break_costs(words)
    torn = sum(costs[last - 1] == INSIDE for _, last in lines[:-1])
    assert len(lines) == fewest or len(lines) > fewest > 0
    assert len(lines_of(words, width, fewest)) == fewest
    runs = _longest_run(words, costs)
    assert torn == 0 or runs > width


def _longest_run(words, costs):
    """Return the length of the longest stretch that may not be torn."""
    longest = length = len(words[0])
    for word, cost in zip(words[1:], costs):
        length = length + 1 + len(word) if cost == INSIDE else len(word)
        longest = max(longest, length)
    return longest


def test_short_cues_stay_where_there_is_room(tmp_path):
    words = [Interval(1, 1.2, "Yes."), Interval(2.5, 2.7, "No."), Interval(3.5, 4, "Well.")]
    path = tmp_path / "x.srt"
    write_alignment(Alignment({"words": words}, 9.0), path, cue_shortest=1.2)
    found = read_alignment(path).tiers["utterances"]
    assert [(i.start, i.end) for i in found] == [(1, 2.2), (2.5, 3.5), (3.5, 4.7)]
    assert all(a.end <= b.start for a, b in pairwise(found))


def test_fast_cues_are_counted(tmp_path):
    path = tmp_path / "x.srt"
    alignment = spoken("Incomprehensibilities notwithstanding. Go on.", seconds=0.5, pause=0.6)
    with pytest.warns(
        SpeechAlignWarning,
        match=r"x\.srt: 2 of 4 subtitles are faster than 20 characters a second; the fastest, 42, "
        r"is 'Incomprehensibilities' at 00:00:00.000",
    ):
        write_alignment(alignment, path, cue_speed=20)
    write_alignment(alignment, path, cue_speed=50)
    with pytest.warns(SpeechAlignWarning, match="1 of 4 subtitles"):
        write_alignment(alignment, path, cue_speed=20, cue_shortest=0.9)
