"""Train the network of a neural HMM on the frames of one or more languages.

    python -m recipes.steps.fit_phone_net SETTINGS OUT --store en=DIR --store de=DIR
        --target en=labels --target de=labels [--posteriors ARRAY]

SETTINGS is a YAML file: ``network`` (sizes), ``fit`` (how it is trained), ``copies`` (corrupted
copies it hears), ``encoded`` (whether it hears an encoder's states), ``least`` (least confidence of
a recording whose labels are learnt), ``hours`` (of each language; more are drawn from, fewer are
repeated), ``start`` (a model of the same sizes; the network begins with its weights, but for the
layers of outputs). A target is an array of labels or of another network's posteriors; or of
attributes, as articulate_frames.py writes them, where ``fit`` has ``groups``: then all languages
share the columns of the network. OUT gets net.pt, net.json, checkpoint.pt and log.jsonl. With
--posteriors, the posteriors of the clean recordings become that array of each store.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from recipes.program import run
from recipes.steps.label_frames import PHONES
from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.settings import make_settings, read_yaml
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE, STRIDE
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.neural_hmm.torch_net import TorchPhoneNet
from speechalign.training.frame_store import FrameStore, held_out
from speechalign.training.phone_net import (
    FitOptions,
    LanguageFrames,
    fit,
    frame_accuracy,
    log_posteriors,
)

_TESTED = 60  # held-out recordings of a language whose accuracy is printed
_LOGGED = 100  # steps
_MOST_REPEATS = 3


@dataclass(frozen=True)
class NetSettings:
    """The file of settings.

    Parameters
    ----------
    network, fit : dict
        Keywords of `NetConfig` and `FitOptions`.
    copies : int
        Corrupted copies beside the clean one.
    encoded : bool
        Whether there is an encoder.
    least : float
        Least confidence of a recording.
    hours : float
        Hours of each language; 0 for what there is.
    dropout : float
        As `TorchPhoneNet` has it.
    start : str
        Name or folder of a neural HMM with a network of these sizes; empty for random weights.
    """

    network: dict[str, Any]
    fit: dict[str, Any]
    copies: int = 1
    encoded: bool = False
    least: float = 0.5
    hours: float = 0.0
    dropout: float = 0.1
    start: str = ""


def by_language(values: Sequence[str]) -> dict[str, str]:
    """Return the value of each language, of options LANGUAGE=VALUE."""
    found = dict(value.split("=", 1) for value in values if "=" in value)
    if len(found) != len(values):
        raise InputError(f"expected LANGUAGE=VALUE, each language once, got {' '.join(values)}")
    return found


@click.command(help=__doc__)
@click.argument("settings_path", metavar="SETTINGS", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--store", "stores", multiple=True, required=True, help="LANGUAGE=FOLDER.")
@click.option("--target", "targets", multiple=True, required=True, help="LANGUAGE=ARRAY.")
@click.option("--posteriors", help="Array that gets the posteriors of the clean recordings.")
@click.option("--epochs", type=float, help="Number of epochs (default: the file's).")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")
def main(
    settings_path: Path,
    out: Path,
    stores: Sequence[str],
    targets: Sequence[str],
    posteriors: str | None,
    epochs: float | None,
    seed: int,
) -> None:
    """Fit, print the accuracy on held-out recordings, write posteriors."""
    source = str(settings_path)
    settings = make_settings(NetSettings, read_yaml(settings_path), source=source)
    changes = {"seed": seed} | ({} if epochs is None else {"epochs": epochs})
    options = FitOptions(**(settings.fit | changes))
    opened = {name: FrameStore(Path(folder)) for name, folder in by_language(stores).items()}
    wanted = by_language(targets)
    if opened.keys() != wanted.keys():
        raise InputError("expected --store and --target for the same languages")
    languages: list[LanguageFrames] = []
    tested: list[LanguageFrames] = []
    first = 0
    for name, store in opened.items():
        phones = len(json.loads((store.folder / PHONES).read_text()))
        if options.groups:
            first, phones = 0, sum(options.groups)
        learnt = _language(name, store, wanted[name], first, phones, settings)
        held = np.array([held_out(id) for id in store.ids])[learnt.chosen]
        balanced = _balanced(store, learnt.chosen[~held], settings.hours)
        languages.append(replace(learnt, chosen=balanced))
        tested.append(replace(learnt, chosen=learnt.chosen[held][:_TESTED]))
        first += phones
    width = languages[0].states[0].width if settings.encoded else 0
    config = NetConfig.from_keywords(settings.network | {"encoder_width": width}, source=source)
    torch.manual_seed(seed)
    net = TorchPhoneNet(config, first, dropout=settings.dropout)
    if settings.start:
        _begin_with(net, settings.start)
    out.mkdir(parents=True, exist_ok=True)
    begun = time.time()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:

        def report(step: int, steps: int, loss: float) -> None:
            if step % _LOGGED == 0 or step == steps:
                entry = {"step": step, "of": steps, "loss": loss, "s": time.time() - begun}
                print(json.dumps(entry), file=log, flush=True)

        fit(net, languages, options, checkpoint=out / "checkpoint.pt", report=report)
        for language in (part for part in tested if len(part.chosen)):
            for copy in range(min(2, len(language.mels))):
                accuracy = frame_accuracy(net, language, copy, options.groups)
                entry = {"language": language.name, "copy": copy, "held-out accuracy": accuracy}
                print(json.dumps(entry), file=log, flush=True)
                click.echo(f"{out.name}: {language.name}, copy {copy}: {accuracy:.4f} of frames")
    torch.save(net.state_dict(), out / "net.pt")
    described: Mapping[str, object] = {
        "network": config.keywords(),
        "columns": {part.name: [part.first, part.first + part.phones] for part in languages},
    }
    (out / "net.json").write_text(json.dumps(described, indent=1) + "\n")
    if posteriors is not None:
        for part in languages:
            opened[part.name].fill(
                posteriors,
                partial(log_posteriors, net, part),
                stride=STRIDE, width=part.phones, dtype=np.float16,
            )  # fmt: skip


def _begin_with(net: TorchPhoneNet, name: str) -> None:
    """Copy the weights of a model, but for the layers whose columns are its phones."""
    model = load_model(name)
    if not isinstance(model, NeuralHmm) or model.net.config != net.config:
        raise InputError(f"start: expected a neural HMM with a network of {net.config}, got {name}")
    weights = {
        key: torch.tensor(value)
        for key, value in model.net.weights.items()
        if key.partition(".")[0] not in ("output", "fine")
    }
    net.load_state_dict(weights, strict=False)


def _balanced(store: FrameStore, chosen: np.ndarray, hours: float) -> np.ndarray:
    """Draw recordings of so many hours, by a hash of their ids; repeat them where they are few."""
    if not hours:
        return chosen
    hashes = [zlib.crc32(f"drawn {store.ids[number]}".encode()) for number in chosen]
    drawn = chosen[np.argsort(hashes)]
    seconds = np.cumsum(store.samples[drawn]) / SAMPLE_RATE
    times = int(np.clip(round(3600 * hours / seconds[-1]), 1, _MOST_REPEATS))
    return np.tile(drawn[: int(np.searchsorted(seconds, 3600 * hours)) + 1], times)


def _language(
    name: str,
    store: FrameStore,
    target: str,
    first: int,
    phones: int,
    settings: NetSettings,
) -> LanguageFrames:
    """Gather the arrays of a language; the recordings are those whose labels are trusted."""
    copies = range(settings.copies + 1)
    confidence = store.folder / f"{target}.confidence.npy"
    trusted = np.ones(len(store), np.bool_)
    if confidence.is_file():
        trusted = np.load(confidence) >= settings.least
    states = [store.array(f"states.{copy}") for copy in copies] if settings.encoded else []
    grid = stored_encoder(store.folder).grid if states else None
    return LanguageFrames(
        name,
        first,
        phones,
        [store.array(f"mels.{copy}") for copy in copies],
        states,
        grid,
        store.array(target),
        np.flatnonzero(trusted),
    )


if __name__ == "__main__":
    run(main)
