"""speechalign train: a corpus in, an acoustic model out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from speechalign.cli.options import command, jobs_option, message_options, option
from speechalign.cli.training_options import TrainModel, training_options


@command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model_out", type=click.Path(path_type=Path))
@training_options
@option(
    "--name",
    metavar="NAME",
    group="Output",
    help="Name of the model (default: the name of its folder)",
)
@option(
    "--licence",
    default="not stated",
    metavar="TEXT",
    group="Output",
    help="Licence of the model, for its card",
)
@jobs_option
@message_options
def train(
    corpus: Path,
    model_out: Path,
    train_model: TrainModel,
    name: str | None,
    licence: str,
    jobs: int | None,
) -> None:
    """Train an acoustic model on CORPUS, from audio and transcripts alone; save it as MODEL_OUT.

    MODEL_OUT is a folder, which `speechalign align CORPUS MODEL_OUT OUT` takes. Beside it,
    MODEL_OUT.work holds features and a checkpoint: the same command resumes a run that was
    stopped. A report about the corpus, with transcripts that look wrong, is printed and saved with
    the model.

    Exit status: 0 trained, 3 trained, but some utterances could not be used, 4 nothing to train
    on.
    """
    _, trained = train_model(corpus, model_out, jobs, name=name, licence=licence)
    assert trained is not None
    print(trained.report.text())
    sys.exit(3 if trained.report.left_out else 0)
