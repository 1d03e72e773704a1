"""speechalign adapt: a corpus and a model in, a model that fits the corpus better out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.messages import log
from speechalign.cli.model_options import encoder_option, own_dictionary_option, phones_option
from speechalign.cli.options import command, jobs_option, message_options, option
from speechalign.cli.training_options import read_edits, use_edits_option

if TYPE_CHECKING:
    from speechalign.training import Trained
    from speechalign.training.head import TrainedNetwork

Adapter = Callable[..., "Trained | TrainedNetwork"]


@command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model")
@click.argument("model_out", type=click.Path(path_type=Path))
@corpus_options
@own_dictionary_option
@encoder_option
@phones_option
@option(
    "--language",
    metavar="CODE",
    group="Dictionary",
    help="Language of the transcripts, such as sw, for --phones espeak (default: none)",
)
@option(
    "--fmllr",
    is_flag=True,
    group="Training",
    help="Transform the features of each speaker first, for voices unlike those of MODEL",
)
@use_edits_option
@option(
    "--name",
    metavar="NAME",
    group="Output",
    help="Name of the new model (default: the name of its folder)",
)
@jobs_option
@message_options
def adapt(
    corpus: Path,
    model: str,
    model_out: Path,
    read_corpus: ReadCorpus,
    dictionary: tuple[Path, ...],
    encoder: str | None,
    phones: str | None,
    language: str | None,
    fmllr: bool,
    use_edits: Path | None,
    name: str | None,
    jobs: int | None,
) -> None:
    """Adapt MODEL to CORPUS, from audio and transcripts alone; save it as MODEL_OUT.

    MODEL is english-sphinx, or a folder that `speechalign train` wrote. The means of its Gaussians
    move towards the corpus by MAP adaptation: further for sounds that the corpus has more of. With
    --fmllr, the features of each speaker are first transformed to fit the model. The network of a
    neural HMM, such as universal, is trained for some more steps, on its own alignments of the
    corpus; of ten recordings and more, every fifth is held out to tell when to stop.

    Exit status: 0 adapted, 3 adapted, but some utterances could not be used, 4 nothing to adapt to.
    """
    from speechalign.cli.progress import ProgressBar, TrainingProgress
    from speechalign.errors import InputError
    from speechalign.models import load_model
    from speechalign.models.hmm_gmm.model import HmmGmm
    from speechalign.models.neural_hmm.model import NeuralHmm
    from speechalign.pronunciation.dictionaries import with_dictionaries
    from speechalign.pronunciation.phone_sources import with_phone_source
    from speechalign.training import adapt as adapt_model

    loaded = load_model(model) if encoder is None else load_model(model, encoder=encoder)
    loaded = with_phone_source(loaded, phones, language)
    if isinstance(loaded, HmmGmm):
        adapter = cast(
            Adapter, partial(adapt_model, fmllr=fmllr, corrections=read_edits(use_edits))
        )
    elif isinstance(loaded, NeuralHmm):
        if fmllr or use_edits is not None:
            option_name = "--fmllr" if fmllr else "--use-edits"
            raise InputError(f"{model}: {option_name} is for HMM-GMMs; leave it out")
        from speechalign.training.head import adapt_network

        adapter = cast(Adapter, adapt_network)
    else:
        raise InputError(
            f"{model}: only HMMs of phones can be adapted: english-sphinx, or one that "
            "`speechalign train` wrote"
        )
    adapted_model = with_dictionaries(loaded, dictionary)
    utterances = read_corpus(corpus)
    with ProgressBar("reading") as bar:
        adapted = adapter(
            utterances,
            adapted_model,
            model_out,
            name=name or model_out.resolve().name,
            jobs=jobs,
            progress=TrainingProgress(bar),
        )
    log.info("model and report saved in %s", model_out)
    print(adapted.report.text())
    sys.exit(3 if adapted.report.left_out else 0)
