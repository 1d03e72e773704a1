"""speechalign train-align: a corpus in, a model of its own and alignments out."""

from __future__ import annotations

from pathlib import Path

import click

from speechalign.cli.align import AlignUtterances, output_options
from speechalign.cli.options import command, jobs_option, message_options, option
from speechalign.cli.training_options import TrainModel, training_options


@command("train-align")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@training_options
@output_options
@option(
    "--model-out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    group="Output",
    help="Folder for the model (default: OUT.model, beside OUT)",
)
@jobs_option
@message_options
def train_align(
    corpus: Path,
    out: Path,
    train_model: TrainModel,
    align_utterances: AlignUtterances,
    model_out: Path | None,
    jobs: int | None,
) -> None:
    """Train a model on CORPUS and align CORPUS with it; write TextGrids to OUT.

    The same as `speechalign train` and then `speechalign align`; no model and, with --phones
    graphemes, no dictionary is needed. A model that a run has trained is used again as long as
    corpus, dictionaries and options of training are the same.

    Exit status: 0 all aligned, 3 some not (the others are written), 4 none.
    """
    from speechalign.aligners.aligner import Aligner

    out = out.absolute()
    model_out = model_out or out.with_name(f"{out.name}.model")
    utterances, _ = train_model(corpus, model_out, jobs, reuse=True)
    align_utterances(utterances, out, Aligner(model_out), jobs)
