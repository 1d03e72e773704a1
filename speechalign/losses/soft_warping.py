"""Soft dynamic time warping between speech and text embeddings, and its divergence."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from speechalign.losses.arguments import check_reduction, reduced
from speechalign.losses.embeddings import (
    Distance,
    check_distance,
    check_positive,
    embeddings,
    pairwise,
)
from speechalign.losses.warping import Backend, soft_costs


def soft_dtw(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    gamma: float = 1.0,
    distance: Distance = "squared",
    reduction: Literal["mean", "sum", "none"] = "mean",
    backend: Backend = "auto",
) -> Tensor:
    """Soft minimum, over all warpings of speech and text, of the sum of their distances.

    Parameters
    ----------
    speech, text, speech_lengths, text_lengths, distance, reduction, backend
        As in `best_alignment_loss`.
    gamma : float
        Temperature, in the unit of the distance, above 0.

    Returns
    -------
    Tensor, shape () or (B,)
        Not divided by a length; it can be negative, and is not least where the two are equal: see
        `soft_dtw_divergence`. 0 for an utterance without text; inf, without gradient, for text
        without speech.

    Raises
    ------
    InputError, BackendError
        As `best_alignment_loss`.

    Notes
    -----
    ``R[i, j] = D[i, j] - gamma log sum over (i-1, j-1), (i-1, j), (i, j-1) of exp(-R / gamma)``
    [1]_; the gradient for D is how probable each pair is.

    References
    ----------
    .. [1] M. Cuturi and M. Blondel, "Soft-DTW: a differentiable loss function for time-series",
       Proc. ICML, 2017, eq. 1.

    Examples
    --------
    Where nothing has a distance, three warpings of two frames and two tokens count:

    >>> import torch
    >>> same = torch.zeros(1, 2, 1)
    >>> soft_dtw(same, same, torch.tensor([2]), torch.tensor([2]))  # -log 3
    tensor(-1.0986)
    """
    check_reduction(reduction)
    check_distance(distance)
    check_positive(gamma, "gamma")
    u, v, n, m = embeddings(speech, text, speech_lengths, text_lengths)
    found = _warped(u, v, n.cpu(), m.cpu(), gamma, distance, backend)
    return reduced(found, reduction)


def soft_dtw_divergence(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    gamma: float = 1.0,
    distance: Distance = "squared",
    reduction: Literal["mean", "sum", "none"] = "mean",
    backend: Backend = "auto",
) -> Tensor:
    """Soft dynamic time warping less what speech and text have to themselves.

    The arguments and errors are those of `soft_dtw`.

    Returns
    -------
    Tensor, shape () or (B,)
        0 where the two are equal, and never negative for ``squared`` distances.

    Notes
    -----
    ``soft_dtw(x, y) - soft_dtw(x, x) / 2 - soft_dtw(y, y) / 2`` [1]_; three times the work.

    References
    ----------
    .. [1] M. Blondel, A. Mensch and J.-P. Vert, "Differentiable divergences between time series",
       Proc. AISTATS, 2021, eq. 9.

    Examples
    --------
    >>> import torch
    >>> rows, lengths = torch.tensor([[[1.0], [4.0]]]), torch.tensor([2])
    >>> soft_dtw_divergence(rows, rows, lengths, lengths)
    tensor(0.)
    """
    check_reduction(reduction)
    check_distance(distance)
    check_positive(gamma, "gamma")
    u, v, n, m = embeddings(speech, text, speech_lengths, text_lengths)
    n, m = n.cpu(), m.cpu()
    crossed = _warped(u, v, n, m, gamma, distance, backend)
    own = _warped(u, u, n, n, gamma, distance, backend) + _warped(
        v, v, m, m, gamma, distance, backend
    )
    both = ((n > 0) & (m > 0)).to(u.device)
    return reduced(crossed - (own / 2).where(both, 0.0), reduction)


def _warped(
    u: Tensor, v: Tensor, n: Tensor, m: Tensor, gamma: float, distance: Distance, backend: Backend
) -> Tensor:
    """Return the soft minimum over warpings, (B,)."""
    found = soft_costs(
        pairwise(u, v, distance), n, m, gamma=gamma, moves="dtw", free_ends=False, backend=backend
    )
    return found.where((m > 0).to(found.device), 0.0)
