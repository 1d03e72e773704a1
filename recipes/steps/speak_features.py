"""Write the log-mel features of spoken sentences, with their phones and translations.

    python -m recipes.steps.speak_features exp/features/train --sentences train.txt \
        --language en-us --voices en-us,en-us+f1
    python -m recipes.steps.speak_features exp/features/scored --cuts data/corpus/en-us/cuts.jsonl

Sentences are lines ``source ||| target``: eSpeak NG speaks each source with one of the voices, and
only the features are kept. Cuts are those of speech_gold_alignment.py, whose sound is read. Phones
are those that eSpeak NG gives each word in isolation. The program writes to OUT the files of
compute_features.py, with the translation as the text. Existing features are kept.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import soxr
import torch

from recipes.program import run
from recipes.trainer.feature_store import FEATURES, INDEX
from speechalign.audio.sound_file import read_waveform
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
    """Synthesise the sources of a file; the voice depends on the line number only."""
    for number, (source, target) in enumerate(read_parallel(path)):
        voice = voices[zlib.crc32(f"{language} {number}".encode()) % len(voices)]
        try:
            speech = speak(" ".join(source), voice=voice)
        except InputError as error:
            raise InputError(f"{path}, line {number + 1}: {error}") from None
        samples = soxr.resample(speech.samples, speech.sample_rate, SAMPLE_RATE, quality="HQ")
        yield Spoken(str(number), voice, "", source, " ".join(target), samples)


def from_cuts(path: Path) -> Iterator[Spoken]:
    """Yield the sentences of cuts, with their recorded sound."""
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
    """Write features and index; return the entries of the index."""
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
@click.option(
    "--sentences",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of sentences to synthesise.",
)
@click.option(
    "--cuts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Cuts of lhotse to read.",
)
@click.option("--language", required=True, help="Source language, a code of eSpeak NG.")
@click.option("--voices", help="Voices, separated by commas (default: the language's).")
@click.option("--mels", default=40, show_default=True, help="Number of mel filters.")
def main(
    out: Path,
    sentences: Path | None,
    cuts: Path | None,
    language: str,
    voices: str | None,
    mels: int,
) -> None:
    """Compute the features in a temporary folder, then move it."""
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
        raise InputError(f"{sentences or cuts}: expected sentences, found none")
    temporary.replace(out)
    seconds = sum(entry["frames"] for entry in entries) / 100  # type: ignore[misc]
    click.echo(f"{out}: {len(entries)} sentences, {seconds:.0f} s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
