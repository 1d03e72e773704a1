"""Options of the commands that train, and the training that they configure."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.messages import log
from speechalign.cli.options import option

if TYPE_CHECKING:
    from speechalign.alignment import Alignment
    from speechalign.corpus import Utterance
    from speechalign.pronunciation.lexicon import Pronunciations
    from speechalign.text.dictionary import Dictionary
    from speechalign.training import Trained
    from speechalign.training.head import TrainedNetwork

TrainModel = Callable[..., "tuple[list[Utterance], Trained | TrainedNetwork | None]"]
"""From corpus, folder of the model and number of threads to the utterances and the trained model;
``name`` and ``licence`` are keywords. With ``reuse=True``, a model that would be the same is not
trained again, and None is returned for it."""

_Command = TypeVar("_Command", bound=Callable[..., object])


def pronunciation_options(function: _Command) -> _Command:
    """Add ``--dictionary``, ``--language`` and ``--phones``, for `pronunciations`."""
    for add in (
        option(
            "--phones",
            metavar="NAME",
            group="Dictionary",
            help="Source of the pronunciations that --dictionary lacks: espeak, graphemes, uroman, "
            "german, or a file that `speechalign g2p train` wrote (default: learnt from "
            "--dictionary)",
        ),
        option(
            "--language",
            default="en",
            metavar="CODE",
            group="Dictionary",
            help="Language of the transcripts, such as en, de or pt-br",
        ),
        option(
            "--dictionary",
            "dictionaries",
            type=click.Path(path_type=Path),
            multiple=True,
            metavar="FILE",
            group="Dictionary",
            help="Pronunciation dictionary in MFA's or CMU's format; of several, the last that "
            "lists a word counts (default: CMU's dictionary, for English)",
        ),
    ):
        function = add(function)
    return function


use_edits_option = option(
    "--use-edits",
    type=click.Path(path_type=Path),
    metavar="OUT",
    group="Training",
    help="Folder of alignments of CORPUS in which some were corrected or checked, as `speechalign "
    "view` does: their times are kept to (default: none)",
)


def read_edits(folder: Path | None) -> dict[str, Alignment]:
    """Return the tiers of the utterances that were corrected or checked, by id.

    Raises
    ------
    InputError
        There are none.
    """
    if folder is None:
        return {}
    from speechalign.errors import InputError
    from speechalign.pipeline.edits import read_corrections

    found = read_corrections(folder)
    if not found:
        raise InputError(f"{folder}: nothing was corrected or checked yet; see `speechalign view`")
    log.info("utterances corrected or checked: %d", len(found))
    return {corrected.result.utterance: corrected.corrected for corrected in found}


def training_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add the options of training a model on a corpus to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``train_model`` instead of them.
    """

    @corpus_options
    @pronunciation_options
    @option(
        "--copies",
        type=click.IntRange(min=0),
        default=1,
        metavar="N",
        group="Training",
        help="Copies of each recording with noise, babble, reverberation or a telephone, for the "
        "network to train on too; each takes as long to encode as the recording",
    )
    @option(
        "--encoder",
        metavar="NAME",
        group="Training",
        help="Pretrained encoder of speech to train a network on: a folder of Whisper, "
        "wav2vec 2.0, HuBERT or WavLM, or org/name on the Hugging Face hub (default: none; an "
        "HMM-GMM is trained)",
    )
    @option(
        "--gaussians",
        type=click.IntRange(min=1),
        default=8,
        metavar="N",
        group="Training",
        help="Largest number of Gaussians in each of the three states of a phone",
    )
    @option(
        "--contexts",
        is_flag=True,
        group="Training",
        help="Try states that depend on the neighbours of a phone, and keep them if they explain "
        "held-out utterances better; takes up to three times as long",
    )
    @option(
        "--by-speaker",
        is_flag=True,
        group="Training",
        help="Normalise features by mean and deviation of each speaker, not by the mean of each "
        "recording",
    )
    @use_edits_option
    @option(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        group="Training",
        help="Seed of the choice of utterances for the first passes over a large corpus",
    )
    @wraps(function)
    def command(
        *,
        read_corpus: ReadCorpus,
        dictionaries: tuple[Path, ...],
        language: str,
        phones: str | None,
        gaussians: int,
        contexts: bool,
        by_speaker: bool,
        use_edits: Path | None,
        seed: int,
        encoder: str | None,
        copies: int,
        **others: object,
    ) -> None:
        context = click.get_current_context()
        if encoder is None and is_given(context, "copies"):
            raise click.UsageError("--copies goes with --encoder")
        if encoder is not None and use_edits is not None:
            raise click.UsageError("--use-edits is for HMM-GMMs; leave it or --encoder out")

        def train_model(
            corpus: Path,
            folder: Path,
            jobs: int | None,
            *,
            name: str | None = None,
            licence: str = "not stated",
            reuse: bool = False,
        ) -> tuple[list[Utterance], Trained | TrainedNetwork | None]:
            from speechalign.cli.progress import ProgressBar, TrainingProgress
            from speechalign.pronunciation.oovs import foreign_words
            from speechalign.training import train
            from speechalign.training.origin import is_trained_on, note_origin, training_hash

            trainer: Callable[..., Trained | TrainedNetwork]
            if encoder is None:
                corrections = read_edits(use_edits)
                trainer = partial(train, corrections=corrections)
                kind = repr([(name, dict(found.tiers)) for name, found in corrections.items()])
            else:
                trainer, kind = _head_trainer(encoder, copies)
            utterances = read_corpus(corpus)
            source = pronunciations(dictionaries, language, phones)
            if (foreign := foreign_words(utterances, source)) is not None:
                warn(
                    f"{foreign}; if the transcripts are in another language, name it with "
                    "--language, and say how it is pronounced with --phones or --dictionary"
                )
            name = name or folder.resolve().name
            options = (kind, name, licence, gaussians, seed, by_speaker, contexts)
            origin = training_hash(utterances, source, options) if reuse else ""
            if reuse and is_trained_on(folder, origin):
                log.info(
                    "model: %s is used again, as corpus and options are the same; remove it to "
                    "train again",
                    folder,
                )
                return utterances, None
            with ProgressBar("reading") as bar:
                trained = trainer(
                    utterances,
                    source,
                    folder,
                    name=name,
                    licence=licence,
                    gaussians=gaussians,
                    jobs=jobs,
                    seed=seed,
                    by_speaker=by_speaker,
                    contexts=contexts,
                    progress=TrainingProgress(bar),
                )
            if reuse:
                note_origin(folder, origin)
            log.info("model and report saved in %s", folder)
            return utterances, trained

        function(train_model=train_model, **others)

    return command


