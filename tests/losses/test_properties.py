"""What the edits of Align With Purpose keep, what they improve, and what they leave alone."""

import itertools
from functools import partial

import numpy as np
import oracles_paths
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.losses.properties import PROPERTIES, Context
from speechalign.losses.properties.long_labels import long_labels
from speechalign.losses.properties.low_latency import low_latency
from speechalign.losses.properties.min_wer import min_wer

PATHS = st.lists(st.lists(st.integers(0, 3), max_size=9), min_size=1, max_size=5)
BLANKS = st.integers(0, 3)


def array(rows):
    """Return rows of different lengths as (P, T) and (P,); the padding is no label."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.full((len(rows), 10), 99)
    for row, place in zip(rows, padded):
        place[: len(row)] = row
    return padded, lengths


def improve(rows, blank, property, *, seed=0, transcripts=None, words=None, log_probs=None):
    """Return the improved rows; without ``log_probs``, all labels are as probable."""
    paths, lengths = array(rows)
    targets, target_lengths = (None, None) if transcripts is None else array(transcripts)
    utterances = np.arange(len(rows))
    context = Context(
        blank, np.random.default_rng(seed), utterances, targets, target_lengths,
        None if words is None else array(words)[0],
        log_probs=lambda: np.zeros((len(rows), 10, 6)) if log_probs is None else log_probs,
    )  # fmt: skip
    before = paths.copy()
    improved = property(paths, lengths, context)
    np.testing.assert_array_equal(paths, before)
    assert improved.shape == paths.shape
    assert improved.dtype == np.int64
    return [path[:length].tolist() for path, length in zip(improved, lengths)]


def every_choice(row, blank, property, **options):
    """Return all that becomes of one path under many seeds."""
    found = (improve([row] * 50, blank, property, seed=seed, **options) for seed in range(4))
    return {tuple(path) for paths in found for path in paths}


def starts(path, blank):
    return [start for _, start, _ in oracles_paths.runs(path, blank)]


def shifted(path, blank):
    """Return everything that one useful deletion makes of a path."""
    before = [blank, *path]
    return {
        (*path[:j], *path[j + 1 :], blank)
        for j in range(len(path))
        if path[j] == before[j]
        and starts([*path[:j], *path[j + 1 :], blank], blank) != starts(path, blank)
    }


@given(PATHS, BLANKS, st.integers(1, 3))
def test_low_latency_keeps_the_text_and_nothing_comes_later(rows, blank, shifts):
    improved = improve(rows, blank, partial(low_latency, shifts=shifts))
    for row, path in zip(rows, improved):
        assert oracles_paths.collapse(path, blank) == oracles_paths.collapse(row, blank)
        assert all(new <= old for new, old in zip(starts(path, blank), starts(row, blank)))
        if shifted(row, blank):
            assert starts(path, blank) != starts(row, blank)
            assert 1 <= max(np.subtract(starts(row, blank), starts(path, blank))) <= shifts
        else:
            assert path == row


@pytest.mark.parametrize("blank", [0, 3])
def test_low_latency_makes_every_choice(blank):
    rng = np.random.default_rng(0)
    for row in rng.integers(0, 4, size=(20, 8)).tolist():
        assert every_choice(row, blank, low_latency) == (shifted(row, blank) or {tuple(row)})


def test_low_latency_choices_are_equally_likely():
    rows = [[1, 1, 0, 0, 0, 2]] * 3000
    found = improve(rows, 0, low_latency, seed=5)
    label, blank = ([1, 0, 0, 0, 2, 0], [1, 1, 0, 0, 2, 0])
    assert found.count(label) + found.count(blank) == 3000
    assert found.count(label) == pytest.approx(1000, abs=4 * (3000 * 2 / 9) ** 0.5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0, 1], [1, 0]),  # one candidate, the first frame
        ([1, 1, 2], [1, 2, 0]),  # one candidate
        ([1, 0, 2, 2, 3], [1, 0, 2, 3, 0]),  # the last frame before a label starts
        ([1, 2, 2, 2], [1, 2, 2, 2]),  # nothing comes earlier
        ([1, 0, 1], [1, 0, 1]),  # the blank keeps two labels apart
        ([0, 0, 0], [0, 0, 0]),
        ([0], [0]),
        ([1], [1]),
        ([], []),
    ],
)
def test_low_latency_examples(row, expected):
    assert improve([row], 0, low_latency) == [expected]


def test_low_latency_stops_when_nothing_is_left():
    assert improve([[0, 0, 1, 1, 2, 2]], 0, partial(low_latency, shifts=9)) == [[1, 2, 2, 0, 0, 0]]


@given(PATHS, BLANKS)
def test_low_latency_at_the_earliest_moves_every_label_that_can(rows, blank):
    improved = improve(rows, blank, partial(low_latency, earliest=True))
    for row, path in zip(rows, improved):
        moved = [
            np.subtract(starts(row, blank), starts(other, blank)).tolist()
            for other in shifted(row, blank) or [row]
        ]
        assert np.subtract(starts(row, blank), starts(path, blank)).tolist() == max(moved, key=sum)


@given(PATHS, BLANKS, st.integers(2, 4))
def test_long_labels_keeps_the_text_and_lengthens_one_label(rows, blank, longest):
    improved = improve(rows, blank, partial(long_labels, longest=longest))
    for row, path in zip(rows, improved):
        choices = extended(row, blank, longest)
        assert tuple(path) in (choices or {tuple(row)})


def extended(path, blank, longest):
    """Return everything that turning one blank into a neighbour makes of a path."""
    found = set()
    for t, label in enumerate(path):
        for neighbour in {*path[max(0, t - 1) : t], *path[t + 1 : t + 2]} - {blank}:
            edited = [*path[:t], neighbour, *path[t + 1 :]]
            run = [end - start for _, start, end in oracles_paths.runs(edited, blank)]
            old = [end - start for _, start, end in oracles_paths.runs(path, blank)]
            if label == blank and len(run) == len(old):
                grown = [new for new, was in zip(run, old) if new > was]
                if all(length <= longest for length in grown):
                    found.add(tuple(edited))
    return found


@pytest.mark.parametrize("blank", [0, 3])
def test_long_labels_makes_every_choice(blank):
    rng = np.random.default_rng(1)
    for row in rng.integers(0, 4, size=(20, 7)).tolist():
        property = partial(long_labels, longest=3)
        assert every_choice(row, blank, property) == (extended(row, blank, 3) or {tuple(row)})


def corrected(path, blank, transcript, separator, most):
    """Return the word sequence with one wrong word right, for every word that may be."""
    ours, theirs = (
        oracles_paths.words(x, separator) for x in (oracles_paths.collapse(path, blank), transcript)
    )
    errors = oracles_paths.distance(theirs, ours)
    found = set()
    for k, word in enumerate(ours):
        for right in set(theirs):
            differ = len(word) == len(right) and sum(a != b for a, b in zip(word, right))
            better = (*ours[:k], right, *ours[k + 1 :])
            if 0 < differ <= most and oracles_paths.distance(theirs, better) == errors - 1:
                found.add(better)
    return found


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), max_size=9), st.lists(st.integers(1, 3), max_size=6)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([None, 3]),
    st.integers(1, 3),
)
def test_min_wer_puts_one_word_right(both, separator, most):
    rows, transcripts = map(list, zip(*both))
    property = partial(min_wer, separator=separator, most_edits=most)
    for row, transcript, path in zip(
        rows, transcripts, improve(rows, 0, property, transcripts=transcripts)
    ):
        words = tuple(oracles_paths.words(oracles_paths.collapse(path, 0), separator))
        allowed = corrected(row, 0, transcript, separator, most)
        assert path == row or words in allowed
        same = [v == w for v, w in zip(row, path)]
        assert all(s or v != 0 for s, v in zip(same, row))
        if not allowed:
            assert path == row


@pytest.mark.parametrize(
    ("row", "transcript", "separator", "expected"),
    [
        ([1, 1, 0, 2, 2, 5, 3], [1, 4, 5, 3], 5, [1, 1, 0, 4, 4, 5, 3]),
        ([5, 1, 0, 2, 5, 5, 3], [1, 4, 5, 3], 5, [5, 1, 0, 4, 5, 5, 3]),  # a separator first
        ([1, 2], [1, 1], 5, [1, 2]),  # would merge with the label before
        ([1, 0, 2], [1, 1], 5, [1, 0, 1]),
        ([2, 1], [1, 1], 5, [2, 1]),  # with the label after
        ([2, 1, 5, 3], [1, 2, 5, 3], 5, [1, 2, 5, 3]),  # both labels of the word
        ([1, 2, 3], [4, 4, 4], 5, [1, 2, 3]),  # three labels are too many
        ([1, 2, 3], [1, 2], 5, [1, 2, 3]),  # of another length
        ([1, 2, 3], [1, 2, 5, 3], 5, [1, 2, 3]),
        ([1, 5, 2], [1], 5, [1, 5, 2]),  # inserted
        ([1], [1, 5, 2], 5, [1]),  # deleted
        ([1, 2], [1, 2], 5, [1, 2]),
        ([1, 2, 3], [1, 4, 3], None, [1, 4, 3]),  # phones: each label a word
        ([1, 2, 2, 3], [1, 3, 3], None, [1, 2, 2, 3]),  # which merge as well
        ([0, 0], [1], 5, [0, 0]),
        ([1], [], 5, [1]),
        ([], [], 5, []),
    ],
)
def test_min_wer_examples(row, transcript, separator, expected):
    property = partial(min_wer, separator=separator)
    assert every_choice(row, 0, property, transcripts=[transcript] * 50) == {tuple(expected)}


def test_min_wer_chooses_any_word():
    property = partial(min_wer, separator=3)
    found = every_choice([1, 3, 1, 3, 1], 0, property, transcripts=[[2, 3, 1, 3, 2]] * 50)
    assert found == {(2, 3, 1, 3, 1), (1, 3, 1, 3, 2)}


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 3), max_size=9),
            st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1)), max_size=6),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 3),
)
def test_min_wer_puts_a_word_of_several_labels_right(both, most):
    rows = [row for row, _ in both]
    transcripts = [[label for label, _ in transcript] for _, transcript in both]
    # A new word begins where the other number is 1.
    words = [np.cumsum([new for _, new in transcript]).tolist() for _, transcript in both]
    property = partial(min_wer, most_edits=most)
    improved = improve(rows, 0, property, transcripts=transcripts, words=words)
    for row, path, transcript, numbers in zip(rows, improved, transcripts, words):
        said, now = (oracles_paths.collapse(x, 0) for x in (row, path))
        if path == row:
            continue
        gained = oracles_paths.distance(transcript, said) - oracles_paths.distance(transcript, now)
        assert 1 <= gained <= most
        # What is new is one word, whole; what stands before and behind it is as it was.
        whole = {tuple(v for v, n in zip(transcript, numbers) if n == number) for number in numbers}
        assert any(
            tuple(now[first:last]) in whole
            and now[:first] == said[:first]
            and now[last:] == said[len(said) - len(now) + last :]
            for first in range(len(now))
            for last in range(first + 1, len(now) + 1)
        )


@pytest.mark.parametrize(
    ("row", "transcript", "words", "expected"),
    [
        ([1, 0, 4, 4, 0, 3], [1, 2, 3], [0, 0, 0], [1, 0, 2, 2, 0, 3]),
        ([1, 0, 0, 0, 0, 3], [1, 2, 3], [0, 0, 0], [1, 2, 0, 0, 0, 3]),  # any, so the first
        ([0, 0, 0, 0, 3], [1, 2, 3], [0, 0, 0], [1, 2, 0, 0, 3]),  # ahead of the first
        ([1, 0, 0, 0, 0], [1, 2, 3], [0, 0, 0], [1, 2, 3, 0, 0]),  # behind the last
        ([1, 0, 4, 0, 2, 3], [1, 2, 3], [0, 0, 1], [1, 0, 0, 0, 2, 3]),  # others among them
        ([1, 0, 4, 0, 2, 3], [1, 1, 3], [0, 0, 1], [1, 0, 0, 0, 1, 3]),
        ([1, 2, 4, 3], [1, 2, 3], [0, 0, 1], [1, 2, 4, 3]),  # between words they stay
        ([1, 0, 0, 0, 3], [1, 2, 3], [0, 1, 2], [1, 0, 0, 0, 3]),  # a word that is missing
        ([1, 0, 3], [1, 1, 3], [0, 0, 0], [1, 0, 3]),  # no room beside its like
        ([3, 0, 0, 1], [3, 1, 1], [0, 0, 0], [3, 1, 0, 1]),
        ([0, 0, 0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1, 0, 1]),
        ([0, 0, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0, 1]),
        ([1, 3], [1, 2, 3], [0, 0, 0], [1, 3]),  # no room
        ([1, 4, 4, 4], [1, 2, 3, 5], [0, 0, 0, 0], [1, 4, 4, 4]),  # three edits are too many
    ],
)
def test_min_wer_of_words_of_several_labels(row, transcript, words, expected):
    found = every_choice(row, 0, min_wer, transcripts=[transcript] * 50, words=[words] * 50)
    assert found == {tuple(expected)}


@given(st.integers(0, 10**9), st.integers(1, 7), st.lists(st.integers(1, 3), max_size=3))
def test_missing_labels_take_the_most_probable_blanks(seed, blanks, missing):
    row, word = [4, *[0] * blanks, 5], [4, *missing, 5]
    log_probs = np.random.default_rng(seed).normal(size=(1, 10, 6))
    found = improve(
        [row], 0, partial(min_wer, most_edits=3), transcripts=[word], words=[[0] * len(word)],
        log_probs=log_probs,
    )  # fmt: skip
    paths = [
        path
        for choice in itertools.product([0, 1, 2, 3], repeat=blanks)
        for path in [[4, *choice, 5]]
        if oracles_paths.collapse(path, 0) == word
        and sum(label != 0 for label in choice) == len(missing)
    ]
    best = max(paths, key=lambda path: log_probs[0, range(len(path)), path].sum(), default=row)
    assert found == [best]


def test_min_wer_chooses_any_word_of_several_labels():
    given = {"transcripts": [[1, 2, 3, 2, 1]] * 50, "words": [[0, 0, 1, 2, 2]] * 50}
    found = every_choice([1, 1, 2, 1, 1, 0, 2, 2, 3], 0, min_wer, **given)
    assert found == {(1, 1, 2, 3, 3, 0, 2, 2, 3), (1, 1, 2, 1, 1, 0, 2, 2, 1)}


@given(PATHS, BLANKS, st.randoms(use_true_random=False))
@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_relabelled_vocabulary(name, rows, blank, random):
    new = random.sample(range(4), 4)
    transcripts = [[(blank + 1) % 4] * (len(row) // 2) for row in rows]
    improved = improve(rows, blank, PROPERTIES[name], transcripts=transcripts)
    relabelled = improve(
        [[new[v] for v in row] for row in rows],
        new[blank],
        PROPERTIES[name],
        transcripts=[[new[v] for v in row] for row in transcripts],
    )
    assert relabelled == [[new[v] for v in path] for path in improved]


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_paths_that_cannot_be_improved(name):
    rows = [[], [0], [0, 0, 0], [1, 2, 3], [1]]
    transcripts = [[], [], [1], [1, 2, 3], [1]]
    for seed in range(5):
        assert improve(rows, 0, PROPERTIES[name], seed=seed, transcripts=transcripts) == rows


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_padding_does_not_change_the_choices(name):
    rng = np.random.default_rng(2)
    paths = rng.integers(0, 4, size=(60, 8))
    lengths = rng.integers(0, 9, size=60)
    targets, target_lengths = rng.integers(1, 4, size=(2, 4)), np.array([4, 2])
    utterances = np.arange(60) // 30
    padded = np.concatenate([paths, np.full((60, 3), 7)], axis=1)
    improved, longer = (
        PROPERTIES[name](
            given,
            lengths,
            Context(0, np.random.default_rng(0), utterances, targets, target_lengths),
        )
        for given in (paths, padded)
    )
    np.testing.assert_array_equal(longer[:, :8], improved)
    assert (improved != paths).any()


@pytest.mark.parametrize(
    ("property", "transcripts", "message"),
    [
        (partial(low_latency, shifts=0), [[1]], "shifts: expected at least 1, got 0"),
        (partial(long_labels, longest=1), [[1]], "longest: expected at least 2 frames, got 1"),
        (min_wer, None, "min_wer: expected transcripts, got none; give targets, target_lengths"),
        (partial(min_wer, most_edits=0), [[1]], "most_edits: .* at least 1, got 0"),
        (partial(min_wer, separator=-1), [[1]], "separator: expected a label, got -1"),
    ],
)
def test_bad_options(property, transcripts, message):
    with pytest.raises(InputError, match=message):
        improve([[1]], 0, property, transcripts=transcripts)


def test_words_and_a_separator():
    with pytest.raises(InputError, match="separator: expected None where words are given"):
        improve([[1]], 0, partial(min_wer, separator=2), transcripts=[[1]], words=[[0]])


def test_words_without_log_probabilities():
    one = np.array([[1]])
    context = Context(0, np.random.default_rng(0), np.array([0]), one, np.array([1]), one)
    with pytest.raises(InputError, match="min_wer: expected log_probs beside words, got none"):
        min_wer(one, np.array([1]), context)
