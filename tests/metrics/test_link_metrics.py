"""AER, SAER and TW-SAER: published examples as fractions, bounds, and weights."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.links import Links, WeightedLinks, pair_links, read_links
from speechalign.links.pharaoh import sentences
from speechalign.metrics import aer, report, saer, tw_saer


def links(text):
    """Read links in Pharaoh's notation, counted from 1."""
    (raw,) = sentences(text + "\n")
    return Links([(i - 1, j - 1) for i, j in raw.sure], [(i - 1, j - 1) for i, j in raw.possible])


# The worked examples of the reference's unit tests: gold links are German to English.
GOLD = links("1-1 1-5 2-3 3-4 4-2")
EN_DE = links("1-1 2-4 3-2 4-4")
DE_EN = links("1-1 4-2 2-3 4-4 3-5")
GERMAN, ENGLISH = [1, 2, 3, 4], [1, 2, 3, 4, 5]


@pytest.mark.parametrize("metric", [aer, saer])
@pytest.mark.parametrize(
    ("gold", "hypothesis", "rate"),
    [
        (GOLD.swapped(), EN_DE, Fraction(1, 3)),
        (GOLD, DE_EN, Fraction(2, 5)),
        (links("1p1 1-5 2-3 3p4 4-2").swapped(), EN_DE, Fraction(2, 7)),
    ],
)
def test_worked_examples(metric, gold, hypothesis, rate):
    assert metric.score(metric.statistics(gold, hypothesis)).error_rate == float(rate)


@pytest.mark.parametrize(
    ("gold", "hypothesis", "weights", "setting", "rate"),
    [
        (GOLD.swapped(), EN_DE, (ENGLISH, GERMAN), "s2t", Fraction(13, 25)),
        (GOLD, DE_EN, (GERMAN, ENGLISH), "s2t", Fraction(11, 25)),
        (GOLD.swapped(), EN_DE, (ENGLISH, GERMAN), "s2s", Fraction(11, 21)),
        (GOLD, DE_EN, (GERMAN, ENGLISH), "s2s", Fraction(8, 13)),
    ],
)
def test_worked_examples_with_times(gold, hypothesis, weights, setting, rate):
    counted = tw_saer.statistics(WeightedLinks(gold, *weights), hypothesis, setting=setting)
    assert tw_saer.score(counted).error_rate == float(rate)
    assert f"weights:{'source-seconds' if setting == 's2t' else '*'}"[-1] in counted.signature
    tenths = WeightedLinks(gold, *([w / 10 for w in side] for side in weights))
    assert tw_saer.score(
        tw_saer.statistics(tenths, hypothesis, setting=setting)
    ).error_rate == float(rate)  # fmt: skip


def test_figures_by_hand():
    found = aer.score(aer.statistics(links("1-1 2-2 3p3"), links("1-1 3-3 4-4 5p5")))
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    assert found.error_rate == 0.5
    assert f"{found.error_rate:.2%}" == "50.00%"


PAIRS = st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8)
WEIGHTS = st.lists(st.sampled_from([0.0, 0.01, 0.3, 1.0]), min_size=5, max_size=5)


@given(PAIRS, PAIRS, st.data(), WEIGHTS, WEIGHTS)
def test_anything_between_sure_and_possible_is_without_error(sure, more, data, source, target):
    gold = Links(sure, more)
    between = data.draw(st.sets(st.sampled_from(sorted(gold.possible)))) if gold.possible else ()
    hypothesis = Links(sure.union(between))
    assert aer.score(aer.statistics(gold, hypothesis)).error_rate == 0
    weighted = WeightedLinks(gold, source, target)
    for setting in ("s2t", "s2s"):
        counted = tw_saer.statistics(weighted, hypothesis, setting=setting)
        assert tw_saer.score(counted).error_rate == 0


@given(PAIRS, PAIRS)
def test_nothing_possible_is_all_error(sure, more):
    gold = Links(sure, more)
    outside = Links({(i, j) for i in range(5) for j in range(5)} - gold.possible)
    if sure or outside.sure:
        assert aer.score(aer.statistics(gold, outside)).error_rate == 1


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_one_missing_link(n):
    gold = Links([(i, i) for i in range(n)])
    found = aer.score(aer.statistics(gold, Links([(i, i) for i in range(n - 1)])))
    assert found.error_rate == float(1 - Fraction(2 * (n - 1), 2 * n - 1))


