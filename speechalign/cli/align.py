"""speechalign align: a corpus in, TextGrids out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.model_options import aligner_options
from speechalign.cli.output_options import cue_options, format_option

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner
    from speechalign.pipeline.result import UtteranceResult


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model", nargs=-1, metavar="[MODEL]")
@click.argument("out", type=click.Path(path_type=Path))
@corpus_options
@aligner_options
@format_option
@cue_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N",
              help="Recordings aligned at once. Without: as many as there are cores.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Align again what has an output file.")
@click.option("--allow-partial", is_flag=True,
              help="Exit with 0 even when some utterances could not be aligned.")  # fmt: skip
def align(
    corpus: Path,
    model: tuple[str, ...],
    out: Path,
    read_corpus: ReadCorpus,
    load_aligner: Callable[[str | None], Aligner],
    formats: tuple[str, ...],
    format_options: dict[str, object],
    jobs: int | None,
    overwrite: bool,
    allow_partial: bool,
) -> None:
    """Align every recording of CORPUS with its transcript; write TextGrids to OUT.

    CORPUS is a folder of sound files with a transcript (.lab, .txt or .TextGrid) beside each, a
    Kaldi data directory, a JSONL manifest or a lhotse cut set. MODEL is a name that `speechalign
    model list` shows, a folder or an .onnx file, or org/name@revision on the Hugging Face hub;
    without it, the embedded English model. The tree of OUT mirrors that of CORPUS, and
    OUT/alignment_manifest.jsonl says what became of every utterance.

    Exit status: 0 all aligned, 3 some not (the others are written), 4 none, 1 an internal error,
    130 interrupted.
    """
    if len(model) > 1:
        raise click.UsageError(f"expected CORPUS [MODEL] OUT, got {len(model) + 2} arguments")
    from speechalign.cli.progress import Progress
    from speechalign.errors import InputError
    from speechalign.pipeline.align_corpus import align_corpus

    utterances = read_corpus(corpus)
    if not utterances:
        raise InputError(f"{corpus}: no recordings with transcripts here")
    aligner = load_aligner(model[0] if model else None)
    with Progress(len(utterances)) as progress:
        result = align_corpus(
            utterances,
            aligner,
            out,
            formats=formats,
            format_options=format_options,
            jobs=jobs,
            overwrite=overwrite,
            progress=progress.advance,
        )
    summarise(result.utterances, out, aligner.model.sample_rate)
    status = result.exit_status
    sys.exit(0 if status == 3 and allow_partial else status)


def summarise(results: Sequence[UtteranceResult], out: Path, sample_rate: int) -> None:
    """Tell what became of the corpus: a table on a terminal, else plain lines, on stderr."""
    from rich.console import Console
    from rich.table import Table

    from speechalign.pipeline.manifest import MANIFEST

    counts = Counter(result.status.value for result in results)
    words = [word for result in results for word in result.words]
    rows = [("utterances", str(len(results)))]
    rows += [(status, str(counts[status])) for status in counts]
    kept = sum(result.kept for result in results)
    if kept:
        rows.append(("of these, kept from an earlier run (--overwrite aligns again)", str(kept)))
    rows.append(("words", str(len(words))))
    guessed = sum(word.source == "g2p" for word in words)
    if guessed:
        rows.append(("words with a guessed pronunciation", str(guessed)))
    unknown = sum(word.source == "unknown" for word in words)
    if unknown:
        what = "words that cannot be read, wholly or partly, aligned with any sound"
        rows.append((what, str(unknown)))
    mixed = sum((result.channels or 1) > 1 and result.channel is None for result in results)
    if mixed:
        rows.append(("several channels, mixed (--channel chooses one)", str(mixed)))
    unequal = sum("; " in (result.channel_mix or "") for result in results)
    if unequal:
        what = "of these, with a channel that is silent, noise or inverted (see channel_mix)"
        rows.append((what, str(unequal)))
    rates = Counter(result.sample_rate for result in results if result.sample_rate)
    for rate in sorted(rates):
        if rate != sample_rate:
            rows.append((f"resampled from {rate} Hz to {sample_rate} Hz", str(rates[rate])))
    console = Console(stderr=True)
    if console.is_terminal:
        table = Table(show_header=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        for name, count in rows:
            click.echo(f"{name}: {count}", err=True)
    click.echo(f"every utterance is accounted for in {out / MANIFEST}", err=True)
