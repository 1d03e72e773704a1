"""Write corrupted copies of gold corpora, with the noise of tools/bench/robustness.py.

    python local/01_conditions.py EXP CONDITION ...

EXP/corpora/NAME/CONDITION gets a copy of EXP/corpora/NAME/clean; `white 10 dB` becomes
`white_10_dB`. Babble is mixed from other speakers of the same corpus. Subsets stay clean.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import click
import soundfile

from recipes.program import run
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from tools.bench.robustness import CONDITIONS, Voices, corrupted


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("conditions", nargs=-1)
def main(exp: Path, conditions: Sequence[str]) -> None:
    """Corrupt each recording under each condition."""
    for condition in conditions:
        if condition not in CONDITIONS:
            raise InputError(f"{condition}: expected one of {', '.join(CONDITIONS)}")
    for clean in sorted(exp.glob("corpora/*/clean")):
        for condition in conditions:
            target = clean.with_name(condition.replace(" ", "_"))
            if "@" in clean.parent.name or target.exists():
                continue
            corrupt(clean, target, condition)
            click.echo(f"{clean.parent.name}: {condition}")


def corrupt(clean: Path, target: Path, condition: str) -> None:
    """Write a corrupted copy of a folder, whole or not at all."""
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    utterances = read_corpus(clean)
    voices = Voices(utterances)
    for utterance in utterances:
        rate = soundfile.info(utterance.audio).samplerate
        waveform = corrupted(utterance, rate, condition, voices)
        audio = part / utterance.audio.relative_to(clean)
        audio.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(audio, waveform.samples, rate)
        shutil.copy(utterance.audio.with_suffix(".lab"), audio.with_suffix(".lab"))
    part.rename(target)


if __name__ == "__main__":
    run(main)
