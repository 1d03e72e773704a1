"""Text: transcripts to words with spoken forms, and words to phones."""

from speechalign.registry import Registry

NORMALISERS = Registry(
    "speechalign.text",
    {"de": "speechalign.text.german:words", "en": "speechalign.text.english:words"},
)
"""By ISO 639-1 code: ``words(text, *, known=None, own=None)``, from a transcript to `word.Word`.

Other languages have `speechalign.text.any_language.words`.
"""

PRONUNCIATIONS = Registry(
    "speechalign.pronunciations",
    {
        "english": "speechalign.text.english_g2p:EnglishG2P",
        "espeak": "speechalign.text.espeak_phones:EspeakPhones",
        "german": "speechalign.text.german_spelling:GermanSpelling",
        "graphemes": "speechalign.text.graphemes:Graphemes",
        "uroman": "speechalign.text.romanised:RomanisedGraphemes",
    },
)
"""By name: a class, made of a language code and a dictionary, that is a `pronunciation.Pronouncer`.

It pronounces the words that the dictionary lacks; most look at none.
"""
