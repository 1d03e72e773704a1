"""Viterbi and forward-backward over the arcs of a Graph, on whichever backend fits the data.

A backend is a module with ``best_path`` and ``occupation``, as in `lattice_numba`; every backend
returns the same path: among equal scores the arc listed first wins. One that needs a package or a
device that is not there says so with a BackendError. One that takes a batch at once also has
``best_paths`` and ``occupations``, as in `lattice_cuda`; the others get one utterance at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np

from speechalign.checks import check_jobs, check_lengths, check_log_probs
from speechalign.errors import AlignmentError, BackendError, InputError, wrong_type
from speechalign.graphs import Graph
from speechalign.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    # Of one utterance of a batch: arcs or posteriors, and their score; or why there are none.
    Outcome = tuple[np.ndarray, float] | AlignmentError | InputError

Answer = TypeVar("Answer")

BACKENDS = Registry(
    "speechalign.kernels.lattice",
    {
        "numba": "speechalign.kernels.lattice_numba",
        "cuda": "speechalign.kernels.lattice_cuda",
        "k2": "speechalign.kernels.lattice_k2",
    },
)
_ON_CUDA = ("cuda", "k2")  # What "auto" tries, in this order, for data on the GPU.


class _Backend(Protocol):
    def best_path(
        self, log_probs: np.ndarray | Tensor, graph: Graph
    ) -> tuple[np.ndarray, float]: ...

    def occupation(
        self, log_probs: np.ndarray | Tensor, graph: Graph, columns: np.ndarray, width: int
    ) -> tuple[np.ndarray, float]: ...


@runtime_checkable
class _BatchBackend(_Backend, Protocol):
    def best_paths(
        self, log_probs: np.ndarray | Tensor, lengths: np.ndarray, graphs: Sequence[Graph]
    ) -> list[Outcome]: ...

    def occupations(
        self,
        log_probs: np.ndarray | Tensor,
        lengths: np.ndarray,
        graphs: Sequence[Graph],
        columns: Sequence[np.ndarray],
        widths: Sequence[int],
    ) -> list[Outcome]: ...


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
    """Occupation probabilities, summed over all paths.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        Row t sums to one over the K arcs, labels or positions.
    score : float
        Natural-log total probability of all paths.
    """

    posteriors: np.ndarray
    score: float


def viterbi(log_probs: np.ndarray | Tensor, graph: Graph, *, backend: str = "auto") -> Path:
    """Find the most probable path through a graph.

    Parameters
    ----------
    log_probs : ndarray or torch.Tensor, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.
    backend : str
        A name in ``BACKENDS``; or "auto", which follows the device of the data: numba in host
        memory; on a CUDA device "cuda", else "k2", else a copy to the host, with a warning.

    Returns
    -------
    Path
        The best path; among equals, the one whose arcs are listed first.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    BackendError
        The backend asked for by name lacks a package or a device, or cannot hold the problem.
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
    log_probs = _checked(log_probs, graph)
    arcs, score = _on(backend, log_probs, lambda module, data: module.best_path(data, graph))
    return Path(arcs, score)


