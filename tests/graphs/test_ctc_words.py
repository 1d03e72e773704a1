"""The word graph accepts every reading of the text that its options allow, each once."""

import itertools
import math
from collections import Counter

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.graphs import WordSpan, ctc_graph, ctc_word_graph, with_star, word_spans
from speechalign.kernels.lattice import viterbi

BLANK, STAR = 0, 3


def rows_of_runs(chain, frames):
    """Yield ways to spend frames on (label, position) pairs, none beside one of its label."""
    if any(a[0] == b[0] for a, b in itertools.pairwise(chain)):
        return
    states = [(label, position, 0.0, 0.0) for label, position in chain]
    for labels, positions, _ in oracles.chain_sequences(states, frames):
        yield labels, positions


def gap_fillings(number, starred, longest):
    """Yield the runs of blanks and stars, alternating, that a gap may hold."""
    fillings = [(), (BLANK,)]
    if starred:
        for length in range(1, longest + 1):
            for first in (BLANK, STAR):
                other = STAR if first == BLANK else BLANK
                fillings.append(tuple(itertools.islice(itertools.cycle((first, other)), length)))
    return [[(v, 2 * number) for v in filling] for filling in dict.fromkeys(fillings)]


def word_runs(word, number):
    """Yield the runs of a word, with or without a blank between its labels."""
    for blanks in itertools.product((False, True), repeat=len(word) - 1):
        runs = [(word[0], 2 * number + 1)]
        for label, blank in zip(word[1:], blanks):
            runs += [(BLANK, 2 * number + 1)] * blank + [(label, 2 * number + 1)]
        yield runs


def readings(words, frames, *, star, star_at, skips, repeat, max_jump):
    """Sum the weight of every (labels, positions) that the docstring allows.

    A reader in gap g goes on to word i >= g, leaving out those between, or back to i < g.
    """
    count = len(words)

    def starred(gap):
        return star and (star_at == "gaps" or gap in (0, count))

    def left_out(begin, end):
        return sum(skips[begin:end]) if end - begin <= max_jump else -math.inf

    def from_gap(gap, runs):
        """Yield (runs, weight) of whatever may follow in a gap, its filling not yet read."""
        for filling in gap_fillings(gap, starred(gap), frames - len(runs)):
            read = runs + filling
            if gap == count:
                yield read, 0.0
            elif not any(position % 2 for _, position in read):
                yield read, left_out(0, count)
            yield from to_words(gap, read)

    def to_words(gap, read):
        for i in range(count):
            weight = left_out(gap, i) if i >= gap else repeat if gap - i <= max_jump else -math.inf
            if weight == -math.inf:
                continue
            for runs in word_runs(words[i], i):
                for rest, more in after_word(i, read + runs):
                    yield rest, weight + more

    def after_word(i, read):
        if len(read) > frames:
            return
        yield from from_gap(i + 1, read)
        if i + 1 < count:
            tail = left_out(i + 1, count)
            yield read, tail
            for filling in gap_fillings(count, starred(count), frames - len(read)):
                if filling:
                    yield read + filling, tail
                    for rest, more in to_words(count, read + filling):
                        yield rest, tail + more

    sums = Counter()
    for runs, weight in from_gap(0, []):
        if weight > -math.inf:
            for labels, positions in rows_of_runs(runs, frames):
                sums[labels, positions] += math.exp(weight)
    return sums


def accepted(graph, frames):
    sums = Counter()
    for path in oracles.paths(np.zeros((frames, 4)), graph):
        arcs = list(path.arcs)
        key = tuple(graph.labels[arcs].tolist()), tuple(graph.positions[arcs].tolist())
        sums[key] += math.exp(path.score)
    return sums


WORDS = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=2), max_size=3)


