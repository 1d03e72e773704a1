"""Star CTC: transcripts that say only part of what is heard."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.graphs import Graph, ctc_graph
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_scores,
    check_targets,
    reduced,
    within,
)
from speechalign.losses.graph import graph_loss


def star_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    star_at: Literal["gaps", "edges"] = "gaps",
    star_weight: float = 0.0,
    reduction: Reduction = "mean",
    backend: str = "auto",
) -> Tensor:
    """Minus the log of the probability that a transcript is part of what is heard.

    Parameters
    ----------
    log_probs, targets, input_lengths, target_lengths, blank, reduction
        As in `ctc_loss`; here ``log_probs`` are log-probabilities.
    star_at : {"gaps", "edges"}
        Where other labels may be heard: anywhere, or before and after the transcript only, which
        then stands for a stretch of the recording.
    star_weight : float
        Nats that each frame outside the transcript gains, at most 0: with "gaps" each frame that
        reads another label, with "edges" each frame that lies before or after the stretch.
    backend : str
        As for `speechalign.kernels.forward_backward`.

    Returns
    -------
    Tensor, shape (B,) or scalar, of the dtype of ``log_probs``
        +inf, with zero gradient, where no path fits.

    Raises
    ------
    InputError
        As in `ctc_loss`; ``star_at`` is another word, or ``star_weight`` above 0.

    Notes
    -----
    With "gaps", equal labels in a row count as several, as in [1]_:
    ``L = -log sum_a p(a) exp(star_weight (|B(a)| - L))`` over all rows of T columns whose B(a), the
    blanks left out, has the transcript as a subsequence. The transcript is matched leftmost, so
    that each row counts once: what comes before target l is any column but the blank and target l,
    the sum of whose probabilities is formed without cancellation. A star_weight of 0 accepts any
    deletion and gives the model reason to hear too much; [1]_ begins low and raises it.

    With "edges", ``L = -log sum_{b < e} exp(star_weight (T - e + b)) p_CTC(targets | b .. e)``, the
    CTC sum over frames [b, e), the transcript's own blanks included, as in [2]_; an empty
    transcript may also be nowhere.

    References
    ----------
    .. [1] V. Pratap, A. Hannun, G. Synnaeve and R. Collobert, "Star temporal classification:
       sequence modeling with partially labeled data", Proc. NeurIPS, 2022.
    .. [2] X. Cai, J. Yuan, Y. Bian, G. Xun, J. Huang and K. Church, "W-CTC: a connectionist
       temporal classification loss with wild cards", Proc. ICLR, 2022.

    Examples
    --------
    >>> log_probs = torch.full((1, 2, 3), 1 / 3).log()
    >>> lengths = torch.tensor([2]), torch.tensor([1])
    >>> loss = star_ctc_loss(log_probs, torch.tensor([[1]]), *lengths, blank=0)
    >>> round(float((-loss).exp() * 9), 3)
    5.0
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    batch, frames, num_columns = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank
    )
    check_reduction(reduction)
    if star_at not in ("gaps", "edges"):
        raise InputError(f"star_at: expected 'gaps' or 'edges', got {star_at!r}")
    if not star_weight <= 0:
        raise InputError(f"star_weight: expected nats a frame, at most 0, got {star_weight}")
    lengths = target_lengths.tolist()
    labels = targets.where(within(target_lengths.to(targets.device), targets.shape[1]), blank)
    labels = labels.to(log_probs.device)
    heard = within(input_lengths.to(log_probs.device), frames)[:, :, None]
    scores = log_probs.where(heard, 0.0)
    check_scores(scores)
    if star_at == "gaps":
        spoken = scores.gather(2, labels[:, None].expand(-1, frames, -1))
        columns = [scores[:, :, blank : blank + 1], spoken, _others(scores, labels, blank)]
        graphs = [_subsequence_graph(length, labels.shape[1], star_weight) for length in lengths]
    else:
        columns = [scores, torch.zeros_like(scores[:, :, :1])]
        graphs = [
            _stretch_graph(row[:length], blank, num_columns, star_weight)
            for row, length in zip(labels.cpu().numpy(), lengths)
        ]
    losses = graph_loss(torch.cat(columns, dim=2), graphs, input_lengths, backend=backend)
    return reduced(losses, reduction, target_lengths)


def _others(scores: Tensor, labels: Tensor, blank: int) -> Tensor:
    """Return the log-probability (B, T, L + 1) of hearing none of: blank, target; last: blank."""
    spoken = torch.arange(scores.shape[2], device=scores.device) != blank
    highest = scores.detach().masked_fill(~spoken, -math.inf).amax(dim=2, keepdim=True).double()
    highest = highest.clamp(min=torch.finfo(torch.float64).min)
    probabilities = (scores.double() - highest).masked_fill(~spoken, -math.inf).exp()
    # Sums of what is before and after a column: a difference would cancel.
    before = probabilities.cumsum(dim=2)
    after = probabilities.flip(2).cumsum(dim=2).flip(2)
    columns = labels[:, None].expand(-1, scores.shape[1], -1)
    sums = [
        torch.nn.functional.pad(before[:, :, :-1], (1, 0)).gather(2, columns)
        + torch.nn.functional.pad(after[:, :, 1:], (0, 1)).gather(2, columns),
        before[:, :, -1:],
    ]
    total = torch.cat(sums, dim=2)
    heard = total > 0
    logs = total.where(heard, 1.0).log() + highest
    return logs.masked_fill(~heard, -math.inf).to(scores.dtype)


def _subsequence_graph(length: int, padded: int, weight: float) -> Graph:
    """Graph of rows that hold targets in order; state l has found l of them."""
    found = np.arange(length + 1)
    others = 1 + padded + found
    others[length] = 1 + 2 * padded
    count = np.full(length + 1, weight)
    return _graph(
        np.concatenate([found, found, found[:-1]]),
        np.concatenate([found, found, found[1:]]),
        np.concatenate([np.zeros_like(found), others, 1 + found[:-1]]),
        np.concatenate([np.zeros(length + 1), count, np.zeros(length)]),
        np.concatenate([2 * found, 2 * found, 2 * found[:-1] + 1]),
        finals=[length],
    )


def _stretch_graph(targets: np.ndarray, blank: int, star: int, weight: float) -> Graph:
    """CTC graph with stars before it, in state 0, and after it, in the last state."""
    inner = ctc_graph(targets, blank=blank)
    states = np.arange(inner.num_states)
    first, last = states[:2], states[-2:]
    after = len(states) + 1
    read = np.full(len(states), blank)
    read[1::2] = targets
    inside = np.zeros(len(first) + inner.num_arcs)
    return _graph(
        np.concatenate([[0], np.zeros_like(first), inner.sources + 1, last + 1, [after]]),
        np.concatenate([[0], first + 1, inner.targets + 1, np.full_like(last, after), [after]]),
        np.concatenate([[star], read[first], inner.labels, np.full_like(last, star), [star]]),
        np.concatenate([[weight], inside, np.full(len(last) + 1, weight)]),
        np.concatenate([[0], first, inner.positions, np.full_like(last, states[-1]), states[-1:]]),
        finals=[*(last + 1), after, *([] if len(targets) else [0])],
    )


def _graph(
    sources: np.ndarray,
    targets: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    positions: np.ndarray,
    *,
    finals: list[int],
) -> Graph:
    """Return the graph that begins in state 0 and ends in one of these."""
    start = np.full(int(targets.max()) + 1, -np.inf)
    start[0] = 0.0
    final = np.full(len(start), -np.inf)
    final[finals] = 0.0
    return Graph(sources, targets, labels, weights, positions, start, final)
