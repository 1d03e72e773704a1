"""Graphs of what may be said, and one topology a file."""

from speechalign.graphs.graph import Graph
from speechalign.graphs.hmm import HmmUnit, hmm_graph

__all__ = ["Graph", "HmmUnit", "hmm_graph"]
