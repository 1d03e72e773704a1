"""The best non-monotonic alignment: each token on a frame of its own, in any order.

Source: C. Shao and Y. Feng, "Non-Monotonic Latent Alignments for CTC-Based Non-Autoregressive
Machine Translation", NeurIPS 2022.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from speechalign.checks import check_log_probs as check_values
from speechalign.errors import BackendError, InputError
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
    within,
)


def bipartite_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    margin: float = math.inf,
    reduction: Reduction = "mean",
) -> Tensor:
    """Minus the log-probability of the best placement of the tokens on frames, in any order.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities; frames at and beyond a length are never read.
    targets : Tensor, shape (B, L), int32 or int64
        Labels; those at and beyond a length are never read.
    input_lengths, target_lengths : Tensor, shape (B,), int32 or int64
        Frames and labels of each utterance.
    blank : int
        Column of the blank, which takes the frames that have no token.
    margin : float
        Frames whose minus log-probability is beyond it count for nothing, nor has their gradient
        any effect: tokens that the model cannot place yet. The paper clips at a probability of
        0.1, a margin of 2.303.
    reduction : {"mean", "sum", "none"}
        "mean" is of the losses a target, as in torch.

    Returns
    -------
    Tensor, shape () or (B,)
        +inf, with zero gradient, where there are fewer frames than tokens, or no placement of
        probability above zero.

    Raises
    ------
    InputError
        A shape, dtype, length, label or margin is out of range, or a value is NaN or +inf.
    BackendError
        scipy is missing.

    Notes
    -----
    The placement is the best assignment of tokens to frames for the scores
    ``log_probs[t, y_k] - log_probs[t, blank]``, a (T, L) matrix where the paper's code has (T, T);
    found by the algorithm of Jonker and Volgenant in scipy, O(T L^2). It takes no gradient: the
    loss has that of the log-probabilities on the placement. Equal neighbours are not merged.

    Examples
    --------
    >>> log_probs = torch.tensor([[[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]]).log()
    >>> lengths = torch.tensor([2])
    >>> bipartite_loss(log_probs, torch.tensor([[2, 1]]), lengths, lengths, blank=0)
    tensor(0.2231)
    """
    check_reduction(reduction)
    if not margin > 0:
        raise InputError(f"margin: expected a positive number, got {margin}")
    input_lengths = check_log_probs(log_probs, input_lengths)
    B, T, V = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=B, num_columns=V, blank=blank
    )
    labels = torch.full((B, T), blank, device=log_probs.device)
    feasible = torch.ones(B, dtype=torch.bool, device=log_probs.device)
    for b, (frames, length) in enumerate(zip(input_lengths.tolist(), target_lengths.tolist())):
        values = log_probs[b, :frames].detach()
        check_values(values, name=f"log_probs[{b}]")
        target = targets[b, :length]
        placed = _place(values[:, target].cpu().numpy(), values[:, blank].cpu().numpy())
        if placed is None:
            feasible[b] = False
        else:
            labels[b, torch.from_numpy(placed).to(labels.device)] = target.to(labels.device)
    counted = within(input_lengths.to(log_probs.device), T) & feasible[:, None]
    chosen = log_probs.gather(2, labels[:, :, None])[:, :, 0]
    counted &= chosen.detach() >= -margin
    losses = -torch.where(counted, chosen, chosen.new_zeros(())).sum(1)
    losses = torch.where(feasible, losses, losses.new_tensor(torch.inf))
    return reduced(losses, reduction, target_lengths)


def _place(spoken: np.ndarray, silent: np.ndarray) -> np.ndarray | None:
    """Return the frame of each token, given scores (T, L) and those of the blank (T,)."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise BackendError("bipartite_loss needs scipy; pip install 'speechalign[train]'") from None
    frames, tokens = spoken.shape
    if frames < tokens:
        return None
    # A frame that cannot be blank has to take a token: lift it above all others.
    scores = spoken.astype(np.float64)
    finite = scores[np.isfinite(scores)]
    quiet = silent.astype(np.float64)
    forced = np.isneginf(quiet)
    quiet[forced] = 0.0
    reach = 1.0 + 2 * (np.abs(finite).sum() + np.abs(quiet).sum())
    gains = np.where(np.isneginf(scores), -reach * (frames + 2), scores - quiet[:, None])
    gains[forced] += reach
    rows, columns = linear_sum_assignment(gains, maximize=True)
    placed = np.empty(tokens, np.int64)
    placed[columns] = rows
    possible = np.isfinite(scores[placed, np.arange(tokens)]).all()
    unplaced = forced.copy()
    unplaced[placed] = False
    return placed if possible and not unplaced.any() else None
