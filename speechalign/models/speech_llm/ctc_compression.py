"""Frames that CTC hears the same label in become one: a shorter sequence for a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import check_lengths


@dataclass(frozen=True)
class Compressed:
    """Runs of frames, each as one row.

    Parameters
    ----------
    rows : Tensor, shape (B, R, d)
        Mean of each run, differentiable; 0 at padding.
    lengths : Tensor, shape (B,), int64
        Runs of each utterance, possibly none.
    spans : Tensor, shape (B, R, 2), int64
        First frame of each run and the one after its last; 0 at padding.
    labels : Tensor, shape (B, R), int64
        The label of each run; 0 at padding.
    """

    rows: Tensor
    lengths: Tensor
    spans: Tensor
    labels: Tensor


def ctc_compress(
    features: Tensor,
    log_probs: Tensor,
    input_lengths: Tensor,
    *,
    blank: int,
    weights: Literal["even", "probability"] = "even",
    keep_blanks: bool = True,
) -> Compressed:
    """Average the features over runs of frames of which CTC finds the same label most probable.

    Parameters
    ----------
    features : Tensor, shape (B, T, d), floating
        What is averaged; frames at and beyond a length are never read.
    log_probs : Tensor, shape (B, T, V), floating
        Natural-log probabilities.
    input_lengths : Tensor, shape (B,), int32 or int64
        Frames of each utterance.
    blank : int
        Column of the blank.
    weights : {"even", "probability"}
        Of the frames of a run: all the same, or the probability of the label; then the gradient
        goes to ``log_probs`` as well.
    keep_blanks : bool
        Keep runs of blanks, such as pauses, as rows too.

    Returns
    -------
    Compressed
        Rows in the dtype of ``features``. An utterance of blanks alone has none, unless they are
        kept.

    Raises
    ------
    InputError
        A shape, length or option is wrong, or a frame's log-probabilities are NaN.

    Notes
    -----
    The averages of [1]_. O(TV) time, O(Td) memory.

    References
    ----------
    .. [1] M. Gaido, M. Cettolo, M. Negri and M. Turchi, "CTC-based compression for direct speech
       translation", Proc. EACL, 2021.

    Examples
    --------
    >>> features = torch.tensor([[[1.0], [3.0], [5.0], [7.0]]])
    >>> log_probs = torch.eye(3)[[1, 1, 0, 2]].log_softmax(1)[None]
    >>> found = ctc_compress(features, log_probs, torch.tensor([4]), blank=0, keep_blanks=False)
    >>> found.rows.flatten().tolist(), found.spans.tolist()
    ([2.0, 7.0], [[[0, 2], [3, 4]]])
    """
    batch, frames = _checked(features, log_probs, input_lengths, blank)
    if weights not in ("even", "probability"):
        raise InputError(f"weights: expected 'even' or 'probability', got {weights!r}")
    device = features.device
    lengths = input_lengths.to(device)
    inside = torch.arange(frames, device=device) < lengths[:, None]
    scores = log_probs.where(inside[:, :, None], 0.0)
    if scores.isnan().any():
        b, t, v = torch.nonzero(scores.isnan())[0].tolist()
        raise InputError(f"log_probs[{b}, {t}, {v}]: expected a number, got nan; check the model")
    best, labels = scores.max(2)
    changed = torch.ones_like(inside)
    changed[:, 1:] = labels[:, 1:] != labels[:, :-1]
    kept = inside if keep_blanks else inside & (labels != blank)
    begins = kept & changed
    # Of each frame, its run; those that are not kept go to a last one that is cut off.
    runs = (begins.cumsum(1) - 1).where(kept, frames)
    counts = begins.sum(1)
    size = int(counts.max()) if batch else 0
    weight = best.exp() if weights == "probability" else torch.ones_like(best)
    weight = weight.to(features.dtype).where(kept, 0.0)
    total = weight.new_zeros(batch, frames + 1).scatter_add(1, runs, weight)[:, :size]
    places = runs[:, :, None].expand_as(features)
    clean = features.where(inside[:, :, None], 0.0) * weight[:, :, None]
    sums = clean.new_zeros(batch, frames + 1, features.shape[2]).scatter_add(1, places, clean)
    there = torch.arange(size, device=device) < counts[:, None]
    rows = sums[:, :size] / total.where(there, 1.0)[:, :, None]
    ones = kept.long()
    durations = ones.new_zeros(batch, frames + 1).scatter_add(1, runs, ones)[:, :size]
    b, firsts = torch.nonzero(begins, as_tuple=True)
    r = runs[b, firsts]
    spans = torch.zeros(batch, size, 2, dtype=torch.int64, device=device)
    spans[b, r, 0] = firsts
    spans[b, r, 1] = firsts + durations[b, r]
    found = torch.zeros(batch, size, dtype=torch.int64, device=device)
    found[b, r] = labels[b, firsts]
    return Compressed(rows, counts, spans, found)


def _checked(
    features: Tensor, log_probs: Tensor, input_lengths: Tensor, blank: int
) -> tuple[int, int]:
    """Return B and T; refuse what does not fit together."""
    if features.ndim != 3 or log_probs.ndim != 3 or features.shape[:2] != log_probs.shape[:2]:
        raise InputError(
            "features, log_probs: expected shapes (B, T, d) and (B, T, V), got "
            f"{tuple(features.shape)} and {tuple(log_probs.shape)}"
        )
    batch, frames, columns = log_probs.shape
    if not 0 <= blank < columns:
        raise InputError(f"blank: expected a column in [0, {columns}), got {blank}")
    check_lengths(input_lengths, "input_lengths", batch, frames)
    return batch, frames
