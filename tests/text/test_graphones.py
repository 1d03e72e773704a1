"""Cuts of words into graphones spell the words, and find what makes which sound."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.text import graphones
from speechalign.text.graphones import Graphone, align_graphones

WORDS = st.lists(
    st.tuples(
        st.text("abch", min_size=1, max_size=5),
        st.lists(st.sampled_from(["A", "B", "K"]), min_size=1, max_size=6).map(tuple),
    ),
    min_size=1,
    max_size=15,
)


def alignable(lexicon):
    return [(word, phones) for word, phones in lexicon if len(phones) <= 2 * len(word)]


@given(WORDS)
def test_every_cut_spells_its_word(lexicon):
    expected = alignable(lexicon)
    if not expected:
        with pytest.raises(InputError, match="at most 2 phones a letter"):
            align_graphones(lexicon, min_count=1)
        return
    aligned = align_graphones(lexicon, min_count=1)
    spelled = [
        (
            "".join(aligned.inventory[i].letters for i in cut),
            sum((aligned.inventory[i].phones for i in cut), ()),
        )
        for cut in aligned.sequences
    ]
    assert Counter(spelled) == Counter(expected)
    assert list(aligned.inventory) == sorted(
        set(aligned.inventory), key=lambda g: (g.letters, g.phones)
    )


@given(WORDS)
def test_every_letter_has_a_graphone_that_sounds(lexicon):
    try:
        aligned = align_graphones(lexicon, min_count=3)
    except InputError:  # nothing left, which the tests below ask for
        return
    letters = {letter for word, _ in alignable(lexicon) for letter in word}
    assert {g.letters for g in aligned.inventory if len(g.letters) == 1 and g.phones} >= letters


def cuts(word, phones):
    """Enumerate every cut."""
    if not word:
        return [] if phones else [()]
    found = []
    for spelt, sounded in ((1, 0), (1, 1), (1, 2), (2, 1)):
        if spelt <= len(word) and sounded <= len(phones):
            head = Graphone(word[:spelt], phones[:sounded])
            found += [(head, *rest) for rest in cuts(word[spelt:], phones[sounded:])]
    return found


@given(WORDS.filter(alignable), st.integers(0, 2**32))
def test_expected_counts_and_best_cuts_equal_enumeration(lexicon, seed):
    inventory, batches = graphones._batches(lexicon)
    log_probs = np.random.default_rng(seed).uniform(-6, -1, len(inventory))
    score_of = dict(zip(inventory, log_probs))
    counts = np.zeros(len(inventory))
    best = []
    for batch in batches:
        graphones._expect(batch, log_probs, counts)
        best += [
            ("".join(inventory[i].letters for i in cut), sum(log_probs[cut]))
            for cut in graphones._best_cuts(batch, log_probs)
        ]
    expected: Counter[Graphone] = Counter()
    expected_best = []
    for word, phones in alignable(lexicon):
        scores = {cut: sum(score_of[g] for g in cut) for cut in cuts(word, phones)}
        total = sum(math.exp(score) for score in scores.values())
        expected_best.append((word, max(scores.values())))
        for cut, score in scores.items():
            for graphone in cut:
                expected[graphone] += math.exp(score) / total
    np.testing.assert_allclose(counts, [expected[g] for g in inventory], atol=1e-9)
    for ours, theirs in zip(sorted(best), sorted(expected_best)):
        assert ours == (theirs[0], pytest.approx(theirs[1]))


def test_learns_digraphs_and_silent_letters():
    lexicon = [
        ("chat", ("CH", "AE", "T")),
        ("chap", ("CH", "AE", "P")),
        ("hat", ("HH", "AE", "T")),
        ("cat", ("K", "AE", "T")),
        ("tax", ("T", "AE", "K", "S")),
        ("pax", ("P", "AE", "K", "S")),
        ("tap", ("T", "AE", "P")),
    ]
    aligned = align_graphones(lexicon)
    assert {
        Graphone("ch", ("CH",)),
        Graphone("x", ("K", "S")),
        Graphone("a", ("AE",)),
    } <= set(aligned.inventory)


def test_rare_graphones_go_and_their_words_with_them():
    lexicon = [("ab", ("A", "B"))] * 5 + [("ba", ("B", "A"))] * 5 + [("aa", ("B", "B"))]
    assert len(align_graphones(lexicon, min_count=1).sequences) == 11
    assert len(align_graphones(lexicon, min_count=3).sequences) == 10


def test_nothing_left_is_refused():
    with pytest.raises(InputError, match="lower min_count"):
        align_graphones([("ab", ("A",))], min_count=9)
