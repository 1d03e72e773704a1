"""Word links between a sentence and its translation: read, written, paired, and timed."""

from speechalign.links.links import Links, WeightedLinks
from speechalign.links.pairing import Pairing, pair_links
from speechalign.links.pharaoh import format_links
from speechalign.links.reading import LINK_FORMATS, LinkFile, LinkFormat, read_links, read_parallel
from speechalign.links.word_times import WordTimes
from speechalign.links.words import (
    TimedWord,
    fit_words,
    is_punctuation,
    match_sentences,
    read_word_lists,
    read_words,
    timed_words,
)

__all__ = [
    "LINK_FORMATS",
    "LinkFile",
    "LinkFormat",
    "Links",
    "Pairing",
    "TimedWord",
    "WeightedLinks",
    "WordTimes",
    "fit_words",
    "format_links",
    "is_punctuation",
    "match_sentences",
    "pair_links",
    "read_links",
    "read_parallel",
    "read_word_lists",
    "read_words",
    "timed_words",
]
