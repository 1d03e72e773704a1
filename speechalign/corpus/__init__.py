"""Corpora: folders and manifests in, utterances out; one file per layout."""

from speechalign.corpus.reading import LAYOUTS, read_corpus
from speechalign.corpus.utterance import Utterance

__all__ = ["LAYOUTS", "Utterance", "read_corpus"]
