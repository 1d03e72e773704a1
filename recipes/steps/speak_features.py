"""Write the log-mel features of sentences read aloud, with their phones and translations.

    python -m recipes.steps.speak_features exp/features/train --sentences train.txt \
        --language en-us --voices en-us,en-us+f1
    python -m recipes.steps.speak_features exp/features/scored --cuts data/corpus/en-us/cuts.jsonl

Sentences are ``source ||| target``, a pair a line: eSpeak NG says the source, each with one of the
voices, and nothing but the features is kept. Cuts are those of speech_gold_alignment.py, whose
sound is read. Phones are those that eSpeak NG gives each word by itself, whatever the sound is.
OUT has the files of compute_features.py, the translation in place of the text. What is there is not
computed again.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import soxr
import torch

from recipes.trainer.feature_store import FEATURES, INDEX
from speechalign import SpeechAlignError
from speechalign.audio.waveform import read_waveform
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.espeak import phonemes, speak
from speechalign.links import is_punctuation, read_parallel
from speechalign.models.ctc.conv_net import SAMPLE_RATE, LogMel


class Spoken(NamedTuple):
    """A sentence, its sound at 16 kHz, and its translation."""

    name: str
    speaker: str
    audio: str
    words: list[str]
    translation: str
    samples: np.ndarray


def from_sentences(path: Path, language: str, voices: list[str]) -> Iterator[Spoken]:
    """Say the sources of a file; the voice depends on the line's number only."""
    for number, (source, target) in enumerate(read_parallel(path)):
        voice = voices[zlib.crc32(f"{language} {number}".encode()) % len(voices)]
        try:
            speech = speak(" ".join(source), voice=voice)
        except InputError as error:
            raise InputError(f"{path}, line {number + 1}: {error}") from None
        samples = soxr.resample(speech.samples, speech.sample_rate, SAMPLE_RATE, quality="HQ")
        yield Spoken(str(number), voice, "", source, " ".join(target), samples)


def from_cuts(path: Path) -> Iterator[Spoken]:
    """Read the sound of cuts."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for utterance, line in zip(read_corpus(path), lines, strict=True):
        if utterance.problem:
            raise InputError(utterance.problem)
        (supervision,) = json.loads(line)["supervisions"]
        samples = read_waveform(utterance.audio, sample_rate=SAMPLE_RATE).samples
        yield Spoken(
            utterance.id,
            utterance.speaker or "",
            str(utterance.audio),
            utterance.text.split(),
            supervision["custom"]["translation"],
            samples,
        )


def compute(
    sentences: Iterator[Spoken], language: str, out: Path, *, mels: int
) -> list[dict[str, object]]:
    """Write features and index; return what the index holds."""
    log_mel = LogMel(mels)
    entries: list[dict[str, object]] = []
    first = 0
    with (out / FEATURES).open("wb") as features:
        for spoken in sentences:
            with torch.inference_mode():
                vectors = log_mel(torch.from_numpy(spoken.samples)[None])[0].numpy()
            features.write(vectors.astype(np.float16).tobytes())
            entry = {
                "id": spoken.name,
                "speaker": spoken.speaker,
                "text": spoken.translation,
                "audio": spoken.audio,
                "first": first,
                "frames": len(vectors),
                "words": [word for word in spoken.words if not is_punctuation(word)],
            }
            entries.append(entry)
            first += len(vectors)
    vocabulary = sorted({word for entry in entries for word in entry["words"]})  # type: ignore[attr-defined]
    said = dict(zip(vocabulary, phonemes(vocabulary, language)))
    with (out / INDEX).open("w", encoding="utf-8") as index:
        for entry in entries:
            entry["words"] = [said[word][0] for word in entry["words"] if said[word]]  # type: ignore[attr-defined]
            index.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return entries


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--sentences", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cuts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", required=True, help="Code of eSpeak NG.")
@click.option("--voices", help="Several, with commas between them.  [the language's own]")
@click.option("--mels", default=40, show_default=True)
def main(
    out: Path,
    sentences: Path | None,
    cuts: Path | None,
    language: str,
    voices: str | None,
    mels: int,
) -> None:
    """Compute into a temporary folder, and move it."""
    if (sentences is None) == (cuts is None):
        raise click.UsageError("give --sentences or --cuts")
    if cuts is not None and voices is not None:
        raise click.UsageError("--voices are for --sentences")
    if out.exists():
        click.echo(f"{out}: kept; remove it to compute it again")
        return
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    if cuts is not None:
        spoken = from_cuts(cuts)
    else:
        assert sentences is not None
        spoken = from_sentences(sentences, language, (voices or language).split(","))
    entries = compute(spoken, language, temporary, mels=mels)
    if not entries:
        raise InputError(f"{sentences or cuts}: there is no sentence")
    temporary.replace(out)
    seconds = sum(entry["frames"] for entry in entries) / 100  # type: ignore[misc]
    click.echo(f"{out}: {len(entries)} sentences, {seconds:.0f} s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"speak_features.py: {error}")
