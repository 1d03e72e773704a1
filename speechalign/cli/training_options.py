"""Options of the commands that train."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from speechalign.pronunciation.lexicon import Pronunciations
    from speechalign.text.dictionary import Dictionary

_Command = TypeVar("_Command", bound=Callable[..., object])


def pronunciation_options(function: _Command) -> _Command:
    """Add ``--dictionary``, ``--language`` and ``--phones``, for `pronunciations`."""
    for option in (
        click.option("--phones", metavar="NAME",
                     help="What pronounces the words that the dictionary lacks, all of them where "
                     "there is none: espeak, graphemes, uroman, german, or a file that "
                     "`speechalign g2p train` wrote. Without: as the words of --dictionary are."),
        click.option("--language", default="en", show_default=True, metavar="CODE",
                     help="Of the transcripts, such as en, de or pt-br."),
        click.option("--dictionary", "dictionaries", type=click.Path(path_type=Path),
                     multiple=True, metavar="FILE",
                     help="Pronunciation dictionary in MFA's or CMU's format; of several, the last "
                     "that lists a word counts (default: CMU's dictionary, for English)."),
    ):  # fmt: skip
        function = option(function)
    return function


def training_options(function: _Command) -> _Command:
    """Add ``--gaussians``, ``--contexts``, ``--by-speaker``, ``--seed`` and ``--jobs``."""
    for option in (
        click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N",
                     help="Threads. Without: as many as there are cores. The model is the same."),
        click.option("--seed", type=int, default=0, show_default=True,
                     help="Chooses the utterances of the first passes of a large corpus."),
        click.option("--by-speaker", is_flag=True,
                     help="Normalise features by mean and deviation of each speaker, rather than "
                     "by the mean of each recording."),
        click.option("--contexts", is_flag=True,
                     help="Try states that depend on the neighbours of a phone, and take them if "
                     "they explain held-out utterances better. Takes up to three times as long."),
        click.option("--gaussians", type=click.IntRange(min=1), default=8, show_default=True,
                     metavar="N",
                     help="Largest number for each of the three states of a phone."),
    ):  # fmt: skip
        function = option(function)
    return function


def pronunciations(
    dictionaries: Sequence[Path], language: str, phones: str | None
) -> Pronunciations:
    """Read the dictionaries that the options name, and find what pronounces other words.

    Raises
    ------
    InputError
        Nothing says how the words of the language are pronounced, or a name or file is wrong.
    FormatError
        The dictionary is damaged.
    BackendError
        What pronounces is not installed.
    """
    from speechalign.errors import InputError
    from speechalign.pronunciation.lexicon import Pronunciations
    from speechalign.text.dictionary import Dictionary, read_dictionary
    from speechalign.text.pronunciation import pronouncer

    def warn(line: str) -> None:
        click.echo(f"warning: {line}", err=True)

    if phones is not None:
        pronouncer(phones, language=language, dictionary={})  # a wrong name fails before the work
    english = language.lower().partition("-")[0] == "en"
    if dictionaries:
        entries = Dictionary({})
        for path in dictionaries:
            entries = entries.overlaid(read_dictionary(path, stress=False, warn=warn))
        return Pronunciations(language, entries, phones or _learnt(entries))
    if phones is not None:
        return Pronunciations(language, {}, phones)
    if not english:
        raise InputError(
            f"language {language!r}: nothing says how its words are pronounced; give --dictionary "
            "FILE, --phones espeak, or --phones graphemes"
        )
    from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx

    return Pronunciations(language, EnglishSphinx().dictionary, "english")


def is_given(context: click.Context, parameter: str) -> bool:
    """Return whether a parameter was given rather than left at its default."""
    return context.get_parameter_source(parameter) is not click.core.ParameterSource.DEFAULT


def _learnt(dictionary: Dictionary) -> str:
    """Learn to pronounce from a dictionary; return the file, which lasts as long as the command."""
    from speechalign.text.g2p import train_on_dictionary

    click.echo("learning to pronounce other words from the dictionary", err=True)
    folder = tempfile.mkdtemp(prefix="speechalign-")
    click.get_current_context().call_on_close(lambda: shutil.rmtree(folder))
    path = os.path.join(folder, "g2p.npz")
    train_on_dictionary(dictionary).save(path)
    return path
