"""speechalign find-oovs: words that the dictionary lacks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from speechalign.cli.corpus_options import corpus_options


@click.command("find-oovs")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME", help="Acoustic model; see `speechalign model list`.")
@corpus_options
def find_oovs(
    corpus: Path,
    model: str | None,
    layout: str | None,
    speaker_characters: int | None,
    channel: int | None,
) -> None:
    """List the words of CORPUS that the dictionary lacks.

    Prints word, count and the pronunciation that would be used, separated by tabs, most frequent
    first. Transcripts that cannot be used are named on stderr; exit status 3 where there are any.
    """
    from speechalign.aligner import DEFAULT_MODEL
    from speechalign.corpus import read_corpus
    from speechalign.errors import InputError
    from speechalign.lexicon import Lexicon, PronouncingModel
    from speechalign.models import load_model

    loaded = load_model(model or DEFAULT_MODEL)
    if not isinstance(loaded, PronouncingModel):
        raise InputError(
            f"{loaded.name}: has no dictionary, so no word is missing from it; choose a model of "
            "phones"
        )
    lexicon = Lexicon(loaded)
    counts: Counter[str] = Counter()
    phones: dict[str, tuple[str, ...]] = {}
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
                    phones[spoken] = variants[0]
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        click.echo(f"{name}\t{counts[name]}\t{' '.join(phones[name])}")
    if unusable:
        raise SystemExit(4 if unusable == len(utterances) else 3)
