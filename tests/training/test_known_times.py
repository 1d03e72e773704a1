"""Training that keeps to corrected times, against enumeration and against what is known."""

import math

import numpy as np
import pytest
from oracles import paths

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs.hmm import HmmUnit, hmm_graph
from speechalign.kernels.baum_welch import occupancy
from speechalign.models import load_model
from speechalign.training.known_times import KnownWord, known_occupancy, known_words, state_frames

GRID = FrameGrid(16000, 160)
VARIANTS = ((("a",), ("b", "a")), (("b",),))
UNITS = {
    phone: HmmUnit(tuple(range(3 * n, 3 * n + 3)), (-0.5,) * 3, (-0.9,) * 3)
    for n, phone in enumerate("ab")
}
SILENCE = HmmUnit((6, 7, 8), (-0.5,) * 3, (-0.9,) * 3)


def graph():
    words = [[[UNITS[p] for p in variant] for variant in variants] for variants in VARIANTS]
    return hmm_graph(words, silence=SILENCE)


@pytest.mark.parametrize(
    "known",
    [
        [KnownWord(0, 4, ()), KnownWord(4, 8, ())],
        [KnownWord(1, 4, (("a", 1, 4),)), KnownWord(5, 8, (("b", 5, 8),))],
        [KnownWord(0, 2, ()), KnownWord(4, 8, ())],  # too short for a word: left free
    ],
)
def test_posteriors_are_those_of_the_paths_that_keep_to_the_times(known):
    frames = 9
    scores = np.random.default_rng(0).normal(size=(frames, 9)).astype(np.float32)
    lattice = graph()
    allowed = [(0, 0), *state_frames(VARIANTS, known, frames)]
    expected, total, arcs = np.zeros((frames, 9)), 0.0, np.zeros(len(lattice.labels))
    for path in paths(scores, lattice):
        states = lattice.targets[list(path.arcs)]
        if all(allowed[s][0] <= t < allowed[s][1] for t, s in enumerate(states)):
            probability = math.exp(path.score)
            total += probability
            expected[np.arange(frames), lattice.labels[list(path.arcs)]] += probability
            np.add.at(arcs, list(path.arcs), probability)
    found = known_occupancy(scores, np.arange(9), lattice, VARIANTS, known)
    assert found.score == pytest.approx(math.log(total), rel=1e-5)
    np.testing.assert_allclose(found.posteriors, expected / total, atol=1e-5)
    np.testing.assert_allclose(found.arcs, arcs / total, atol=1e-5)


def test_words_and_phones_keep_to_their_frames():
    known = [KnownWord(10, 20, (("b", 10, 14), ("a", 14, 20))), KnownWord(20, 30, ())]
    found = state_frames(VARIANTS, known, 40)
    pause, other, b, a = found[0], found[3], found[6], found[9]
    assert (pause, other, b, a) == ((0, 11), (9, 21), (9, 15), (13, 21))
    assert found[12] == (19, 21)  # the pause between words that touch
    assert found[15] == (19, 31)
    assert found[18] == (29, 40)
    assert len(found) == graph().num_states - 1


def test_times_that_say_nothing_change_nothing():
    scores = np.random.default_rng(1).normal(size=(14, 9)).astype(np.float32)
    known = [KnownWord(0, 1, ()), KnownWord(13, 14, ())]
    free = occupancy(scores, np.arange(9), graph())
    found = known_occupancy(scores, np.arange(9), graph(), VARIANTS, known)
    # Only the pauses around are bound: those paths are some of all.
    assert found.score <= free.score
    assert found.posteriors.sum(axis=1) == pytest.approx(np.ones(14), abs=1e-5)


def test_corrected_labels_are_matched_with_the_transcript():
    lexicon_words = _words("Two, $5!")
    corrected = Alignment(
        {
            "words": [Interval(1.0, 1.2, "Two,"), Interval(1.3, 2.0, "$5!")],
            "phones": [Interval(1.0, 1.1, "T"), Interval(1.1, 1.2, "UW")],
        },
        3.0,
    )
    found = known_words(lexicon_words, corrected, 0.9, GRID)
    assert found[0] == KnownWord(10, 30, (("T", 10, 20), ("UW", 20, 30)))
    assert [(word.begin, word.end) for word in found] == [(10, 30), (40, 110), (40, 110)]
    other = Alignment({"words": [Interval(1.0, 1.2, "Too"), Interval(1.3, 2.0, "$5!")]}, 3.0)
    with pytest.raises(InputError, match="has 'Too' where the transcript has 'Two,'; correct"):
        known_words(lexicon_words, other, 0.9, GRID)
    short = Alignment({"words": corrected.tiers["words"][:1]}, 3.0)
    with pytest.raises(InputError, match="has 1 words where the transcript has 2"):
        known_words(lexicon_words, short, 0.9, GRID)


def _words(text):
    from speechalign.pronunciation.lexicon import Lexicon

    return Lexicon(load_model("english-sphinx")).words(text)
