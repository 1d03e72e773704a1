"""Make the neural HMM of one language from a network that fit_phone_net.py trained.

    python -m recipes.steps.pack_phone_net NET LANGUAGE STORE POSTERIORS BASE OUT
        --card FILE [--encoder E]

The card is Markdown: its title is the name of the model, its row "licence" the licence. BASE gives
phones, words and the weights of the graph: english-sphinx, for example. POSTERIORS is an array of
STORE; the priors of the phones are its means. OUT is replaced whole, including the card.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from recipes.program import run
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.encoder import load_encoder
from speechalign.models.neural_hmm.folder import save
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.training.frame_store import FrameStore
from speechalign.training.labelling import PRIOR_WEIGHT
from speechalign.training.phone_net import log_prior

# How far posteriors are flattened to place boundaries.
_ACOUSTIC_SCALE = 0.3
_ENCODER = "openai/whisper-base"  # what users name, wherever --encoder lies here


@click.command(help=__doc__)
@click.argument("net", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("language")
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("posteriors")
@click.argument("base")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--card", required=True, type=click.Path(exists=True, path_type=Path),
              help="Model card, Markdown.")  # fmt: skip
@click.option("--encoder", help="Encoder that the network hears: a folder, or a name on the hub.")
def main(
    net: Path,
    language: str,
    store: Path,
    posteriors: str,
    base: str,
    out: Path,
    card: Path,
    encoder: str | None,
) -> None:
    """Take the language's columns, write the folder."""
    text = card.read_text(encoding="utf-8")
    title, licence = re.match(r"# (\S+)\n", text), re.search(r"^\| licence \| (.+) \|$", text, re.M)
    if title is None or licence is None:
        raise InputError(f"{card}: expected a title and a row 'licence'")
    described = json.loads((net / "net.json").read_text())
    if language not in described["columns"]:
        raise InputError(f"{net}: knows {', '.join(described['columns'])}, not {language}")
    first, last = described["columns"][language]
    total = max(end for _, end in described["columns"].values())
    config = NetConfig.from_keywords(described["network"], source=str(net / "net.json"))
    trained = torch.load(net / "net.pt", weights_only=True)
    weights = {key: value.numpy().astype(np.float16) for key, value in trained.items()}
    for key in ("output.weight", "output.bias"):  # (stack * P, ...)
        values = weights[key]
        stacked = values.reshape(config.stack, total, *values.shape[1:])[:, first:last]
        weights[key] = stacked.reshape(-1, *values.shape[1:])
    for key in weights.keys() & {"fine.weight", "fine.bias"}:
        weights[key] = weights[key][first:last]
    model = load_model(base)
    if not isinstance(model, PhoneHmm) or len(model.phones) != last - first:
        raise InputError(f"{base}: expected a model of {last - first} phones")
    facts = None
    if encoder is not None:
        facts = replace(load_encoder(encoder).facts, source=_ENCODER)
    parameters = model.parameters
    parameters["name"], parameters["licence"] = title[1], licence[1]
    parameters["acoustic_scale"] = _ACOUSTIC_SCALE
    packed = NeuralHmm(
        net=PhoneNet(config, weights),
        log_priors=log_prior(FrameStore(store).array(posteriors)),
        prior_weight=PRIOR_WEIGHT,
        facts=facts,
        **parameters,
    )
    save(packed, out, texts={"MODEL_CARD.md": text})
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    click.echo(f"{out}: {title[1]}, {size:.1f} MB")


if __name__ == "__main__":
    run(main)
