"""From maps to links: units of either axis, each method by hand, laws of heuristics."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.contributions import (
    HEURISTICS,
    METHODS,
    symmetrise,
    time_units,
    token_units,
    word_map,
)
from speechalign.errors import InputError
from speechalign.links import Links, TimedWord


def spoken(*times):
    """Make words w0, w1 ... with these times; None for one that was not said."""
    return [TimedWord(f"w{k}", *(time or (None, None))) for k, time in enumerate(times)]


def plain(count):
    return token_units([f"t{k}" for k in range(count)], count, "words")


def test_cells_by_the_rule_of_the_reference():
    units = time_units(spoken((0.0, 0.25), (0.33, 0.8), (0.8, 1.0)), 10, 1.0)
    # ceil(s T / D) to floor(e T / D) - 1
    assert units.cells == ((0, 1), (4, 5, 6, 7), (8, 9))
    assert units.warnings == ()
    assert [span.start for span in units.spans] == [0.0, 0.33, 0.8]


def test_boundaries_on_the_edge_of_a_cell_keep_their_cells():
    for size in range(1, 60):
        words = spoken(*((k * 0.1, (k + 1) * 0.1) for k in range(size)))
        units = time_units(words, size, size * 0.1)
        assert units.cells == tuple((k,) for k in range(size))


def test_words_shorter_than_a_cell_have_the_one_in_their_middle():
    units = time_units(spoken((0.0, 0.15), (0.15, 0.18), (0.18, 0.4)), 4, 0.4)
    assert units.cells == ((0,), (1,), (2, 3))
    (warning,) = units.warnings
    assert warning.startswith("'w1' at 0.150 s is shorter than a cell of 100.0 ms; it gets the one")
    found = word_map(np.eye(4), source=units, target=units)
    assert np.isfinite(found.values).all()
    assert found.warnings == (warning, warning)


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=12), st.integers(1, 40))
def test_every_word_has_cells_and_no_map_has_nan(lengths, size):
    ends = list(itertools.accumulate(lengths))
    words = spoken(*zip([0.0, *ends], ends))
    units = time_units(words, size, ends[-1])
    assert all(cells and cells[0] >= 0 and cells[-1] < size for cells in units.cells)
    found = word_map(np.ones((size, size)), source=units, target=units)
    assert np.isfinite(found.values).all()
    assert {j for _, j in found.links().sure} == set(range(len(words)))


def test_words_that_share_their_start_are_one_unit_and_have_the_same_links():
    words = [TimedWord("of", 0.0, 0.4), TimedWord(","), TimedWord("the", 0.0, 0.4),
             TimedWord("sea", 0.4, 1.0)]  # fmt: skip
    units = time_units(words, 10, 1.0)
    assert (units.labels, units.words) == (("of the", "sea"), ((0, 2), (3,)))
    values = np.zeros((2, 10))
    values[0, 1], values[1, 5] = 1, 1
    found = word_map(values, source=units, target=plain(2))
    assert found.links() == Links([(0, 0), (2, 0), (3, 1)])
    both = word_map(np.eye(10), source=units, target=units)
    assert both.links() == Links([(0, 0), (0, 2), (2, 0), (2, 2), (3, 3)])


def test_columns_are_added_up_and_rows_averaged():
    target = token_units(["▁a", "▁b", "c"], 3, "sentencepiece")
    source = time_units(spoken((0, 1), (1, 4)), 4, 4.0)
    values = np.array([[1.0, 2, 3, 4], [1, 0, 0, 0], [0, 0, 1, 2]])
    found = word_map(values, source=source, target=target)
    assert found.values.tolist() == [[1, 9], [0.5, 1.5]]
    # Numbers of words are those of the sentence, whatever is left out before.
    target = token_units(["▁a", ",", "▁b", "</s>"], 4, "sentencepiece")
    assert target.words == ((0,), (2,))
    kept = token_units(["▁a", ",", "▁b"], 3, "sentencepiece", punctuation=True)
    assert kept.words == ((0,), (1,), (2,))


def test_silence_at_the_end_has_columns_of_its_own():
    units = time_units(spoken((0.0, 0.5)), 10, 1.0)
    assert units.cells == (tuple(range(5)),)


def test_methods_by_hand():
    values = np.array([[6.0, 3, 1], [5, 4, 1], [2, 2, 0], [0, 0, 0]])
    found = word_map(values, source=plain(3), target=plain(4))
    assert found.warnings == ("nothing contributes to 't3'; it gets no link",)
    assert found.links() == Links([(0, 0), (0, 1), (0, 2)])  # the first of equal ones
    above = Links([(0, 0), (0, 1), (1, 1), (0, 2), (1, 2)])
    assert found.links("threshold", threshold=0.4) == above
    # Shares by column: 0.6 0.5 0.5, 0.3 0.4 0.5, 0.1 0.1 0.
    assert found.links("intersection") == Links([(0, 0)])
    assert found.links("union") == Links([(0, 0), (0, 1), (0, 2), (1, 2), (2, 0)])
    assert found.links("grow-diag") == Links([(0, 0), (0, 1), (0, 2), (1, 2)])
    assert found.links("grow-diag-final") == found.links("union")
    assert found.links("grow-diag-final-and") == found.links("grow-diag")


def test_refuses():
    found = word_map(np.ones((2, 2)), source=plain(2), target=plain(2))
    with pytest.raises(InputError, match=r"expected one of argmax, threshold, .* got 'best'"):
        found.links("best")
    for method, threshold in (("threshold", None), ("argmax", 0.5)):
        with pytest.raises(InputError, match="threshold: expected with method 'threshold' only"):
            found.links(method, threshold=threshold)
    for threshold in (0.0, 1.5, float("nan")):
        with pytest.raises(InputError, match=r"expected a value in \(0, 1\]"):
            found.links("threshold", threshold=threshold)
    with pytest.raises(InputError, match=r"contributions: expected shape \(2, 2\), got \(3, 2\)"):
        word_map(np.ones((3, 2)), source=plain(2), target=plain(2))
    with pytest.raises(InputError, match="expected a finite number >= 0, got -1"):
        word_map(-np.ones((2, 2)), source=plain(2), target=plain(2))
    with pytest.raises(InputError, match="3 tokens as in the map, got 2; leave out the row"):
        token_units(["a", "b"], 3, "words")
    with pytest.raises(InputError, match="3 tokens as in the map, got 4; are they of this"):
        token_units(["a"] * 4, 3, "words")
    with pytest.raises(InputError, match="the sentence is empty"):
        token_units(["</s>"], 1, "words")
    with pytest.raises(InputError, match="expected word times, got 1 words without time"):
        time_units(spoken(None), 4, 1.0)
    with pytest.raises(InputError, match=r"'w1' ends at 2\.0 s, but the map covers 1 s; are the"):
        time_units(spoken((0.0, 0.5), (0.5, 2.0)), 4, 1.0)
    with pytest.raises(InputError, match=r"expected cells and time, got 0 cells in 1\.0 s"):
        time_units(spoken((0.0, 0.5)), 0, 1.0)
    with pytest.raises(InputError, match="heuristic: expected one of intersection, union"):
        symmetrise(set(), set(), "grow")


PAIRS = st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=9)


@given(PAIRS, PAIRS)
def test_heuristics_are_nested(forward, backward):
    found = {name: symmetrise(forward, backward, name) for name in HEURISTICS}
    assert found["intersection"] == forward & backward
    assert found["union"] == forward | backward
    assert found["intersection"] <= found["grow-diag"] <= found["grow-diag-final-and"]
    assert found["grow-diag"] <= found["grow-diag-final"] <= found["union"]
    # Whatever is left of the union after -final has both its words linked.
    for i, j in found["union"] - found["grow-diag-final"]:
        assert any(a == i for a, _ in found["grow-diag-final"])
        assert any(b == j for _, b in found["grow-diag-final"])
    for i, j in found["union"] - found["grow-diag-final-and"]:
        assert any(a == i or b == j for a, b in found["grow-diag-final-and"])
    # Growing stops only where no neighbour of a link is left to add.
    for i, j in found["union"] - found["grow-diag"]:
        near = any(max(abs(a - i), abs(b - j)) == 1 for a, b in found["grow-diag"])
        taken = {a for a, _ in found["grow-diag"]}, {b for _, b in found["grow-diag"]}
        assert not near or (i in taken[0] and j in taken[1])


@given(PAIRS, PAIRS, st.sampled_from(HEURISTICS[:2]))
def test_directions_are_alike(forward, backward, heuristic):
    assert symmetrise(forward, backward, heuristic) == symmetrise(backward, forward, heuristic)


@given(st.integers(1, 6), st.sampled_from(METHODS))
def test_a_permutation_is_found_by_every_method(size, method):
    order = np.random.default_rng(size).permutation(size)
    found = word_map(np.eye(size)[order], source=plain(size), target=plain(size))
    options = {"threshold": 0.5} if method == "threshold" else {}
    assert found.links(method, **options) == Links((int(i), j) for j, i in enumerate(order))
