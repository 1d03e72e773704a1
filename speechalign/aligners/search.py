"""The best path of a recording of any length, and how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from speechalign.graphs import Graph
from speechalign.kernels.lattice import Path, viterbi
from speechalign.kernels.lattice_band import best_path_in_band, is_nearly_linear

_FULL = 2.0**28
"""States times frames up to which all paths are searched."""


@dataclass(frozen=True)
class Search:
    """Search that found the best path of an utterance.

    Parameters
    ----------
    method : {"full", "band", "beam"}
        Over all paths; over those that stay near one that a beam found; or with a beam alone.
    certified : bool
        Whether it is proven that no path scores better.
    width : int or None
        Words between what the beam kept and the edges of the band.
    """

    method: Literal["full", "band", "beam"]
    certified: bool
    width: int | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain data that JSON can hold."""
        return {"method": self.method, "certified": self.certified, "width": self.width}


EXACT = Search("full", certified=True)
"""Of `viterbi`, and of `ctc_viterbi`, which leaves out only what cannot be on the best path."""


def best_path(log_probs: np.ndarray, graph: Graph) -> tuple[Path, Search]:
    """Find the best path through a graph of words in a time that grows with the length alone.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    graph : Graph
        Of words in order: of phones (`hmm_graph`) or of CTC labels (`ctc_variant_graph`).

    Returns
    -------
    path : Path
        That of `viterbi`, unless ``search`` says that this could not be proven.
    search : Search
        Over all paths where there are few states and frames, or arcs that lead elsewhere than to
        the next word; else in a band.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    """
    if graph.num_states * len(log_probs) <= _FULL or not is_nearly_linear(graph):
        return viterbi(log_probs, graph), EXACT
    found = best_path_in_band(log_probs, graph)
    return found, Search("band", found.certified, found.margin)
