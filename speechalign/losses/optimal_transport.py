"""Entropic optimal transport between the frames of speech and the tokens of text."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import check_reduction, reduced, within
from speechalign.losses.embeddings import (
    Distance,
    check_distance,
    check_positive,
    embeddings,
    pairwise,
)
from speechalign.losses.gradients import known_gradient

# Log of a sum over nothing, which has to be finite.
_LOWEST = -1e30


def ot_loss(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    distance: Distance = "cosine",
    epsilon: float = 0.05,
    mass_penalty: float | None = None,
    position: float = 0.0,
    divergence: bool = True,
    iterations: int = 100,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Cost of moving the frames of speech onto the tokens of text, whatever their order.

    Parameters
    ----------
    speech, text, speech_lengths, text_lengths
        As in `best_alignment_loss`; all frames of an utterance weigh the same, and all tokens.
    distance : {"squared", "euclidean", "cosine"}
        Cost of moving a frame onto a token.
    epsilon : float
        Weight of the entropy, in the unit of the distance, above 0. The smaller, the sharper the
        plan, and the more iterations it takes.
    mass_penalty : float or None
        None moves everything. A number, in the unit of the distance, is what it costs to leave
        frames or tokens without a partner (unbalanced transport).
    position : float
        Weight w of the squared difference of relative positions, w^2 (i/(N-1) - j/(M-1))^2, which
        is added to the cost, so that the order matters somewhat.
    divergence : bool
        Take off half of what moving speech onto itself and text onto itself costs, so that equal
        sets have the loss 0.
    iterations : int
        Of Sinkhorn's algorithm, at least 1.
    reduction : {"mean", "sum", "none"}
        Over the utterances.

    Returns
    -------
    Tensor, shape () or (B,)
        In the dtype of the embeddings. 0 for an utterance without text; inf, without gradient,
        for text without speech.

    Raises
    ------
    InputError
        A shape, dtype, length or option is wrong, the widths differ, or a value is not finite.

    Notes
    -----
    With uniform weights a and b, ``OT = min over plans P of <P, C> + epsilon KL(P || a b^T)``, plus
    mass_penalty times the KL divergences of the plan's margins from a and b where it is unbalanced
    [1]_. In the log domain, ``f = -k epsilon log sum_j b_j exp((g_j - C_ij) / epsilon)`` and the
    same for g, with k = mass_penalty / (mass_penalty + epsilon), or 1. The loss is the dual value
    at the potentials reached, and its gradient for C is the plan there. Speech onto text with a
    position is as in [2]_. O(iterations NM) time, O(NM) memory; in float64 inside.

    References
    ----------
    .. [1] T. Séjourné, J. Feydy, F.-X. Vialard, A. Trouvé and G. Peyré, "Sinkhorn divergences for
       unbalanced optimal transport", arXiv 1910.12958, 2019.
    .. [2] P.-H. Le et al., "Pre-training for speech translation: CTC meets optimal transport",
       Proc. ICML, 2023.

    Examples
    --------
    >>> rows, lengths = torch.eye(3)[None], torch.tensor([3])
    >>> abs(float(ot_loss(rows, rows.flip(1), lengths, lengths))) < 1e-6
    True
    """
    check_reduction(reduction)
    check_distance(distance)
    check_positive(epsilon, "epsilon")
    if mass_penalty is not None:
        check_positive(mass_penalty, "mass_penalty")
    if iterations < 1:
        raise InputError(f"iterations: expected at least 1, got {iterations}")
    if not 0 <= position < float("inf"):
        raise InputError(f"position: expected a finite number of at least 0, got {position}")
    u, v, n, m = embeddings(speech, text, speech_lengths, text_lengths)
    n, m = n.to(u.device), m.to(u.device)

    def moved(a: Tensor, b: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        costs = pairwise(a, b, distance) + position**2 * (
            (_places(rows, a)[:, :, None] - _places(columns, b)[:, None]).square()
        )
        found, plan = _transport(costs.detach(), rows, columns, epsilon, mass_penalty, iterations)
        losses: Tensor = known_gradient(costs, found, plan)
        return losses

    found = moved(u, v, n, m)
    if divergence:
        found = found - (moved(u, u, n, n) + moved(v, v, m, m)) / 2
    found = found.where(m > 0, 0.0)
    return reduced(found.where((m == 0) | (n > 0), torch.inf), reduction)


def _places(lengths: Tensor, rows: Tensor) -> Tensor:
    """Return where in its sequence each row (B, N, d) is, from 0 to 1, (B, N)."""
    order = torch.arange(rows.shape[1], device=rows.device, dtype=rows.dtype)
    return order / (lengths[:, None] - 1).clamp(min=1)


def _transport(
    costs: Tensor,
    rows: Tensor,
    columns: Tensor,
    epsilon: float,
    mass_penalty: float | None,
    iterations: int,
) -> tuple[Tensor, Tensor]:
    """Return the dual value (B,) and the plan (B, N, M), of the dtype of the costs."""
    scaled = costs.double() / epsilon
    log_a = _log_weights(rows, costs.shape[1])
    log_b = _log_weights(columns, costs.shape[2])
    keep = 1.0 if mass_penalty is None else mass_penalty / (mass_penalty + epsilon)
    # The potentials f and g, divided by epsilon.
    g = torch.zeros_like(log_b)
    for _ in range(iterations):
        f = -keep * (log_b[:, None] + g[:, None] - scaled).logsumexp(2).clamp(min=_LOWEST)
        g = -keep * (log_a[:, :, None] + f[:, :, None] - scaled).logsumexp(1).clamp(min=_LOWEST)
    plan = (log_a[:, :, None] + f[:, :, None] + log_b[:, None] + g[:, None] - scaled).exp()
    a, b = log_a.exp(), log_b.exp()
    whole = (rows > 0) & (columns > 0)
    if mass_penalty is None:
        value = (a * f).sum(1) + (b * g).sum(1)
    else:
        ratio = mass_penalty / epsilon
        value = -ratio * (
            (a * torch.expm1(-f / ratio)).sum(1) + (b * torch.expm1(-g / ratio)).sum(1)
        )
    value = epsilon * (value + 1 - plan.sum((1, 2)))
    return value.to(costs.dtype).where(whole, 0.0), plan.to(costs.dtype)


def _log_weights(lengths: Tensor, limit: int) -> Tensor:
    """Return the log of uniform weights, (B, limit) float64; -inf at padding."""
    inside = within(lengths, limit)
    even = -lengths.clamp(min=1).double().log()
    return even[:, None].expand(-1, limit).where(inside, -torch.inf)
