"""speechalign find-oovs: words that the dictionary lacks."""

from __future__ import annotations

from pathlib import Path

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.training_options import pronunciation_options, pronunciations


@click.command("find-oovs")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME", help="Acoustic model; see `speechalign model list`.")
@pronunciation_options
@corpus_options
@click.pass_context
def find_oovs(
    context: click.Context,
    corpus: Path,
    model: str | None,
    dictionary: Path | None,
    language: str,
    phones: str | None,
    read_corpus: ReadCorpus,
) -> None:
    """List the words of CORPUS that a model's dictionary lacks, or a dictionary of your own.

    Prints word, count and the pronunciation that would be used, separated by tabs, most frequent
    first. Transcripts that cannot be used are named on stderr; exit status 3 where there are any.
    """
    from speechalign.errors import InputError
    from speechalign.models import load_model
    from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel
    from speechalign.pronunciation.oovs import find_oovs as missing_from

    if model is None:
        lexicon = Lexicon(pronunciations(dictionary, language, phones))
    elif dictionary is not None or phones is not None:
        raise click.UsageError("--model has a dictionary; leave out --dictionary and --phones")
    else:
        loaded = load_model(model)
        if not isinstance(loaded, PronouncingModel) or not loaded.dictionary:
            raise InputError(
                f"{loaded.name}: has no dictionary, so no word is missing from it; choose a model "
                "with one"
            )
        lexicon = Lexicon(loaded)
    utterances = read_corpus(corpus)
    oovs = missing_from(utterances, lexicon)
    for utterance, reason in oovs.unusable:
        click.echo(f"failed: {utterance}: {reason}", err=True)
    for oov in oovs.words:
        click.echo(f"{oov.word}\t{oov.count}\t{' '.join(oov.guess)}")
    if oovs.unusable:
        context.exit(4 if len(oovs.unusable) == len(utterances) else 3)