@pytest.mark.parametrize("star_at", [None, "edges", "gaps"])
@given(
    words=WORDS,
    skips=st.lists(st.sampled_from([-math.inf, -0.5, -1.5]), min_size=3, max_size=3),
    repeat=st.sampled_from([-math.inf, -0.75]),
    max_jump=st.integers(0, 3),
)
def test_accepts_exactly_the_readings_that_are_allowed(star_at, words, skips, repeat, max_jump):
    skips = skips[: len(words)]
    graph = ctc_word_graph(
        words, blank=BLANK, star=STAR if star_at else None, star_at=star_at or "gaps",
        skip_weight=skips, repeat_weight=repeat, max_jump=max_jump,
    )  # fmt: skip
    for frames in (0, 1, 3, 5):
        expected = readings(
            words, frames, star=star_at is not None, star_at=star_at,
            skips=skips, repeat=repeat, max_jump=max_jump,
        )  # fmt: skip
        assert accepted(graph, frames) == pytest.approx(expected, rel=1e-9)


@given(WORDS)
def test_without_options_it_is_the_graph_of_all_labels(words):
    graph = ctc_word_graph(words, blank=BLANK)
    plain = ctc_graph([label for word in words for label in word], blank=BLANK)
    for name in ("sources", "targets", "labels", "weights", "start", "final"):
        np.testing.assert_array_equal(getattr(graph, name), getattr(plain, name))


@pytest.mark.parametrize("weights", [np.float32(-1.5), [-1.5, -1.5], np.full(2, -1.5)])
def test_one_skip_weight_is_that_of_every_word(weights):
    graph = ctc_word_graph([[1], [2]], blank=BLANK, skip_weight=weights)
    same = ctc_word_graph([[1], [2]], blank=BLANK, skip_weight=-1.5)
    assert graph.weights.tolist() == same.weights.tolist()


@given(WORDS)
def test_positions_never_fall_unless_the_reader_may_go_back(words):
    graph = ctc_word_graph(words, blank=BLANK, star=STAR, skip_weight=-1.0)
    entered = [graph.positions[graph.targets == s] for s in range(graph.num_states)]
    assert all((entered[s] <= p).all() for s, p in zip(graph.sources, graph.positions))


def arcs_of(graph, labels, positions):
    """Find the path that reads these labels at these positions."""
    found = [
        list(path.arcs)
        for path in oracles.paths(np.zeros((len(labels), 4)), graph)
        if graph.labels[list(path.arcs)].tolist() == labels
        and graph.positions[list(path.arcs)].tolist() == positions
    ]
    assert len(found) == 1
    return np.array(found[0])


@pytest.mark.parametrize(
    ("labels", "positions", "spans"),
    [
        # read in order, after a pause
        ([0, 1, 2, 1, 0], [0, 1, 3, 5, 6], ["0 1 2 aligned", "1 2 3 aligned", "2 3 4 aligned"]),
        # nothing was read
        ([0, 3, 0], [0, 0, 0], ["- 1 2 star", *(f"{i} - - skipped" for i in range(3))]),
        # the first and the last word are missing; noise with a pause in it, then the word
        (
            [3, 0, 3, 0, 2, 2], [0, 0, 0, 0, 3, 3],
            ["- 0 3 star", "0 - - skipped", "1 4 6 aligned", "2 - - skipped"],
        ),
        # a word in the middle was replaced
        (
            [1, 3, 1], [1, 2, 5],
            ["0 0 1 aligned", "- 1 2 star", "1 - - skipped", "2 2 3 aligned"],
        ),
        # one word said twice
        (
            [1, 2, 0, 2, 1], [1, 3, 4, 3, 5],
            ["0 0 1 aligned", "1 1 2 aligned", "1 3 4 repeated", "2 4 5 aligned"],
        ),
        # a phrase said twice, without a pause
        (
            [1, 2, 1, 2, 1], [1, 3, 1, 3, 5],
            ["0 0 1 aligned", "1 1 2 aligned", "0 2 3 repeated", "1 3 4 repeated",
             "2 4 5 aligned"],
        ),
        # the end, then the beginning again; the word in the middle never
        (
            [1, 0, 1, 0, 1], [1, 2, 5, 6, 1],
            ["0 0 1 aligned", "1 - - skipped", "2 2 3 aligned", "0 4 5 repeated"],
        ),
        # the last two words in the wrong order
        (
            [1, 0, 1, 2], [1, 2, 5, 3],
            ["0 0 1 aligned", "2 2 3 aligned", "1 3 4 aligned"],
        ),
    ],
)  # fmt: skip
def test_spans_of_a_path(labels, positions, spans):
    graph = ctc_word_graph(
        [[1], [2], [1]], blank=BLANK, star=STAR, skip_weight=-1.0, repeat_weight=-1.0
    )
    found = word_spans(graph, arcs_of(graph, labels, positions), star=STAR)
    shown = [
        " ".join("-" if v is None else str(v) for v in (s.word, s.start, s.end, s.status))
        for s in found
    ]
    assert shown == spans


