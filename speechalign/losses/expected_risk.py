"""Expected risk: the mean number of word errors over what a CTC model may say."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import collapse_paths
from speechalign.kernels.word_errors import EACH_LABEL, word_errors
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
    within,
)
from speechalign.losses.ctc import ctc_loss
from speechalign.losses.risk import distinct, expected_risk
from speechalign.losses.sampling import draw_paths


def expected_risk_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    seed: int | np.random.Generator,
    samples: int = 8,
    temperature: float = 1.0,
    weights: Literal["hypotheses", "paths"] = "hypotheses",
    scale: float = 1.0,
    separator: int | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Average the word errors of hypotheses drawn from the model, by how probable it finds them.

    Known as minimum Bayes risk or minimum word error rate training. Add a small share of `ctc_loss`
    to it, and start from a model that is trained already: it only chooses among what the model
    says.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities, on any device. Frames at and beyond a length are never read.
    targets : Tensor, shape (B, L), int32 or int64
        Transcripts without blanks; values beyond a length are never read.
    input_lengths, target_lengths : Tensor, shape (B,), int32 or int64
        Frames and labels of each utterance.
    blank : int
        Column of the blank.
    seed : int or numpy Generator
        Of the paths drawn. Give another int at each step, or a Generator, which goes on from where
        it stands.
    samples : int
        Paths drawn of each utterance. Those that are equal, or with ``weights="hypotheses"`` say
        the same, count once.
    temperature : float
        Of the distribution that paths are drawn from: above 1 the hypotheses differ more.
    weights : {"hypotheses", "paths"}
        Weigh each hypothesis by the probability of all its paths, which costs a `ctc_loss` and a
        copy of the frames for each; or weigh each path by its own.
    scale : float
        Exponent of those probabilities before they are made to sum to one; above 0.
    separator : int or None
        The label between words; None counts errors of labels instead.
    reduction : {"mean", "sum", "none"}
        Over the utterances. "mean" is of errors by utterance, whatever its length.

    Returns
    -------
    Tensor, shape () or (B,), of the dtype of ``log_probs``
        Expected errors of each utterance.

    Raises
    ------
    InputError
        A shape, dtype, length or option is out of range, a value is NaN or +inf, or a frame gives
        probability zero to every label.

    Notes
    -----
    With hypotheses i of Levenshtein distance ``W_i`` to the transcript and scores ``s_i``, the loss
    is ``R = sum_i p_i W_i``, ``p = softmax(scale * s)``. What is drawn and ``W`` are constants:
    the derivative by ``s_i`` is ``scale * p_i (W_i - R)``, which raises hypotheses that are better
    than average at the expense of the others. Were every path drawn, R would be the expectation
    under the model [1]_.

    References
    ----------
    .. [1] R. Prabhavalkar et al., "Minimum word error rate training for attention-based
       sequence-to-sequence models", Proc. ICASSP, 2018.

    Examples
    --------
    The model says 1, which is right, with probability 0.8, and nothing with 0.2.

    >>> log_probs = torch.tensor([[[0.4, 0.6], [0.5, 0.5]]]).log()
    >>> lengths = torch.tensor([2]), torch.tensor([1])
    >>> expected_risk_loss(log_probs, torch.tensor([[1]]), *lengths, blank=0, seed=0)
    tensor(0.2000)
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    batch, frames, num_columns = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank
    )
    check_reduction(reduction)
    if weights not in ("hypotheses", "paths"):
        raise InputError(f"weights: expected 'hypotheses' or 'paths', got {weights!r}")
    if not 0 < scale < float("inf"):
        raise InputError(f"scale: expected a finite number above 0, got {scale}")
    if separator is not None and not 0 <= separator < num_columns:
        raise InputError(f"separator: expected a column in [0, {num_columns}), got {separator}")
    lengths = input_lengths.cpu().numpy()
    paths = draw_paths(
        log_probs, input_lengths, samples, generator=np.random.default_rng(seed),
        temperature=temperature,
    ).reshape(batch * samples, frames)  # fmt: skip
    utterances = np.repeat(np.arange(batch), samples)
    said = collapse_paths(paths, lengths[utterances], blank=blank)
    by_path = weights == "paths"
    chosen = distinct(utterances, paths if by_path else np.column_stack([said.counts, said.labels]))
    utterances, labels, counts = utterances[chosen], said.labels[chosen], said.counts[chosen]
    errors = word_errors(
        labels, counts, utterances, targets.cpu().numpy(), target_lengths.cpu().numpy(),
        EACH_LABEL if separator is None else separator,
    )  # fmt: skip
    rows = torch.from_numpy(utterances).to(log_probs.device)
    if by_path:
        scores = _path_scores(log_probs, input_lengths, rows, torch.from_numpy(paths[chosen]))
    else:
        scores = -ctc_loss(
            log_probs[rows], torch.from_numpy(labels), input_lengths[utterances],
            torch.from_numpy(counts), blank=blank, reduction="none",
        )  # fmt: skip
    risk = expected_risk(scores, errors, utterances, batch=batch, scale=scale).to(log_probs.dtype)
    return reduced(risk, reduction)


def _path_scores(log_probs: Tensor, input_lengths: Tensor, rows: Tensor, paths: Tensor) -> Tensor:
    """Return the log-probability (P,) of each path (P, T) of an utterance (P,), in float64."""
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)
    read = log_probs[rows[:, None], frames, paths.to(log_probs.device)]
    inside = within(input_lengths.to(log_probs.device)[rows], len(frames))
    return torch.where(inside, read, read.new_zeros(())).sum(1, dtype=torch.float64)
