"""``speechalign segment``: recordings in, TextGrids of speech intervals out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.corpus_options import ReadCorpus, corpus_options
from speechalign.cli.messages import log
from speechalign.cli.options import command, jobs_option, message_options, option, shard_option
from speechalign.cli.output_options import overwrite_option

if TYPE_CHECKING:
    from speechalign.pipeline.shards import Shard


@command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@corpus_options
@option(
    "--detector",
    default="english-sphinx",
    metavar="NAME",
    group="Model",
    help="Detector of speech: an HMM of phones, by its name or folder, or silero, a network for "
    "noisy recordings, which needs speechalign[vad]",
)
@option(
    "--min-speech",
    type=float,
    default=0.25,
    metavar="SECONDS",
    group="Output",
    help="Shortest stretch of speech; what is shorter is dropped",
)
@option(
    "--min-pause",
    type=float,
    default=0.5,
    metavar="SECONDS",
    group="Output",
    help="Shortest pause that ends a segment",
)
@option(
    "--padding",
    type=float,
    default=0.1,
    metavar="SECONDS",
    group="Output",
    help="Time added before and after a segment, as far as the pause is long enough",
)
@option(
    "--longest",
    type=float,
    default=30.0,
    metavar="SECONDS",
    group="Output",
    help="Longest segment; longer ones are cut where speech is least likely",
)
@overwrite_option
@shard_option
@jobs_option
@message_options
def segment(
    corpus: Path,
    out: Path,
    read_corpus: ReadCorpus,
    detector: str,
    min_speech: float,
    min_pause: float,
    padding: float,
    longest: float,
    overwrite: bool,
    shard: Shard | None,
    jobs: int | None,
) -> None:
    """Find the speech in every recording of CORPUS; write TextGrids of segments to OUT.

    CORPUS is as for `speechalign align`, but transcripts are not needed. Each segment is an
    interval labelled [speech] on the tier "utterances". Where OUT is CORPUS, the TextGrids lie
    beside the recordings: write what was said into their intervals, and `speechalign align` reads
    them.

    Exit status: 3 where a recording failed or its TextGrid exists, 4 where nothing was written.
    """
    from speechalign.cli.progress import ProgressBar
    from speechalign.pipeline.segment_corpus import segment_corpus
    from speechalign.segmentation import Segmenter
    from speechalign.segmentation.intervals import Limits

    limits = Limits(min_speech, min_pause, padding, longest)
    utterances = read_corpus(corpus)
    own = utterances if shard is None else shard.utterances(utterances)
    count = len({utterance.recording for utterance in own})
    written = failed = segments = 0
    speech = seconds = 0.0
    segmenter = Segmenter(detector, limits)
    with ProgressBar("segmenting", count) as bar:
        for found in segment_corpus(
            utterances, out, segmenter, shard=shard, jobs=jobs, overwrite=overwrite
        ):
            bar.advance()
            if found.problem is not None:
                failed += 1
                log.warning("failed: %s: %s", found.recording, found.problem)
                continue
            written += 1
            segments += len(found.segments)
            speech += sum(segment.duration for segment in found.segments)
            seconds += found.duration
            if not found.segments:
                log.warning("no speech: %s", found.recording)
            what = "kept" if found.kept else "written"
            log.debug("%s: %s: %d segments", what, found.path, len(found.segments))
    log.info("recordings: %d written, %d failed", written, failed)
    log.info("segments: %d, %.1f s of %.1f s", segments, speech, seconds)
    empty = shard is not None and not count
    sys.exit((3 if written else 4) if failed or not (written or empty) else 0)
