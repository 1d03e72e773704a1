"""Non-monotonic latent alignment: the F1 of expected n-gram matches, whatever their order.

For targets in another order than the source, where CTC's one monotonic order is too narrow. Source:
C. Shao and Y. Feng, "Non-Monotonic Latent Alignments for CTC-Based Non-Autoregressive Machine
Translation", NeurIPS 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from speechalign.checks import check_log_probs as check_values
from speechalign.errors import BackendError, InputError
from speechalign.kernels.ngram_counts import (
    count_ngrams,
    count_ngrams_backward,
    expect_length,
    expect_length_backward,
    short_outputs,
    short_outputs_backward,
)
from speechalign.losses.arguments import (
    Reduction,
    check_log_probs,
    check_reduction,
    check_targets,
    reduced,
)
from speechalign.losses.gradients import Context, scaled_gradient

Backend = Literal["auto", "numba", "torch"]
Collapse = Literal["ctc", "simplified"]


@dataclass(frozen=True)
class NgramMatches:
    """Expected matches of the n-grams of a batch with those of the targets.

    Parameters
    ----------
    matched, expected, wanted : Tensor, shape (B,), float64
        Clipped matches, n-grams that the model is expected to emit, and n-grams of the target. They
        add up over utterances.
    """

    matched: Tensor
    expected: Tensor
    wanted: Tensor

    @property
    def precision(self) -> Tensor:
        """``matched / expected``, shape (B,); 0 where nothing is expected."""
        return _ratio(self.matched, self.expected)

    @property
    def recall(self) -> Tensor:
        """``matched / wanted``, shape (B,); 0 where nothing is wanted."""
        return _ratio(self.matched, self.wanted)

    @property
    def f1(self) -> Tensor:
        """``2 matched / (expected + wanted)``, shape (B,)."""
        return _ratio(2 * self.matched, self.expected + self.wanted)


def nmla_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    n: int = 2,
    blank: int,
    collapse: Collapse = "ctc",
    reduction: Reduction = "mean",
    backend: Backend = "auto",
) -> Tensor:
    """One minus the F1 of expected n-gram matches between a CTC model's outputs and the targets.

    Use it to fine-tune a model that CTC has trained: from nothing it has no gradient to speak of.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities; frames at and beyond a length are never read.
    targets : Tensor, shape (B, L), int32 or int64
        Labels; those at and beyond a length are never read.
    input_lengths, target_lengths : Tensor, shape (B,), int32 or int64
        Frames and labels of each utterance.
    n : int
        Length of the n-grams. A target that is shorter counts with the n-gram that it is.
    blank : int
        Column of the blank.
    collapse : {"ctc", "simplified"}
        ``simplified`` only drops the blanks and does not merge equal neighbours.
    reduction : {"mean", "sum", "none"}
        Over the utterances.
    backend : {"auto", "numba", "torch"}
        ``auto`` is numba for tensors on the CPU and torch for others.

    Returns
    -------
    Tensor, shape () or (B,)
        In [0, 1], in the dtype of ``log_probs``. An empty target has ``1 - P(nothing is emitted)``.

    Raises
    ------
    InputError
        A shape, dtype, length or label is out of range, or a value is NaN or +inf.

    Notes
    -----
    With the expected count C_g of n-gram g (see `speechalign.kernels.ngram_counts`) and R_g that in
    the target [1]_, eq. 10 and 13::

        M  = sum over g in the target of min(C_g, R_g)
        F1 = 2 M / (E[n-grams of the output] + n-grams of the target)
        E[n-grams of the output] = E|y| - (n - 1) + sum over k < n - 1 of (n - 1 - k) P(|y| = k)

    M is an upper bound of the expected clipped matches. Unlike the released code, the first frame
    counts in E|y|, padding does not, F1 is that of each utterance, and no T x T matrix is made:
    time and memory are O(T) for each distinct n-gram. The gradient is that of these formulas with
    respect to ``log_probs``; it cannot be differentiated again.

    References
    ----------
    .. [1] C. Shao and Y. Feng, "Non-Monotonic Latent Alignments for CTC-Based Non-Autoregressive
       Machine Translation", NeurIPS 2022.

    Examples
    --------
    The order of the target does not matter to single tokens:

    >>> log_probs = torch.tensor([[[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]]).log()
    >>> lengths = torch.tensor([2])
    >>> nmla_loss(log_probs, torch.tensor([[2, 1]]), lengths, lengths, n=1, blank=0)
    tensor(0.0989)
    """
    check_reduction(reduction)
    losses, _ = _evaluate(
        log_probs, targets, input_lengths, target_lengths, n, blank, collapse, backend
    )
    return reduced(losses, reduction)


def ngram_matches(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    n: int = 2,
    blank: int,
    collapse: Collapse = "ctc",
    backend: Backend = "auto",
) -> NgramMatches:
    """Count expected n-gram matches; precision, recall and F1 follow. No gradient.

    The arguments and errors are those of `nmla_loss`; an empty target wants one n-gram, nothing.
    """
    with torch.no_grad():
        _, counts = _evaluate(
            log_probs, targets, input_lengths, target_lengths, n, blank, collapse, backend
        )
    return NgramMatches(*counts.unbind(1))


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below.where(below > 0, torch.ones_like(below)), 0.0)


def _evaluate(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    n: int,
    blank: int,
    collapse: Collapse,
    backend: Backend,
) -> tuple[Tensor, Tensor]:
    """Return the losses (B,), differentiable, and matched, expected, wanted (B, 3), float64."""
    if n < 1:
        raise InputError(f"n: expected at least 1, got {n}")
    if collapse not in ("ctc", "simplified"):
        raise InputError(f"collapse: expected 'ctc' or 'simplified', got {collapse!r}")
    input_lengths = check_log_probs(log_probs, input_lengths)
    B, _, V = log_probs.shape
    targets, target_lengths = check_targets(
        targets, target_lengths, batch=B, num_columns=V, blank=blank
    )
    for b, frames in enumerate(input_lengths.tolist()):
        check_values(log_probs[b, :frames].detach(), name=f"log_probs[{b}]")
    merge = collapse == "ctc"
    if backend not in ("auto", "numba", "torch"):
        raise InputError(f"backend: expected 'auto', 'numba' or 'torch', got {backend!r}")
    if backend == "numba" and log_probs.device.type != "cpu":
        raise BackendError(
            f"backend: numba needs tensors on the CPU, got {log_probs.device}; use 'torch'"
        )
    if backend != "torch" and log_probs.device.type == "cpu":
        losses, counts, _ = _nmla(
            log_probs, targets, input_lengths, target_lengths, n, blank, merge,
            log_probs.requires_grad and torch.is_grad_enabled(),
        )  # fmt: skip
        return losses, counts
    counts = _torch_counts(
        log_probs, targets, input_lengths.to(log_probs.device), target_lengths, n, blank, merge
    )
    losses = 1 - 2 * counts[:, 0] / (counts[:, 1] + counts[:, 2])
    return losses.to(log_probs.dtype), counts.detach()


@torch.library.custom_op("speechalign::nmla", mutates_args=())
def _nmla(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    n: int,
    blank: int,
    merge: bool,
    wants_gradient: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return losses (B,), counts (B, 3), and d losses / d log_probs (B, T, V) where wanted."""
    values = log_probs.detach().contiguous().numpy()
    batch = len(values)
    counts = np.zeros((batch, 3))
    gradient = np.zeros_like(values if wants_gradient else values[:0])
    frames, labels = input_lengths.numpy(), target_lengths.numpy()
    for b in range(batch):
        probs = np.exp(values[b, : frames[b]])
        slope = gradient[b, : frames[b]] if wants_gradient else None
        counts[b] = _numba_counts(probs, targets[b, : labels[b]].numpy(), n, blank, merge, slope)
        if slope is not None:
            slope *= probs
    losses = 1 - 2 * counts[:, 0] / (counts[:, 1] + counts[:, 2])
    return (
        torch.from_numpy(losses).to(log_probs.dtype),
        torch.from_numpy(counts),
        torch.from_numpy(gradient),
    )


@_nmla.register_fake
def _(log_probs: Tensor, *arguments: object) -> tuple[Tensor, Tensor, Tensor]:
    counts = log_probs.new_empty(len(log_probs), 3, dtype=torch.float64)
    gradient = torch.empty_like(log_probs if arguments[-1] else log_probs[:0])
    return log_probs.new_empty(len(log_probs)), counts, gradient


def _keep_gradient(ctx: Context, inputs: object, output: tuple[Tensor, ...]) -> None:  # noqa: ARG001
    ctx.save_for_backward(output[2])


def _nmla_backward(ctx: Context, by_loss: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    (gradient,) = ctx.saved_tensors
    return scaled_gradient(gradient, by_loss), *[None] * 7


_nmla.register_autograd(_nmla_backward, setup_context=_keep_gradient)


def _numba_counts(
    probs: np.ndarray,
    target: np.ndarray,
    n: int,
    blank: int,
    merge: bool,
    gradient: np.ndarray | None,
) -> tuple[float, float, float]:
    """Return matched, expected and wanted; add d (1 - F1) / d probs to ``gradient``."""
    if len(target) == 0:
        lengths, silences, runs = short_outputs(probs, blank, merge, 0)
        if gradient is not None:
            short_outputs_backward(probs, blank, merge, silences, runs, np.array([-1.0]), gradient)
        return lengths[0], 1.0, 1.0
    n = min(n, len(target))
    windows = np.lib.stride_tricks.sliding_window_view(target, n)
    grams, wanted = np.unique(windows, axis=0, return_counts=True)
    found, tokens, gaps = count_ngrams(probs, grams, blank, merge)
    matched = float(np.minimum(found, wanted).sum())
    shortfall = np.arange(n - 1, 0, -1.0)  # n - 1 - k for k = 0 ... n - 2
    expected = expect_length(probs, blank, merge) - (n - 1)
    if n > 1:
        lengths, silences, runs = short_outputs(probs, blank, merge, n - 2)
        expected += float(shortfall @ lengths)
    if gradient is not None:
        total = expected + wanted.sum()
        by_match, by_length = -2 / total, 2 * matched / total**2
        weights = np.where(found < wanted, by_match, 0.0)
        count_ngrams_backward(probs, grams, blank, merge, tokens, gaps, weights, gradient)
        expect_length_backward(probs, blank, merge, by_length, gradient)
        if n > 1:
            short_outputs_backward(
                probs, blank, merge, silences, runs, by_length * shortfall, gradient
            )
    return matched, expected, float(wanted.sum())


def _torch_counts(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    n: int,
    blank: int,
    merge: bool,
) -> Tensor:
    """Return matched, expected and wanted, shape (B, 3), by autograd's means."""
    V = log_probs.shape[2]
    sure = torch.eye(V, dtype=torch.float64, device=log_probs.device)[blank]
    frames = torch.arange(log_probs.shape[1], device=sure.device)
    inside = (frames < input_lengths[:, None])[..., None]
    # A frame beyond the length that is sure to be blank changes no count.
    probs = log_probs.double().where(inside, 0.0).exp().where(inside, sure)
    spoken = probs * (1 - sure)
    length = spoken.sum((1, 2)) - (spoken[:, 1:] * spoken[:, :-1]).sum((1, 2)) * merge
    sizes = target_lengths.clamp(max=n).tolist()
    counts = probs.new_ones(len(probs), 3)
    for size in set(sizes):
        rows = [b for b, other in enumerate(sizes) if other == size]
        silent = probs[rows, :, blank]
        if size == 0:
            matched = silent.prod(1)
            expected = wanted = torch.ones_like(matched)
        else:
            grams, wanted = _grams(
                [targets[b, : target_lengths[b]] for b in rows], size, device=probs.device
            )
            found = _torch_ngrams(probs[rows], grams, blank, merge)
            matched = torch.minimum(found, wanted).sum(1)
            wanted = wanted.sum(1)
            expected = length[rows] - (size - 1)
            if size > 1:
                short = _torch_short(spoken[rows], silent, merge, size - 2)
                expected = expected + short @ torch.arange(size - 1, 0, -1).to(short)
        place = torch.tensor(rows, device=probs.device)
        counts = counts.index_copy(0, place, torch.stack([matched, expected, wanted], 1))
    return counts


def _grams(targets: list[Tensor], n: int, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the distinct n-grams of each target (R, G, n), and how often they stand there (R, G).

    Where a target has fewer than G of them, others that stand there 0 times follow.
    """
    found = [torch.unique(target.unfold(0, n, 1), dim=0, return_counts=True) for target in targets]
    grams, counts = (pad_sequence(list(part), batch_first=True) for part in zip(*found))
    return grams.to(device), counts.to(device, torch.float64)


def _torch_ngrams(probs: Tensor, grams: Tensor, blank: int, merge: bool) -> Tensor:
    """Do what `count_ngrams` does for (R, T, V) and (R, G, n): (R, G); its notes hold."""
    R, T, _ = probs.shape
    _, G, n = grams.shape
    labels = grams.transpose(1, 2).reshape(R, 1, n * G)
    by_token = probs.gather(2, labels.expand(R, T, n * G)).reshape(R, T, n, G)
    if n == 1:
        before = torch.cat([by_token.new_zeros(R, 1, n, G), by_token[:, :-1]], 1)
        return (by_token * (1 - before * merge)).sum(dim=(1, 2))
    apart: Tensor | float = 1.0
    if merge:
        apart = (grams[..., 1:] != grams[..., :-1]).transpose(1, 2).to(probs.dtype)
    found = probs.new_zeros(R, G)
    token, gap = probs.new_zeros(R, n - 1, G), probs.new_zeros(R, n - 1, G)
    for t in range(T):
        entry = gap + token * apart  # of the tokens 1 ... n - 1
        found = found + by_token[:, t, n - 1] * entry[:, n - 2]
        stay = token[:, 1:] if merge else 0.0
        inner = by_token[:, t, 1 : n - 1] * (entry[:, : n - 2] + stay)
        gap = probs[:, t, blank, None, None] * (token + gap)
        token = torch.cat([by_token[:, t, :1], inner], 1)
    return found


def _torch_short(spoken: Tensor, silent: Tensor, merge: bool, longest: int) -> Tensor:
    """Return P(|y| = k) for k up to ``longest``, (R, longest + 1); `short_outputs` tells how."""
    spoken = spoken if merge else spoken.sum(2, keepdim=True)
    R, T, V = spoken.shape
    silence = torch.cat([spoken.new_ones(R, 1), spoken.new_zeros(R, longest)], 1)
    run = spoken.new_zeros(R, longest + 1, V)
    for t in range(T):
        reached = silence + run.sum(2)
        entry = reached[:, :-1, None] - (run[:, :-1] if merge else 0.0)
        later = spoken[:, t, None] * (entry + (run[:, 1:] if merge else 0.0))
        run = torch.cat([spoken.new_zeros(R, 1, V), later], 1)
        silence = silent[:, t, None] * reached
    return silence + run.sum(2)
