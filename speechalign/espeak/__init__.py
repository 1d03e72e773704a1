"""eSpeak NG: how a word is pronounced in a hundred languages, and speech whose times are known."""

from speechalign.espeak.library import languages
from speechalign.espeak.pronunciation import phonemes
from speechalign.espeak.speech import Speech, speak

__all__ = ["Speech", "languages", "phonemes", "speak"]
