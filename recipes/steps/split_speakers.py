"""Split a corpus by speaker and by sentence, so that a test has neither in common with training.

    python -m recipes.steps.split_speakers CORPUS... OUT

Each CORPUS is a manifest, or a folder with manifest.jsonl in it or below. The program writes to
OUT: train.jsonl, dev.jsonl, test.jsonl, and known.jsonl, sentences kept from training by speakers
who are in it.

Speakers are taken in the order of a hash of their names, without those that have more than --most
of all speech, until test has --test of it and then dev --dev. --known of the sentences, by the
hash of their words, are kept from training, and so is every sentence of dev and test. Nothing is
drawn at random: the same corpora are always split the same way.

A speaker with much speech can be given to test by name: --test-speaker NAME. Of their sentences,
--share, by the hash of their words, go to test; the others are left out, and so they stay in
training where others say them.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from recipes.program import run
from speechalign.audio.sound_file import sound_info
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError

SPLITS = ("train", "dev", "test", "known")


@dataclass(frozen=True)
class Spoken:
    """An utterance with its length in seconds, and its sentence without case or punctuation."""

    utterance: Utterance
    seconds: float
    sentence: str


def read(corpora: Sequence[Path]) -> list[Spoken]:
    """Read the manifests below folders; report and leave out utterances with a problem."""
    manifests = []
    for corpus in corpora:
        below = [corpus] if corpus.is_file() else sorted(corpus.rglob("manifest.jsonl"))
        if not below:
            raise InputError(f"{corpus}: expected a manifest.jsonl here or below, found none")
        manifests += below
    found = []
    for manifest in manifests:
        for utterance in read_corpus(manifest):
            if utterance.problem or utterance.speaker is None:
                problem = utterance.problem or "no speaker"
                click.echo(f"left out: {utterance.id}: {problem}", err=True)
                continue
            end = sound_info(utterance.audio).duration if utterance.end is None else utterance.end
            sentence = " ".join(re.findall(r"[\w']+", utterance.text.lower()))
            found.append(Spoken(utterance, end - utterance.start, sentence))
    return found


def split(
    spoken: Sequence[Spoken],
    *,
    test: float,
    dev: float,
    known: float,
    most: float,
    named: Sequence[str] = (),
    share: float = 1.0,
) -> dict[str, list[Spoken]]:
    """Give every utterance to one split, or to none."""
    strange = set(named) - {item.utterance.speaker for item in spoken}
    if strange:
        raise InputError(f"test-speaker: {strange.pop()!r}: there is no such speaker")
    kept_out = [item for item in spoken if item.utterance.speaker in named]
    spoken = [item for item in spoken if item.utterance.speaker not in named]
    total = sum(item.seconds for item in spoken)
    by_speaker: defaultdict[str, float] = defaultdict(float)
    for item in spoken:
        by_speaker[str(item.utterance.speaker)] += item.seconds
    split_of = {}
    left = {"test": test * total, "dev": dev * total}
    for speaker in sorted(by_speaker, key=_order):
        if by_speaker[speaker] <= most * total:
            for name in left:
                if left[name] > 0:
                    split_of[speaker] = name
                    left[name] -= by_speaker[speaker]
                    break
    for name, missing in left.items():
        if missing > 0:
            raise InputError(
                f"{name}: too few speakers with at most {most:.0%} of the speech; {missing:.0f} s "
                "are missing; add speakers, or raise --most"
            )
    splits: dict[str, list[Spoken]] = {name: [] for name in SPLITS}
    for item in spoken:
        splits[split_of.get(str(item.utterance.speaker), "train")].append(item)
    splits["test"] += [item for item in kept_out if _order(item.sentence) >= (1 - share) * 2**32]
    kept = {item.sentence for item in splits["test"]}
    splits["dev"] = [item for item in splits["dev"] if item.sentence not in kept]
    kept |= {item.sentence for item in splits["dev"]}
    training = [item for item in splits["train"] if item.sentence not in kept]
    splits["known"] = [i for i in training if _order(i.sentence) < known * 2**32]
    training.sort(key=lambda item: _order(item.utterance.id))
    splits["train"] = [i for i in training if _order(i.sentence) >= known * 2**32]
    return splits


def _order(name: str) -> int:
    return zlib.crc32(name.encode())


def write(items: Sequence[Spoken], path: Path) -> None:
    """Write a manifest, at once or not at all."""
    lines = []
    for item in items:
        utterance = item.utterance
        entry: dict[str, object] = {
            "audio_filepath": str(utterance.audio.resolve()),
            "id": utterance.id,
            "text": utterance.text,
            "speaker": utterance.speaker,
            "duration": round(item.seconds, 6),
        }
        if utterance.segmented:
            entry["offset"] = utterance.start
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(path)


@click.command(help=__doc__)
@click.argument(
    "corpora",
    nargs=-1,
    required=True,
    metavar="CORPUS...",
    type=click.Path(exists=True, path_type=Path),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--test", default=0.04, show_default=True, help="Share of the speech in test.")
@click.option("--dev", default=0.05, show_default=True, help="Share of the speech in dev.")
@click.option("--known", default=0.02, show_default=True, help="Share of the sentences in known.")
@click.option(
    "--most",
    default=0.02,
    show_default=True,
    help="Largest share of the speech by a speaker of test or dev.",
)
@click.option(
    "--test-speaker", "named", multiple=True, metavar="NAME", help="Speaker given to test."
)
@click.option("--share", default=0.3, show_default=True, help="Share of their sentences in test.")
def main(
    corpora: tuple[Path, ...],
    out: Path,
    test: float,
    dev: float,
    known: float,
    most: float,
    named: tuple[str, ...],
    share: float,
) -> None:
    """Read, split, write, and print the size of each split."""
    splits = split(
        read(corpora), test=test, dev=dev, known=known, most=most, named=named, share=share
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, items in splits.items():
        write(items, out / f"{name}.jsonl")
        speakers = {item.utterance.speaker for item in items}
        hours = sum(item.seconds for item in items) / 3600
        click.echo(f"{name}: {len(items)} utterances, {len(speakers)} speakers, {hours:.2f} h")


if __name__ == "__main__":
    run(main)
