"""Words as eSpeak NG says them, in any of its languages."""

from __future__ import annotations

from collections.abc import Mapping

from speechalign.errors import InputError
from speechalign.espeak import phonemes
from speechalign.text.dictionary import Variants


class EspeakPhones:
    """Pronounce words by the rules of eSpeak NG; needs the extra ``speechalign[espeak]``.

    Parameters
    ----------
    language : str
        A code that `speechalign.espeak.languages` lists.
    dictionary : Mapping
        Not looked at.

    Raises
    ------
    InputError
        eSpeak NG has no such language.
    BackendError
        eSpeak NG is not there.
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:  # noqa: ARG002
        self._language = language
        try:
            phonemes((), language)  # so that an unknown language is told at once
        except InputError as error:
            raise InputError(
                f"{error}; for a language that it lacks, give --phones graphemes or --dictionary "
                "FILE"
            ) from None

    def pronounce(self, word: str) -> Variants:
        """Return the pronunciation of the word alone and, where it differs, among others."""
        (variants,) = phonemes((word,), self._language)
        return variants
