"""speechalign find-oovs: out-of-vocabulary words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option, shard_option
from speechalign.cli.training_options import is_given, pronunciation_options, pronunciations

if TYPE_CHECKING:
    from speechalign.pipeline.shards import Shard


@command("find-oovs")
@click.argument("corpus", type=click.Path(path_type=Path))
@option(
    "--model",
    metavar="NAME",
    group="Model",
    help="Acoustic model whose dictionary counts (default: english-sphinx, unless "
    "--language or --phones is given)",
)
@pronunciation_options
@option(
    "--output-dictionary",
    type=click.Path(path_type=Path),
    metavar="FILE",
    group="Output",
    help="Dictionary to write: each word with its likely pronunciations and their "
    "probabilities, to be corrected and given to --dictionary (default: none)",
)
@corpus_options
@shard_option
@message_options
@click.pass_context
def find_oovs(
    context: click.Context,
    corpus: Path,
    model: str | None,
    dictionaries: tuple[Path, ...],
    language: str,
    phones: str | None,
    output_dictionary: Path | None,
    read_corpus: ReadCorpus,
    shard: Shard | None,
) -> None:
    """List the words of CORPUS that a dictionary lacks.

    The dictionary is that of the model, with --dictionary laid over it, as `speechalign align` uses
    it. With --language or --phones it is --dictionary alone, as `speechalign train` uses it.

    Prints word, count and the pronunciation that would be used, separated by tabs, most frequent
    first; no pronunciation for what cannot be read and would be aligned with any sound. Transcripts
    that cannot be used are named on stderr; exit status 3 where there are any.
    """
    from speechalign.aligners.aligner import DEFAULT_MODEL
    from speechalign.errors import InputError
    from speechalign.models import load_model
    from speechalign.pronunciation.dictionaries import with_dictionaries
    from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel
    from speechalign.pronunciation.oovs import find_oovs as missing_from
    from speechalign.text.dictionary import write_dictionary

    for_training = phones is not None or is_given(context, "language")
    if model is not None and for_training:
        raise click.UsageError("--model has a language and phones; leave out --language, --phones")
    if output_dictionary is not None and output_dictionary.exists():
        raise InputError(f"{output_dictionary}: exists; choose another name for the dictionary")
    if for_training:
        lexicon = Lexicon(pronunciations(dictionaries, language, phones))
    else:
        loaded = with_dictionaries(load_model(model or DEFAULT_MODEL), dictionaries)
        if not isinstance(loaded, PronouncingModel) or not loaded.dictionary:
            raise InputError(
                f"{loaded.name}: has no dictionary, so no word is missing from it; choose a model "
                "with one"
            )
        lexicon = Lexicon(loaded)
    utterances = read_corpus(corpus)
    if shard is not None:
        utterances = shard.utterances(utterances)
    oovs = missing_from(utterances, lexicon)
    for utterance, reason in oovs.unusable:
        log.warning("failed: %s: %s", utterance, reason)
    for oov in oovs.words:
        print(f"{oov.word}\t{oov.count}\t{' '.join(oov.guess)}")
    unread = sum(oov.count for oov in oovs.words if not oov.guesses)
    if unread:
        log.info("not understood: %d (no pronunciation); write what is said", unread)
    if output_dictionary is not None and oovs.dictionary:
        write_dictionary(oovs.dictionary, output_dictionary)
        log.info("%d words written to %s", len(oovs.dictionary), output_dictionary)
    elif output_dictionary is not None:
        log.info("%s is not written: the dictionary has all words", output_dictionary)
    if oovs.unusable:
        context.exit(4 if len(oovs.unusable) == len(utterances) else 3)
