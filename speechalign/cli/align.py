"""speechalign align: a corpus in, TextGrids out."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options, speakers_option
from speechalign.cli.messages import log
from speechalign.cli.model_options import aligner_options
from speechalign.cli.options import (
    command,
    jobs_option,
    message_options,
    option,
    shard_option,
)
from speechalign.cli.output_options import cue_options, format_option

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner
    from speechalign.corpus import Utterance
    from speechalign.pipeline.result import UtteranceResult
    from speechalign.pipeline.shards import Shard

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKMGT])i?B?")


class AlignUtterances(Protocol):
    """From utterances to files in an output folder, and the end of the command."""

    def __call__(
        self,
        utterances: list[Utterance],
        out: Path,
        aligner: Aligner,
        jobs: int | None,
        shard: Shard | None = None,
    ) -> None:
        """Align them; leave the command with its exit status."""
        ...


def _bytes_of(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    if found is None or not float(found[1]):
        raise click.BadParameter(
            f"expected a size such as 500M or 8G; got {value!r}", context, parameter
        )
    return float(found[1]) * float(1000 ** (1 + "KMGT".index(found[2].upper())))


def output_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add options of the output files, and ``--allow-partial``, to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``align_utterances`` instead of them, which ends the command.
    """

    @format_option
    @cue_options
    @speakers_option
    @option(
        "--segments",
        type=click.Choice(["auto"]),
        group="Corpus",
        help="Divide recordings with a single transcript into utterances, with auto: the "
        "speech between pauses of half a second (default: no utterances)",
    )
    @option(
        "--overwrite",
        is_flag=True,
        group="Output",
        help="Align recordings again that have an output file",
    )
    @option(
        "--report",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        group="Output",
        help="Folder for index.html, one file with figures, histograms, the paths of long "
        "recordings and the worst utterances with sound (default: none)",
    )
    @option(
        "--memory",
        callback=_bytes_of,
        metavar="SIZE",
        group="Run",
        help="Memory that the run may take, such as 500M or 8G; what would take more is refused "
        "before it begins, with an estimate (default: any)",
    )
    @option(
        "--allow-partial",
        is_flag=True,
        group="Run",
        help="Exit with status 0 even if some utterances could not be aligned",
    )
    @wraps(function)
    def command(
        *,
        formats: tuple[str, ...],
        format_options: dict[str, object],
        speakers: Path | None,
        segments: str | None,
        overwrite: bool,
        report: Path | None,
        memory: float | None,
        allow_partial: bool,
        **others: object,
    ) -> None:
        def align_utterances(
            utterances: list[Utterance],
            out: Path,
            aligner: Aligner,
            jobs: int | None,
            shard: Shard | None = None,
        ) -> None:
            from speechalign.cli.progress import AlignmentProgress, ProgressBar
            from speechalign.pipeline.align_corpus import align_corpus
            from speechalign.pipeline.manifest import MANIFEST
            from speechalign.pipeline.memory import check_memory
            from speechalign.pipeline.result import Status
            from speechalign.segmentation import Segmenter

            if report is not None:
                if shard is not None:
                    raise click.UsageError("--report: a shard has none; merge the shards first")
                report.mkdir(parents=True, exist_ok=True)
            if memory is not None:
                own = utterances if shard is None else shard.utterances(utterances)
                needed = check_memory(own, aligner, memory, jobs=jobs)
                log.info("memory: about %.2f GB", needed / 1e9)
            with ProgressBar("aligning", len(utterances)) as bar:
                progress = AlignmentProgress(bar)
                result = align_corpus(
                    utterances,
                    aligner,
                    out,
                    formats=formats,
                    format_options=format_options,
                    shard=shard,
                    jobs=jobs,
                    overwrite=overwrite,
                    speakers=speakers,
                    segmenter=None if segments is None else Segmenter(),
                    progress=progress,
                    on_step=progress.step,
                )
            manifest = out / (MANIFEST if shard is None else shard.part)
            if report is not None:
                _write_report(out, report / "index.html")
            summarise(result.utterances, manifest, aligner.model.sample_rate)
            doubtful = any(one.status is Status.DOUBTFUL for one in result.utterances)
            if doubtful and aligner.language == "ipa":
                log.info("transcripts in ordinary spelling need --language or --phones")
            if result.others:
                names = ", ".join(result.others[:3]) + ", ..." * (len(result.others) > 3)
                log.info(
                    "recordings in %s from earlier runs, which this corpus does not have: %d (%s); "
                    "align into another folder to be rid of them", out, len(result.others), names,
                )  # fmt: skip
            status = result.exit_status
            sys.exit(0 if status == 3 and allow_partial else status)

        function(align_utterances=align_utterances, **others)

    return command


@command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("model", nargs=-1, metavar="[MODEL]")
@click.argument("out", type=click.Path(path_type=Path))
@corpus_options
@aligner_options
@output_options
@shard_option
@jobs_option
@message_options
def align(
    corpus: Path,
    model: tuple[str, ...],
    out: Path,
    read_corpus: ReadCorpus,
    load_aligner: Callable[[str | None], Aligner],
    align_utterances: AlignUtterances,
    shard: Shard | None,
    jobs: int | None,
) -> None:
    """Align every recording of CORPUS with its transcript; write TextGrids to OUT.

    CORPUS is a folder of sound files with a transcript (.lab, .txt or .TextGrid) beside each, a
    Kaldi data directory, a JSONL manifest or a lhotse cut set. MODEL is a name that `speechalign
    model list` shows, a folder or an .onnx file, or org/name@revision on the Hugging Face hub;
    without it, the embedded English model. The tree of OUT mirrors that of CORPUS, and
    OUT/alignment_manifest.jsonl has the status of every utterance.

    Exit status: 0 all aligned, 3 some not (the others are written), 4 none, 1 an internal error,
    130 interrupted.
    """
    if len(model) > 1:
        raise click.UsageError(f"expected CORPUS [MODEL] OUT, got {len(model) + 2} arguments")
    from speechalign.pronunciation.lexicon import PronouncingModel
    from speechalign.pronunciation.oovs import foreign_words

    utterances = read_corpus(corpus)
    aligner = load_aligner(model[0] if model else None)
    if isinstance(aligner.model, PronouncingModel):
        foreign = foreign_words(utterances, aligner.model)
        if foreign is not None:
            log.warning(
                "warning: %s; if the transcripts are in another language, choose a model of it, or "
                "universal-small with --language: see `speechalign model list`", foreign,
            )  # fmt: skip
    align_utterances(utterances, out, aligner, jobs, shard)


def _write_report(out: Path, page: Path) -> None:
    """Write a page of all that is in an output folder."""
    from speechalign.files.writing import write_text
    from speechalign.server.report import report_page
    from speechalign.server.workspace import Workspace

    write_text(page, report_page(Workspace(out)))
    log.info("report: %s", page)


def summarise(results: Sequence[UtteranceResult], manifest: Path, sample_rate: int) -> None:
    """Report how many utterances were aligned, kept, failed ..., and what to look at."""
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
    for name, count in rows:
        log.info("%s: %s", name, count)
    if any(result.status.value == "doubtful" and not _may_differ(result) for result in results):
        log.info(
            "doubtful utterances: where text and audio differ, --allow skips,repeats,insertions "
            "finds out where"
        )
    log.info("every utterance is accounted for in %s", manifest)


def _may_differ(result: UtteranceResult) -> bool:
    """Tell whether the text of an utterance was allowed to differ from its audio."""
    return bool(result.settings.get("what text and audio may differ in"))
