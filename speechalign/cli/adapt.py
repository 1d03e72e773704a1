"""speechalign adapt: a corpus and a model in, a model that fits the corpus better out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.model_options import own_dictionary_option


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model")
@click.argument("model_out", type=click.Path(path_type=Path))
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads. Without: as many as there are cores. The model is the same.",
)
@click.option(
    "--fmllr",
    is_flag=True,
    help="Transform the features of each speaker first; for voices unlike those of MODEL.",
)
@own_dictionary_option
@click.option("--name", metavar="NAME", help="Of the new model. Without: that of its folder.")
@corpus_options
def adapt(
    corpus: Path,
    model: str,
    model_out: Path,
    jobs: int | None,
    fmllr: bool,
    dictionary: tuple[Path, ...],
    name: str | None,
    read_corpus: ReadCorpus,
) -> None:
    """Adapt MODEL to CORPUS, from audio and transcripts alone; save it as MODEL_OUT.

    MODEL is english-sphinx, or a folder that `speechalign train` wrote. The means of its Gaussians
    move towards the corpus (MAP), the further the more there is of each sound; with --fmllr, after
    the features of each speaker have been transformed to fit the model.

    Exit status: 0 adapted, 3 adapted, but some utterances could not be used, 4 nothing to adapt to.
    """
    from speechalign.cli.training_progress import TrainingProgress
    from speechalign.errors import InputError
    from speechalign.models import load_model
    from speechalign.models.hmm_gmm.model import HmmGmm
    from speechalign.pronunciation.dictionaries import with_dictionaries
    from speechalign.training import adapt as adapt_model

    loaded = load_model(model)
    if not isinstance(loaded, HmmGmm):
        raise InputError(
            f"{model}: only HMM-GMM models can be adapted: english-sphinx, or one that "
            "`speechalign train` wrote"
        )
    adapted_model = with_dictionaries(loaded, dictionary)
    assert isinstance(adapted_model, HmmGmm)
    utterances = read_corpus(corpus)
    progress = TrainingProgress()
    try:
        adapted = adapt_model(
            utterances,
            adapted_model,
            model_out,
            name=name or model_out.resolve().name,
            fmllr=fmllr,
            jobs=jobs or os.cpu_count() or 1,
            progress=progress,
        )
    finally:
        progress.close()
    click.echo(adapted.report.text())
    click.echo(f"model saved in {model_out}", err=True)
    sys.exit(3 if adapted.report.left_out else 0)
