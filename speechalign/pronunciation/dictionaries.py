"""Dictionaries of the user's own, laid over that of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from speechalign.errors import FormatError, InputError, wrong_type
from speechalign.files.names import composed, existing
from speechalign.files.reading import read_text
from speechalign.models import DictionaryModel, Model, OpenPhoneModel, PhoneModel
from speechalign.text.articulation import articulation
from speechalign.text.dictionary import Dictionary, read_dictionary

Dictionaries = str | Path | Dictionary | Sequence[str | Path | Dictionary]

EVERYBODY = "default"
"""The entry of a file of speakers that counts for all speakers."""

_BY_SPEAKER = (".yaml", ".yml")


def read_dictionaries(model: Model, dictionaries: Dictionaries) -> dict[str, Dictionary]:
    """Read dictionaries for a model.

    Parameters
    ----------
    model : Model
        A model of phones.
    dictionaries : str, Path, Dictionary, or a sequence of them
        Dictionaries in the phones of the model; files that
        `speechalign.text.dictionary.read_dictionary` takes; or YAML files (``.yaml``, ``.yml``) of
        speakers, each with the name of a dictionary or a list of them, relative to the file;
        ``default`` is for all speakers. A word has the pronunciations of the last that lists it;
        a speaker's own come after those for all.

    Returns
    -------
    dict[str, Dictionary]
        By speaker, all that counts for them; ``default`` is for those that are not named.

    Raises
    ------
    InputError
        The model has no phones, or there is no such file.
    FormatError
        A line cannot be read, or names a phone that the model lacks.
    """
    if not isinstance(model, DictionaryModel):
        raise InputError(
            f"dictionary: {model.name} reads what is written and has no phones; leave the "
            "dictionary out, or use a model of phones"
        )
    model.with_dictionary(Dictionary({}))  # refuses a model whose symbols are letters
    several = [dictionaries] if isinstance(dictionaries, str | Path | Dictionary) else dictionaries
    if not (
        isinstance(several, Sequence)
        and all(isinstance(one, str | Path | Dictionary) for one in several)
    ):
        raise wrong_type("dictionary", "a file, a Dictionary, or a list of them", dictionaries)
    found = {EVERYBODY: Dictionary({})}
    own: dict[str, Dictionary] = {}
    for one in several:
        if isinstance(one, Dictionary):
            found[EVERYBODY] = found[EVERYBODY].overlaid(one)
            continue
        by_speaker = (
            _read_speakers(Path(one))
            if Path(one).suffix.lower() in _BY_SPEAKER
            else {EVERYBODY: [Path(one)]}
        )
        for speaker, paths in by_speaker.items():
            home = found if speaker == EVERYBODY else own
            for path in paths:
                if isinstance(model, OpenPhoneModel):
                    read = read_dictionary(path)
                    _check_ipa(read, path, noise=cast(PhoneModel, model).noise)
                else:
                    read = read_dictionary(path, phones=model.phones)
                home[speaker] = home.get(speaker, Dictionary({})).overlaid(read)
    return found | {speaker: found[EVERYBODY].overlaid(one) for speaker, one in own.items()}


def with_dictionaries(model: Model, dictionaries: Dictionaries) -> Model:
    """Return a model that pronounces words as `read_dictionaries` has them for all speakers."""
    if not isinstance(dictionaries, str | Path | Dictionary) and not dictionaries:
        return model
    own = read_dictionaries(model, dictionaries)[EVERYBODY]
    assert isinstance(model, DictionaryModel)
    return model.with_dictionary(own)


def _check_ipa(dictionary: Dictionary, path: Path, *, noise: str) -> None:
    """Refuse a dictionary with a phone that is not of the IPA, nor noise."""
    for word, variants in dictionary.items():
        for phone in (phone for phones in variants for phone in phones if phone != noise):
            try:
                articulation(phone)
            except InputError as error:
                raise FormatError(f"{path}: {word!r}: {error}") from None


def _read_speakers(path: Path) -> Mapping[str, list[Path]]:
    """Read a file of speakers and their dictionaries."""
    import yaml

    try:
        data = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise FormatError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    wanted = "expected lines of a speaker and a dictionary, or a list of them: 'ann: ann.dict'"
    if not isinstance(data, dict) or not data:
        raise FormatError(f"{path}: {wanted}; got {type(data).__name__}")
    found = {}
    for speaker, names in data.items():
        listed = names if isinstance(names, list) else [names]
        if not listed or not all(isinstance(name, str) for name in listed):
            raise FormatError(f"{path}: {speaker}: {wanted}; got {names!r}")
        found[composed(str(speaker))] = [existing(path.parent / name) for name in listed]
    return found
