r"""Speech with gold word alignment: synthesise a gold set, and keep the times of its words.

    python -m recipes.corpora.speech_gold_alignment data/rwth --gold alignmentDeEn.talp \
        --sentences DeEn.txt --source-language de --target-language en \\
        --source-voices de,de+f1 --target-voices en-us,en-us+f1,en-gb+m3

What it is: sentence pairs whose words were linked by hand, as speech in both languages, to score
the attention of speech translation models (AER of spoken words: SAER and TW-SAER).

Gold sets, none of which is downloaded here; each has its own licence:

* RWTH German-English, 508 pairs from Europarl: https://www-i6.informatik.rwth-aachen.de/goldAlignment
  D. Vilar, M. Popović, H. Ney, "AER: do we need to 'improve' our alignments?", IWSLT 2006. [1]_
* English-French (447 pairs of Hansards) and Romanian-English (248): the shared task of
  R. Mihalcea, T. Pedersen, "An evaluation exercise for word alignment", HLT-NAACL 2003 workshop.
* any other file that `speechalign.links.read_links` reads.

Speech is eSpeak NG's (GPL; pip install 'speechalign[espeak]'), with exact times of words and
phones, one of the given voices for each sentence; or recordings of your own, ``NNN.wav`` or any
other sound file with the word times in ``NNN.TextGrid`` (``speechalign align`` writes them).
Layout, about 100 kB for each sentence:

    OUTPUT/sentences.txt              source ||| target, tokens as in the gold set
    OUTPUT/gold.talp                  1-1 2p3 ..., words counted from 1
    OUTPUT/LANGUAGE/wavs/000/000_VOICE.wav, .lab     16 kHz; the transcript, to align it again
    OUTPUT/LANGUAGE/textgrids/000.TextGrid           tiers words and phones
    OUTPUT/LANGUAGE/words.json        {"000": {"VOICE": [["word", start, end], [",", null, null]]}}
    OUTPUT/LANGUAGE/cuts.jsonl        lhotse cuts: alignment, translation, links; paths from here
    OUTPUT/.options.json, .done       the arguments; .done is written last

``words.json`` has the layout of the SpeechAlign data set [1]_, times in seconds. Tokens that are
spoken as one (*that 's*) share one time. There are no splits: it is a test set. --swap exchanges
the sides of the gold set. The same arguments write the same bytes; an interrupted run continues
where it stopped.

.. [1] B. Alastruey et al., "SpeechAlign: a framework for speech translation alignment evaluation",
   LREC-COLING 2024.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import soundfile

from recipes.corpora.spoken_sentences import SAMPLE_RATE, Side, say, sound_file, units, write_text
from recipes.program import run
from speechalign import Alignment, read_alignment
from speechalign.corpus import read_corpus
from speechalign.corpus.validation import validate
from speechalign.errors import InputError
from speechalign.links import (
    Links,
    TimedWord,
    format_links,
    read_links,
    read_parallel,
    read_words,
    timed_words,
)

Pair = tuple[list[str], list[str]]


def prepare(
    gold: Sequence[Links],
    pairs: Sequence[Pair],
    output_dir: Path,
    *,
    source: Side,
    target: Side,
) -> None:
    """Write the corpus, and validate it.

    Parameters
    ----------
    gold : sequence of Links
        One for each sentence pair.
    pairs : sequence of (list of str, list of str)
        Tokens of source and target.
    output_dir : Path
        Folder of the corpus; the files of an interrupted run with the same arguments are kept.
    source, target : Side
        Source of the speech for each side.

    Raises
    ------
    InputError
        Sentences and links do not match, a word cannot be synthesised, or the folder holds a corpus
        of other arguments.
    """
    _check(gold, pairs, source, target)
    options = {
        "pairs": sha256(json.dumps([*pairs]).encode()).hexdigest(),
        "gold": sha256(format_links(gold).encode()).hexdigest(),
        "sides": [asdict(side) for side in (source, target)],
    }
    if not _begin(output_dir, json.dumps(options, indent=1, default=str) + "\n"):
        return
    names = [f"{number:03d}" for number in range(len(pairs))]
    write_text(output_dir / "gold.talp", format_links(gold))
    lines = (f"{' '.join(a)} ||| {' '.join(b)}\n" for a, b in pairs)
    write_text(output_dir / "sentences.txt", "".join(lines))
    for number, side in enumerate((source, target)):
        folder = output_dir / side.language
        own, other = ([pair[k] for pair in pairs] for k in (number, 1 - number))
        turned = [links.swapped() if number else links for links in gold]
        for name, tokens in zip(names, own):
            say(folder, name, tokens, side)
        _write_tables(folder, names, own, other, turned, side)
    _validate(output_dir, names, pairs, (source, target))
    write_text(output_dir / ".done", "")


def _check(gold: Sequence[Links], pairs: Sequence[Pair], source: Side, target: Side) -> None:
    if source.language == target.language:
        raise InputError(f"expected two languages, got {source.language!r} twice")
    if len(gold) != len(pairs) or not pairs:
        raise InputError(
            f"expected one line of links for each sentence pair, got {len(gold)} and {len(pairs)}"
        )
    for number, (links, pair) in enumerate(zip(gold, pairs), 1):
        try:
            links.check_within(len(pair[0]), len(pair[1]))
            for tokens in pair:
                if not units(tokens, ""):
                    raise InputError(f"{' '.join(tokens)!r} has no word that can be synthesised")
        except InputError as error:
            raise InputError(f"sentence {number}: {error}") from None


def _begin(folder: Path, options: str) -> bool:
    """Record the arguments in the folder; return whether the corpus is incomplete."""
    record = folder / ".options.json"
    if record.exists() and record.read_text(encoding="utf-8") != options:
        raise InputError(
            f"{folder}: holds a corpus of other arguments ({record}); remove it or choose another"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(record, options)
    return not (folder / ".done").exists()


def _write_tables(
    folder: Path,
    names: Sequence[str],
    sentences: Sequence[list[str]],
    translations: Sequence[list[str]],
    gold: Sequence[Links],
    side: Side,
) -> None:
    """Write the SpeechAlign JSON and the lhotse cuts of a side, from its TextGrids."""
    times: dict[str, dict[str, list[tuple[str, float | None, float | None]]]] = {}
    cuts = []
    for name, tokens, translation, links in zip(names, sentences, translations, gold):
        alignment = read_alignment(folder / "textgrids" / f"{name}.TextGrid")
        words = timed_words(alignment, tokens)
        voice = side.voice(name)
        times[name] = {voice: [(w.label, _round(w.start), _round(w.end)) for w in words]}
        sound = sound_file(folder, name, side)
        custom = {
            "translation": " ".join(translation),
            "sure": sorted(links.sure),
            "possible": sorted(links.possible - links.sure),
        }
        cuts.append(_cut(f"{side.language}-{name}", sound, folder, alignment, words, side, custom))
        cuts[-1]["supervisions"][0]["speaker"] = voice
    rows = (json.dumps({name: t}, ensure_ascii=False)[1:-1] for name, t in times.items())
    write_text(folder / "words.json", "{\n" + ",\n".join(rows) + "\n}\n")
    lines = (json.dumps(cut, ensure_ascii=False) + "\n" for cut in cuts)
    write_text(folder / "cuts.jsonl", "".join(lines))


def _cut(
    key: str,
    sound: Path,
    folder: Path,
    alignment: Alignment,
    words: Sequence[TimedWord],
    side: Side,
    custom: Mapping[str, object],
) -> dict[str, Any]:
    samples = soundfile.info(sound).frames
    duration = samples / SAMPLE_RATE
    phones = alignment.tiers.get("phones", ())
    spans = {
        "word": [
            (w.label, w.start, w.end) for w in words if w.start is not None and w.end is not None
        ],
        "phone": [(p.label, p.start, p.end) for p in phones],
    }
    supervision = {
        "id": key,
        "recording_id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "text": " ".join(word.label for word in words),
        "language": side.language,
        "custom": custom,
        "alignment": {
            kind: [[label, _round(start), _round(end - start), None] for label, start, end in found]
            for kind, found in spans.items()
        },
    }
    source = {"type": "file", "channels": [0], "source": sound.relative_to(folder).as_posix()}
    recording = {
        "id": key,
        "sources": [source],
        "sampling_rate": SAMPLE_RATE,
        "num_samples": samples,
        "duration": duration,
        "channel_ids": [0],
    }
    return {
        "id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "supervisions": [supervision],
        "recording": recording,
        "type": "MonoCut",
    }


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _validate(
    output_dir: Path, names: Sequence[str], pairs: Sequence[Pair], sides: tuple[Side, Side]
) -> None:
    """Read the corpus as a user would, and check it."""
    gold = read_links(output_dir / "gold.talp")
    if len(gold.names) != len(pairs) or read_parallel(output_dir / "sentences.txt") != list(pairs):
        raise InputError(f"{output_dir}: the sentences that were written do not read back")
    for number, side in enumerate(sides):
        folder = output_dir / side.language
        utterances = read_corpus(folder / "wavs")
        found = validate(utterances)
        for finding in found.findings:
            click.echo(f"{finding.severity}: {finding.utterance}: {finding.message}", err=True)
        if found.errors or len(utterances) != len(names):
            raise InputError(
                f"{folder / 'wavs'}: {found.errors} errors in {len(utterances)} of {len(names)} "
                "utterances; remove the folder and prepare it again"
            )
        for name, pair in zip(names, pairs):
            timed_words(read_alignment(folder / "textgrids" / f"{name}.TextGrid"), pair[number])
        click.echo(f"{folder}: {len(names)} utterances, {found.seconds:.0f} s", err=True)


@click.command(help=__doc__)
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--gold",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="File of the gold links.",
)
@click.option(
    "--gold-base",
    type=click.Choice(["auto", "0", "1"]),
    default="auto",
    show_default=True,
    help="Number of the first word in the gold links.",
)
@click.option(
    "--sentences",
    type=click.Path(exists=True, path_type=Path),
    help="File of lines 'source ||| target'.",
)
@click.option(
    "--source-sentences",
    type=click.Path(exists=True, path_type=Path),
    help="File of source sentences, with --target-sentences.",
)
@click.option(
    "--target-sentences",
    type=click.Path(exists=True, path_type=Path),
    help="File of target sentences.",
)
@click.option("--source-language", required=True, help="Source language, a code of eSpeak NG.")
@click.option("--target-language", required=True, help="Target language, a code of eSpeak NG.")
@click.option(
    "--source-voices",
    default="",
    help="Voices of eSpeak NG, separated by commas (default: the language's).",
)
@click.option(
    "--target-voices",
    default="",
    help="Voices of eSpeak NG, separated by commas (default: the language's).",
)
@click.option(
    "--source-recordings",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of recordings to use instead of a voice.",
)
@click.option(
    "--target-recordings",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of recordings to use instead of a voice.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Number of sentences, from the first on (default: all).",
)
@click.option(
    "--swap", is_flag=True, help="Exchange of the sides: --source-* is the gold's target."
)
def main(
    output: Path,
    gold: Path,
    gold_base: str,
    sentences: Path | None,
    source_sentences: Path | None,
    target_sentences: Path | None,
    source_language: str,
    target_language: str,
    source_voices: str,
    target_voices: str,
    source_recordings: Path | None,
    target_recordings: Path | None,
    limit: int | None,
    swap: bool,
) -> None:
    """Read a gold set, prepare it."""
    if sentences is not None and not (source_sentences or target_sentences):
        pairs = read_parallel(sentences)
    elif sentences is None and source_sentences and target_sentences:
        sides = read_words(source_sentences), read_words(target_sentences)
        if len(sides[0]) != len(sides[1]):
            raise InputError(
                f"{target_sentences}: expected {len(sides[0])} lines, got {len(sides[1])}"
            )
        pairs = list(zip(*sides))
    else:
        raise click.UsageError("give --sentences, or --source-sentences and --target-sentences")
    file = read_links(gold, base=gold_base)  # type: ignore[arg-type]
    click.echo(f"{gold}: {file.format}, words counted from {file.base}", err=True)
    links = [file.sentences[name] for name in file.names]
    if len(links) != len(pairs):
        raise InputError(f"{gold}: expected {len(pairs)} sentences, got {len(links)}")
    if swap:
        links = [each.swapped() for each in links]
        pairs = [(b, a) for a, b in pairs]
    prepare(
        links[:limit],
        pairs[:limit],
        output,
        source=Side(source_language, _list(source_voices), source_recordings),
        target=Side(target_language, _list(target_voices), target_recordings),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


if __name__ == "__main__":
    run(main)
