"""Read gold corpora, name what is wrong with them, and write them as folders of one form.

    python local/00_gold.py EXP --gold NAME=CORPUS:GOLD [--gold ...] [--language NAME=CODE ...]
        [--sized NAME --sizes "1 4 20" --more CORPUS ...]

For each NAME, EXP/gold/NAME gets `gold/`, the times by hand; `dictionary.txt`, a pronunciation of
each word for the aligners that need one; `problems.txt`, a line for all that is wrong; and last
`gold.json`. EXP/corpora/NAME/clean gets RECORDING.wav and RECORDING.lab. Of the gold corpus that
--sized names there are also subsets, NAME@SIZE.DRAW, and with --more the whole with the recordings
of other corpora, which have no times and are there to be trained on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import soundfile

from recipes.program import run
from speechalign.alignment import Alignment
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.files.writing import write_text
from speechalign.formats import write_alignment
from speechalign.formats.tree import match_recordings, read_tree
from speechalign.metrics.boundaries import label_key, tiers_of
from speechalign.models import load_model
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations
from speechalign.text.dictionary import Dictionary, write_dictionary

SAMPLE_RATE = 16000
DRAWS = {1: 4, 4: 4}  # subsets of so many recordings; of larger ones, one


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(file_okay=False, path_type=Path))
@click.option("--gold", "golds", multiple=True, required=True, metavar="NAME=CORPUS:GOLD")
@click.option("--language", "languages", multiple=True, metavar="NAME=CODE")
@click.option("--sized", default="")
@click.option("--sizes", default="")
@click.option("--more", multiple=True, type=click.Path(exists=True, path_type=Path))
def main(
    exp: Path,
    golds: Sequence[str],
    languages: Sequence[str],
    sized: str,
    sizes: str,
    more: Sequence[Path],
) -> None:
    """Prepare each."""
    codes = dict(language.split("=", 1) for language in languages)
    for gold in golds:
        name, _, folders = gold.partition("=")
        corpus, _, times = folders.partition(":")
        if not times:
            raise InputError(f"--gold {gold}: expected NAME=CORPUS:GOLD")
        numbers = [int(size) for size in sizes.split()] if name == sized else []
        added = more if name == sized else []
        prepare(exp, name, Path(corpus), Path(times), codes.get(name, "en"), numbers, added)


def prepare(
    exp: Path,
    name: str,
    corpus: Path,
    times: Path,
    language: str,
    sizes: Sequence[int],
    more: Sequence[Path],
) -> None:
    """Write one gold corpus, its subsets, and the whole with more recordings."""
    done = exp / "gold" / name / "gold.json"
    if done.is_file():
        return
    utterances, gold, problems = usable(corpus, times)
    if not utterances:
        reasons = "\n".join(problems[:5])
        raise InputError(f"{name}: no recording of {corpus} has times in {times}\n{reasons}")
    sets = [(name, utterances), *subsets(name, utterances, sizes)]
    if more:
        enlarged = [*utterances, *others(more)]
        sets.append((f"{name}@{len(enlarged)}.1", enlarged))
    for subset, chosen in sets:
        own = [line for line in problems if subset == name]
        write(exp, subset, chosen, gold, language, own)
    click.echo(f"{name}: {len(utterances)} recordings, {len(problems)} problems")


def usable(corpus: Path, times: Path) -> tuple[list[Utterance], dict[str, Alignment], list[str]]:
    """Return the utterances that have gold times, these, and a line for each problem."""
    utterances, tree = read_corpus(corpus), read_tree(times)
    problems = [f"unreadable: {line}" for line in tree.problems]
    recordings = [utterance.recording for utterance in utterances]
    matched = match_recordings(recordings, tree.alignments)
    found: list[Utterance] = []
    gold: dict[str, Alignment] = {}
    for utterance in utterances:
        source = matched[utterance.recording]
        alignment = tree.alignments[source] if source else None
        if utterance.problem is not None:
            problems.append(f"no utterance: {utterance.id}: {utterance.problem}")
        elif recordings.count(utterance.recording) > 1:
            problems.append(f"several utterances: {utterance.id}: one a recording is compared")
        elif alignment is None:
            problems.append(f"no gold: {utterance.id}")
        elif not tiers_of(alignment, "words"):
            problems.append(f"no tier 'words': {utterance.id}: it has {', '.join(alignment.tiers)}")
        else:
            problems += differences(utterance, alignment)
            found.append(utterance)
            gold[utterance.recording] = alignment
    spare = sorted(set(tree.alignments) - set(matched.values()))
    problems += [f"no recording: {name}: it has gold times only" for name in spare]
    return found, gold, problems


def differences(utterance: Utterance, gold: Alignment) -> list[str]:
    """Name where gold labels are not the words of the transcript, or overlap."""
    said = [word for word in utterance.text.split() if label_key(word, "words")]
    labels = [i.label for own in tiers_of(gold, "words").values() for i in own]
    problems = []
    if [label_key(word, "words") for word in said] != [label_key(word, "words") for word in labels]:
        theirs, ours = set(labels) - set(said), set(said) - set(labels)
        problems.append(
            f"other words: {utterance.id}: gold {' '.join(sorted(theirs))!r}, "
            f"transcript {' '.join(sorted(ours))!r}"
        )
    elif [word.lower() for word in said] == [label.lower() for label in labels] and said != labels:
        problems.append(f"other casing: {utterance.id}")
    if any(name.endswith(")") and "words (" in name for name in gold.tiers):
        problems.append(f"overlapping tiers: {utterance.id}: {', '.join(gold.tiers)}")
    return problems


def subsets(
    name: str, utterances: Sequence[Utterance], sizes: Sequence[int]
) -> list[tuple[str, list[Utterance]]]:
    """Draw subsets of each size, without overlap."""
    order = np.random.default_rng(0).permutation(len(utterances))
    found = []
    for size in sizes:
        for draw in range(DRAWS.get(size, 1)):
            chosen = sorted(order[draw * size : (draw + 1) * size])
            if len(chosen) == size < len(utterances):
                found.append((f"{name}@{size}.{draw + 1}", [utterances[i] for i in chosen]))
    return found


def others(corpora: Sequence[Path]) -> Iterator[Utterance]:
    """Yield the utterances of corpora, one a recording, below names that no gold corpus has."""
    for number, corpus in enumerate(corpora):
        seen = set()
        for utterance in read_corpus(corpus):
            if utterance.problem is None and utterance.recording not in seen:
                seen.add(utterance.recording)
                yield replace(utterance, recording=f"more/{number}/{utterance.recording}")


def write(
    exp: Path,
    name: str,
    utterances: Sequence[Utterance],
    gold: dict[str, Alignment],
    language: str,
    problems: Sequence[str],
) -> None:
    """Write sound, transcripts, times, dictionary and description."""
    folder, corpus = exp / "gold" / name, exp / "corpora" / name / "clean"
    shutil.rmtree(folder, ignore_errors=True)
    seconds, speakers = 0.0, {}
    for utterance in utterances:
        waveform = utterance.waveform(SAMPLE_RATE)
        target = corpus / f"{utterance.recording}.wav"
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(target, waveform.samples, SAMPLE_RATE)
        write_text(target.with_suffix(".lab"), utterance.text)
        seconds += len(waveform.samples) / SAMPLE_RATE
        if utterance.recording not in gold:
            continue
        times = folder / "gold" / f"{utterance.recording}.TextGrid"
        times.parent.mkdir(parents=True, exist_ok=True)
        write_alignment(gold[utterance.recording], times)
        speakers[utterance.recording] = utterance.speaker or ""
    write_dictionary(pronounced(utterances, language), folder / "dictionary.txt")
    write_text(folder / "problems.txt", "".join(f"{line}\n" for line in problems))
    description = {
        "language": language,
        "recordings": len(utterances),
        "words": sum(len(own) for r in speakers for own in tiers_of(gold[r], "words").values()),
        "seconds": seconds,
        "speakers": speakers,
    }
    write_text(folder / "gold.json", json.dumps(description, indent=1) + "\n")


def pronounced(utterances: Sequence[Utterance], language: str) -> Dictionary:
    """Return the pronunciations of each word: those that `train-align` takes."""
    if language == "en":
        source = Pronunciations("en", load_model("english-sphinx").dictionary, "english")
    else:
        source = Pronunciations(language, {}, "german" if language == "de" else "espeak")
    lexicon = Lexicon(source)
    entries: dict[str, dict[tuple[str, ...], float]] = {}
    for utterance in utterances:
        for word in lexicon.words(utterance.text):
            key = label_key(word.label, "words")
            if key and len(key.split()) == 1:
                whole = tuple(phone for variants in word.variants for phone in variants[0])
                single = len(word.variants) == 1
                entries[key] = dict.fromkeys(word.variants[0] if single else (whole,), 0.0)
    return Dictionary(entries)


if __name__ == "__main__":
    run(main)
