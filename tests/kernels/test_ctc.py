"""CTC Viterbi against enumeration, the lattice kernel, plain dynamic programming and torchaudio."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import AlignmentError, InputError
from speechalign.graphs.ctc import ctc_graph
from speechalign.kernels import ctc, ctc_search, viterbi
from speechalign.kernels.ctc import ctc_viterbi, ctc_viterbi_batch
from speechalign.kernels.ctc_rows import TILE

CEILING = np.float32(1e-3)


def enumerated(log_probs, targets, blank):
    """Return positions and score of the best alignment, out of all of them; None if there is none.

    Among equals the one that, from the last frame to the first, is in the leftmost state at the end
    and then leaves each state for the nearest one.
    """
    found = []
    for labels in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        positions, place, before = [], 0, blank
        for label in labels:
            if label != blank and label != before:
                place += 1
            positions.append(2 * place if label == blank else 2 * place - 1)
            before = label
        spoken = [
            label
            for t, label in enumerate(labels)
            if label != blank and (t == 0 or labels[t - 1] != label)
        ]
        if spoken == list(targets):
            score = sum(float(log_probs[t, label]) for t, label in enumerate(labels))
            if score > -np.inf:
                found.append((score, positions))
    if not found:
        return None
    highest = max(score for score, _ in found)

    def preference(positions):
        steps = [b - a for a, b in itertools.pairwise([0, *positions])]
        return positions[-1], steps[::-1]

    best = min((positions for score, positions in found if score == highest), key=preference)
    return best, highest


def plain(log_probs, targets, blank):
    """Return positions and score of the best alignment, by float64 dynamic programming."""
    states = 2 * len(targets) + 1
    labels = np.full(states, blank)
    labels[1::2] = targets
    penalty = np.full(states, -np.inf)
    penalty[3::2] = np.where(targets[1:] != targets[:-1], 0.0, -np.inf)
    row = np.full(states, -np.inf)
    row[0] = 0.0
    choices = np.empty((len(log_probs), states), np.int8)
    for t, emissions in enumerate(log_probs):
        moves = np.full((3, states), -np.inf)
        moves[0] = row
        moves[1, 1:] = row[:-1]
        moves[2, 2:] = row[:-2]
        moves[2] += penalty
        choices[t] = moves.argmax(axis=0)
        row = moves.max(axis=0) + emissions[labels]
    state = states - 2 if row[-2] >= row[-1] else states - 1
    score = float(row[state])
    positions = np.empty(len(log_probs), np.int64)
    for t in range(len(log_probs) - 1, -1, -1):
        positions[t] = state
        state -= int(choices[t, state])
    return positions, score


def score_of(log_probs, targets, blank, positions):
    """Return the score of an alignment after checking that it is one."""
    steps = np.diff(positions, prepend=0)
    assert ((steps >= 0) & (steps <= 2)).all()
    assert positions[-1] >= 2 * len(targets) - 1
    for t in np.flatnonzero(steps == 2):
        assert positions[t] % 2 == 1
        assert positions[t] < 3 or targets[positions[t] // 2] != targets[positions[t] // 2 - 1]
    labels = np.where(positions % 2 == 0, blank, np.append(targets, blank)[positions // 2])
    return float(log_probs[np.arange(len(log_probs)), labels].astype(np.float64).sum())


def random_targets(rng, size, vocabulary, blank):
    targets = rng.integers(0, vocabulary - 1, size)
    return targets + (targets >= blank)


def repeats(targets):
    return int(np.count_nonzero(targets[1:] == targets[:-1]))


def planted(rng, frames, vocabulary, labels, *, blank=0, wrong=0.05):
    """Make emissions that agree with a random text but for some frames, as after log_softmax."""
    targets = random_targets(rng, labels, vocabulary, blank)
    seen = np.full(frames, blank)
    seen[np.sort(rng.choice(frames // 2, labels, replace=False)) * 2] = targets
    astray = rng.random(frames) < wrong
    seen[astray] = rng.integers(0, vocabulary, astray.sum())
    noise = np.exp(rng.normal(size=(frames, vocabulary)))
    probs = 0.05 * noise / noise.sum(axis=1, keepdims=True)
    probs[np.arange(frames), seen] += 0.95
    return np.log(probs).astype(np.float32), targets


@st.composite
def problems(draw):
    """Yield tiny emissions of whole numbers, full of ties, with a text and a blank."""
    vocabulary = draw(st.integers(2, 3))
    frames = draw(st.integers(1, 6))
    blank = draw(st.integers(0, vocabulary - 1))
    others = [v for v in range(vocabulary) if v != blank]
    targets = draw(st.lists(st.sampled_from(others), min_size=1, max_size=4))
    values = draw(
        st.lists(
            st.sampled_from([0.0, -1.0, -1.0, -2.0, -np.inf]),
            min_size=frames * vocabulary,
            max_size=frames * vocabulary,
        )
    )
    return np.array(values, np.float32).reshape(frames, vocabulary), np.array(targets), blank


@given(problems())
def test_it_finds_what_enumeration_finds_ties_included(problem):
    log_probs, targets, blank = problem
    expected = enumerated(log_probs, targets, blank)
    if expected is None:
        with pytest.raises(AlignmentError):
            ctc_viterbi(log_probs, targets, blank=blank, normalised=False)
        return
    path = ctc_viterbi(log_probs, targets, blank=blank, normalised=False)
    assert path.positions.tolist() == expected[0]
    assert path.score == expected[1]


@pytest.mark.slow
@pytest.mark.parametrize("block", [4, 8, 32])
@pytest.mark.parametrize("bounded", [False, True])
def test_blocks_windows_and_checkpoints_do_not_change_the_path(block, bounded):
    rng = np.random.default_rng(block)
    for _ in range(60):
        vocabulary = int(rng.choice([2, 4, 130]))
        blank = int(rng.integers(vocabulary))
        targets = random_targets(rng, int(rng.choice([1, 2, 9, 40])), vocabulary, blank)
        frames = len(targets) + repeats(targets) + int(rng.choice([0, 1, 2, 7, 50, 120]))
        log_probs = -rng.integers(0, 3, (frames, vocabulary)).astype(np.float32)
        if rng.random() < 0.5:
            log_probs[rng.random(log_probs.shape) < 0.1] = -30
        positions, score = plain(log_probs, targets, blank)
        every = block * int(rng.choice([1, 2, 4]))
        found = ctc_search.search(log_probs, targets, blank, CEILING, bounded, every, block)
        assert found[0] == ctc_search.FOUND
        assert found[1].tolist() == positions.tolist()
        assert found[2] == score


@pytest.mark.slow
def test_it_agrees_with_the_lattice_kernel():
    rng = np.random.default_rng(0)
    for _ in range(150):
        vocabulary = int(rng.choice([3, 8, 140]))
        blank = int(rng.integers(vocabulary))
        targets = random_targets(rng, int(rng.integers(1, 50)), vocabulary, blank)
        frames = len(targets) + repeats(targets) + int(rng.integers(0, 60))
        log_probs = -rng.integers(0, 4, (frames, vocabulary)).astype(np.float32)
        graph = ctc_graph(targets, blank=blank)
        expected = viterbi(log_probs, graph)
        path = ctc_viterbi(log_probs, targets, blank=blank, normalised=False)
        assert path.positions.tolist() == graph.positions[expected.arcs].tolist()
        assert path.score == expected.score


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_as_good_as_dynamic_programming_in_float64(dtype):
    rng = np.random.default_rng(1)
    for frames, vocabulary, labels in [(700, 32, 90), (900, 200, 60)]:
        noise = rng.normal(size=(frames, vocabulary))
        noise -= np.log(np.exp(noise).sum(axis=1, keepdims=True))
        targets = random_targets(rng, labels, vocabulary, 0)
        for log_probs in (noise.astype(dtype), planted(rng, frames, vocabulary, labels)[0]):
            path = ctc_viterbi(log_probs.astype(dtype), targets, blank=0)
            score = plain(log_probs, targets, 0)[1]
            assert path.score == pytest.approx(score, rel=1e-6)
            assert path.score == pytest.approx(
                score_of(log_probs, targets, 0, path.positions), rel=1e-12
            )


@pytest.mark.slow
@pytest.mark.parametrize("labels", [TILE - 1, TILE, TILE + 1, 2 * TILE])
def test_a_text_of_several_tiles(labels):
    rng = np.random.default_rng(labels)
    targets = random_targets(rng, labels, 3, 0)
    frames = labels + repeats(targets) + 3
    log_probs = -rng.integers(0, 3, (frames, 3)).astype(np.float32)
    path = ctc_viterbi(log_probs, targets, blank=0, normalised=False)
    positions, score = plain(log_probs, targets, 0)
    assert path.positions.tolist() == positions.tolist()
    assert path.score == score


@pytest.mark.slow
@pytest.mark.parametrize("vocabulary", [32, 300])
def test_pruning_drops_states_and_keeps_the_path(vocabulary):
    rng = np.random.default_rng(vocabulary)
    log_probs, targets = planted(rng, 4000, vocabulary, 500)
    log_probs = np.maximum(np.round(log_probs * 4) / 4, -20)
    for every in (32, 64, 1024):
        status, dense, score = ctc_search.search(log_probs, targets, 0, CEILING, False, every, 32)
        assert status == ctc_search.FOUND
        pruned = ctc_search.search(log_probs, targets, 0, CEILING, True, every, 32)
        assert pruned[1].tolist() == dense.tolist()
        assert pruned[2] == score
    assert score == plain(log_probs, targets, 0)[1]


@pytest.mark.slow
def test_pruning_where_the_text_is_not_what_was_said():
    rng = np.random.default_rng(7)
    log_probs, _ = planted(rng, 3000, 32, 400)
    for targets in (random_targets(rng, 400, 32, 0), random_targets(rng, 2900, 32, 0)):
        if len(targets) + repeats(targets) > len(log_probs):
            targets = targets[: len(log_probs) - repeats(targets)]
        found = ctc_search.search(log_probs, targets, 0, CEILING, True, 32, 32)
        assert found[2] == pytest.approx(plain(log_probs, targets, 0)[1], rel=1e-6)


@pytest.mark.parametrize("targets", [[1], [1, 1], [1, 2, 2, 2, 1, 1], [2, 1] * 40, [1] * 40])
def test_just_enough_frames_and_one_too_few(targets):
    targets = np.array(targets)
    needed = len(targets) + repeats(targets)
    log_probs = np.full((needed, 3), np.log(1 / 3), np.float32)
    path = ctc_viterbi(log_probs, targets, blank=0)
    steps = np.diff(path.positions, prepend=0)
    assert path.positions[-1] == 2 * len(targets) - 1
    assert (steps > 0).all()
    with pytest.raises(
        AlignmentError,
        match=rf"targets: {len(targets)} labels and {repeats(targets)} repeats need {needed} "
        rf"frames, got {needed - 1}; leave",
    ):
        ctc_viterbi(log_probs[1:], targets, blank=0)


def test_the_order_of_the_vocabulary_does_not_matter():
    rng = np.random.default_rng(3)
    log_probs, targets = planted(rng, 300, 20, 50)
    order = rng.permutation(20)
    renamed = np.argsort(order)
    path = ctc_viterbi(log_probs, targets, blank=0)
    again = ctc_viterbi(log_probs[:, order], renamed[targets], blank=int(renamed[0]))
    assert again.positions.tolist() == path.positions.tolist()


def test_a_frame_can_weigh_anything():
    rng = np.random.default_rng(4)
    log_probs = -rng.integers(0, 5, (200, 6)).astype(np.float32)
    targets = random_targets(rng, 40, 6, 0)
    shift = rng.integers(-3000, 3000, (200, 1)).astype(np.float32)
    path = ctc_viterbi(log_probs, targets, blank=0, normalised=False)
    again = ctc_viterbi(log_probs + shift, targets, blank=0, normalised=False)
    assert again.positions.tolist() == path.positions.tolist()
    assert again.score == path.score + shift.sum()


@pytest.mark.slow
def test_long_recordings_keep_their_precision():
    frames, labels = 120_000, 300
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(frames, 8)).astype(np.float32)
    log_probs = noise - np.log(np.exp(noise).sum(axis=1, keepdims=True))
    targets = random_targets(rng, labels, 8, 0)
    path = ctc_viterbi(log_probs, targets, blank=0)
    assert path.score == pytest.approx(plain(log_probs, targets, 0)[1], rel=1e-7)


_MEASURE = """
import re, sys
import numpy as np
from speechalign.kernels.ctc import ctc_viterbi