def test_word_of_two_labels_said_twice_without_a_pause():
    graph = ctc_word_graph([[1, 2]], blank=BLANK, repeat_weight=-1.0)
    arcs = arcs_of(graph, [1, 0, 2, 1, 2], [1, 1, 1, 1, 1])
    assert word_spans(graph, arcs) == [
        WordSpan(0, 0, 3, "aligned"), WordSpan(0, 3, 5, "repeated"),
    ]  # fmt: skip


def test_wildcard_in_place_of_a_word():
    graph = ctc_word_graph([[1], [STAR], [2]], blank=BLANK, star=STAR)
    arcs = arcs_of(graph, [1, 3, 3, 0, 2], [1, 3, 3, 4, 5])
    assert word_spans(graph, arcs, star=STAR) == [
        WordSpan(0, 0, 1, "aligned"), WordSpan(1, 1, 3, "star"), WordSpan(2, 4, 5, "aligned"),
    ]  # fmt: skip


def test_empty_path_and_empty_text():
    graph = ctc_word_graph([[1]], blank=BLANK, skip_weight=-1.0)
    assert word_spans(graph, np.zeros(0, np.int64)) == [WordSpan(0, None, None, "skipped")]
    silence = ctc_word_graph([], blank=BLANK)
    assert word_spans(silence, viterbi(np.zeros((2, 1)), silence).arcs) == []


class Reader:
    """Words of distinct labels read aloud, peaky and with a few frames gone wrong."""

    def __init__(self, seed, *, columns=30, words=25, wrong=0.03):
        self.rng = np.random.default_rng(seed)
        self.columns, self.wrong = columns, wrong
        self.words = [self.rng.integers(1, columns, size=n) for n in self.rng.integers(3, 7, words)]
        self.frames = [0] * 3
        self.times = []

    def say(self, labels):
        """Read labels aloud; note when."""
        begin = len(self.frames)
        for i, label in enumerate(labels):
            if i:
                again = labels[i - 1] == label
                self.frames += [0] * self.rng.integers(int(again), 3)
            self.frames += [int(label)] * self.rng.integers(1, 3)
        self.times.append((begin, len(self.frames)))
        self.frames += [0] * self.rng.integers(0, 5)
        return self

    def log_probs(self):
        shown = np.array(self.frames)
        wrong = self.rng.random(len(shown)) < self.wrong
        shown[wrong] = self.rng.integers(self.columns, size=wrong.sum())
        noise = self.rng.gumbel(size=(len(shown), self.columns))
        logits = noise + 12.0 * np.eye(self.columns)[shown]
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    def spans(self, *, jump_weight=-9.0):
        log_probs = with_star(self.log_probs(), blank=0)
        graph = ctc_word_graph(
            self.words,
            blank=0,
            star=self.columns,
            skip_weight=jump_weight,
            repeat_weight=jump_weight,
            max_jump=4,
        )
        return word_spans(graph, viterbi(log_probs, graph).arcs, star=self.columns)


def statuses(spans):
    return {(s.word, s.status) for s in spans if s.word is not None}


