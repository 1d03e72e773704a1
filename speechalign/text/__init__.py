"""Text: transcripts to words with spoken forms, and words to phones."""

from pathlib import Path

from speechalign.registry import Registry

ENGLISH_G2P = Path(__file__).parent / "data" / "english_g2p.npz"

NORMALISERS = Registry("speechalign.text", {"en": "speechalign.text.english:words"})
"""By language: ``words(text, *, known=None)``, from a transcript to `english.Word`."""

G2P_FILES = Registry("speechalign.g2p", {"en": "speechalign.text:ENGLISH_G2P"})
"""By language: the file of the model that `g2p.G2P.load` reads."""
