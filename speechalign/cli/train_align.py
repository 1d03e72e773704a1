"""speechalign train-align: a corpus in, a model of its own and alignments out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from speechalign.cli.align import summarise
from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.output_options import format_option
from speechalign.cli.training_options import (
    pronunciation_options,
    pronunciations,
    training_options,
)


@click.command("train-align")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@pronunciation_options
@training_options
@format_option
@click.option("--model-out", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where the model goes. Without: OUT.model, beside OUT.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Align again what has an output file.")
@corpus_options
def train_align(
    corpus: Path,
    out: Path,
    dictionaries: tuple[Path, ...],
    language: str,
    phones: str | None,
    gaussians: int,
    contexts: bool,
    by_speaker: bool,
    seed: int,
    jobs: int | None,
    formats: tuple[str, ...],
    model_out: Path | None,
    overwrite: bool,
    read_corpus: ReadCorpus,
) -> None:
    """Train a model on CORPUS and align CORPUS with it; write TextGrids to OUT.

    The same as `speechalign train` and then `speechalign align`; no model and, with --phones
    graphemes, no dictionary is needed.

    Exit status: 0 all aligned, 3 some not (the others are written), 4 none.
    """
    from speechalign.aligners.aligner import Aligner
    from speechalign.cli.progress import Progress
    from speechalign.cli.training_progress import TrainingProgress
    from speechalign.pipeline.align_corpus import align_corpus
    from speechalign.training import train as train_model

    utterances = read_corpus(corpus)
    source = pronunciations(dictionaries, language, phones)
    out = out.absolute()
    model_out = model_out or out.with_name(f"{out.name}.model")
    threads = jobs or os.cpu_count() or 1
    progress = TrainingProgress()
    try:
        train_model(
            utterances,
            source,
            model_out,
            name=model_out.resolve().name,
            licence="not stated",
            gaussians=gaussians,
            jobs=threads,
            seed=seed,
            by_speaker=by_speaker,
            contexts=contexts,
            progress=progress,
        )
    finally:
        progress.close()
    click.echo(f"model and report saved in {model_out}", err=True)
    aligner = Aligner(model_out)
    with Progress(len(utterances)) as bar:
        result = align_corpus(
            utterances, aligner, out, formats=formats, jobs=threads, overwrite=overwrite,
            progress=bar.advance,
        )  # fmt: skip
    summarise(result.utterances, out, aligner.model.sample_rate)
    sys.exit(result.exit_status)