def test_most_of_what_readers_do_is_found():
    gone = {7, 11, 12, 13, 18}
    expected = {(i, "skipped" if i in gone else "aligned") for i in range(25)}
    expected |= {(15, "repeated"), (16, "repeated")}
    hits, cases, invented = Counter(), Counter(), 0
    for seed in range(12):
        reader = Reader(seed)
        foreign = reader.rng.integers(1, reader.columns, size=8)
        order = [
            *range(3), "foreign", *range(3, 7),  # something else was said
            *range(8, 11),  # word 7 left out
            *range(14, 17), 15, 16, 17,  # 11 to 13 left out, 15 and 16 said twice
            "foreign", *range(19, 25),  # 18 replaced
        ]  # fmt: skip
        for item in order:
            reader.say(foreign if item == "foreign" else reader.words[item])
        spans = reader.spans()
        found = statuses(spans)
        invented += len([key for key in found - expected if key[1] == "repeated"])
        cases.update(status for _, status in expected)
        hits.update(status for _, status in found & expected)
        for item, (start, end) in zip(order, reader.times):
            if item == "foreign":
                cases["star"] += 1
                hits["star"] += any(
                    span.status == "star" and min(end, span.end) - max(start, span.start)
                    >= 0.7 * (max(end, span.end) - min(start, span.start))
                    for span in spans
                )  # fmt: skip
    recall = {status: hits[status] / cases[status] for status in cases}
    assert invented == 0
    assert recall["aligned"] > 0.995
    assert min(recall.values()) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_two_words_in_the_wrong_order_and_a_reader_who_starts_late(seed):
    reader = Reader(seed, words=10, wrong=0.0)
    for i in [2, 3, 5, 4, 6, 7]:
        reader.say(reader.words[i])
    # Two jumps forwards and one back: where they cost more, one of the words is noise.
    spans = reader.spans(jump_weight=-2.0)
    gone = {0, 1, 8, 9}
    assert statuses(spans) == {(i, "skipped" if i in gone else "aligned") for i in range(10)}
    times = {s.word: s.start for s in spans if s.status == "aligned"}
    assert times[5] < times[4] < times[6]


@pytest.mark.parametrize("seed", range(3))
def test_a_faithful_reading_is_all_aligned(seed):
    reader = Reader(seed, wrong=0.0)
    for word in reader.words:
        reader.say(word)
    spans = reader.spans()
    assert [(s.word, s.status) for s in spans] == [(i, "aligned") for i in range(25)]
    assert [(s.start, s.end) for s in spans] == reader.times


@given(st.integers(2, 5), st.data())
def test_star_is_the_mean_of_the_labels(columns, data):
    blank = data.draw(st.integers(0, columns - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    probs = rng.dirichlet(np.ones(columns), size=3)
    probs[0, :] = np.arange(columns) == blank
    with np.errstate(divide="ignore"):
        log_probs = np.log(probs)
        expected = np.log(0.5 * np.delete(probs, blank, axis=1).mean(axis=1))
    found = with_star(log_probs, blank=blank, weight=math.log(0.5))
    np.testing.assert_array_equal(found[:, :-1], log_probs)
    np.testing.assert_allclose(found[:, -1], expected, atol=1e-12)
    assert found[0, -1] == -math.inf
    single = with_star(log_probs.astype(np.float32), blank=blank)
    assert single.dtype == np.float32


@pytest.mark.parametrize(
    ("log_probs", "blank", "message"),
    [
        (np.zeros((2, 1)), 0, "a label beside the blank 0, got 1 columns"),
        (np.zeros((2, 3)), 3, "a label beside the blank 3, got 3 columns"),
        (np.zeros((2, 3)), -1, "blank -1"),
        (np.zeros(3), 0, r"expected shape \(T, V\)"),
        (np.full((2, 3), np.nan), 0, r"log_probs\[0, 0\]"),
    ],
)
def test_star_needs_log_probs_and_a_label(log_probs, blank, message):
    with pytest.raises(InputError, match=message):
        with_star(log_probs, blank=blank)


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ([[1], []], {}, r"words\[1\]: expected at least one label"),
        ([[1], [2, 0]], {}, r"words\[1\]\[1\]: label 0 is the blank"),
        ([[1]], {"star": 0}, "star: column 0 is the blank"),
        ([[1]], {"star": 3, "star_at": "ends"}, "star_at: expected 'edges' or 'gaps', got 'ends'"),
        ([[1]], {"skip_weight": [-1.0, -1.0]}, "skip_weight: .* 1 words, got 2"),
        ([[1]], {"skip_weight": 0.5}, "skip_weight: .* at most 0, got 0.5"),
        ([[1]], {"repeat_weight": math.nan}, "repeat_weight: .* at most 0, got nan"),
        ([[1]], {"max_jump": -1}, "max_jump: .* got -1"),
    ],
)
def test_words_and_weights_that_make_no_sense(words, options, message):
    with pytest.raises(InputError, match=message):
        ctc_word_graph(words, blank=BLANK, **options)
