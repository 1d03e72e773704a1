"""``speechalign transcribe``: recordings in, transcripts or alignments out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.align import summarise
from speechalign.cli.corpus_options import ReadCorpus, corpus_options, speakers_option
from speechalign.cli.messages import log
from speechalign.cli.options import command, jobs_option, message_options, option, shard_option
from speechalign.cli.output_options import cue_options, format_option, overwrite_option

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner
    from speechalign.corpus import Utterance
    from speechalign.models import Model
    from speechalign.pipeline.result import UtteranceResult
    from speechalign.pipeline.shards import Shard
    from speechalign.pipeline.transcript_manifest import TranscribedRecording

_DEFAULT_MODEL = "openai/whisper-base"
_BY_LANGUAGE = "by language"
_CUES = {"cue_lines": 2, "cue_seconds": 6.0, "cue_gap": 0.5}
"""Limits of subtitles, as the segments of a transcript are too long for them."""

_UNHEARD = 0.05  # confidence of a word that the audio does not support


@command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model", nargs=-1, metavar="[MODEL]")
@click.argument("out", type=click.Path(path_type=Path))
@corpus_options
@option(
    "--language",
    default="auto",
    metavar="CODE",
    group="Model",
    help="Language that is spoken, such as de; auto: detected for each recording",
)
@option(
    "--prompt",
    metavar="TEXT",
    group="Model",
    help="Text that Whisper is told to come before: names, spellings, style (default: none)",
)
@option(
    "--translate",
    is_flag=True,
    group="Model",
    help="Write English, whatever is spoken (Whisper of several languages)",
)
@option(
    "--beams",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    group="Model",
    help="Width of the beam search; 1: greedy",
)
@option(
    "--ngrams",
    type=click.Path(path_type=Path),
    metavar="FILE",
    group="Model",
    help="Text, a sentence a line, whose n-grams weigh in the beam search of a CTC model "
    "(default: none)",
)
@option(
    "--device",
    metavar="NAME",
    group="Model",
    help="Device to compute on: cpu, cuda, cuda:1 ... (default: the GPU where there is one)",
)
@option(
    "--offline",
    is_flag=True,
    group="Model",
    help="Use only models that were downloaded before, no network",
)
@option(
    "--allow-pickle",
    is_flag=True,
    group="Model",
    help="Read weights that are a Python pickle; tensors only, no code is run",
)
@option(
    "--align",
    "aligner",
    is_flag=False,
    flag_value=_BY_LANGUAGE,
    metavar="[MODEL]",
    group="Output",
    help="Acoustic model that finds the times of the words; without a name, the model of phones of "
    "the language, else MODEL itself (default: transcripts only)",
)
@format_option
@cue_options
@speakers_option
@overwrite_option
@shard_option
@jobs_option
@message_options
def transcribe(
    corpus: Path,
    model: tuple[str, ...],
    out: Path,
    read_corpus: ReadCorpus,
    language: str,
    prompt: str | None,
    translate: bool,
    beams: int,
    ngrams: Path | None,
    device: str | None,
    offline: bool,
    allow_pickle: bool,
    aligner: str | None,
    formats: tuple[str, ...],
    format_options: dict[str, object],
    speakers: Path | None,
    overwrite: bool,
    shard: Shard | None,
    jobs: int | None,
) -> None:
    """Write down what is said in the recordings of CORPUS, with MODEL, to OUT.

    CORPUS is a folder of recordings, a manifest, or one sound file. MODEL is Whisper or a CTC model
    of letters: a folder, a torchaudio bundle, an .onnx file, or org/name on the Hugging Face hub;
    without it, openai/whisper-base. OUT gets a .lab for each recording of up to 30 s, a TextGrid of
    segments for each longer one, and transcripts.jsonl, a manifest that `speechalign align` takes.
    Nothing is written of recordings in which nobody speaks, nor of segments for which the model
    itself finds its words improbable: these are named and counted.

    With --align, which stands behind OUT, OUT gets alignments instead, in any format: words with
    times and confidence. Words that are not to be heard in the audio are counted and, with
    --verbose, named. Subtitles have at most two lines, 6 s, and no pause of more than 0.5 s, unless
    the options of subtitles say otherwise.

    Exit status: 0 all transcribed, 3 some not (the others are written), 4 none.
    """
    if len(model) > 1:
        raise click.UsageError(f"expected CORPUS [MODEL] OUT, got {len(model) + 2} arguments")
    if translate and aligner is not None:
        raise click.UsageError("--translate and --align exclude each other: nobody says the words")
    if shard is not None and aligner is not None:
        raise click.UsageError(
            "--align: a shard writes transcripts only; merge the shards, and align "
            "OUT/transcripts.jsonl, with --shard if you like"
        )
    if speakers is not None and aligner is None:
        raise click.UsageError("--speakers needs --align: words get speakers by their times")
    from speechalign.cli.progress import ProgressBar
    from speechalign.corpus.turns import read_turns
    from speechalign.models import load_model
    from speechalign.pipeline.transcribe_corpus import transcribe_corpus
    from speechalign.pipeline.wordless import PHONE_MODELS
    from speechalign.transcription import load_transcriber

    utterances = read_corpus(corpus)
    turns = None if speakers is None else read_turns(speakers)
    if turns is not None:
        turns.check(sorted({utterance.recording for utterance in utterances}))
    name = model[0] if model else _DEFAULT_MODEL
    loaded = load_model(name, device=device, offline=offline, allow_pickle=allow_pickle)
    transcriber = load_transcriber(
        loaded,
        language=None if language == "auto" else language,
        beams=beams,
        prompt=prompt,
        translate=translate,
        ngrams=ngrams,
    )
    found = []
    own = utterances if shard is None else shard.utterances(utterances)
    with ProgressBar("transcribing", len({u.recording for u in own})) as bar:
        for one in transcribe_corpus(
            utterances,
            transcriber,
            out,
            aligners={} if translate else PHONE_MODELS,
            texts=aligner is None,
            shard=shard,
            overwrite=overwrite,
        ):
            found.append(one)
            bar.advance()
            _tell(one)
    failed = _summarise(found)
    statuses = [0]
    if failed:
        statuses.append(4 if failed == len(found) else 3)
    for group, times in _aligners(found, loaded, aligner):
        from speechalign.cli.progress import AlignmentProgress
        from speechalign.pipeline.align_corpus import align_corpus

        with ProgressBar("aligning", len(group)) as bar:
            result = align_corpus(
                group,
                times,
                out,
                formats=formats,
                format_options={**_cue_limits(formats), **format_options},
                jobs=jobs,
                overwrite=overwrite,
                speakers=turns,
                progress=AlignmentProgress(bar),
            )
        summarise(result.utterances, out, times.model.sample_rate)
        _name_unheard(result.utterances)
        statuses.append(result.exit_status)
    sys.exit(max(statuses))


def _tell(one: TranscribedRecording) -> None:
    """Print what became of a recording."""
    name = one.source.recording
    if one.problem is not None:
        log.warning("failed: %s: %s", name, one.problem)
    elif not one.segments and not one.unclear:
        log.warning("no speech: %s", name)
    for segment in one.unclear:
        log.warning(
            "unclear: %s: %.2f-%.2f s: left out, the model does not believe its own words: %s",
            name,
            segment.start,
            segment.end,
            segment.transcript.text,
        )
    for segment in one.segments:
        transcript = segment.transcript
        log.debug("%s: %.2f-%.2f s: %s", name, segment.start, segment.end, transcript.text)
        if transcript.repeated:
            log.warning(
                "loop cut: %s: %d repeated words after %.2f s",
                name,
                transcript.repeated,
                segment.start,
            )


def _summarise(found: Sequence[TranscribedRecording]) -> int:
    """Report how many recordings were transcribed; return how many failed."""
    failed = sum(one.problem is not None for one in found)
    segments = [segment for one in found if one.problem is None for segment in one.segments]
    transcripts = [segment.transcript for segment in segments]
    languages = Counter(t.language for t in transcripts if t.language is not None)
    log.info("recordings: %d, %d failed", len(found), failed)
    kept = sum(one.kept for one in found)
    if kept:
        log.info("of these, kept from an earlier run (--overwrite transcribes again): %d", kept)
    silent = sum(not (one.segments or one.unclear or one.problem) for one in found)
    log.info("recordings without speech: %d", silent)
    unclear = sum(len(one.unclear) for one in found)
    if unclear:
        log.info("unclear segments, left out: %d", unclear)
    if languages:
        told = ", ".join(f"{code} {count}" for code, count in languages.most_common())
        log.info("segments by language: %s", told)
    log.info("words: %d", sum(len(transcript.text.split()) for transcript in transcripts))
    repeated = sum(transcript.repeated for transcript in transcripts)
    if repeated:
        log.info("repeated words cut out of loops: %d", repeated)
    return failed


def _aligners(
    found: Sequence[TranscribedRecording], model: Model, aligner: str | None
) -> Iterator[tuple[list[Utterance], Aligner]]:
    """Yield what is to be aligned, language by language, with what aligns it."""
    from speechalign.aligners.aligner import Aligner
    from speechalign.pipeline.wordless import PHONE_MODELS

    groups: dict[str | None, list[Utterance]] = {}
    for one in found if aligner is not None else ():
        if one.problem is None and one.segments:
            code = one.segments[0].transcript.language
            groups.setdefault(code, []).extend(one.utterances())
    for code, utterances in groups.items():
        if aligner != _BY_LANGUAGE:
            assert aligner is not None
            yield utterances, Aligner(aligner, language=code)
        elif code in PHONE_MODELS:
            yield utterances, Aligner(PHONE_MODELS[code])
        else:
            yield utterances, Aligner(model, language=code)


def _cue_limits(formats: Sequence[str]) -> dict[str, float]:
    """Return the usual limits of subtitles, if any of the formats takes them."""
    from speechalign.formats import find_format, options_of

    able = {option for name in formats for option in options_of(find_format("", format=name))}
    return {name: value for name, value in _CUES.items() if name in able}


def _name_unheard(results: Sequence[UtteranceResult]) -> None:
    """Report words that the aligner does not hear: the model may have made them up."""
    count = 0
    for result in results:
        for word in result.words:
            if word.confidence is not None and word.confidence < _UNHEARD:
                count += 1
                log.debug(
                    "not heard: %s: %r at %.2f s (confidence %.2f)",
                    result.utterance,
                    word.label,
                    word.start,
                    word.confidence,
                )
    if count:
        log.info(
            "words that are not to be heard, perhaps made up (--verbose names them): %d", count
        )
