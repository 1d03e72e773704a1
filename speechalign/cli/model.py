"""speechalign model: what acoustic models there are, what they are, and where to get them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.model_options import loading_options
from speechalign.cli.options import Commands, option
from speechalign.errors import BackendError

if TYPE_CHECKING:
    from speechalign.models.hmm_gmm.model import HmmGmm
    from speechalign.models.neural_hmm.model import NeuralHmm


@click.group(cls=Commands)
def model() -> None:
    """List, inspect, download and export acoustic models.

    SOURCE is a name that `list` shows, a folder or an .onnx file, or org/name@revision on the
    Hugging Face hub; org/name:LANGUAGE for a model with an adapter of each language, such as MMS.
    """


@model.command("list")
def list_models() -> None:
    """Print the models known by name, one a line."""
    from speechalign.models import known_names

    for name in known_names():
        print(name)


@model.command()
@click.argument("source")
@loading_options
@option(
    "--corpus",
    type=click.Path(path_type=Path),
    metavar="DIR",
    group="Corpus",
    help="Corpus to measure the bias of the model's times on (default: none)",
)
@option(
    "--gold",
    type=click.Path(path_type=Path),
    metavar="DIR",
    group="Corpus",
    help="True alignments of --corpus, in the same tree (required with --corpus)",
)
@option(
    "--save-calibration",
    type=click.Path(path_type=Path),
    metavar="FILE",
    group="Output",
    help="File to write the bias to, for --calibration (default: none)",
)
def inspect(
    source: str,
    corpus: Path | None,
    gold: Path | None,
    save_calibration: Path | None,
    device: str | None,
    offline: bool,
    allow_pickle: bool,
    encoder: str | None,
    calibration: Path | None,
) -> None:
    """Print the language, frames, units and licence of a model.

    With --corpus and --gold, also the median by which its words begin too late.
    """
    from speechalign.aligners.aligner import Aligner
    from speechalign.models import load_model

    if (corpus is None) != (gold is None) or (save_calibration is not None and gold is None):
        raise click.UsageError("--corpus and --gold go together, and --save-calibration with them")
    loaded = load_model(
        source,
        device=device,
        offline=offline,
        allow_pickle=allow_pickle,
        encoder=encoder,
    )
    aligner = Aligner(loaded, calibration=calibration)
    grid = loaded.grid
    facts = {
        "name": loaded.name,
        "language": loaded.language,
        "sample rate": f"{loaded.sample_rate} Hz",
        "frame": f"{1000 * grid.stride / grid.sample_rate:g} ms",
        "first frame": f"from {1000 * grid.seconds(0):g} ms to {1000 * grid.seconds(1):g} ms",
        **loaded.describe(),
        "licence": loaded.licence,
    }
    for key, value in facts.items():
        print(f"{key}: {value}")
    if corpus is not None and gold is not None:
        from speechalign.corpus import read_corpus
        from speechalign.pipeline.onset_bias import measure_bias

        found = measure_bias(aligner, read_corpus(corpus), gold)
        print(f"onset bias: {1000 * found.bias:+.1f} ms, median of {found.words} words")
        if save_calibration is not None:
            found.write(save_calibration)


@model.command()
@click.argument("source")
@option("--allow-pickle", is_flag=True, help="Fetch weights that are a Python pickle, too")
def download(source: str, allow_pickle: bool) -> None:
    """Fetch a model, for use without network, and print its name.

    Takes org/name or org/name@revision on the Hugging Face hub, or torchaudio:NAME.
    """
    from speechalign.models import load_model

    loaded = load_model(source, device="cpu", allow_pickle=allow_pickle)
    print(loaded.name)


@model.command("add-words")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("dictionary", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add_words(folder: Path, dictionary: Path) -> None:
    """Add the pronunciations of DICTIONARY to the model in FOLDER.

    DICTIONARY has MFA's or CMU's format; English phones may be ARPABET, with or without stress, or
    IPA. A word that the model has already gets the new pronunciations. A model that comes with the
    package needs a folder first: speechalign model export english-sphinx FOLDER.
    """
    from speechalign.models import phone_folder

    added = phone_folder.add_words(folder, dictionary)
    print(f"{folder}: {len(added)} words added")


@model.command()
@click.argument("source")
@click.argument("folder", type=click.Path(path_type=Path))
@option("--offline", is_flag=True, help="Use only models that were downloaded before, no network")
@option(
    "--allow-pickle",
    is_flag=True,
    help="Read weights that are a Python pickle; tensors only, no code is run",
)
def export(source: str, folder: Path, offline: bool, allow_pickle: bool) -> None:
    """Write a model to FOLDER, which can be used in its place.

    A CTC model that hears samples, of torchaudio, Hugging Face or kind conv-ctc, becomes ONNX, and
    it is checked that both agree. An HMM of phones becomes a folder like those of `speechalign
    train`, whose dictionary can be changed; in that of a neural HMM, network.onnx is its network,
    for other programs.
    """
    from speechalign.models import load_model
    from speechalign.models.hmm_gmm.model import HmmGmm
    from speechalign.models.neural_hmm.model import NeuralHmm

    loaded = load_model(source, device="cpu", offline=offline, allow_pickle=allow_pickle)
    if isinstance(loaded, HmmGmm | NeuralHmm):
        print(f"{folder}: {_export_hmm(loaded, folder)}")
        return
    from speechalign.models.ctc.onnx_export import export as write

    worst = write(loaded, folder)
    print(f"{folder}: log-probabilities differ by {worst:.1e} at most")


def _export_hmm(model: HmmGmm | NeuralHmm, folder: Path) -> str:
    """Write the folder of a model of phones; return what was written."""
    from speechalign.models.hmm_gmm import folder as gmm_folder
    from speechalign.models.hmm_gmm.model import HmmGmm
    from speechalign.models.neural_hmm import folder as neural_folder
    from speechalign.models.neural_hmm.onnx_export import NETWORK, export_network

    facts = {"language": model.language, **model.describe(), "licence": model.licence}
    card = "".join(f"* {what}: {value}\n" for what, value in facts.items())
    texts = {"MODEL_CARD.md": f"# {model.name}\n\n{card}"}
    if isinstance(model, HmmGmm):
        gmm_folder.save(model, folder, texts=texts)
        return model.name
    with tempfile.TemporaryDirectory(prefix="speechalign-") as work:
        path = Path(work) / NETWORK
        try:
            worst = export_network(model.net, path)
        except BackendError as error:
            neural_folder.save(model, folder, texts=texts)
            return f"{model.name}, without {NETWORK} ({error})"
        neural_folder.save(model, folder, texts=texts, files={NETWORK: path})
    return f"{model.name}; {NETWORK}: log posteriors differ by {worst:.1e} at most"