@given(PAIRS, PAIRS, PAIRS, WEIGHTS, WEIGHTS)
def test_against_the_definition(sure, more, found, source, target):
    gold, weighted = Links(sure, more), WeightedLinks(Links(sure, more), source, target)
    for metric, reference, options, weight in (
        (aer, gold, {}, lambda *_: 1),
        (saer, gold, {}, lambda *_: 1),
        (saer, weighted, {}, lambda i, j: int(source[i] > 0 and target[j] > 0)),
        (tw_saer, weighted, {"setting": "s2t"}, lambda i, j: source[i] * (target[j] > 0)),
        (tw_saer, weighted, {"setting": "s2s"}, lambda i, j: source[i] * target[j]),
    ):

        def total(pairs, weight=weight):
            return sum(Fraction(round(weight(i, j) * 10**8), 10**8) for i, j in pairs)

        size = total(found) + total(sure)
        expected = 1 - (total(found & sure) + total(found & gold.possible)) / size if size else 0
        scored = metric.score(metric.statistics(reference, Links(found), **options))
        assert scored.error_rate == float(expected)
        if total(found) and total(sure):
            precision = total(found & gold.possible) / total(found)
            recall = total(found & sure) / total(sure)
            both = precision + recall
            f1 = 2 * precision * recall / both if both else 0
            assert (scored.precision, scored.recall, scored.f1) == (
                float(precision),
                float(recall),
                float(f1),
            )


def test_nothing_to_find_and_nothing_found_is_no_error():
    found = aer.score(aer.statistics(Links([], [(0, 0)]), Links([])))
    assert (found.error_rate, found.precision, found.recall, found.f1) == (0, None, None, None)
    values = aer.figures(np.zeros((3, 4)))
    np.testing.assert_array_equal(values["error_rate"], 0)
    assert np.isnan(values["precision"]).all()


def test_a_missing_hypothesis_has_no_links():
    found = aer.score(aer.statistics(GOLD, None) + aer.statistics(GOLD, GOLD))
    assert (found.sentences, found.scored_sentences) == (2, 1)
    assert (found.precision, found.recall) == (1, 0.5)


def test_words_that_were_not_said_do_not_count():
    gold = WeightedLinks(links("1-1 2-2 3-3"), [0.5, 0.0, 0.25], [0.2, 0.2, 0.0])
    found = saer.score(saer.statistics(gold, links("1-1 2-1 2-2 3-3 1-3")))
    assert (found.error_rate, found.precision, found.recall) == (0, 1, 1)
    assert "words:said" in found.signature
    text = WeightedLinks(links("1-1 2-2 3-3"), [0.5, 0.0, 0.25])
    assert saer.statistics(text, links("3-1")).counts.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("metric", [saer, tw_saer])
def test_hypothesis_out_of_range(metric):
    gold = WeightedLinks(Links([(0, 0)]), [1.0, 1.0], [1.0])
    with pytest.raises(InputError, match=r"link 0-1 .* the target has 1 words; is the base right"):
        metric.statistics(gold, Links([(0, 1)]))


def test_refuses():
    with pytest.raises(InputError, match="expected WeightedLinks, got Links"):
        tw_saer.statistics(GOLD, GOLD)
    weighted = WeightedLinks(GOLD, GERMAN)
    with pytest.raises(InputError, match="'s2s': expected times of the target's words, got none"):
        tw_saer.statistics(weighted, GOLD, setting="s2s")
    with pytest.raises(InputError, match="setting: expected 's2t' or 's2s', got 't2t'"):
        tw_saer.statistics(weighted, GOLD, setting="t2t")
    with pytest.raises(InputError, match="expected one way of counting"):
        saer.statistics(GOLD, GOLD) + saer.statistics(weighted, GOLD)


@pytest.mark.parametrize(
    ("pair", "percent"), [("enfr", 4.07), ("roen", 20.75), ("jaen", 37.36), ("zhen", 13.31)]
)
def test_published_outputs(shared, pair, percent):
    folder = shared / "data/word-alignment"
    gold = read_links(folder / f"{pair}.gold")
    hypothesis = read_links(folder / f"{pair}.awesome-align.out")
    assert (gold.base, hypothesis.base) == ("1", "0")
    found = report(pair_links(gold, hypothesis).pairs, metric="aer").pooled
    assert round(100 * found.error_rate, 2) == percent


def test_gold_links_of_the_shared_corpora_are_within_their_sentences(shared):
    from speechalign.links import read_parallel

    for pair in ("deen", "enfr", "roen", "jaen", "zhen"):
        texts = read_parallel(shared / f"data/word-alignment/{pair}.src-tgt")
        gold = read_links(shared / f"data/word-alignment/{pair}.gold").sentences
        assert len(texts) == len(gold)
        for (source, target), found in zip(texts, gold.values()):
            found.check_within(len(source), len(target))