def memory(field):
    with open("/proc/self/status") as status:
        return int(re.search(field + r":\\s+(\\d+) kB", status.read())[1]) * 1024

rng = np.random.default_rng(6)
targets = rng.integers(1, 8, 6000)
log_probs = np.full((45_000, 8), np.log(1 / 8), np.float32)
ctc_viterbi(log_probs[:20], targets[:5], blank=0)
before = memory("VmRSS")
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
path = ctc_viterbi(log_probs, targets, blank=0, memory_budget=int(sys.argv[1]))
print(memory("VmHWM") - before, path.positions.sum())
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux")
def test_the_budget_is_kept_and_does_not_change_the_path():
    sums = set()
    for budget in (4 * 2**20, 40 * 2**20):
        run = [sys.executable, "-c", _MEASURE, str(budget)]
        peak, positions = subprocess.run(
            run, check=True, capture_output=True, text=True
        ).stdout.split()
        sums.add(positions)
        assert int(peak) < budget + 2**20
    assert len(sums) == 1


def test_a_budget_too_small_is_refused_before_anything_is_allocated():
    log_probs = np.zeros((1, 1), np.float32)
    huge = np.broadcast_to(log_probs, (540_000, 1000))
    targets = np.broadcast_to(np.array([1]), (72_000,))
    with pytest.raises(InputError, match="memory_budget: aligning 540000 frames with 72000 labels"):
        ctc_viterbi(huge, targets, blank=0, normalised=False, memory_budget=2**20)


