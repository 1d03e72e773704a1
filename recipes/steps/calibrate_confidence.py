"""Fit the confidence of a model of phones to speech, clean and corrupted.

    python -m recipes.steps.calibrate_confidence MODEL CORPUS [CORPUS ...] [--count 300]
    python -m recipes.steps.calibrate_confidence universal de=CORPUS [nl=CORPUS ...] [--count 300]

The second form is for a model of any phone of IPA: eSpeak NG pronounces the words of the languages.
Each recording is aligned as it was read, and again with one word replaced by a word of another
recording; every second one is corrupted first. The logistic regression of "this word was said" on
the mean deficit, both outcomes weighted alike, becomes the calibration in MODEL/model.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import labelled_utterances
from speechalign.errors import AlignmentError, InputError
from speechalign.files.names import existing
from speechalign.files.writing import in_place_of
from speechalign.models import DESCRIPTION, OpenPhoneModel, PhoneModel, load_model
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel, Pronunciations
from speechalign.text.dictionary import Variants
from speechalign.training.calibration import logistic_regression, word_deficits
from speechalign.training.copies import copy_of


@click.command(help=__doc__)
@click.argument("folder", metavar="MODEL", type=click.Path(exists=True, path_type=Path))
@click.argument("corpora", metavar="CORPUS", nargs=-1, required=True)
@click.option("--count", default=300, show_default=True, help="Recordings of each corpus.")
@click.option("--encoder", help="Folder of the encoder, for a model that has one.")
def main(folder: Path, corpora: Sequence[str], count: int, encoder: str | None) -> None:
    """Collect deficits, fit, write, print how well they separate."""
    model = load_model(folder, encoder=encoder)
    if not isinstance(model, PhoneHmm):
        raise InputError(f"{folder}: expected a model of phones")
    said: list[float] = []
    unsaid: list[float] = []
    for corpus in corpora:
        language, _, source = corpus.rpartition("=")
        lexicon = Lexicon(_pronouncing(model, language))
        utterances = labelled_utterances(existing(Path(source)))
        chosen = np.random.default_rng(0).permutation(len(utterances))[:count].tolist()
        spoken = [
            [word.variants for word in lexicon.words(utterances[number].text)] for number in chosen
        ]
        for place, (number, words) in enumerate(zip(chosen, spoken)):
            seed = f"{utterances[number].id}#calibration" if place % 2 else None
            samples = copy_of(
                utterances, number, rate=cast(PhoneModel, model).sample_rate, seed=seed
            )
            rng = np.random.default_rng((1, number))
            wrong = int(rng.integers(len(words)))
            others = spoken[int(rng.integers(len(spoken)))]
            other = others[int(rng.integers(len(others)))]
            emitting = _with_phones(model, [*words, other])
            emissions = emitting.emit(samples[None], np.array([len(samples)], np.int64))[0]
            replaced = [*words[:wrong], other, *words[wrong + 1 :]]
            if other == words[wrong]:
                continue
            try:
                true = word_deficits(emitting, emissions, [v for each in words for v in each])
                flat = [v for each in replaced for v in each]
                position = sum(len(each) for each in replaced[:wrong])
                false = word_deficits(emitting, emissions, flat)[position]
            except AlignmentError as error:
                click.echo(f"{utterances[number].id}: left out: {error}", err=True)
                continue
            said += true
            unsaid.append(false)
    values = np.array(said + unsaid)
    outcomes = np.arange(len(values)) < len(said)
    slope, intercept = logistic_regression(values, outcomes)
    path = folder / DESCRIPTION
    described = json.loads(path.read_text(encoding="utf-8"))
    described["calibration"] = [round(slope, 3), round(intercept, 3)]
    with in_place_of(path) as written:
        written.write_text(json.dumps(described, ensure_ascii=False, indent=2) + "\n", "utf-8")
    confident = slope * values + intercept > 0
    click.echo(
        f"{folder}: calibration {slope:.3f}, {intercept:.3f}; below 0.5: "
        f"{100 * np.mean(~confident[outcomes]):.1f} % of {len(said)} words that were said, "
        f"{100 * np.mean(~confident[~outcomes]):.1f} % of {len(unsaid)} that were not"
    )


def _pronouncing(model: PhoneHmm, language: str) -> PronouncingModel:
    """Return the source of the pronunciations of a corpus in a language."""
    if not isinstance(model, OpenPhoneModel):
        return cast(PronouncingModel, model)
    return Pronunciations(language, pronunciation="espeak-ipa", noise=model.noise)


def _with_phones(model: PhoneHmm, words: Sequence[Sequence[Variants]]) -> Any:
    """Return the model with the phones of words."""
    if not isinstance(model, OpenPhoneModel):
        return model
    variants = [phones for word in words for each in word for phones in each]
    return model.with_phones({phone for phones in variants for phone in phones} - {model.noise})


if __name__ == "__main__":
    run(main)
