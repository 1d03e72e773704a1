"""Make a model of any language from a network of attributes that fit_phone_net.py trained.

    python -m recipes.steps.pack_articulatory NET OUT --store en=DIR --store de=DIR
        --target en=attributes --target de=attributes --labels en=labels2 --labels de=labels
        --card FILE --temperature X [--encoder E]

The card is Markdown: its title is the name of the model, its row "licence" the licence. The priors
of the attributes and the durations of the manners are those of the labels. OUT is replaced whole.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from recipes.program import run
from recipes.steps.fit_phone_net import by_language
from recipes.steps.label_frames import PHONES
from recipes.trainer.ipa_of_phones import NOISES, SILENCES
from speechalign.errors import InputError
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.encoder import EncoderFacts, load_encoder
from speechalign.models.neural_hmm.folder import save
from speechalign.models.neural_hmm.phone_net import PhoneNet
from speechalign.text.articulation import ATTRIBUTES, COLUMNS, SILENCE, articulation
from speechalign.text.dictionary import Dictionary
from speechalign.text.phone_sets import ARPABET
from speechalign.training.frame_store import FrameStore

_PRIOR_WEIGHT = 1.0
_ACOUSTIC_SCALE = 0.15
_STAY = 0.9  # of silence and noise
_ENCODER = "openai/whisper-base"  # what users name, wherever --encoder lies here


@click.command(help=__doc__)
@click.argument("net", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--store", "stores", multiple=True, required=True, help="LANGUAGE=FOLDER.")
@click.option("--target", "targets", multiple=True, required=True, help="LANGUAGE=ARRAY.")
@click.option("--labels", multiple=True, required=True, help="LANGUAGE=ARRAY.")
@click.option("--card", required=True, type=click.Path(exists=True, path_type=Path),
              help="Model card, Markdown.")  # fmt: skip
@click.option("--temperature", type=click.FloatRange(min=0, min_open=True), required=True,
              help="Divisor of the attributes' log-probabilities.")  # fmt: skip
@click.option("--encoder", help="Encoder: a folder, or a name on the hub.")
def main(
    net: Path,
    out: Path,
    stores: Sequence[str],
    targets: Sequence[str],
    labels: Sequence[str],
    card: Path,
    temperature: float,
    encoder: str | None,
) -> None:
    """Count priors and durations, write the folder."""
    text = card.read_text(encoding="utf-8")
    title, licence = re.match(r"# (\S+)\n", text), re.search(r"^\| licence \| (.+) \|$", text, re.M)
    if title is None or licence is None:
        raise InputError(f"{card}: expected a title and a row 'licence'")
    described = json.loads((net / "net.json").read_text())
    config = NetConfig.from_keywords(described["network"], source=str(net / "net.json"))
    trained = torch.load(net / "net.pt", weights_only=True)
    weights = {key: value.numpy().astype(np.float16) for key, value in trained.items()}
    opened = {name: FrameStore(Path(folder)) for name, folder in by_language(stores).items()}
    arrays, numbers = by_language(targets), by_language(labels)
    prior = np.mean([_shares(store, arrays[name]) for name, store in opened.items()], axis=0)
    packed = ArticulatoryHmm(
        net=PhoneNet(config, weights),
        log_priors=np.log(prior + 1e-4),
        prior_weight=_PRIOR_WEIGHT,
        temperature=temperature,
        durations=_durations([(store, numbers[name]) for name, store in opened.items()]),
        facts=_facts(encoder),
        name=title[1],
        language="ipa",
        licence=licence[1],
        phones=("sil", "spn"),
        silence="sil",
        noise="spn",
        stay=np.full((2, 3), _STAY),
        dictionary=Dictionary({}),
        variant_priors={},
        silence_probability=0.5,
        acoustic_scale=_ACOUSTIC_SCALE,
        calibration=(1.0, 2.0),  # until calibrate_confidence.py has run
        pronunciation="ipa",
    )
    save(packed, out, texts={"MODEL_CARD.md": text})
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    click.echo(f"{out}: {title[1]}, {size:.1f} MB")


def _facts(encoder: str | None) -> EncoderFacts | None:
    """Return what a model remembers of its encoder; None for a network without one."""
    return None if encoder is None else replace(load_encoder(encoder).facts, source=_ENCODER)


def _shares(store: FrameStore, target: str) -> np.ndarray:
    """Return the share of each value of each attribute, (A,); open values are divided."""
    rows = store.array(target).rows[:, 0]
    values, counts = np.unique(rows, return_counts=True)
    bits = (values[:, None] >> np.arange(len(COLUMNS), dtype=np.uint64)) & np.uint64(1)
    total, first = np.zeros(len(COLUMNS)), 0
    for names in ATTRIBUTES.values():
        own = bits[:, first : first + len(names)].astype(np.float64)
        total[first : first + len(names)] = counts @ (own / own.sum(axis=1, keepdims=True))
        first += len(names)
    shares: np.ndarray = total / counts.sum()
    return shares


def _durations(labelled: Sequence[tuple[FrameStore, str]]) -> dict[str, float]:
    """Return the mean frames of the phones of each manner."""
    frames: dict[str, float] = defaultdict(float)
    runs: dict[str, int] = defaultdict(int)
    for store, name in labelled:
        phones: list[str] = json.loads((store.folder / PHONES).read_text())
        rows = store.array(name).rows[:, 0]
        begins = np.append(0, np.flatnonzero(np.diff(rows)) + 1)
        lengths = np.diff(np.append(begins, len(rows)))
        for number, phone in enumerate(phones):
            if phone in SILENCES + NOISES:  # letters of IPA, too
                continue
            try:
                manners = articulation(ARPABET.get(phone, phone)).manners
            except InputError:
                continue
            own = lengths[rows[begins] == number]
            for manner in manners:
                frames[manner] += float(own.sum())
                runs[manner] += len(own)
    found = {manner: round(frames[manner] / max(1, runs[manner]), 2) for manner in frames}
    silence = next(iter(SILENCE.targets[0]["manner"]))
    usual = float(np.mean(list(found.values())))
    heard = [manner for manner in ATTRIBUTES["manner"] if manner != silence]
    return {manner: found.get(manner, usual) for manner in heard}


if __name__ == "__main__":
    run(main)
