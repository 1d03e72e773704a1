"""Bayes-risk CTC: alignments that end late count for less."""

from __future__ import annotations

from torch import Tensor

from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
)
from speechalign.losses.ctc import Backend, weighted_ctc


def bayes_risk_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    risk: float = 1.0,
    reduction: Reduction = "mean",
    backend: Backend = "auto",
) -> Tensor:
    """Minus the log of the CTC sum, alignments weighted by where their last label ends.

    Parameters
    ----------
    log_probs, targets, input_lengths, target_lengths, blank, reduction, backend
        As in `ctc_loss`.
    risk : float
        Nats that an alignment loses if its last label ends with the last frame; in proportion if it
        ends earlier. 0 is CTC; above 0, the text is finished early.

    Returns
    -------
    Tensor, shape (B,) or scalar, of the dtype of ``log_probs``
        As in `ctc_loss`.

    Raises
    ------
    InputError, BackendError
        As in `ctc_loss`.

    Notes
    -----
    ``L = -log sum_tau exp(-risk tau / T) sum_{a that ends at tau} p(a)``, tau the last frame of the
    last label, counted from 1 [1]_; 0 for an empty transcript. As the weight is a factor for each
    frame up to tau, this is the CTC recursion with a bonus for frames in the last blank. A risk
    relative to the most probable tau, as also used in [1]_, has the same gradient.

    References
    ----------
    .. [1] J. Tian et al., "Bayes risk CTC: controllable CTC alignment in sequence-to-sequence
       tasks", Proc. ICLR, 2023.

    Examples
    --------
    >>> import torch
    >>> log_probs = torch.full((1, 3, 2), 0.5).log()
    >>> lengths = torch.tensor([3]), torch.tensor([1])
    >>> round(float(bayes_risk_ctc_loss(log_probs, torch.tensor([[1]]), *lengths, blank=0)), 3)
    1.033
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    batch, _, num_columns = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank
    )
    check_reduction(reduction)
    losses = weighted_ctc(
        log_probs, targets, input_lengths, target_lengths,
        blank=blank, delay_penalty=0.0, risk=risk, backend=backend,
    )  # fmt: skip
    return reduced(losses, reduction, target_lengths)
