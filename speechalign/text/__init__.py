"""Text: transcripts to words with spoken forms, and words to phones."""

from speechalign.registry import Registry

NORMALISERS = Registry(
    "speechalign.text",
    {
        "de": "speechalign.text.german:words",
        "en": "speechalign.text.english:words",
        "ipa": "speechalign.text.ipa:words",
        "xsampa": "speechalign.text.ipa:xsampa_words",
    },
)
"""By ISO 639-1 code: ``words(text, *, known=None, own=None)``, from a transcript to `word.Word`.

``ipa`` and ``xsampa`` are for transcripts in phonetic alphabets.

Other languages have `speechalign.text.any_language.words`.
"""

PRONUNCIATIONS = Registry(
    "speechalign.pronunciations",
    {
        "english": "speechalign.text.english_g2p:EnglishG2P",
        "espeak": "speechalign.text.espeak_phones:EspeakPhones",
        "espeak-ipa": "speechalign.text.ipa:EspeakIpa",
        "german": "speechalign.text.german_spelling:GermanSpelling",
        "graphemes": "speechalign.text.graphemes:Graphemes",
        "ipa": "speechalign.text.ipa:IpaPhones",
        "uroman": "speechalign.text.romanised:RomanisedGraphemes",
        "xsampa": "speechalign.text.ipa:XSampaPhones",
    },
)
"""By name: a class, made of a language code and a dictionary, that is a `pronunciation.Pronouncer`.

It pronounces the words that the dictionary lacks; most look at none.
"""