def _head_trainer(source: str, copies: int) -> tuple[Callable[..., TrainedNetwork], str]:
    """Load an encoder before any work; return what trains a network on it, and its hash."""
    from speechalign.models.neural_hmm.encoder import load_encoder
    from speechalign.training.head import train_head

    encoder = load_encoder(source)
    trainer = partial(train_head, encoder=encoder, copies=copies)
    return trainer, f"{encoder.content_hash} {copies}"


def pronunciations(
    dictionaries: Sequence[Path], language: str, phones: str | None
) -> Pronunciations:
    """Return the dictionary that the options name, and the source of other pronunciations.

    Raises
    ------
    InputError
        Nothing says how the words of the language are pronounced, or a name or file is wrong.
    FormatError
        The dictionary is damaged.
    BackendError
        The source of pronunciations is not installed.
    """
    from speechalign.errors import InputError
    from speechalign.pronunciation.lexicon import Pronunciations
    from speechalign.text.dictionary import Dictionary, read_dictionary
    from speechalign.text.pronunciation import pronouncer

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


def warn(line: str) -> None:
    """Print a warning, such as one about a line of a dictionary."""
    log.warning("warning: %s", line)


def is_given(context: click.Context, parameter: str) -> bool:
    """Return whether a parameter was given rather than left at its default."""
    return context.get_parameter_source(parameter) is not click.core.ParameterSource.DEFAULT


def _learnt(dictionary: Dictionary) -> str:
    """Learn to pronounce from a dictionary; return the file, which lasts as long as the command."""
    from speechalign.text.g2p import train_on_dictionary

    log.info("learning to pronounce other words from the dictionary")
    folder = tempfile.mkdtemp(prefix="speechalign-")
    click.get_current_context().call_on_close(lambda: shutil.rmtree(folder))
    path = os.path.join(folder, "g2p.npz")
    train_on_dictionary(dictionary).save(path)
    return path
