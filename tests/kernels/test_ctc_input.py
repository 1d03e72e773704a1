"""What CTC Viterbi refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pytest

from speechalign.errors import AlignmentError, InputError
from speechalign.kernels import ctc
from speechalign.kernels.ctc import ctc_viterbi, ctc_viterbi_batch

UNIFORM = np.full((6, 4), np.log(1 / 4), np.float32)
WIDE = np.full((6, 400), np.log(1 / 400), np.float32)


def changed(log_probs, where, value):
    log_probs = log_probs.copy()
    log_probs[where] = value
    return log_probs


@pytest.mark.parametrize("log_probs", [UNIFORM, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5])
@pytest.mark.parametrize("column", [0, 2])
def test_values_that_are_no_log_probabilities(log_probs, value, column):
    with pytest.raises(InputError, match=rf"log_probs\[4, {column}\]: expected a log-probability"):
        ctc_viterbi(changed(log_probs, (4, column), value), np.array([2, 1]), blank=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_other_scores_are_still_numbers(value):
    with pytest.raises(InputError, match=r"log_probs\[4, 2\]: expected a finite value or -inf"):
        ctc_viterbi(changed(UNIFORM, (4, 2), value), np.array([2]), blank=0, normalised=False)


def test_rows_that_do_not_sum_to_one():
    with pytest.raises(InputError, match=r"log_probs\[3\]: probabilities sum to 2.* log_softmax"):
        ctc_viterbi(UNIFORM + np.log(np.float32(2)), np.array([1]), blank=0)
    scores = ctc_viterbi(UNIFORM + 1, np.array([1]), blank=0, normalised=False)
    assert scores.score == pytest.approx(6 * float(UNIFORM[0, 0] + 1))


@pytest.mark.parametrize("log_probs", [UNIFORM, WIDE], ids=["narrow", "wide"])
def test_a_frame_without_probability(log_probs):
    silent = changed(log_probs, (2, slice(0, 3)), -np.inf)
    with pytest.raises(AlignmentError, match=r"log_probs\[2\]: frame 2 gives probability zero"):
        ctc_viterbi(silent, np.array([1, 2]), blank=0)
    ctc_viterbi(silent, np.array([1, 3]), blank=0)


def test_alignments_that_are_all_impossible():
    never = changed(UNIFORM, ([0, 1, 2, 4, 5], 1), -np.inf)
    with pytest.raises(AlignmentError, match="every alignment has probability zero"):
        ctc_viterbi(never, np.array([1, 1]), blank=0)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([1, 0], r"targets\[1\]: label 0 is the blank"),
        ([1, 4], r"targets\[1\]: label 4 is not in \[0, 4\)"),
        ([-1], r"targets\[0\]: label -1 is not in"),
        ([[1]], r"targets: expected shape \(L,\), int32 or int64; got \(1, 1\)"),
        ([1.0], "targets: expected .* float64"),
    ],
)
def test_targets(targets, message):
    with pytest.raises(InputError, match=message):
        ctc_viterbi(UNIFORM, np.array(targets), blank=0)


def test_no_targets():
    with pytest.raises(InputError, match="targets: no labels; leave the utterance out"):
        ctc_viterbi(UNIFORM, np.array([], np.int64), blank=0)


def test_no_frames():
    with pytest.raises(AlignmentError, match="1 labels and 0 repeats need 1 frames, got 0"):
        ctc_viterbi(UNIFORM[:0], np.array([1]), blank=0)


@pytest.mark.parametrize(
    ("log_probs", "message"),
    [
        (UNIFORM[0], r"log_probs: expected shape \(T, V\), got \(4,\)"),
        (UNIFORM.astype(np.float16), "log_probs: expected float32 or float64, got float16"),
    ],
)
def test_emissions(log_probs, message):
    with pytest.raises(InputError, match=message):
        ctc_viterbi(log_probs, np.array([1]), blank=0)


@pytest.mark.parametrize("blank", [-1, 4])
def test_blank(blank):
    with pytest.raises(InputError, match=rf"blank: expected a column in \[0, 4\), got {blank}"):
        ctc_viterbi(UNIFORM, np.array([1]), blank=blank)


def batch(**changes):
    arguments = {
        "log_probs": np.stack([UNIFORM, UNIFORM]),
        "targets": np.array([[1, 2], [2, 2]]),
        "input_lengths": np.array([6, 5]),
        "target_lengths": np.array([2, 2]),
    }
    arguments.update(changes)
    return ctc_viterbi_batch(*arguments.values(), blank=0, jobs=2)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"log_probs": UNIFORM}, InputError, r"expected shape \(B, T, V\)"),
        ({"targets": np.array([[1, 2]])}, InputError, r"targets: expected shape \(2, L\)"),
        ({"input_lengths": np.array([6, 7])}, InputError, r"input_lengths\[1\]: .* got 7"),
        ({"target_lengths": np.array([2, 3])}, InputError, r"target_lengths\[1\]: .* got 3"),
        ({"target_lengths": np.array([2])}, InputError, r"target_lengths: expected shape \(2,\)"),
        ({"target_lengths": np.array([2, 0])}, InputError, r"targets\[1\]: no labels"),
        ({"input_lengths": np.array([6, 2])}, AlignmentError, r"targets\[1\]: .* need 3 frames"),
        ({"targets": np.array([[1, 2], [2, 9]])}, InputError, r"targets\[1\]\[1\]: label 9"),
    ],
)
@pytest.mark.parametrize("thread_work", [1, 10**6])
def test_batches(changes, error, message, thread_work, monkeypatch):
    monkeypatch.setattr(ctc, "_THREAD_WORK", thread_work)
    assert len(batch().totals) == 2
    with pytest.raises(error, match=message):
        batch(**changes)


def test_jobs():
    with pytest.raises(InputError, match="jobs: expected 1 or more, got 0"):
        ctc_viterbi_batch(
            UNIFORM[None], np.array([[1]]), np.array([6]), np.array([1]), blank=0, jobs=0
        )