def forward_backward(
    log_probs: np.ndarray | Tensor,
    graph: Graph,
    *,
    by: Literal["arc", "label", "position"] = "position",
    backend: str = "auto",
) -> Occupation:
    """Sum over all paths through a graph; return posteriors of its positions.

    Parameters
    ----------
    log_probs : ndarray or torch.Tensor, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.
    by : {"arc", "label", "position"}
        What the K columns of the result are.
    backend : str
        A name in ``BACKENDS``; or "auto", which follows the device of the data: numba in host
        memory; on a CUDA device "cuda", else "k2", else a copy to the host, with a warning.

    Returns
    -------
    Occupation
        Posteriors and the total score.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    BackendError
        The backend asked for by name lacks a package or a device, or cannot hold the problem.
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
    log_probs = _checked(log_probs, graph)
    columns, width = _columns(graph, by, log_probs.shape[1])
    posteriors, score = _on(
        backend, log_probs, lambda module, data: module.occupation(data, graph, columns, width)
    )
    return Occupation(posteriors, score)


def viterbi_batch(
    log_probs: np.ndarray | Tensor,
    input_lengths: np.ndarray,
    graphs: Sequence[Graph],
    *,
    backend: str = "auto",
    jobs: int = 1,
) -> list[Path]:
    """Find the most probable path of each utterance of a batch.

    Parameters
    ----------
    log_probs : ndarray or torch.Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities; those beyond the length of an utterance are never read. For
        "cuda" also anything else that has ``__cuda_array_interface__``.
    input_lengths : ndarray, shape (B,), integer
        Frames of each utterance.
    graphs : Sequence[Graph]
        One for each utterance.
    backend : str
        As for `viterbi`.
    jobs : int
        Threads, for a backend that takes one utterance at a time; no result depends on it.

    Returns
    -------
    list[Path]
        What `viterbi` returns for each utterance on its own.

    Raises
    ------
    AlignmentError, InputError
        What `viterbi` raises for one of the utterances. The message names the first such;
        nothing is returned for the others.
    BackendError
        As for `viterbi`, of the whole batch.
    """
    log_probs, input_lengths = _checked_batch(log_probs, input_lengths, graphs, jobs)

    def search(module: _Backend, data: np.ndarray | Tensor) -> list[Outcome]:
        if isinstance(module, _BatchBackend):
            return module.best_paths(data, input_lengths, graphs)
        single = module.best_path
        return _one_by_one(lambda b, frames: single(frames, graphs[b]), data, input_lengths, jobs)

    return [Path(*found) for found in _settled(_on(backend, log_probs, search))]


def forward_backward_batch(
    log_probs: np.ndarray | Tensor,
    input_lengths: np.ndarray,
    graphs: Sequence[Graph],
    *,
    by: Literal["arc", "label", "position"] = "position",
    backend: str = "auto",
    jobs: int = 1,
) -> list[Occupation]:
    """Sum over all paths of each utterance of a batch; return posteriors of positions.

    Parameters and errors are those of `viterbi_batch`; ``by`` and the results those of
    `forward_backward`.
    """
    log_probs, input_lengths = _checked_batch(log_probs, input_lengths, graphs, jobs)
    kinds = [_columns(graph, by, log_probs.shape[2]) for graph in graphs]

    def search(module: _Backend, data: np.ndarray | Tensor) -> list[Outcome]:
        if isinstance(module, _BatchBackend):
            columns, widths = [c for c, _ in kinds], [width for _, width in kinds]
            return module.occupations(data, input_lengths, graphs, columns, widths)
        single = module.occupation
        return _one_by_one(
            lambda b, frames: single(frames, graphs[b], *kinds[b]), data, input_lengths, jobs
        )

    return [Occupation(*found) for found in _settled(_on(backend, log_probs, search))]


def _one_by_one(
    search: Callable[[int, np.ndarray | Tensor], tuple[np.ndarray, float]],
    log_probs: np.ndarray | Tensor,
    lengths: np.ndarray,
    jobs: int,
) -> list[Outcome]:
    def attempt(b: int) -> Outcome:
        frames = log_probs[b, : lengths[b]]
        try:
            check_log_probs(frames)
            return search(b, frames)
        except (AlignmentError, InputError) as error:
            return error

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(attempt, range(len(lengths))))


def _settled(outcomes: Sequence[Outcome]) -> list[tuple[np.ndarray, float]]:
    """Return the outcomes, or raise the first that is an error, naming its utterance."""
    found = []
    for b, outcome in enumerate(outcomes):
        if isinstance(outcome, (AlignmentError, InputError)):
            raise type(outcome)(f"utterance {b}: {outcome}") from outcome
        found.append(outcome)
    return found


def _columns(graph: Graph, by: str, num_labels: int) -> tuple[np.ndarray, int]:
    """Return the column of the posteriors that each arc counts for, and how many there are."""
    if by == "label":
        return graph.labels, num_labels
    if by not in ("arc", "position"):
        raise InputError(f"by: expected 'arc', 'label' or 'position', got {by!r}")
    columns = graph.positions if by == "position" else np.arange(graph.num_arcs)
    return columns, int(columns.max(initial=-1)) + 1


def _checked(log_probs: np.ndarray | Tensor, graph: Graph) -> np.ndarray | Tensor:
    """Return the checked scores; those of a tensor in host memory as an array that shares it."""
    check_log_probs(log_probs)
    _check_labels(graph, log_probs.shape[1])
    return _without_history(log_probs)


def _checked_batch(
    log_probs: np.ndarray | Tensor, input_lengths: np.ndarray, graphs: Sequence[Graph], jobs: int
) -> tuple[np.ndarray | Tensor, np.ndarray]:
    """Do as `_checked` for a batch and its lengths, but leave NaN to the search for it."""
    dtype = str(log_probs.dtype).replace("torch.", "")
    if log_probs.ndim != 3 or dtype not in ("float32", "float64"):
        raise InputError(
            "log_probs: expected shape (B, T, V), float32 or float64, "
            f"got {tuple(log_probs.shape)} {dtype}"
        )
    batch, frames, num_labels = log_probs.shape
    input_lengths = check_lengths(input_lengths, batch, frames, name="input_lengths")
    if len(graphs) != batch:
        raise InputError(f"graphs: expected {batch}, one for each utterance, got {len(graphs)}")
    check_jobs(jobs)
    for b, graph in enumerate(graphs):
        try:
            _check_labels(graph, num_labels)
        except InputError as error:
            raise InputError(f"utterance {b}: {error}") from error
    return _without_history(log_probs), input_lengths


def _check_labels(graph: Graph, num_labels: int) -> None:
    if not isinstance(graph, Graph):
        raise wrong_type("graph", "a Graph", graph)
    if graph.num_arcs and graph.labels.max() >= num_labels:
        raise InputError(
            f"log_probs: expected at least {graph.labels.max() + 1} columns for the labels of the "
            f"graph, got {num_labels}"
        )


def _without_history(log_probs: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Return an array, or what is on a GPU; a tensor is no longer part of a computation."""
    if not hasattr(log_probs, "detach"):
        return log_probs
    log_probs = log_probs.detach()
    return log_probs if log_probs.is_cuda else log_probs.numpy()


def _on(
    backend: str,
    log_probs: np.ndarray | Tensor,
    call: Callable[[_Backend, np.ndarray | Tensor], Answer],
) -> Answer:
    """Call the backend of that name or, for "auto", the first that can work on these data."""
    if isinstance(log_probs, np.ndarray):
        name = "numba" if backend == "auto" else backend
        return call(cast(_Backend, BACKENDS[name]), log_probs)
    if backend == "numba":
        raise BackendError(
            f"log_probs: backend 'numba' reads host memory, got a tensor on {log_probs.device}; "
            "pass log_probs.cpu(), or backend='auto'"
        )
    if backend != "auto":
        return call(cast(_Backend, BACKENDS[backend]), log_probs)
    reasons = []
    for name in _ON_CUDA:
        try:
            return call(cast(_Backend, BACKENDS[name]), log_probs)
        except BackendError as error:
            reasons.append(f"{name}: {error}")
    warnings.warn(
        f"log_probs: copied from {log_probs.device} and aligned on the CPU ({'; '.join(reasons)})",
        RuntimeWarning,
        stacklevel=3,
    )
    return call(cast(_Backend, BACKENDS["numba"]), log_probs.cpu().numpy())
