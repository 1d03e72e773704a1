"""Dictionaries that come with an installed package, and what a user changed in them."""

from __future__ import annotations

from collections.abc import Mapping


class InstalledDictionary(dict[str, tuple[tuple[str, ...], ...]]):
    """Pronunciations by word of a package that is installed: models name it, and have no copy.

    Parameters
    ----------
    name : str
        Of the model in ``speechalign.models.MODELS`` that it comes with.
    entries : Mapping[str, tuple[tuple[str, ...], ...]]
        The pronunciations.
    own : frozenset[str]
        Words whose pronunciations are not those of the package.
    """

    def __init__(
        self,
        name: str,
        entries: Mapping[str, tuple[tuple[str, ...], ...]],
        own: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(entries)
        self.name = name
        self.own = own

    def overlaid(self, words: Mapping[str, tuple[tuple[str, ...], ...]]) -> InstalledDictionary:
        """Return the dictionary with other pronunciations of some words."""
        changed = frozenset(word for word in words if self.get(word) != words[word])
        return InstalledDictionary(self.name, {**self, **words}, self.own | changed)
