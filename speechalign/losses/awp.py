"""Align With Purpose: of two alignments, have the model prefer the one with a better property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit
from torch import Tensor

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import sample_paths
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    within,
)
from speechalign.losses.properties import Context, Property


@dataclass(frozen=True)
class Pairs:
    """Paths drawn from a model, and each of them improved.

    Parameters
    ----------
    paths, improved : Tensor, shape (B, N, T), int64
        Labels by frame; values at and beyond a length are never read.
    kept : Tensor, shape (B, N), bool
        Where the improved path differs from its original and is possible. The other pairs count
        for nothing in the loss; ``kept.float().mean()`` tells how often there was something to
        improve.
    """

    paths: Tensor
    improved: Tensor
    kept: Tensor


def awp_loss(
    log_probs: Tensor,
    input_lengths: Tensor,
    property: Property,
    *,
    blank: int,
    seed: int | np.random.Generator,
    targets: Tensor | None = None,
    target_lengths: Tensor | None = None,
    samples: int = 5,
    margin: float = 0.0,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Push paths drawn from the model below versions of them that a property improved.

    Added to another loss with a small weight, it moves the model towards the property and leaves
    the rest to the other loss. It is `sample_pairs`, `gains` and `ranking_loss` in one call; call
    these to see, besides the loss, how many pairs there were and what they gained.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities, on any device. Frames at and beyond a length are never read.
    input_lengths : Tensor, shape (B,), int64
        Frames of each utterance.
    property : Property
        A function in ``PROPERTIES`` of `speechalign.losses.properties`, or one of your own.
    blank : int
        Column of the blank.
    seed : int or numpy Generator
        Of the paths drawn and of the choices among edits. Give another int at each step, or a
        Generator, which goes on from where it stands.
    targets : Tensor, shape (B, L), int64, or None
        Transcripts, for properties that need them.
    target_lengths : Tensor, shape (B,), int64, or None
        Labels of each transcript.
    samples : int
        N, pairs of each utterance.
    margin : float
        By how much the improved path must score better for the loss to vanish.
    temperature : float
        Of the distribution that paths are drawn from; the scores are not changed by it.
    reduction : {"mean", "sum", "none"}
        Over the utterances.

    Returns
    -------
    Tensor, shape () or (B,)
        The loss of each utterance is a mean over its N pairs.

    Raises
    ------
    InputError
        A length or option is out of range, a value is NaN or +inf, a frame gives probability zero
        to every label, or the property lacks what it needs.

    Notes
    -----
    With ``s(a) = (1/T_b) sum_t log_probs[b, t, a_t]``, paths ``a_n`` that are drawn frame by frame
    and ``f`` the property::

        loss[b] = (1/N) sum_n [f(a_n) != a_n] max(0, margin + s(a_n) - s(f(a_n)))

    The gradient goes through both scores; it is zero in all frames that the edit did not touch.
    The paper [1]_ and its released code differ. The paper ranks by probability and takes the mean
    of the pairs; the code ranks by the length-normalised log-probability and takes their sum. Here
    it is the code's score, which does not vanish on long utterances, and the paper's mean, so that
    the weight of the loss does not depend on N. The code adds 1e-7 to probabilities: here an edit
    to a label of probability zero does not count. Edits stay within the true length.

    References
    ----------
    .. [1] E. Segev et al., "Align With Purpose: Optimize Desired Properties in CTC Models with a
       General Plug-and-Play Framework", ICLR 2024, section 3.

    Examples
    --------
    >>> from speechalign.losses.properties import PROPERTIES
    >>> log_probs = torch.tensor([[[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]]).log()
    >>> awp_loss(log_probs, torch.tensor([3]), PROPERTIES["low_latency"], blank=0, seed=2)
    tensor(1.4648)
    """
    pairs = sample_pairs(
        log_probs, input_lengths, property, blank=blank, seed=seed, targets=targets,
        target_lengths=target_lengths, samples=samples, temperature=temperature,
    )  # fmt: skip
    gained = gains(log_probs, input_lengths, pairs)
    return ranking_loss(gained, pairs.kept, margin=margin, reduction=reduction)


