"""Contribution maps of translation models, and hard word links out of them."""

from speechalign.contributions.attention import (
    CrossAttention,
    cross_attention,
    frame_grid,
    load_speech_to_text,
)
from speechalign.contributions.extraction import METHODS, Method, WordMap, word_map
from speechalign.contributions.linking import (
    LinkedSentence,
    TimeAxis,
    TokenAxis,
    link_corpus,
)
from speechalign.contributions.maps import check_map, find_maps, read_map
from speechalign.contributions.subwords import SCHEMES, Scheme, find_scheme, group_subwords
from speechalign.contributions.symmetrisation import HEURISTICS, Heuristic, symmetrise
from speechalign.contributions.units import Units, time_units, token_units

__all__ = [
    "HEURISTICS",
    "METHODS",
    "SCHEMES",
    "CrossAttention",
    "Heuristic",
    "LinkedSentence",
    "Method",
    "Scheme",
    "TimeAxis",
    "TokenAxis",
    "Units",
    "WordMap",
    "check_map",
    "cross_attention",
    "find_maps",
    "find_scheme",
    "frame_grid",
    "group_subwords",
    "link_corpus",
    "load_speech_to_text",
    "read_map",
    "symmetrise",
    "time_units",
    "token_units",
    "word_map",
]
