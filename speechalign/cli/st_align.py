"""speechalign st-align: word links out of what a translation model attends to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from speechalign.cli.link_options import WITHOUT_TEXT
from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option

if TYPE_CHECKING:
    from speechalign.contributions import LinkedSentence, Method, Scheme, TimeAxis, TokenAxis

_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_TREE = click.Path(exists=True, path_type=Path)
_SECONDS = click.FloatRange(min=0, min_open=True)
_METHODS = [
    "argmax", "threshold", "intersection", "union", "grow-diag", "grow-diag-final",
    "grow-diag-final-and",
]  # fmt: skip
_SCHEMES = ["auto", "sentencepiece", "byte-level", "bpe", "wordpiece", "words"]


@command("st-align")
@click.argument(
    "maps", metavar="MAPS", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@option(
    "--source-times",
    type=_TREE,
    metavar="PATH",
    group="Corpus",
    help="Alignments of the source speech: columns are frames (required, or --source-tokens)",
)
@option(
    "--source-tokens",
    type=_READ,
    metavar="FILE",
    group="Corpus",
    help="Tokens of the source, a sentence a line: columns are tokens (required, or "
    "--source-times)",
)
@option(
    "--target-times",
    type=_TREE,
    metavar="PATH",
    group="Corpus",
    help="Alignments of the target speech: rows are frames (required, or --target-tokens)",
)
@option(
    "--target-tokens",
    type=_READ,
    metavar="FILE",
    group="Corpus",
    help="Tokens of the target, a sentence a line: rows are tokens (required, or --target-times)",
)
@option(
    "--text",
    type=_READ,
    metavar="FILE",
    group="Corpus",
    help="Sentence pairs, a line each, 'source ||| target': the words to link (default: those "
    "that have times, or that tokens show)",
)
@option(
    "--tier",
    default="words",
    metavar="NAME",
    group="Corpus",
    help="Tier of the alignments that has the words",
)
@option(
    "--subwords",
    type=click.Choice(_SCHEMES),
    default="auto",
    group="Corpus",
    help="Way in which tokens show where words begin; auto: found by their marks",
)
@option(
    "--source-frame",
    type=_SECONDS,
    metavar="SECONDS",
    group="Corpus",
    help="Length of a column (default: all columns cover the recording)",
)
@option(
    "--target-frame",
    type=_SECONDS,
    metavar="SECONDS",
    group="Corpus",
    help="Length of a row (default: all rows cover the recording)",
)
@option(
    "--skip-bad",
    is_flag=True,
    group="Corpus",
    help="Leave the lines of sentences with a fault empty, and count them",
)
@option(
    "--method",
    type=click.Choice(_METHODS),
    default="argmax",
    group="Linking",
    help="Rule that turns contributions into links",
)
@option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    group="Linking",
    help="Least share of a target word's contributions that makes a link (required with "
    "--method threshold)",
)
@option("--punctuation", is_flag=True, group="Linking", help="Link punctuation of tokens, too")
@option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    group="Output",
    help="Links to write, in Pharaoh's notation",
)
@option(
    "--base",
    type=click.Choice(["0", "1"]),
    default="1",
    group="Output",
    help="Number of a sentence's first word in the output",
)
@option(
    "--plot",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    group="Output",
    help="Folder for a picture of each map and a page of them, index.html; needs "
    "speechalign[plot] (default: none)",
)
@message_options
@click.pass_context
def st_align(
    ctx: click.Context,
    maps: Path,
    source_times: Path | None,
    source_tokens: Path | None,
    target_times: Path | None,
    target_tokens: Path | None,
    text: Path | None,
    tier: str,
    subwords: Scheme | Literal["auto"],
    source_frame: float | None,
    target_frame: float | None,
    skip_bad: bool,
    method: Method,
    threshold: float | None,
    punctuation: bool,
    output: Path,
    base: Literal["0", "1"],
    plot: Path | None,
) -> None:
    """Turn the contribution maps in MAPS, a file for each sentence, into word links.

    Maps are .npy, .npz, .pt or .json files with a row for each part of the target. Where their
    names are numbers, these are the numbers of the sentences, counted from 0 if there is a 0;
    else they are in order of name.

    Exit status: 3 where --skip-bad left out sentences, 4 where no sentence could be linked.
    """
    if (threshold is not None) != (method == "threshold"):
        raise click.UsageError("--threshold goes with --method threshold, and only with it")
    from speechalign.contributions import TimeAxis, TokenAxis, link_corpus
    from speechalign.files.writing import write_text
    from speechalign.links import format_links

    scheme = None if subwords == "auto" else subwords

    def axis(
        side: str, times: Path | None, tokens: Path | None, frame: float | None
    ) -> TimeAxis | TokenAxis:
        if times and not tokens:
            return TimeAxis(times, tier=tier, frame=frame)
        if tokens and not times and not frame:
            return TokenAxis(tokens, scheme=scheme, punctuation=punctuation)
        if frame and not times:
            raise click.UsageError(f"--{side}-frame goes with --{side}-times")
        raise click.UsageError(f"expected one of --{side}-times and --{side}-tokens")

    source = axis("source", source_times, source_tokens, source_frame)
    target = axis("target", target_times, target_tokens, target_frame)
    if text is None and (source_times or target_times):
        log.info(WITHOUT_TEXT)
    linked = []
    drawn = []
    for sentence in link_corpus(
        maps,
        source=source,
        target=target,
        text=text,
        method=method,
        threshold=threshold,
        skip_bad=skip_bad,
    ):
        linked.append(sentence)
        if sentence.words is None:
            log.warning("skipped: %s", sentence.problem)
            continue
        for warning in sentence.words.warnings:
            log.warning("warning: sentence %s: %s", sentence.name, warning)
        if plot is not None:
            _draw(sentence, plot, unit="seconds" if source_times else "tokens")
            drawn.append(sentence)
    write_text(output, format_links([sentence.links for sentence in linked], base=base))
    if plot is not None:
        _write_page(drawn, plot / "index.html", title=f"Word links of {maps.name}")
    skipped = sum(sentence.words is None for sentence in linked)
    links = sum(len(sentence.links.sure) for sentence in linked)
    log.info(
        "%s: %d links in %d sentences, words counted from %s",
        output,
        links,
        len(linked) - skipped,
        base,
    )
    if skipped:
        log.warning("skipped %d sentences", skipped)
    ctx.exit(3 if skipped else 0)


def _draw(sentence: LinkedSentence, folder: Path, *, unit: str) -> None:
    """Draw the map of a sentence into a PNG."""
    from speechalign.viz.contribution_plot import plot_contributions

    assert sentence.words is not None
    assert sentence.contributions is not None
    folder.mkdir(parents=True, exist_ok=True)
    figure = plot_contributions(
        sentence.contributions,
        source=sentence.words.source.spans,
        target=sentence.words.target.spans,
        links=sentence.units,
        width=sentence.words.source.length,
        height=sentence.words.target.length,
        unit=unit,
        title=sentence.name,
    )
    figure.savefig(folder / f"{sentence.name}.png", format="png", dpi=110)


def _write_page(sentences: Sequence[LinkedSentence], path: Path, *, title: str) -> None:
    """Write the page of a corpus."""
    from speechalign.files.writing import write_text
    from speechalign.links import Links
    from speechalign.viz.link_page import LinkTable, link_page

    tables = (
        LinkTable(
            sentence.name,
            sentence.words.source.labels,
            sentence.words.target.labels,
            sentence.words.values,
            Links(sentence.units),
        )
        for sentence in sentences
        if sentence.words is not None
    )
    write_text(path, link_page(tables, title=title))
