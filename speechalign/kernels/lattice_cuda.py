"""Viterbi and forward-backward for a batch of utterances at once, on an NVIDIA GPU.

One block of threads takes one utterance. Its threads share out the states of a frame, and wait for
each other before the next. No result depends on the order in which threads run: one thread makes
each sum, over the arcs in the order in which `lattice_numba` adds them.
"""

# numba.cuda is not annotated, and partly made at run time.
# mypy: disable-error-code="no-untyped-call,attr-defined,no-any-return"

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from speechalign.errors import AlignmentError, BackendError, InputError
from speechalign.graphs import Graph
from speechalign.kernels.arc_list import ArcList, arc_list, grouped, impossible

if TYPE_CHECKING:
    from numba.cuda.cudadrv.devicearray import DeviceNDArray
    from numba.cuda.dispatcher import CUDADispatcher
    from torch import Tensor

    from speechalign.kernels.lattice import Outcome

try:
    from numba import cuda
except ImportError as error:
    raise BackendError(
        "backend 'cuda': numba has no CUDA target; pip install numba-cuda[cu12] (or [cu13])"
    ) from error

from speechalign.kernels.lattice_cuda_kernels import (
    NOWHERE,
    fill_best_paths,
    fill_occupations,
    find_bad,
)

# Threads of a block; fewer where no frame has so many states.
_THREADS = 256
# Frames of one utterance in which one block looks for NaN.
_FRAMES_CHECKED = 32


class DeviceArray(Protocol):
    """An array in the memory of a GPU, such as those of torch and CuPy."""

    @property
    def __cuda_array_interface__(self) -> dict[str, object]: ...

    def __len__(self) -> int: ...


def best_path(log_probs: np.ndarray | Tensor, graph: Graph) -> tuple[np.ndarray, float]:
    """Return the arcs (T,) int64 and the score of the best path; see `lattice.viterbi`."""
    (found,) = best_paths(log_probs[None], np.array([len(log_probs)]), [graph])
    if isinstance(found, Exception):
        raise found
    return found


def occupation(
    log_probs: np.ndarray | Tensor, graph: Graph, columns: np.ndarray, width: int
) -> tuple[np.ndarray, float]:
    """Return the posteriors (T, width), arcs summed by column, and the total score."""
    lengths = np.array([len(log_probs)])
    (found,) = occupations(log_probs[None], lengths, [graph], [columns], [width])
    if isinstance(found, Exception):
        raise found
    return found


def best_paths(
    log_probs: np.ndarray | DeviceArray, lengths: np.ndarray, graphs: Sequence[Graph]
) -> list[Outcome]:
    """Return, for each utterance, what `best_path` returns or the error that it raises.

    Parameters
    ----------
    log_probs : ndarray or array on the GPU, shape (B, T, V), float32 or float64
        Natural-log probabilities. What is on the GPU is read where it is.
    lengths : ndarray, shape (B,), int64
        Frames of each utterance.
    graphs : Sequence[Graph]
        One for each utterance; their labels are below V.

    Raises
    ------
    BackendError
        There is no GPU, or its free memory is too small; nothing has been allocated.
    """
    _require_gpu()
    batch = _Batch(lengths, graphs)
    degree = max((int(np.diff(arcs.offsets).max(initial=0)) for arcs in batch.arcs), default=0)
    choice_dtype = np.dtype(np.uint8 if degree < 256 else np.int32)
    frames, states, _, cells = batch.totals
    arrays = batch.arrays()
    working = cells * choice_dtype.itemsize + 4 * frames + 16 * states
    probs = _on_gpu(log_probs, working + sum(array.nbytes for array in arrays))
    where = _bad_numbers(probs, lengths)
    scores = cuda.device_array(len(batch.arcs), np.float64)
    taken = cuda.device_array(frames, np.int32)
    if batch.arcs:
        _launch(
            fill_best_paths, len(batch.arcs), batch.threads,
            probs, where, *map(cuda.to_device, arrays), cuda.device_array((2, states), np.float64),
            cuda.device_array(cells, choice_dtype), taken, scores,
        )  # fmt: skip
    pieces = np.split(taken.copy_to_host(), batch.frame_base[1:-1])
    return batch.outcomes(
        probs, where, scores.copy_to_host(), lambda n: batch.arcs[n].order[pieces[n]]
    )