_SPOILT = """
import numpy as np

empty = np.empty


def spoilt(*given, **more):
    found = empty(*given, **more)
    if found.dtype.kind == "f":
        found.flat[::2], found.flat[1::2] = np.inf, -np.inf
    return found


np.empty = spoilt
from speechalign.kernels.ctc import ctc_viterbi

rng = np.random.default_rng(6)
for frames, labels in [(40, 5), (90, 18), (150, 40)]:
    targets = rng.integers(1, 12, labels)
    log_probs = np.log(rng.dirichlet(np.ones(12), frames)).astype(np.float32)
    print(*ctc_viterbi(log_probs, targets, blank=0).positions)
"""


def test_fresh_memory_is_written_before_it_is_read():
    ways = [{"NUMBA_DISABLE_JIT": "1"}, {}]
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-c", _SPOILT],
            env={**os.environ, **way}, check=True, capture_output=True, text=True,
        )
        for way in ways
    ]  # fmt: skip
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.splitlines()) == 3


@pytest.mark.parametrize("thread_work", [1, 10**6])
def test_batch_equals_singles_whatever_lies_beyond_the_lengths(thread_work, monkeypatch):
    monkeypatch.setattr(ctc, "_THREAD_WORK", thread_work)
    rng = np.random.default_rng(8)
    frames, labels = np.array([150, 60, 90, 1]), np.array([40, 10, 44, 1])
    log_probs = np.full((4, 150, 12), np.nan, np.float32)
    targets = np.full((4, 44), -5)
    singles = []
    for b in range(4):
        noise = rng.normal(size=(frames[b], 12))
        log_probs[b, : frames[b]] = noise - np.log(np.exp(noise).sum(axis=1, keepdims=True))
        targets[b, : labels[b]] = random_targets(rng, labels[b], 12, 3)
        singles.append(ctc_viterbi(log_probs[b, : frames[b]], targets[b, : labels[b]], blank=3))
    for jobs in (1, 2, 3, None):
        batch = ctc_viterbi_batch(log_probs, targets, frames, labels, blank=3, jobs=jobs)
        assert batch.totals.tolist() == [path.score for path in singles]
        for row, single in zip(batch.positions, singles, strict=True):
            assert row[: len(single.positions)].tolist() == single.positions.tolist()


@pytest.mark.slow
def test_torchaudio_is_never_better():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchaudio.functional")
    rng = np.random.default_rng(9)
    worse = 0
    for _ in range(300):
        targets = random_targets(rng, int(rng.integers(1, 6)), 4, 0)
        frames = len(targets) + repeats(targets) + int(rng.integers(0, 8))
        log_probs = -rng.integers(0, 3, (frames, 4)).astype(np.float32)
        scores = functional.forced_align(
            torch.tensor(log_probs)[None], torch.tensor(targets)[None], blank=0
        )[1]
        path = ctc_viterbi(log_probs, targets, blank=0, normalised=False)
        assert path.score == score_of(log_probs, targets, 0, path.positions)
        assert path.score >= float(scores.sum())
        worse += float(scores.sum()) < path.score
    assert worse > 0  # Else the cases are no test of ties.
