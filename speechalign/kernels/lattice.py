"""Viterbi and forward-backward over the arcs of a Graph, on whichever backend fits the data.

A backend is a module with ``best_path`` and ``occupation``, as in `lattice_numba`; every backend
returns the same path: among equal scores the arc listed first wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, cast

import numpy as np

from speechalign.checks import check_log_probs
from speechalign.errors import InputError
from speechalign.graphs import Graph
from speechalign.registry import Registry

BACKENDS = Registry(
    "speechalign.kernels.lattice", {"numba": "speechalign.kernels.lattice_numba"}
)


class _Backend(Protocol):
    def best_path(self, log_probs: np.ndarray, graph: Graph) -> tuple[np.ndarray, float]: ...

    def occupation(
        self, log_probs: np.ndarray, graph: Graph, columns: np.ndarray, width: int
    ) -> tuple[np.ndarray, float]: ...


@dataclass(frozen=True)
class Path:
    """One way through a graph.

    Parameters
    ----------
    arcs : ndarray, shape (T,), int64
        Arc taken at each frame.
    score : float
        Natural-log probability, arc, start and final weights included.
    """

    arcs: np.ndarray
    score: float


@dataclass(frozen=True)
class Occupation:
    """How much of the probability passes where, summed over all paths.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        Row t sums to one over the K arcs, labels or positions.
    score : float
        Natural-log total probability of all paths.
    """

    posteriors: np.ndarray
    score: float


def viterbi(log_probs: np.ndarray, graph: Graph, *, backend: str = "numba") -> Path:
    """Find the most probable path through a graph.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.
    backend : str
        A name in ``BACKENDS``.

    Returns
    -------
    Path
        The best path; among equals, the one whose arcs are listed first.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    InputError
        ``log_probs`` has the wrong shape or dtype, holds NaN, or lacks a column.

    Notes
    -----
    For each arc (i, j, label, w):  v[t+1, j] = max(v[t, i] + w + log_probs[t, label]).
    O(TA) time. Memory is O(S sqrt(T)) at most: scores are kept every few frames only, and the
    choices between two such frames are found again on the way back.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, section III.B.
    .. [2] J. A. Grice, R. Hughey and D. Speck, "Reduced space sequence alignment", CABIOS 13(1),
       1997, for the checkpoints.

    Examples
    --------
    >>> from speechalign.graphs import HmmUnit, hmm_graph
    >>> units = [HmmUnit((v,), (0.0,), (0.0,)) for v in (0, 1)]
    >>> graph = hmm_graph([[[units[0]]], [[units[1]]]])
    >>> path = viterbi(np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), graph)
    >>> graph.labels[path.arcs].tolist(), round(float(np.exp(path.score)), 3)
    ([0, 0, 1], 0.504)
    """
    _check(log_probs, graph)
    arcs, score = cast(_Backend, BACKENDS[backend]).best_path(log_probs, graph)
    return Path(arcs, score)


def forward_backward(
    log_probs: np.ndarray,
    graph: Graph,
    *,
    by: Literal["arc", "label", "position"] = "position",
    backend: str = "numba",
) -> Occupation:
    """Sum over all paths through a graph, and say how much of the sum passes where.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.
    by : {"arc", "label", "position"}
        What the K columns of the result are.
    backend : str
        A name in ``BACKENDS``.

    Returns
    -------
    Occupation
        Posteriors and the total score.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    InputError
        ``log_probs`` has the wrong shape or dtype, holds NaN, or lacks a column.

    Notes
    -----
    alpha[t+1, j] = log sum over arcs (i, j, label, w) of exp(alpha[t, i] + w + log_probs[t, label])
    and beta[t, i] likewise backwards;  P(arc at t) = exp(alpha[t, i] + w + log_probs[t, label] +
    beta[t+1, j] - score). O(TA) time, O(TS) memory, float64 throughout.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, eq. 19-27.
    """
    _check(log_probs, graph)
    if by == "position":
        columns = graph.positions
    elif by == "label":
        columns = graph.labels
    elif by == "arc":
        columns = np.arange(graph.num_arcs)
    else:
        raise InputError(f"by: expected 'arc', 'label' or 'position', got {by!r}")
    width = log_probs.shape[1] if by == "label" else int(columns.max(initial=-1)) + 1
    posteriors, score = cast(_Backend, BACKENDS[backend]).occupation(
        log_probs, graph, columns, width
    )
    return Occupation(posteriors, score)


def _check(log_probs: np.ndarray, graph: Graph) -> None:
    check_log_probs(log_probs)
    if graph.num_arcs and graph.labels.max() >= log_probs.shape[1]:
        raise InputError(
            f"log_probs: expected at least {graph.labels.max() + 1} columns for the labels of the "
            f"graph, got {log_probs.shape[1]}"
        )
