"""Utterances of a corpus, whatever its layout."""

from speechalign.corpus.utterance import Utterance

__all__ = ["Utterance"]
