"""Vocabulary maps symbols to ids and back, wherever the blank is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.vocabulary import Vocabulary

_SYMBOLS = st.lists(st.text(max_size=3), unique=True, min_size=1, max_size=8)


@given(_SYMBOLS, st.data())
def test_symbols_and_ids_are_inverse_and_blank_is_anywhere(symbols, data):
    blank = data.draw(st.sampled_from([*symbols, None]))
    vocabulary = Vocabulary(symbols, blank=blank)
    assert len(vocabulary) == len(symbols)
    assert vocabulary.ids(symbols) == list(range(len(symbols)))
    assert [vocabulary.symbols[i] for i in vocabulary.ids(symbols[::-1])] == symbols[::-1]
    assert all(symbol in vocabulary for symbol in symbols)
    assert vocabulary.blank == (None if blank is None else symbols.index(blank))


def test_what_is_no_symbol_is_not_in_it():
    assert "c" not in Vocabulary(["a", "b"])
    assert 0 not in Vocabulary(["a", "b"])


def test_no_symbols():
    assert len(Vocabulary([])) == 0


def test_symbol_given_twice_is_named():
    with pytest.raises(InputError, match="symbol 'b' occurs twice"):
        Vocabulary(["a", "b", "c", "b"])


def test_blank_must_be_a_symbol():
    with pytest.raises(InputError, match="blank '_' is not one of the symbols"):
        Vocabulary(["a"], blank="_")


def test_first_unknown_symbol_is_named():
    with pytest.raises(InputError, match="vocabulary: no symbol 'x'"):
        Vocabulary(["a"]).ids(["a", "x", "y"])
