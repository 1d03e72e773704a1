"""Expected risk over lattices of k2: the mean number of word errors of their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.kernels.word_errors import EACH_LABEL, word_errors
from speechalign.losses.arguments import (
    Reduction,
    check_integers,
    check_lengths,
    check_reduction,
    reduced,
    within,
)
from speechalign.losses.risk import distinct, expected_risk

if TYPE_CHECKING:
    from k2 import Fsa, RaggedTensor  # type: ignore[import-not-found]


def expected_risk_k2_loss(
    lattice: Fsa,
    targets: Tensor,
    target_lengths: Tensor,
    *,
    samples: int = 200,
    temperature: float = 2.0,
    scale: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Average the word errors of the paths of lattices, by how probable these are.

    Parameters
    ----------
    lattice : k2.Fsa
        A vector of B lattices whose ``scores`` the gradient goes to, such as
        ``k2.intersect_dense`` makes of a decoding graph and frames. Words are its ``aux_labels``,
        or its ``labels`` where it has none; those that are not above 0 are no words.
    targets : Tensor, shape (B, L), int32 or int64
        The words of the transcripts; values beyond a length are never read.
    target_lengths : Tensor, shape (B,), int32 or int64
        Words of each transcript.
    samples : int
        Paths that ``k2.random_paths`` takes of each lattice: without chance, spread evenly over
        their distribution. Paths that are equal count once.
    temperature : float
        Of that distribution: above 1 the paths differ more.
    scale : float
        Exponent of the probabilities of paths before they are made to sum to one; above 0.
    reduction : {"mean", "sum", "none"}
        Over the lattices.

    Returns
    -------
    Tensor, shape () or (B,), float64
        Expected errors of each lattice; +inf, with zero gradient, where no path leads through it.

    Raises
    ------
    InputError
        The lattice is no vector, or a shape, dtype, length or option is out of range.

    Notes
    -----
    With the scores ``s_i`` of the distinct paths taken and their Levenshtein distances ``W_i``, the
    loss is ``sum_i p_i W_i``, ``p = softmax(scale * s)`` [1]_. ``k2.mwer_loss`` keeps one path of
    those that say the same words, whichever comes first; here every path counts, so that with
    enough samples the loss is the expectation over the lattice.

    References
    ----------
    .. [1] R. Prabhavalkar et al., "Minimum word error rate training for attention-based
       sequence-to-sequence models", Proc. ICASSP, 2018.
    """
    import k2

    if len(lattice.shape) != 3:
        raise InputError(
            "lattice: expected a vector of lattices, got one; make it with k2.create_fsa_vec"
        )
    batch = lattice.shape[0]
    targets = check_integers(targets, "targets")
    if targets.ndim != 2 or len(targets) != batch:
        raise InputError(f"targets: expected shape ({batch}, L), got {tuple(targets.shape)}")
    target_lengths = check_lengths(target_lengths, "target_lengths", *targets.shape)
    word_counts = target_lengths.cpu().numpy()
    if samples < 1:
        raise InputError(f"samples: expected at least 1, got {samples}")
    for name, value in (("temperature", temperature), ("scale", scale)):
        if not 0 < value < float("inf"):
            raise InputError(f"{name}: expected a finite number above 0, got {value}")
    check_reduction(reduction)

    flatter = k2.Fsa(lattice.arcs.clone())
    flatter.scores = lattice.scores.detach() / temperature
    paths = k2.random_paths(flatter, use_double_scores=True, num_paths=samples)
    said = lattice.aux_labels if hasattr(lattice, "aux_labels") else lattice.labels
    if isinstance(said, Tensor):
        words = k2.ragged.index(said.contiguous(), paths)
    else:
        words = said.index(paths).remove_axis(2)
    arcs, lengths = _padded(paths)
    labels, counts = _padded(words.remove_values_leq(0))
    utterances = paths.shape.row_ids(1).cpu().numpy().astype(np.int64)
    chosen = distinct(utterances, arcs)
    errors = word_errors(
        labels[chosen], counts[chosen], utterances[chosen], targets.cpu().numpy(), word_counts,
        EACH_LABEL,
    )  # fmt: skip
    device = lattice.scores.device
    read = lattice.scores.double()[torch.from_numpy(arcs[chosen]).to(device)]
    inside = within(torch.from_numpy(lengths[chosen]).to(device), arcs.shape[1])
    scores = torch.where(inside, read, torch.zeros_like(read)).sum(1)
    risk = expected_risk(scores, errors, utterances[chosen], batch=batch, scale=scale)
    return reduced(risk, reduction)


def _padded(ragged: RaggedTensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the innermost lists as rows (P, M) int64, padded with 0, and their lengths (P,)."""
    splits = ragged.shape.row_splits(2).cpu().numpy().astype(np.int64)
    lengths = np.diff(splits)
    rows = np.zeros((len(lengths), int(lengths.max(initial=0))), dtype=np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = ragged.values.cpu().numpy()
    return rows, lengths
