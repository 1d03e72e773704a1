"""Romanised graphemes as phones: fewer and more regular units than the letters of a script."""

from __future__ import annotations

from collections.abc import Mapping

from speechalign.text.dictionary import Variants
from speechalign.text.graphemes import graphemes
from speechalign.text.romanise import romanise


class RomanisedGraphemes:
    """Pronounce a word as its letters in Latin script, without accents, one unit each.

    Scripts that are not Latin need the extra ``speechalign[uroman]``.

    Parameters
    ----------
    language : str
        ISO 639-1 code; it matters for some scripts.
    dictionary : Mapping
        Not looked at.
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:  # noqa: ARG002
        self._language = language

    def pronounce(self, word: str) -> Variants:
        """Return the romanised letters as the only pronunciation; () if there is none.

        Raises
        ------
        BackendError
            The word has letters that are not Latin, and uroman is not there.
        """
        found = graphemes("".join(letters for letters, _, _ in romanise(word, self._language)))
        return (found,) if found else ()