def occupations(
    log_probs: np.ndarray | DeviceArray,
    lengths: np.ndarray,
    graphs: Sequence[Graph],
    columns: Sequence[np.ndarray],
    widths: Sequence[int],
) -> list[Outcome]:
    """Return, for each utterance, what `occupation` returns or the error that it raises.

    ``columns`` and ``widths`` hold one entry for each utterance. For the rest see `best_paths`.
    """
    _require_gpu()
    batch = _Batch(lengths, graphs)
    _, states, num_arcs, cells = batch.totals
    base = _ends([int(lengths[b]) * widths[b] for b in batch.utterances])
    arrays = (*batch.arrays(), *batch.arrays_by_source_and_column(columns, widths), base)
    working = 8 * (cells + 2 * states + 2 * num_arcs + int(base[-1]))
    probs = _on_gpu(log_probs, working + sum(array.nbytes for array in arrays))
    where = _bad_numbers(probs, lengths)
    scores = cuda.device_array(len(batch.arcs), np.float64)
    posteriors = cuda.device_array(int(base[-1]), np.float64)
    if batch.arcs:
        _launch(
            fill_occupations, len(batch.arcs), batch.threads,
            probs, where, *map(cuda.to_device, arrays), cuda.device_array(cells, np.float64),
            cuda.device_array((2, states), np.float64),
            cuda.device_array((2, num_arcs), np.float64), posteriors, scores,
        )  # fmt: skip

    def found(n: int) -> np.ndarray:
        values = posteriors[base[n] : base[n + 1]].copy_to_host()
        return np.asarray(values.reshape(-1, widths[batch.utterances[n]]))

    return batch.outcomes(probs, where, scores.copy_to_host(), found)


class _Batch:
    """The N utterances of a batch that have paths at all, their arrays laid end to end."""

    def __init__(self, lengths: np.ndarray, graphs: Sequence[Graph]) -> None:
        self.lengths = lengths
        self.utterances: list[int] = []
        self.arcs: list[ArcList] = []
        self.refusals: dict[int, AlignmentError] = {}
        for b, graph in enumerate(graphs):
            try:
                self.arcs.append(arc_list(graph, int(lengths[b])))
                self.utterances.append(b)
            except AlignmentError as error:
                self.refusals[b] = error
        self.graphs = [graphs[b] for b in self.utterances]
        self.frame_base = _ends([int(lengths[b]) for b in self.utterances])
        self.state_base = _ends([graph.num_states for graph in self.graphs])
        self.arc_base = _ends([graph.num_arcs for graph in self.graphs])
        self.first = _laid_end_to_end([arcs.first for arcs in self.arcs])
        self.last = _laid_end_to_end([arcs.last for arcs in self.arcs])
        self.cells = _ends(self.last - self.first)

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """Frames, states, arcs, and states that some path may be in summed over frames."""
        ends = (self.frame_base, self.state_base, self.arc_base, self.cells)
        frames, states, arcs, cells = (int(end[-1]) for end in ends)
        return frames, states, arcs, cells

    @property
    def threads(self) -> int:
        """Threads of a block: no more than any frame has states."""
        return min(_THREADS, max(1, int((self.last - self.first).max(initial=1))))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return what both kernels read, in the order of their parameters."""
        return (
            np.array(self.utterances, np.int64), self.frame_base, self.state_base, self.arc_base,
            _laid_end_to_end([arcs.offsets for arcs in self.arcs]),
            _laid_end_to_end([arcs.sources for arcs in self.arcs]),
            _laid_end_to_end([arcs.labels for arcs in self.arcs]),
            _laid_end_to_end([arcs.weights for arcs in self.arcs], np.float64),
            self.first, self.last, self.cells,
            _laid_end_to_end([graph.start for graph in self.graphs], np.float64),
            _laid_end_to_end([graph.final for graph in self.graphs], np.float64),
        )  # fmt: skip

    def arrays_by_source_and_column(
        self, columns: Sequence[np.ndarray], widths: Sequence[int]
    ) -> tuple[np.ndarray, ...]:
        """Return the arcs' targets, and the arcs by the state they leave and by their column."""
        leaving, counted = [], []
        for b, graph, arcs in zip(self.utterances, self.graphs, self.arcs):
            leaving.append(grouped(arcs.sources, graph.num_states))
            counted.append(grouped(columns[b][arcs.order], widths[b]))
        return (
            _laid_end_to_end([g.targets[arcs.order] for g, arcs in zip(self.graphs, self.arcs)]),
            _laid_end_to_end([offsets for _, offsets in leaving]),
            _laid_end_to_end([order for order, _ in leaving]),
            _ends([widths[b] for b in self.utterances]),
            _laid_end_to_end([offsets for _, offsets in counted]),
            _laid_end_to_end([order for order, _ in counted]),
        )

    def outcomes(
        self,
        probs: DeviceNDArray,
        where: DeviceNDArray,
        scores: np.ndarray,
        found: Callable[[int], np.ndarray],
    ) -> list[Outcome]:
        """Return the n-th array found and its score, or why there is none, for all B utterances."""
        outcomes: dict[int, Outcome] = dict(self.refusals)
        for n, b in enumerate(self.utterances):
            if scores[n] > -math.inf:
                outcomes[b] = (found(n), float(scores[n]))
            else:
                outcomes[b] = impossible(self.lengths[b])
        for b, place in enumerate(where.copy_to_host()):
            if place < NOWHERE:
                t, v = divmod(int(place), probs.shape[2])
                outcomes[b] = InputError(
                    f"log_probs[{t}, {v}]: expected a finite value or -inf, "
                    f"got {probs[b, t, v]}; check the model that made it"
                )
        return [outcomes[b] for b in range(len(self.lengths))]