def sample_pairs(
    log_probs: Tensor,
    input_lengths: Tensor,
    property: Property,
    *,
    blank: int,
    seed: int | np.random.Generator,
    targets: Tensor | None = None,
    target_lengths: Tensor | None = None,
    samples: int = 5,
    temperature: float = 1.0,
) -> Pairs:
    """Draw paths and improve them; see `awp_loss` for the arguments.

    Returns
    -------
    Pairs
        On the device of ``log_probs``. The work itself is done on the CPU.

    Raises
    ------
    InputError
        As in `awp_loss`.
    """
    check_log_probs(log_probs, input_lengths)
    batch, frames, num_columns = log_probs.shape
    if not 0 <= blank < num_columns:
        raise InputError(f"blank: expected a column in [0, {num_columns}), got {blank}")
    if targets is not None and target_lengths is not None:
        check_targets(targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank)
    values = log_probs.detach().cpu().numpy()
    lengths = input_lengths.cpu().numpy()
    generator = np.random.default_rng(seed)
    paths = sample_paths(values, lengths, samples, seed=generator, temperature=temperature)
    flat = paths.reshape(batch * samples, frames)
    context = Context(
        blank,
        generator,
        np.repeat(np.arange(batch), samples),
        None if targets is None else targets.cpu().numpy(),
        None if target_lengths is None else target_lengths.cpu().numpy(),
    )
    improved = property(flat, np.repeat(lengths, samples), context)
    if improved.shape != flat.shape or improved.dtype != np.int64:
        raise InputError(
            f"property: expected {flat.shape} int64, got {improved.shape} {improved.dtype}"
        )
    improved = improved.reshape(paths.shape)
    kept = np.empty((batch, samples), dtype=np.bool_)
    b, n, t = _keep(values, lengths, paths, improved, kept)
    if b >= 0:
        raise InputError(
            f"property: expected labels in [0, {num_columns}), got {improved[b, n, t]} at "
            f"frame {t} of a path of utterance {b}"
        )
    return Pairs(*(torch.from_numpy(x).to(log_probs.device) for x in (paths, improved, kept)))


@njit(cache=True, nogil=True)
def _keep(
    log_probs: np.ndarray,
    lengths: np.ndarray,
    paths: np.ndarray,
    improved: np.ndarray,
    kept: np.ndarray,
) -> tuple[int, int, int]:
    """Mark the pairs that differ and are possible; return where a label is none, or -1s."""
    for b in range(len(paths)):
        for n in range(len(kept[b])):
            differs, possible = False, True
            for t in range(lengths[b]):
                label = improved[b, n, t]
                if not 0 <= label < log_probs.shape[2]:
                    return b, n, t
                if label != paths[b, n, t]:
                    differs = True
                    possible = possible and log_probs[b, t, label] > -np.inf
            kept[b, n] = differs and possible
    return -1, -1, -1


def gains(log_probs: Tensor, input_lengths: Tensor, pairs: Pairs) -> Tensor:
    """Score how much more probable each improved path is than its original.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        What the pairs were drawn from.
    input_lengths : Tensor, shape (B,), int64
        Frames of each utterance.
    pairs : Pairs
        From `sample_pairs`.

    Returns
    -------
    Tensor, shape (B, N)
        Log-probability of the improved path less that of its original, by frame of the utterance:
        differentiable, summed in float64. Zero where a pair was not kept.
    """
    lengths = input_lengths.to(log_probs.device)
    edited = pairs.paths != pairs.improved
    edited &= within(lengths, log_probs.shape[1])[:, None] & pairs.kept[:, :, None]
    samples = pairs.kept.shape[1]
    read = log_probs.gather(2, torch.cat([pairs.improved, pairs.paths], 1).transpose(1, 2))
    differences = torch.where(
        edited.transpose(1, 2), read[..., :samples] - read[..., samples:], read.new_zeros(())
    )
    summed = differences.sum(1, dtype=torch.float64) / lengths.clamp(min=1)[:, None]
    return summed.to(log_probs.dtype)


def ranking_loss(
    gained: Tensor,
    kept: Tensor,
    *,
    margin: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Ask every improved path to score better than its original by a margin: a hinge.

    Parameters
    ----------
    gained : Tensor, shape (B, N)
        From `gains`.
    kept : Tensor, shape (B, N), bool
        Which pairs count.
    margin : float
        By how much, at least 0.
    reduction : {"mean", "sum", "none"}
        Over the utterances.

    Returns
    -------
    Tensor, shape () or (B,)
        Mean over the N pairs of an utterance, those not kept counting zero.

    Raises
    ------
    InputError
        The margin or the reduction is none.
    """
    check_reduction(reduction)
    if not 0 <= margin < float("inf"):
        raise InputError(f"margin: expected a finite number of at least 0, got {margin}")
    loss = torch.where(kept, (margin - gained).relu(), gained.new_zeros(())).mean(1)
    if reduction == "none":
        return loss
    if reduction not in ("mean", "sum"):
        raise InputError(f"reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")
    return loss.mean() if reduction == "mean" else loss.sum()
