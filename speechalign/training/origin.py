"""The note in a model's folder of what it was trained on, so that nothing is trained twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from speechalign import __version__
from speechalign.corpus import Utterance
from speechalign.files.writing import write_text
from speechalign.models.content import content_hash
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.text.dictionary import Dictionary

NOTE = "trained_on.sha256"


def training_hash(
    utterances: Sequence[Utterance], pronunciations: Pronunciations, *options: object
) -> str:
    """Hash all that a trained model depends on.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        Of the corpus; of the sound files, the bytes count, not the names.
    pronunciations : Pronunciations
        Language, dictionary and what pronounces other words.
    *options : object
        Whatever else it depends on, as `content_hash` takes it.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    dictionary, source = pronunciations.dictionary, pronunciations.pronunciation
    priors = dictionary.variant_priors() if isinstance(dictionary, Dictionary) else {}
    return content_hash(
        __version__,
        *_said(utterances),
        *_sounds(utterances),
        pronunciations.language,
        sorted(dictionary.items()),
        sorted(priors.items()),
        source if source is None or not Path(source).is_file() else Path(source),
        *options,
    )


def is_trained_on(model: Path, origin: str) -> bool:
    """Tell whether a folder has the model of the training with a hash, as that left it."""
    note = model / NOTE
    return note.is_file() and note.read_text("utf-8").split() == [origin, _files(model)]


def note_origin(model: Path, origin: str) -> None:
    """Note in the folder of a model the hash of its training."""
    write_text(model / NOTE, f"{origin} {_files(model)}\n")


def _said(utterances: Sequence[Utterance]) -> Iterator[object]:
    for u in utterances:
        yield (u.id, u.text, u.speaker, u.start, u.end, u.channel, u.problem)


def _sounds(utterances: Sequence[Utterance]) -> Iterator[object]:
    """Yield the sound files, each once, or that one is missing."""
    for path in dict.fromkeys(utterance.audio for utterance in utterances):
        yield path if path.is_file() else "missing"


def _files(folder: Path) -> str:
    """Hash the files of a model."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != NOTE)
    return content_hash([path.name for path in files], *files)
