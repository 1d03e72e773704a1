"""speechalign align-one: one recording and its transcript."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.corpus_options import speakers_option
from speechalign.cli.messages import log
from speechalign.cli.model_options import aligner_options
from speechalign.cli.options import command, message_options, model_option, option
from speechalign.cli.output_options import overwrite_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from speechalign.aligners.aligner import Aligner
    from speechalign.aligners.result import AlignedUtterance
    from speechalign.models import Model

_PICTURES = (".png", ".pdf", ".svg")
# A name that ends as transcripts and documents do, or a path: "a.txt", "a/b.c", "./notes", "~/a/b".
# Dots alone make no file name: "ma.ta" is a word of IPA.
_FILE_NAME = re.compile(
    r".*\.(?:txt|lab|textgrid|srt|vtt|ctm|csv|tsv|json|md|docx?|odt|rtf|pdf)"
    r"|\S*/\S*[^\s.]\.[a-z][a-z0-9]{1,7}|(?:\.{1,2}|~)?/\S*[^\s/]",
    re.IGNORECASE,
)


@command("align-one")
@click.argument("audio", type=click.Path(path_type=Path))
@click.argument("text")
@model_option
@aligner_options
@option(
    "--channel",
    type=click.IntRange(min=0),
    metavar="C",
    group="Corpus",
    help="Channel to use, counted from 0 (default: a mix of all)",
)
@speakers_option
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    group="Output",
    help="File to write the alignment to, in the format of its suffix (default: none)",
)
@option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    group="Output",
    help="Picture of waveform, spectrogram and tiers, with the articulatory score of a model that "
    "has one; above a minute, and where text and audio differ, of the position in the text against "
    "time; needs speechalign[plot] "
    "(default: none)",
)
@overwrite_option
@message_options
def align_one(
    audio: Path,
    text: str,
    model: str | None,
    load_aligner: Callable[[str | None], Aligner],
    channel: int | None,
    speakers: Path | None,
    output: Path | None,
    plot: Path | None,
    overwrite: bool,
) -> None:
    """Align one recording, AUDIO, with TEXT: a transcript file, or the words themselves.

    Prints a table of the words to stdout.
    """
    from speechalign.aligners.word_speakers import assign_speakers
    from speechalign.corpus.turns import read_turns
    from speechalign.errors import InputError
    from speechalign.formats import find_format, write_alignment
    from speechalign.pipeline.judgement import judge

    for file in (output, plot):
        if file is not None and file.exists() and not overwrite:
            raise InputError(f"{file}: exists; use --overwrite to replace it")
    if output is not None:
        find_format(output)  # refuses an unknown suffix before the work, not after it
    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise InputError(f"{plot}: expected a name that ends in {', '.join(_PICTURES)}")
    transcript = _transcript(text)
    turns = None if speakers is None else read_turns(speakers)
    aligner = load_aligner(model)
    result = aligner.align(audio, transcript, channel=channel)
    if turns is not None:
        own = turns.of(audio.stem, result.duration)
        result = replace(result, words=assign_speakers(result.words, own))
    for file in (output, plot):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
    if output is not None:
        write_alignment(result.alignment, output)
    if plot is not None:
        _figure(result, aligner.model).savefig(plot)
    print(result)
    waveform = result.waveform
    if waveform.mix is not None:
        log.info("channels: %s (--channel chooses one)", waveform.mix.description)
    if waveform.source_rate != waveform.sample_rate:
        log.info("resampled from %d Hz to %d Hz", waveform.source_rate, waveform.sample_rate)
    status, reason = judge(result)
    if reason is not None:
        log.warning("%s: %s", status.value, reason)


def _figure(result: AlignedUtterance, model: Model) -> Figure:
    """Draw the result; of a short one that fits its text, with the model's attributes."""
    from speechalign.aligners.result import LONG
    from speechalign.models import AttributeModel
    from speechalign.viz import plot_articulation

    if not isinstance(model, AttributeModel) or result.duration > LONG or result.misfits:
        return result.plot()
    attributes = model.attributes(result.waveform.samples)
    return plot_articulation(result.alignment, result.waveform, attributes)


def _transcript(text: str) -> str:
    """Return the content of a transcript file, or the words that were given instead of one."""
    from speechalign.errors import InputError
    from speechalign.files.reading import read_text

    if os.path.isfile(text):  # Path.is_file raises where the text is too long for a name
        return read_text(Path(text))
    if _FILE_NAME.fullmatch(text):
        raise InputError(
            f"{text}: there is no such transcript; check its name (words that look like a file "
            f"name need a space at the end: '{text} ')"
        )
    return text
