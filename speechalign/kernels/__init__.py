"""Kernels: best path and sum over paths, on the arcs of a graph."""

from speechalign.kernels.lattice import (
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
