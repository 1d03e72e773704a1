"""Vocabulary: which column of an emission means what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True)
class Piece:
    """A symbol, and the part of a word that a model reads it for.

    Parameters
    ----------
    label : int or None
        Id of the symbol: a column of the emissions, or a token of the decoder; None where the model
        has no symbol for the part.
    start, end : int
        Characters ``[start, end)`` of the word.
    """

    label: int | None
    start: int
    end: int


class Vocabulary:
    """Symbols and their ids, in both directions.

    Parameters
    ----------
    symbols : Sequence[str]
        V distinct symbols; the position is the id.
    blank : str or None
        The CTC blank, one of the symbols; None for a model without one.

    Raises
    ------
    InputError
        A symbol occurs twice, or ``blank`` is not among them.

    Examples
    --------
    >>> letters = Vocabulary(["a", "b", "_"], blank="_")
    >>> letters.ids(["b", "a"]), letters.blank
    ([1, 0], 2)
    """

    def __init__(self, symbols: Sequence[str], *, blank: str | None = None) -> None:
        if not isinstance(symbols, Iterable):
            raise wrong_type("vocabulary", "a sequence of symbols", symbols)
        self.symbols = tuple(symbols)
        for i, symbol in enumerate(self.symbols):
            if not isinstance(symbol, str):
                raise wrong_type(f"vocabulary[{i}]", "a str", symbol)
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(self._ids) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if self._ids[s] != i)
            raise InputError(f"vocabulary: symbol {twice!r} occurs twice; ids must be unique")
        if blank is not None and blank not in self._ids:
            raise InputError(f"vocabulary: blank {blank!r} is not one of the symbols")
        self.blank = None if blank is None else self._ids[blank]

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._ids

    def ids(self, symbols: Sequence[str]) -> list[int]:
        """Return the id of each symbol; InputError names the first unknown one."""
        try:
            return [self._ids[symbol] for symbol in symbols]
        except KeyError as error:
            raise InputError(f"vocabulary: no symbol {error.args[0]!r}") from None
