"""speechalign train: a corpus in, an acoustic model out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.training_options import (
    pronunciation_options,
    pronunciations,
    training_options,
)


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model_out", type=click.Path(path_type=Path))
@pronunciation_options
@training_options
@click.option("--name", metavar="NAME", help="Of the model. Without: that of its folder.")
@click.option("--licence", default="not stated", show_default=True, metavar="TEXT",
              help="Of the model, for its card.")  # fmt: skip
@corpus_options
def train(
    corpus: Path,
    model_out: Path,
    dictionaries: tuple[Path, ...],
    language: str,
    phones: str | None,
    gaussians: int,
    contexts: bool,
    by_speaker: bool,
    seed: int,
    jobs: int | None,
    name: str | None,
    licence: str,
    read_corpus: ReadCorpus,
) -> None:
    """Train an acoustic model on CORPUS, from audio and transcripts alone; save it as MODEL_OUT.

    MODEL_OUT is a folder, which `speechalign align CORPUS MODEL_OUT OUT` takes. Beside it,
    MODEL_OUT.work holds features and a checkpoint: a run that was stopped goes on where it was.
    What training found out about the corpus, transcripts that look wrong among it, is printed and
    saved with the model.

    Exit status: 0 trained, 3 trained, but some utterances could not be used, 4 nothing to train
    on.
    """
    from speechalign.cli.training_progress import TrainingProgress
    from speechalign.training import train as train_model

    utterances = read_corpus(corpus)
    source = pronunciations(dictionaries, language, phones)
    progress = TrainingProgress()
    try:
        trained = train_model(
            utterances,
            source,
            model_out,
            name=name or model_out.resolve().name,
            licence=licence,
            gaussians=gaussians,
            jobs=jobs or os.cpu_count() or 1,
            seed=seed,
            by_speaker=by_speaker,
            contexts=contexts,
            progress=progress,
        )
    finally:
        progress.close()
    click.echo(trained.report.text())
    click.echo(f"model saved in {model_out}", err=True)
    sys.exit(3 if trained.report.left_out else 0)
