"""Align With Purpose: of two alignments, have the model prefer the one with a better property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import InputError, wrong_type
from speechalign.losses.arguments import (
    Reduction,
    check_integers,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
)
from speechalign.losses.properties import Context, Property
from speechalign.losses.sampling import draw_paths


@dataclass(frozen=True)
class Pairs:
    """Paths drawn from a model, and each of them improved.

    Parameters
    ----------
    paths, improved : Tensor, shape (B, N, T), int64
        Labels by frame; 0 at and beyond a length.
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
    words: Tensor | None = None,
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
    input_lengths : Tensor, shape (B,), int32 or int64
        Frames of each utterance.
    property : Property
        A function in ``PROPERTIES`` of `speechalign.losses.properties`, or one of your own.
    blank : int
        Column of the blank.
    seed : int or numpy Generator
        Of the paths drawn and of the choices among edits. Give another int at each step, or a
        Generator, which goes on from where it stands.
    targets : Tensor, shape (B, L), int32 or int64, or None
        Transcripts, for properties that need them.
    target_lengths : Tensor, shape (B,), int32 or int64, or None
        Labels of each transcript.
    words : Tensor, shape (B, L), int32 or int64, or None
        The word that each label of the transcripts is of, where no label stands between words:
        equal numbers side by side are one word.
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
    The paper [1]_ and its released code differ: the paper is said to rank by probability and to
    average over the pairs; the code ranks by the length-normalised log-probability, and sums. Here
    it is the code's score, which does not vanish on long utterances, and the paper's mean, so that
    the weight of the loss does not depend on N. The code adds 1e-7 to probabilities: here an edit
    to a label of probability zero does not count. Edits stay within the true length.

    References
    ----------
    .. [1] E. Segev et al., "Align With Purpose: Optimize Desired Properties in CTC Models with a
       General Plug-and-Play Framework", ICLR 2024.

    Examples
    --------
    >>> from speechalign.losses.properties import PROPERTIES
    >>> log_probs = torch.tensor([[[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]]).log()
    >>> awp_loss(log_probs, torch.tensor([3]), PROPERTIES["low_latency"], blank=0, seed=2)
    tensor(1.4648)
    """
    pairs = sample_pairs(
        log_probs, input_lengths, property, blank=blank, seed=seed, targets=targets,
        target_lengths=target_lengths, words=words, samples=samples, temperature=temperature,
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
    words: Tensor | None = None,
    samples: int = 5,
    temperature: float = 1.0,
) -> Pairs:
    """Draw paths and improve them; see `awp_loss` for the arguments.

    Returns
    -------
    Pairs
        On the device of ``log_probs``. Paths are drawn there, and improved on the CPU.

    Raises
    ------
    InputError
        As in `awp_loss`.
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    batch, frames, num_columns = log_probs.shape
    if not 0 <= blank < num_columns:
        raise InputError(f"blank: expected a column in [0, {num_columns}), got {blank}")
    if not callable(property):
        raise wrong_type(
            "property", "a function", property, "take one of speechalign.losses.properties"
        )
    transcripts: list[np.ndarray] = []
    if targets is not None and target_lengths is not None:
        targets, target_lengths = check_targets(
            targets, target_lengths, batch=batch, num_columns=num_columns, blank=blank
        )
        transcripts = [targets.cpu().numpy(), target_lengths.cpu().numpy()]
        if words is not None:
            words = check_integers(words, "words")
            if words.shape != targets.shape:
                raise InputError(
                    f"words: expected shape {tuple(targets.shape)}, that of targets; got "
                    f"{tuple(words.shape)}"
                )
            transcripts.append(words.cpu().numpy())
    elif words is not None:
        raise InputError("words: expected targets as well, whose labels they are of; give them")
    elif targets is not target_lengths:
        raise InputError("targets: give target_lengths as well, or neither of both")
    generator = np.random.default_rng(seed)
    paths = draw_paths(
        log_probs, input_lengths, samples, generator=generator, temperature=temperature
    )
    utterances = np.repeat(np.arange(batch), samples)
    lengths = input_lengths.cpu().numpy()[utterances]
    flat = paths.reshape(batch * samples, frames)
    context = Context(
        blank, generator, utterances, *transcripts,
        log_probs=lambda: log_probs.detach().cpu().numpy(),
    )  # fmt: skip
    improved = property(flat, lengths, context)
    if improved.shape != flat.shape or improved.dtype.kind != "i":
        raise InputError(
            f"property: expected labels of shape {flat.shape}, int64, got {improved.shape} "
            f"{improved.dtype}"
        )
    improved = np.where(np.arange(frames) < lengths[:, None], improved, 0).astype(np.int64)
    wrong = (improved < 0) | (improved >= num_columns)
    if wrong.any():
        p, t = np.argwhere(wrong)[0]
        raise InputError(
            f"property: expected labels in [0, {num_columns}), got {improved[p, t]} at frame {t} "
            f"of a path of utterance {utterances[p]}"
        )
    before, after = (
        torch.from_numpy(x.reshape(paths.shape)).to(log_probs.device) for x in (flat, improved)
    )
    edited = before != after
    possible = log_probs.detach().gather(2, after.transpose(1, 2)).transpose(1, 2) > -torch.inf
    return Pairs(before, after, edited.any(2) & (possible | ~edited).all(2))


def gains(log_probs: Tensor, input_lengths: Tensor, pairs: Pairs) -> Tensor:
    """Score how much more probable each improved path is than its original.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        What the pairs were drawn from.
    input_lengths : Tensor, shape (B,), int32 or int64
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
    edited = (pairs.paths != pairs.improved) & pairs.kept[:, :, None]
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
    return reduced(loss, reduction)
