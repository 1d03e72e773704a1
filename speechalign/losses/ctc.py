"""CTC loss and its true derivative, with label priors and a delay penalty, on any device."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import BackendError, InputError
from speechalign.kernels.ctc_loss import ctc_occupation, spread
from speechalign.losses import ctc_torch
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
)
from speechalign.losses.gradients import Context

Backend = Literal["auto", "numba", "torch"]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    reduction: Reduction = "mean",
    log_priors: Tensor | None = None,
    prior_scale: float = 0.6,
    delay_penalty: float = 0.0,
    backend: Backend = "auto",
) -> Tensor:
    """Minus the log of the summed probability of all CTC alignments of each transcript.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities, or scores that are not normalised; -inf marks an impossible
        label.
    targets : Tensor, shape (B, L), int32 or int64
        Labels without blanks.
    input_lengths, target_lengths : Tensor, shape (B,), int32 or int64
        Frames and labels of each utterance. What lies beyond is never read, and its gradient is
        zero.
    blank : int
        Column of the blank.
    reduction : {"mean", "sum", "none"}
        As in torch: "mean" divides each loss by the number of its labels, then averages.
    log_priors : Tensor or None, shape (V,)
        Natural-log prior of each label, such as `LabelPriors` collects; no gradient flows into it.
    prior_scale : float
        Share of the prior that is taken out of the probabilities.
    delay_penalty : float
        Nats by which an alignment gains for each frame that a label is first read earlier.
    backend : {"auto", "numba", "torch"}
        "auto" is numba for tensors in host memory and torch, a loop over frames, for others.

    Returns
    -------
    Tensor, shape (B,) or scalar, of the dtype of ``log_probs``
        +inf, with zero gradient, for a transcript that no alignment fits: with "mean" or "sum" it
        makes the total infinite, but leaves the gradient as that of the others.

    Raises
    ------
    InputError
        Wrong shapes or dtypes, lengths too long, a target that is the blank or no column; NaN or
        +inf among the scores that are read.
    BackendError
        "numba" was asked for and ``log_probs`` is not in host memory.

    Notes
    -----
    ``L = -log sum_a exp( sum_t log_probs[t, a_t] - c log_priors[a_t] + d sum_l (T // 2 - t_l) )``
    over all alignments a of the transcript [1]_, c the prior scale [2]_, d the delay penalty and
    t_l the frame in which label l is first read [3]_.

    The gradient is the derivative with respect to ``log_probs`` as given, minus the posterior of
    each label at each frame: it is right for scores that are not normalised, and torch's own
    log_softmax turns it into that for logits. What `torch.nn.functional.ctc_loss` returns is the
    gradient for logits already, ``exp(log_probs) - posterior``, and wrong for anything but the
    output of a log_softmax. It is accumulated in float64. There is no second derivative; asking
    for one raises.

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal
       classification", Proc. ICML, 2006, eq. 8 and 14.
    .. [2] R. Huang et al., "Less peaky and more accurate CTC forced alignment by label priors",
       Proc. ICASSP, 2024.
    .. [3] Z. Yao et al., "Delay-penalized CTC implemented based on finite state transducer",
       Proc. Interspeech, 2023.

    Examples
    --------
    >>> log_probs = torch.tensor([[[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]]).log()
    >>> lengths = torch.tensor([3]), torch.tensor([2])
    >>> round(float(ctc_loss(log_probs, torch.tensor([[1, 2]]), *lengths, blank=0)), 3)
    0.333
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    batch, _, num_columns = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank
    )
    check_reduction(reduction)
    if log_priors is not None:
        if log_priors.shape != (num_columns,):
            raise InputError(
                f"log_priors: expected shape ({num_columns},), got {tuple(log_priors.shape)}"
            )
        log_probs = log_probs - prior_scale * log_priors.detach().to(log_probs)
    losses = weighted_ctc(
        log_probs, targets, input_lengths, target_lengths,
        blank=blank, delay_penalty=delay_penalty, risk=0.0, backend=backend,
    )  # fmt: skip
    return reduced(losses, reduction, target_lengths)


def weighted_ctc(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    delay_penalty: float,
    risk: float,
    backend: Backend,
) -> Tensor:
    """Return the losses (B,) of checked arguments; the weights are those of `ctc_occupation`."""
    on_host = log_probs.device.type == "cpu"
    if backend == "auto":
        backend = "numba" if on_host else "torch"
    if backend not in ("numba", "torch"):
        raise InputError(f"backend: expected 'auto', 'numba' or 'torch', got {backend!r}")
    if backend == "numba" and not on_host:
        raise BackendError(
            f"backend 'numba' reads host memory, got log_probs on {log_probs.device}; "
            "say backend='torch' or 'auto'"
        )
    losses: Tensor = _occupy(
        log_probs, *(x.to(log_probs.device) for x in (targets, input_lengths, target_lengths)),
        blank, float(delay_penalty), float(risk), backend,
    )[0]  # fmt: skip
    return losses


def _occupied(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
    delay_penalty: float,
    risk: float,
    backend: str,
) -> tuple[Tensor, Tensor]:
    """Return the losses (B,) and the posteriors (B, T, L + 1) of the blank and of each target."""
    if backend == "torch":
        return ctc_torch.occupation(
            log_probs, targets, input_lengths, target_lengths,
            blank=blank, delay_penalty=delay_penalty, risk=risk,
        )  # fmt: skip
    found = ctc_occupation(
        log_probs.numpy(), targets.numpy(), input_lengths.numpy(), target_lengths.numpy(),
        blank=blank, delay_penalty=delay_penalty, risk=risk, jobs=torch.get_num_threads(),
    )  # fmt: skip
    losses = torch.from_numpy(-found.scores).to(log_probs.dtype)
    return losses, torch.from_numpy(found.posteriors)


def _occupied_shapes(
    log_probs: Tensor, targets: Tensor, *_: Tensor | float | str
) -> tuple[Tensor, Tensor]:
    batch, frames = log_probs.shape[:2]
    return log_probs.new_empty(batch), log_probs.new_empty(batch, frames, targets.shape[1] + 1)


def _gradient(
    factors: Tensor,
    posteriors: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
    num_columns: int,
) -> Tensor:
    """Return factors (B,) times the posteriors, each in the column (B, T, V) of its label."""
    batch, frames, _ = posteriors.shape
    if posteriors.device.type == "cpu":
        shape = (batch, frames, num_columns)
        gradient = np.zeros(shape, np.float32 if posteriors.dtype == torch.float32 else np.float64)
        spread(
            posteriors.numpy(), targets.numpy(), input_lengths.numpy(), target_lengths.numpy(),
            factors.contiguous().numpy(), blank, gradient,
        )  # fmt: skip
        return torch.from_numpy(gradient)
    return ctc_torch.spread(
        factors, posteriors, targets, target_lengths, blank=blank, num_columns=num_columns
    )


def _gradient_shape(
    _factors: Tensor,
    posteriors: Tensor,
    _targets: Tensor,
    _input_lengths: Tensor,
    _target_lengths: Tensor,
    _blank: int,
    num_columns: int,
) -> Tensor:
    return posteriors.new_empty(*posteriors.shape[:2], num_columns)


def _setup(
    ctx: Context,
    inputs: tuple[Tensor, Tensor, Tensor, Tensor, int, float, float, str],
    output: tuple[Tensor, Tensor],
) -> None:
    log_probs, targets, input_lengths, target_lengths, blank, *_ = inputs
    ctx.save_for_backward(output[1], targets, input_lengths, target_lengths)
    ctx.set_materialize_grads(False)  # Or as many zeros would be made as there are posteriors.
    ctx.integers = (blank, log_probs.shape[2])


def _differentiate(
    ctx: Context, factors: Tensor | None, _: Tensor | None
) -> tuple[Tensor | None, ...]:
    gradient = None if factors is None else _spread(-factors, *ctx.saved_tensors, *ctx.integers)
    return gradient, *[None] * 7


_occupy = torch.library.custom_op("speechalign::ctc_occupy", _occupied, mutates_args=())
_occupy.register_fake(_occupied_shapes)
_occupy.register_autograd(_differentiate, setup_context=_setup)
# This op has no derivative of its own: asking for one raises, where scaling the posteriors in plain
# torch would return a wrong one.
_spread = torch.library.custom_op("speechalign::ctc_spread", _gradient, mutates_args=())
_spread.register_fake(_gradient_shape)
