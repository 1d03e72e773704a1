"""Synthesise German sentences with eSpeak NG: a corpus to align, and the exact times of its words.

    python local/00_speak_sentences.py TEXT OUTPUT --sentences 200

TEXT has a sentence in each line (.gz too). Sentences spread evenly over it are spoken, each by one
of eight voices, at a rate and pitch of its own. ``-`` takes sentences made of a few phrases
instead. The program writes OUTPUT/corpus/VOICE/NNNN.wav (16 kHz) with NNNN.lab, and
OUTPUT/gold/VOICE/NNNN.TextGrid; the same arguments write the same bytes.
"""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path

import click
import numpy as np
import soundfile
import soxr

from recipes.program import run
from speechalign import write_alignment
from speechalign.espeak import speak

_RATE = 16000
# Variants without an echo: it would fill the pauses after words.
_VARIANTS = ("f1", "Andrea", "belinda", "steph", "m1", "m3", "m5", "m7")
_VOICES = [f"de+{variant}" for variant in _VARIANTS]
_PHRASES = (
    ("Der alte Mann", "Meine Schwester", "Ein kleines Kind", "Unser Nachbar", "Die Lehrerin"),
    ("kauft", "sieht", "findet", "malt", "trägt"),
    ("ein rotes Boot", "sieben Äpfel", "den schönen Vogel", "frisches Brot", "eine große Kiste"),
    ("im Garten.", "vor dem Frühstück.", "auf dem Hügel.", "nach der Schule.", "am Bahnhof."),
)


def sentences(text: Path, count: int) -> list[str]:
    """Choose sentences of a text, or combine phrases."""
    if str(text) == "-":
        every = [" ".join(phrases) for phrases in product(*_PHRASES)]
    else:
        opened = gzip.open if text.suffix == ".gz" else open
        with opened(text, "rt", encoding="utf-8") as file:
            every = [line.strip() for line in file if line.strip()]
    return [every[len(every) * i // count] for i in range(min(count, len(every)))]


@click.command(help=__doc__)
@click.argument("text", type=click.Path(allow_dash=True, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--sentences", "count", default=200, show_default=True, type=click.IntRange(min=1))
def main(text: Path, output: Path, count: int) -> None:
    """Write corpus and gold, print their size."""
    seconds = 0.0
    chosen = sentences(text, count)
    for number, sentence in enumerate(chosen):
        voice = _VOICES[number % len(_VOICES)]
        generator = np.random.default_rng(number)
        rate, pitch = int(generator.integers(130, 190)), int(generator.integers(30, 70))
        speech = speak(sentence, voice=voice, rate=rate, pitch=pitch)
        samples = soxr.resample(speech.samples, speech.sample_rate, _RATE)
        seconds += len(samples) / _RATE
        audio = output / "corpus" / voice / f"{number:04d}.wav"
        gold = output / "gold" / voice / f"{number:04d}.TextGrid"
        for path in (audio, gold):
            path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(audio, samples, _RATE, subtype="PCM_16")
        audio.with_suffix(".lab").write_text(sentence + "\n", encoding="utf-8")
        write_alignment(speech.alignment, gold)
    click.echo(f"{output}: {len(chosen)} sentences, {len(_VOICES)} voices, {seconds:.0f} s")


if __name__ == "__main__":
    run(main)
