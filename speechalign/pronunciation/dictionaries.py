"""Dictionaries of the user's own, laid over that of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechalign.errors import InputError
from speechalign.models import DictionaryModel, Model
from speechalign.text.dictionary import Dictionary, read_dictionary

Dictionaries = str | Path | Dictionary | Sequence[str | Path | Dictionary]


def with_dictionaries(model: Model, dictionaries: Dictionaries) -> Model:
    """Return a model that pronounces words as dictionaries say.

    Parameters
    ----------
    model : Model
        A model of phones.
    dictionaries : str, Path, Dictionary, or a sequence of them
        Files, or dictionaries in the phones of the model; a word has the pronunciations of the
        last that lists it.

    Raises
    ------
    InputError
        The model has no phones, or there is no such file.
    FormatError
        A line cannot be read, or names a phone that the model lacks.
    """
    several = [dictionaries] if isinstance(dictionaries, str | Path | Dictionary) else dictionaries
    if several and not isinstance(model, DictionaryModel):
        raise InputError(
            f"dictionary: {model.name} reads what is written and has no phones; leave the "
            "dictionary out, or use a model of phones"
        )
    for one in several:
        assert isinstance(model, DictionaryModel)
        own = one if isinstance(one, Dictionary) else read_dictionary(one, phones=model.phones)
        model = model.with_dictionary(own)
    return model
