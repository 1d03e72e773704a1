"""Kernels: best path and sum over paths, on the arcs of a graph."""

from speechalign.kernels.cache_folder import ensure_cache_folder

# Before any kernel is defined, as numba refuses to define one that it cannot keep.
ensure_cache_folder()

from speechalign.kernels.lattice import (  # noqa: E402
    Occupation,
    Path,
    forward_backward,
    forward_backward_batch,
    viterbi,
    viterbi_batch,
)

__all__ = [
    "Occupation",
    "Path",
    "forward_backward",
    "forward_backward_batch",
    "viterbi",
    "viterbi_batch",
]
