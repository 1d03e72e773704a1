"""Text: transcripts to words with spoken forms, and words to phones."""

from speechalign.registry import Registry

NORMALISERS = Registry("speechalign.text", {"en": "speechalign.text.english:words"})
"""By language: ``words(text, *, known=None)``, from a transcript to `english.Word`."""

G2PS = Registry("speechalign.g2p", {"en": "speechalign.text.english_g2p:EnglishG2P"})
"""By language: a class that takes the dictionary and pronounces the words that it lacks."""
