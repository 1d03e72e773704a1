"""Viterbi and forward-backward over the arcs of a Graph, by k2, on the device of the data.

k2 intersects the graph with the frames into a lattice of paths of T arcs. It adds in float32, so
that its best path is only best to within rounding, and it has no rule for ties. So k2 prunes the
lattice to the paths within a bound of that rounding of the best, and the best of these is chosen
in float64 and by the order of the Graph: it is the path, and the score, of every other backend.
Sums over all paths run over a lattice that is not pruned at all.

Problems that would overflow k2's integers or floats, or make it narrow its beam, are refused. The
best path takes k2 about 20 bytes for each state and frame, a sum over all paths several times that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from speechalign.errors import BackendError
from speechalign.graphs import Graph
from speechalign.kernels.arc_list import arc_list, impossible

if TYPE_CHECKING:
    from k2 import DenseFsaVec, Fsa  # type: ignore[import-not-found]
    from torch import Tensor

_MOST_UINT16 = 2**16 - 1  # k2 counts states, frames and labels so, and wraps around silently.
_MOST_INT32 = 2**31 - 1  # And states and arcs of all frames so.
_MOST_STATES = 15_000_000  # Of a lattice that is not pruned: where k2 itself would begin to prune.
_MOST_FLOAT32 = 1e38
_BEAMS = (1.0, 32.0, math.inf)  # Tried in turn until rounding leaves a path within.


@dataclass(frozen=True)
class _Problem:
    """A graph and its frames as k2 takes them; every score is at most zero.

    Parameters
    ----------
    fsa : k2.Fsa
        Attribute ``graph_arc`` is the Graph's own number of each arc, -1 on the arcs that end.
    dense : k2.DenseFsaVec
        The frames.
    read : Tensor, shape (T, C)
        The columns that arcs read, as they were given.
    columns : ndarray, shape (A,), int64
        Column of ``read`` that each arc of the Graph reads.
    shift : float
        Natural-log score that was taken off every path.
    """

    fsa: Fsa
    dense: DenseFsaVec
    read: Tensor
    columns: np.ndarray
    shift: float


def best_path(log_probs: np.ndarray | Tensor, graph: Graph) -> tuple[np.ndarray, float]:
    """Return the arcs (T,) int64 and the score of the best path; see `lattice.viterbi`."""
    frames = len(log_probs)
    arc_list(graph, frames)
    problem = _problem(log_probs, graph)
    for beam in _BEAMS:
        arcs, score = _best_in(problem, graph, beam)
        if score > -math.inf:
            break
    else:
        raise impossible(frames)
    # A path has T + 1 arcs, two additions each, and its score is compared with another one that is
    # rounded as often; no partial sum is above the whole in size.
    needed = 5 * (frames + 5) * 2.0**-24 * (problem.shift - score)
    if needed > beam:
        arcs, score = _best_in(problem, graph, needed)
    return arcs, score


def occupation(
    log_probs: np.ndarray | Tensor, graph: Graph, columns: np.ndarray, width: int
) -> tuple[np.ndarray, float]:
    """Return the posteriors (T, width), arcs summed by column, and the total score.

    k2 sums in float64, over scores of arcs that it holds as float32. They are relative to the best
    of each frame, so that paths which matter have small ones: results agree with float64 to about
    1e-7 of the total score.
    """
    frames = len(log_probs)
    arcs = arc_list(graph, frames)
    _refuse_above(_MOST_STATES, int((arcs.last - arcs.first).sum()), "states times frames")
    problem = _problem(log_probs, graph)
    import torch  # which is there when k2 is

    lattice = _intersection(problem, math.inf)
    if lattice.num_arcs == 0:
        raise impossible(frames)
    posteriors = lattice.get_arc_post(use_double_scores=True, log_semiring=True).exp()
    frame, arc = _steps(lattice)
    cell = frame * width + torch.tensor(columns, device=arc.device)[arc]
    summed = torch.zeros(frames * width, dtype=torch.float64, device=arc.device)
    summed.index_add_(0, cell, posteriors[lattice.graph_arc >= 0])
    score = lattice.get_tot_scores(use_double_scores=True, log_semiring=True).item()
    return summed.view(frames, width).cpu().numpy(), score + problem.shift


def _problem(log_probs: np.ndarray | Tensor, graph: Graph) -> _Problem:
    """Translate a graph and its frames; refuse what k2 would get wrong."""
    try:
        import torch
        from k2 import DenseFsaVec, with_cuda
    except ImportError as error:
        raise BackendError(
            f"backend 'k2': {error}; pip install k2==1.23.4 on CPython 3.9, or for another Python "
            "the wheel from https://k2-fsa.github.io/k2 that was built for your torch"
        ) from error
    frames = len(log_probs)
    used, columns = np.unique(graph.labels, return_inverse=True)
    begins, ends = graph.start[graph.sources] > -np.inf, graph.final > -np.inf
    states, arcs = graph.num_states + 2, int(begins.sum()) + graph.num_arcs + int(ends.sum())
    _refuse_above(_MOST_UINT16, frames + 1, "frames")
    _refuse_above(_MOST_UINT16, states, "states")
    _refuse_above(_MOST_UINT16, len(used) + 1, "labels")
    _refuse_above(_MOST_INT32, (frames + 2) * max(states, arcs), "states or arcs times frames")
    tops = [float(w.max(initial=-np.inf)) for w in (graph.weights, graph.start, graph.final)]
    if min(tops) == -math.inf:
        raise impossible(frames)

    # Everything at most zero: no partial sum then exceeds the whole, which bounds the rounding.
    weights, start, final = graph.weights - tops[0], graph.start - tops[1], graph.final - tops[2]
    read = torch.as_tensor(log_probs[:, used])
    if read.is_cuda and not with_cuda:
        raise BackendError(
            f"backend 'k2': got data on {read.device}, but this k2 was built without CUDA; install "
            "one built for it, or pass log_probs.cpu()"
        )
    peaks = read.amax(1)
    shift = peaks.double().sum().item() + frames * tops[0] + tops[1] + tops[2]
    if shift == -math.inf:
        raise impossible(frames)
    scores = read - peaks[:, None]
    lowest = torch.where(read > -math.inf, scores, torch.zeros_like(scores)).min().item()
    lowest += sum(float(w[w > -np.inf].min()) for w in (weights, start, final))
    if frames * lowest < -_MOST_FLOAT32:
        raise BackendError(
            f"backend 'k2': adds in float32, and {frames} frames with scores down to {lowest:.3g} "
            "overflow it; mark what is impossible with -inf, or take backend='numba'"
        )

    fsa = _fsa(weights, start, final, columns, graph).to(read.device)
    whole = torch.tensor([[0, 0, frames]], dtype=torch.int32)
    return _Problem(fsa, DenseFsaVec(scores.float()[None], whole), read, columns, shift)


def _fsa(
    weights: np.ndarray, start: np.ndarray, final: np.ndarray, columns: np.ndarray, graph: Graph
) -> Fsa:
    """Return the arcs of a graph as k2 wants them, with these weights and labels.

    State 0 leads where the start states lead, state s of the Graph is s + 1, the last one ends.
    """
    import k2
    import torch

    begins = np.flatnonzero(start[graph.sources] > -np.inf)
    ends = np.flatnonzero(final > -np.inf)
    weights = np.concatenate([weights[begins] + start[graph.sources[begins]], weights, final[ends]])
    arcs = np.empty((len(weights), 4), np.int32)
    arcs[:, 0] = np.concatenate([np.zeros_like(begins), graph.sources + 1, ends + 1])
    arcs[:, 1] = graph.num_states + 1
    arcs[:, 2] = -1
    numbers = np.append(begins, np.arange(graph.num_arcs))
    arcs[: len(numbers), 1] = graph.targets[numbers] + 1
    arcs[: len(numbers), 2] = columns[numbers]
    arcs[:, 3] = weights.astype(np.float32).view(np.int32)
    order = np.lexsort((arcs[:, 2].astype(np.uint32), arcs[:, 0]))
    fsa = k2.Fsa(torch.from_numpy(arcs[order]))
    numbers = np.append(numbers, np.full(len(ends), -1))
    fsa.graph_arc = torch.from_numpy(numbers[order].astype(np.int32))
    return k2.create_fsa_vec([fsa])


def _intersection(problem: _Problem, beam: float) -> Fsa:
    """Return the lattice of all paths whose scores, in float32, are above the best less a beam."""
    import k2

    return k2.intersect_dense(
        problem.fsa, problem.dense, beam, max_states=_MOST_INT32, max_arcs=_MOST_INT32,
        frame_idx_name="frame",
    )  # fmt: skip


def _best_in(problem: _Problem, graph: Graph, beam: float) -> tuple[np.ndarray, float]:
    """Return the best path within a beam and its score, -inf if rounding left none."""
    import torch

    try:
        lattice = _intersection(problem, beam)
    except ValueError:  # Rounding left pieces of paths, which k2 does not accept as its own result.
        if math.isinf(beam):
            raise
        return np.empty(0, np.int64), -math.inf
    frame, arc = _steps(lattice)
    column = torch.tensor(problem.columns, device=arc.device)[arc]
    at, arcs, scores = (x.cpu().numpy() for x in (frame, arc, problem.read[frame, column]))
    order = np.lexsort((arcs, at))
    return _choose(
        at[order], arcs[order], scores[order], len(problem.read),
        graph.sources, graph.targets, graph.weights, graph.start, graph.final,
    )  # fmt: skip


def _steps(lattice: Fsa) -> tuple[Tensor, Tensor]:
    """Return the frame and the number in the Graph of each arc that reads a frame, int64."""
    inside = lattice.graph_arc >= 0
    return lattice.frame[inside].long(), lattice.graph_arc[inside].long()


def _refuse_above(most: int, found: int, what: str) -> None:
    if found > most:
        raise BackendError(
            f"backend 'k2': expected at most {most} {what}, got {found}; align shorter pieces, or "
            "take backend='numba'"
        )


@njit(cache=True, nogil=True)
def _choose(
    at: np.ndarray,
    arcs: np.ndarray,
    scores: np.ndarray,
    frames: int,
    sources: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    final: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Find the best path among arcs sorted by frame and number, with the sums of lattice_numba."""
    before, after = np.empty_like(start), start.copy()
    step_before, step_after = np.full(len(start), -1), np.full(len(start), -1)
    previous = np.empty(len(arcs), np.int64)
    k = 0
    for t in range(frames):
        before, after = after, before
        step_before, step_after = step_after, step_before
        after[:] = -math.inf
        while k < len(arcs) and at[k] == t:
            a = arcs[k]
            score = before[sources[a]] + weights[a] + scores[k]
            previous[k] = step_before[sources[a]]
            if score > after[targets[a]]:
                after[targets[a]] = score
                step_after[targets[a]] = k
            k += 1
    total = after + final
    state = int(np.argmax(total))
    taken = np.empty(frames, np.int64)
    if total[state] > -math.inf:
        step = step_after[state]
        for t in range(frames - 1, -1, -1):
            taken[t] = arcs[step]
            step = previous[step]
    return taken, float(total[state])
