"""Generated English speech: made-up sentences, spoken by eSpeak NG, with exact times.

    python -m recipes.corpora.generated_speech data/generated --utterances 400

What it is: simple sentences, each spoken once by one of 16 voices, at a rate and pitch that depend
on the sentence. It needs no network. It shows that a recipe works, not how good a model is.

Speech is eSpeak NG's (GPL; pip install 'speechalign[espeak]'). There is nothing to cite. About 60
kB for each utterance. There are no splits; recipes/steps/split_speakers.py makes them. Layout:

    OUTPUT/VOICE/NNNN.wav            16 kHz
    OUTPUT/gold/VOICE/NNNN.TextGrid  tiers words and phones (eSpeak's), exact
    OUTPUT/manifest.jsonl            a line for each utterance; the voice is the speaker
    OUTPUT/text.txt                  with --unspoken N: other sentences, for a language model
    OUTPUT/.done                     written last

The same arguments write the same bytes, and an interrupted run continues where it stopped.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import click
import numpy as np
import soundfile
import soxr

from recipes.program import run
from speechalign.audio.sound_file import sound_info
from speechalign.errors import InputError
from speechalign.espeak import speak
from speechalign.formats import write_alignment

SAMPLE_RATE = 16000
# Variants without an echo: it would fill the pauses after words.
_VARIANTS = ("f1", "Andrea", "belinda", "steph", "m1", "m3", "m5", "m7")
VOICES = [f"{accent}+{variant}" for accent, variant in product(("en-us", "en-gb"), _VARIANTS)]
_WHO = (
    "my brother", "the old doctor", "a young girl", "our neighbour", "the teacher", "that dog",
    "her uncle", "the small child", "a tired driver", "the captain", "his sister", "every farmer",
)  # fmt: skip
_DID = (
    "found", "carried", "watched", "painted", "bought", "dropped", "remembered", "washed",
    "followed", "picked up", "talked about", "looked for",
)  # fmt: skip
_WHAT = (
    "a red boat", "the broken chair", "seven apples", "some cheese", "the yellow bird",
    "three green bottles", "a heavy box", "the long letter", "fresh bread", "two young horses",
    "the silver watch", "a pair of shoes",
)  # fmt: skip
_WHERE = (
    "in the garden", "near the river", "before breakfast", "on the hill", "after school",
    "behind the church", "at the station", "last thursday", "in the morning", "under a tree",
    "by the window", "this evening",
)  # fmt: skip


def sentence(number: int) -> str:
    """Return the sentence of a number below 12 ** 4; each number has its own sentence."""
    # 7919 is prime to 12, so that the numbers visit every sentence, neighbours far apart.
    rest = number * 7919 % 12**4
    words = []
    for part in (_WHO, _DID, _WHAT, _WHERE):
        rest, choice = divmod(rest, 12)
        words.append(part[choice])
    return " ".join(words)


def prepare(output_dir: Path, *, utterances: int, unspoken: int = 0) -> int:
    """Write the corpus; return the seconds of speech.

    Parameters
    ----------
    output_dir : Path
        The folder; existing sound files are kept.
    utterances : int
        Number of utterances.
    unspoken : int
        Number of further sentences, written to text.txt only.

    Raises
    ------
    InputError
        More sentences are asked for than the grammar has.
    """
    if utterances + unspoken > 12**4:
        raise InputError(
            f"there are {12**4} sentences, got {utterances} to speak and {unspoken} to write; "
            "lower one of them"
        )
    lines = []
    seconds = 0.0
    for number in range(utterances):
        voice = VOICES[number % len(VOICES)]
        name = f"{voice}/{number:04d}"
        audio = output_dir / f"{name}.wav"
        if not audio.exists():
            _write(number, voice, audio, output_dir / "gold" / f"{name}.TextGrid")
        duration = sound_info(audio).duration
        seconds += duration
        entry = {
            "audio_filepath": f"{name}.wav",
            "text": sentence(number),
            "speaker": voice,
            "duration": round(duration, 6),
        }
        lines.append(json.dumps(entry) + "\n")
    (output_dir / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    if unspoken:
        texts = [sentence(utterances + number) for number in range(unspoken)]
        (output_dir / "text.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    (output_dir / ".done").touch()
    return round(seconds)


def _write(number: int, voice: str, audio: Path, gold: Path) -> None:
    """Synthesise a sentence; write its times first, so that no sound file is without times."""
    generator = np.random.default_rng(number)
    rate, pitch = int(generator.integers(140, 200)), int(generator.integers(30, 70))
    speech = speak(sentence(number), voice=voice, rate=rate, pitch=pitch)
    samples = soxr.resample(speech.samples, speech.sample_rate, SAMPLE_RATE)
    for folder in (gold.parent, audio.parent):
        folder.mkdir(parents=True, exist_ok=True)
    write_alignment(speech.alignment, gold)
    temporary = audio.with_suffix(".tmp")
    soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    temporary.replace(audio)


@click.command(help=__doc__)
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--utterances",
    default=400,
    show_default=True,
    type=click.IntRange(1, 12**4),
    help="Number of utterances.",
)
@click.option(
    "--unspoken",
    default=0,
    show_default=True,
    type=click.IntRange(0, 12**4),
    help="Number of further sentences for text.txt.",
)
def main(output: Path, utterances: int, unspoken: int) -> None:
    """Write the corpus, print its size."""
    output.mkdir(parents=True, exist_ok=True)
    seconds = prepare(output, utterances=utterances, unspoken=unspoken)
    click.echo(f"{output}: {utterances} utterances, {len(VOICES)} voices, {seconds} s")


if __name__ == "__main__":
    run(main)
