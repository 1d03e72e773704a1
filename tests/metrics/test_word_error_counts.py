import math

import numpy as np
import pytest

from speechalign.errors import InputError
from speechalign.metrics import report, score
from speechalign.metrics.word_errors import figures, statistics


def kinds(reference, hypothesis):
    found = statistics(reference.split(), hypothesis.split())
    return found.substitutions, found.deletions, found.insertions


@pytest.mark.parametrize(
    ("reference", "hypothesis", "wanted"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "a c", (0, 1, 0)),
        ("a b c", "a b b c", (0, 0, 1)),
        ("a b c", "", (0, 3, 0)),
        ("a", "x y z", (1, 0, 2)),
    ],
)
def test_kinds(reference, hypothesis, wanted):
    assert kinds(reference, hypothesis) == wanted


def test_words_where_nothing_was_said_are_no_insertions():
    pairs = {
        "speech": (["a", "b"], ["a", "b", "c"]),
        "noise": ([], ["you", "know"]),
        "silence": ([], []),
        "lost": (["a", "b"], None),
    }
    found = report(pairs, metric="word-errors")
    pooled = found.pooled
    assert (pooled.insertion_rate, pooled.deletion_rate) == (0.25, 0.5)
    assert pooled.error_rate == 0.75
    assert pooled.hallucination_rate == 0.5
    counted = pooled.statistics
    assert (counted.speech, counted.wrong, counted.silent, counted.made_up) == (2, 2, 2, 2)
    assert found.recordings["noise"].error_rate is None
    assert found.recordings["speech"].hallucination_rate is None


def test_rates_of_nothing_are_no_numbers():
    rates = figures(np.zeros((2, 9)))
    assert all(np.isnan(rate).all() and rate.shape == (2,) for rate in rates.values())
    assert math.isnan(rates["error_rate"][0])


def test_a_string_is_refused():
    with pytest.raises(InputError, match=r"pairs\[0\]: reference: expected a list of words"):
        score([("a b", ["a"])], metric="word-errors")