def _ends(sizes: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return where each of N pieces begins, and where the last one ends, (N + 1,) int64."""
    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def _laid_end_to_end(
    arrays: Sequence[np.ndarray], dtype: type[np.generic] = np.int32
) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *arrays]).astype(dtype)


def _require_gpu() -> None:
    if not cuda.is_available():
        raise BackendError(
            "backend 'cuda': found no NVIDIA GPU; it needs one, its driver, and numba-cuda: "
            "pip install numba-cuda[cu12] (or [cu13])"
        )


def _on_gpu(log_probs: np.ndarray | DeviceArray, working: int) -> DeviceNDArray:
    """Return the scores where kernels can read them, if there is room for the work as well."""
    needed = working + (log_probs.nbytes if isinstance(log_probs, np.ndarray) else 0)
    free = cuda.current_context().get_memory_info().free
    if needed > free:
        raise BackendError(
            f"log_probs: a batch of {len(log_probs)} needs {needed / 2**20:.1f} MiB on the GPU, "
            f"which has {free / 2**20:.1f} MiB free; pass fewer at a time, or use backend='numba'"
        )
    if isinstance(log_probs, np.ndarray):
        return cuda.to_device(np.ascontiguousarray(log_probs))
    return cuda.as_cuda_array(log_probs)


def _launch(
    kernel: CUDADispatcher, blocks: int | tuple[int, int], threads: int, *arguments: object
) -> None:
    with warnings.catch_warnings():
        # A block for each utterance is all the work there is; numba would like 128 of them.
        warnings.filterwarnings("ignore", message="Grid size")
        kernel[blocks, threads](*arguments)


def _bad_numbers(probs: DeviceNDArray, lengths: np.ndarray) -> DeviceNDArray:
    """Return the place t V + v of each utterance's first NaN or +inf, NOWHERE without one."""
    where = cuda.to_device(np.full(len(lengths), NOWHERE))
    frames, columns = int(lengths.max(initial=0)), probs.shape[2]
    if frames * columns:
        blocks = (len(lengths), -(-frames // _FRAMES_CHECKED))
        limits = cuda.to_device(np.ascontiguousarray(lengths))
        _launch(find_bad, blocks, min(_THREADS, columns), probs, limits, where)
    return where
