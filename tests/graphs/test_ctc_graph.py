"""The CTC graph has one path for each CTC alignment, found in the documented order."""

import itertools
import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import AlignmentError, InputError
from speechalign.graphs import ctc_graph
from speechalign.kernels.lattice import forward_backward, viterbi


@st.composite
def label_sequences(draw, *, max_size=4):
    """A vocabulary of two to four columns, a blank anywhere in it, and labels that repeat often."""
    columns = draw(st.integers(2, 4))
    blank = draw(st.integers(0, columns - 1))
    labels = st.sampled_from([v for v in range(columns) if v != blank])
    return draw(st.lists(labels, max_size=max_size)), blank, columns


def collapse(columns, blank):
    return [v for v, _ in itertools.groupby(columns) if v != blank]


def random_log_probs(frames, columns, seed):
    logits = np.random.default_rng(seed).normal(size=(frames, columns), scale=2)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


@given(label_sequences(), st.integers(0, 5))
def test_each_alignment_is_accepted_exactly_once(case, frames):
    targets, blank, columns = case
    graph = ctc_graph(targets, blank=blank)
    paths = oracles.paths(np.zeros((frames, columns)), graph)
    found = [graph.labels[list(path.arcs)].tolist() for path in paths]
    expected = [
        list(labels)
        for labels in itertools.product(range(columns), repeat=frames)
        if collapse(labels, blank) == targets
    ]
    assert sorted(found) == expected


@given(label_sequences(max_size=9))
def test_states_arcs_and_positions_are_those_of_the_docstring(case):
    targets, blank, _ = case
    graph = ctc_graph(targets, blank=blank)
    extended = [blank] + [v for label in targets for v in (label, blank)]
    arcs = []
    for s, label in enumerate(extended):
        arcs += [(s, s), (s - 1, s)] if s else [(s, s)]
        if s >= 3 and label not in (blank, extended[s - 2]):
            arcs.append((s - 2, s))
    assert list(zip(graph.sources.tolist(), graph.targets.tolist())) == arcs
    assert graph.labels.tolist() == [extended[s] for _, s in arcs]
    assert graph.positions.tolist() == [s for _, s in arcs]
    assert not graph.weights.any()
    assert np.flatnonzero(graph.start == 0).tolist() == [0]
    last_two = {max(0, len(extended) - 2), len(extended) - 1}
    assert set(np.flatnonzero(graph.final == 0).tolist()) == last_two


@given(label_sequences(), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_total_is_the_sum_over_alignments_and_torch_agrees(case, spare, seed):
    targets, blank, columns = case
    least = len(targets) + sum(a == b for a, b in itertools.pairwise(targets))
    frames = max(1, least + spare)
    log_probs = random_log_probs(frames, columns, seed)
    score = forward_backward(log_probs, ctc_graph(targets, blank=blank)).score
    if columns**frames <= 5000:
        total = math.fsum(
            math.exp(sum(log_probs[t, v] for t, v in enumerate(labels)))
            for labels in itertools.product(range(columns), repeat=frames)
            if collapse(labels, blank) == targets
        )
        assert score == pytest.approx(math.log(total), abs=1e-9)
    torch = pytest.importorskip("torch")
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None], torch.tensor([targets], dtype=torch.int64),
        torch.tensor([frames]), torch.tensor([len(targets)]), blank=blank, reduction="none",
    )  # fmt: skip
    assert score == pytest.approx(-loss.item(), abs=1e-9)


@pytest.mark.parametrize(("targets", "least"), [([1], 1), ([1, 2], 2), ([1, 1], 3), ([2, 2, 2], 5)])
def test_repeated_labels_need_a_frame_more(targets, least):
    graph = ctc_graph(targets, blank=0)
    assert len(viterbi(np.zeros((least, 3)), graph).arcs) == least
    with pytest.raises(AlignmentError, match=f"at least {least} frames, got {least - 1}"):
        viterbi(np.zeros((least - 1, 3)), graph)


def test_among_equals_the_last_label_is_reached_soon_and_kept():
    graph = ctc_graph([1, 2], blank=0)
    tied = viterbi(np.zeros((5, 3)), graph).arcs
    assert graph.positions[tied].tolist() == [1, 3, 3, 3, 3]
    # Step before skip: into label 2 from the blank, which is as likely as label 1.
    step = viterbi(np.log([[0.5, 0.5, 0.1], [0.5, 0.5, 0.1], [0.1, 0.1, 0.8]]), graph).arcs
    assert graph.positions[step].tolist() == [1, 2, 3]


@given(label_sequences(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_relabelling_the_vocabulary_changes_nothing(case, spare, seed):
    targets, blank, columns = case
    log_probs = random_log_probs(2 * len(targets) + spare, columns, seed)
    new = np.random.default_rng(seed).permutation(columns)
    renamed = np.empty_like(log_probs)
    renamed[:, new] = log_probs
    moved = ctc_graph(new[np.array(targets, np.int64)], blank=int(new[blank]))
    path, same = viterbi(log_probs, ctc_graph(targets, blank=blank)), viterbi(renamed, moved)
    assert same.arcs.tolist() == path.arcs.tolist()
    assert same.score == path.score


@pytest.mark.parametrize(
    ("targets", "blank", "message"),
    [
        ([1, 0], 0, r"targets\[1\]: label 0 is the blank"),
        ([-1, 2], 0, r"targets\[0\]: label -1 is negative"),
        ([1.0], 0, r"targets: expected shape \(L,\), integer; got \(1,\) float64"),
        ([[1]], 0, r"targets: .* got \(1, 1\) int64"),
        ([1], -1, r"blank: expected a column >= 0, got -1"),
    ],
)
def test_labels_that_are_none(targets, blank, message):
    with pytest.raises(InputError, match=message):
        ctc_graph(targets, blank=blank)
