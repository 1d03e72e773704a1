"""Sources of pronunciations for models that have any phone."""

from __future__ import annotations

from contextlib import suppress

from speechalign.errors import BackendError, InputError
from speechalign.models import Model, OpenPhoneModel
from speechalign.text.pronunciation import pronouncer

_ALPHABETS = ("ipa", "xsampa")


def with_phone_source(model: Model, phones: str | None, language: str | None) -> Model:
    """Return a model with a source of pronunciations, as `Aligner` takes ``phones``.

    Raises
    ------
    InputError
        The model has phones of its own; the source needs a language, or has not this one; or
        there is no such source.
    FormatError
        The source is a file that cannot be read.
    """
    if not isinstance(model, OpenPhoneModel):
        if phones is not None:
            raise InputError(
                f"phones: {model.name} has phones of its own; leave it out, or use the model "
                "universal"
            )
        return model
    if phones is None:
        phones = "ipa" if language is None else "espeak"
    if phones in _ALPHABETS:
        return model.with_pronunciation(phones, language=phones)
    if language is None and phones in ("espeak", "english", "german"):
        raise InputError(f"language: expected a code such as 'sw' for phones {phones!r}, got None")
    source = "espeak-ipa" if phones == "espeak" else phones
    with suppress(BackendError):  # a dictionary may have all words
        pronouncer(source, language=language or "und", dictionary={})
    return model.with_pronunciation(source, language="und" if language is None else language)
