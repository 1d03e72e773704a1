"""speechalign score: error rates of transcripts, and of word links to a translation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from speechalign.cli.figures import percent, span
from speechalign.cli.link_options import link_options, time_options
from speechalign.cli.messages import log
from speechalign.cli.options import Commands, message_options, option

_WORD_ROWS = {
    "error_rate": "WER %",
    "substitution_rate": "substitutions",
    "deletion_rate": "deletions",
    "insertion_rate": "insertions",
}


@click.group("score", cls=Commands)
def score() -> None:
    """Score transcripts, or the word links of speech translation, against gold ones.

    A file of links has those of each sentence, in Pharaoh's notation (a line `0-0 1-2` for each
    sentence) or another that docs/links.md lists. Figures are pooled over all sentences.
    """


@score.command()
@link_options
def aer(score_files: Callable[..., None]) -> None:
    """Alignment error rate of all words, every link counting alike.

    Exit status: 3 where --skip-bad left out sentences, 4 where nothing can be scored.
    """
    score_files("aer")


@score.command()
@link_options
@time_options(required=False)
def saer(
    score_files: Callable[..., None],
    source_times: Path | None,
    target_times: Path | None,
    tier: str,
) -> None:
    """Alignment error rate of the words that were said.

    These are the words with --source-times, or else those of --text that are no punctuation, or
    else all.

    Exit status: 3 where --skip-bad left out sentences, 4 where nothing can be scored.
    """
    if target_times and not source_times:
        raise click.UsageError("--target-times needs --source-times")
    score_files("saer", source_times=source_times, target_times=target_times, tier=tier)


@score.command("tw-saer")
@link_options
@time_options(required=True)
@option("--setting", type=click.Choice(["s2t", "s2s"]), group="Scoring",
        help="Speech to text, or speech to speech (default: s2s with --target-times)")  # fmt: skip
def tw_saer(
    score_files: Callable[..., None],
    source_times: Path,
    target_times: Path | None,
    tier: str,
    setting: Literal["s2t", "s2s"] | None,
) -> None:
    """Time-weighted alignment error rate of the words that were said.

    In speech to text, a link weighs the seconds of its source word; in speech to speech, these
    times those of its target word.

    Exit status: 3 where --skip-bad left out sentences, 4 where nothing can be scored.
    """
    if setting == "s2s" and not target_times:
        raise click.UsageError("--setting s2s needs --target-times")
    score_files(
        "tw-saer",
        source_times=source_times,
        target_times=target_times,
        tier=tier,
        setting=setting,
    )


@score.command()
@click.argument("reference", type=click.Path(exists=True, path_type=Path))
@click.argument("hypothesis", type=click.Path(exists=True, path_type=Path))
@option(
    "--normalisation",
    type=click.Choice(["plain", "spoken", "whisper", "none"]),
    default="plain",
    group="Scoring",
    help="Way to make texts comparable: without casing and punctuation, as the words that are "
    "said, by Whisper's English normaliser (speechalign[hf]), or none",
)
@option(
    "--language",
    default="en",
    metavar="CODE",
    group="Scoring",
    help="Language of the texts, for --normalisation spoken",
)
@option(
    "--bootstrap",
    "resamples",
    type=click.IntRange(min=1),
    metavar="N",
    group="Scoring",
    help="Number of resamples for 95 % confidence intervals (default: no intervals)",
)
@option("--seed", type=int, default=0, metavar="N", group="Scoring", help="Seed of the resampling")
@option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    group="Output",
    help="File to write every figure to (default: none)",
)
@message_options
def wer(
    reference: Path,
    hypothesis: Path,
    normalisation: Literal["plain", "spoken", "whisper", "none"],
    language: str,
    resamples: int | None,
    seed: int,
    json_file: Path | None,
) -> None:
    """Word error rate of the transcripts of HYPOTHESIS against those of REFERENCE.

    Both are folders of .lab, .txt or .TextGrid files, or JSONL manifests. All words of a recording
    that HYPOTHESIS lacks are deleted ones.

    Exit status: 4 where nothing can be scored.
    """
    from speechalign.files.writing import write_text
    from speechalign.pipeline.score_transcripts import score_transcripts

    found = score_transcripts(
        reference,
        hypothesis,
        normalisation=normalisation,
        language=language,
        resamples=resamples or 0,
        seed=seed,
    )
    for name in found.missing:
        log.warning("no hypothesis: %s", name)
    for name, label in _WORD_ROWS.items():
        row = f"{label:14} {percent(getattr(found.pooled, name)):>8}"
        if found.intervals:
            row += f"   {span(found.intervals[name]):>24}"
        print(row)
    counted = found.pooled.statistics
    print(f"\nwords: {counted.words} in {counted.speech} recordings")
    print(f"signature: {found.pooled.signature}")
    if json_file is not None:
        write_text(json_file, json.dumps(found.to_dict(), ensure_ascii=False, indent=1) + "\n")
