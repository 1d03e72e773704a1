"""speechalign find-oovs: words that the dictionary lacks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from speechalign.cli.corpus_options import corpus_options
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
    layout: str | None,
    speaker_characters: int | None,
    channel: int | None,
) -> None:
    """List the words of CORPUS that a model's dictionary lacks, or a dictionary of your own.

    Prints word, count and the pronunciation that would be used, separated by tabs, most frequent
    first. Transcripts that cannot be used are named on stderr; exit status 3 where there are any.
    """
    from speechalign.corpus import read_corpus
    from speechalign.errors import InputError
    from speechalign.lexicon import Lexicon, PronouncingModel
    from speechalign.models import load_model

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
    counts: Counter[str] = Counter()
    guesses: dict[str, tuple[str, ...]] = {}
    unusable = 0
    utterances = read_corpus(
        corpus, layout=layout, speaker_characters=speaker_characters, channel=channel
    )
    for utterance in utterances:
        try:
            if utterance.problem is not None:
                raise InputError(utterance.problem)
            words = lexicon.words(utterance.text)
        except InputError as error:
            unusable += 1
            click.echo(f"failed: {utterance.id}: {error}", err=True)
            continue
        for word in words:
            for spoken, variants in zip(word.spoken, word.variants):
                if lexicon.is_guessed(spoken):
                    counts[spoken] += 1
                    guesses[spoken] = variants[0]
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        click.echo(f"{name}\t{counts[name]}\t{' '.join(guesses[name])}")
    if unusable:
        context.exit(4 if unusable == len(utterances) else 3)
