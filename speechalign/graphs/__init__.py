"""Graphs of what may be said, and one topology a file."""

from speechalign.graphs.ctc import ctc_graph
from speechalign.graphs.ctc_words import WordSpan, ctc_word_graph, with_star, word_spans
from speechalign.graphs.graph import Graph
from speechalign.graphs.hmm import HmmUnit, hmm_graph

__all__ = [
    "Graph",
    "HmmUnit",
    "WordSpan",
    "ctc_graph",
    "ctc_word_graph",
    "hmm_graph",
    "with_star",
    "word_spans",
]
