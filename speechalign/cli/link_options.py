"""Options that the three metrics of word links have in common, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from speechalign.cli.figures import percent, span
from speechalign.cli.messages import log
from speechalign.cli.options import message_options, option

if TYPE_CHECKING:
    from speechalign.links.reading import Base
    from speechalign.metrics import LinkReport

_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_TREE = click.Path(exists=True, path_type=Path)
_BASE = click.Choice(["auto", "0", "1"])
WITHOUT_TEXT = (
    "note: without --text, the words that have times are taken for all words of a sentence; where "
    "links count punctuation, it must be there, too"
)

_ROWS = {"error_rate": "error rate", "precision": "precision", "recall": "recall", "f1": "F1"}


def _known_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a name in ``speechalign.links.LINK_FORMATS``; usage error for any other."""
    if value is None:
        return None
    from speechalign.links import LINK_FORMATS

    if value not in LINK_FORMATS:
        known = ", ".join(LINK_FORMATS)
        raise click.BadParameter(f"no format {value!r}; there is: {known}", ctx, param)
    return value


def link_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add the options that all three metrics have to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``score_files`` instead of them: a function of the metric and of the
        other options, keywords of `speechalign.metrics.score_links`, that does all the rest.
    """

    @option(
        "--gold",
        required=True,
        type=_READ,
        metavar="FILE",
        group="Corpus",
        help="Gold word links",
    )
    @option(
        "--hyp",
        required=True,
        type=_READ,
        metavar="FILE",
        group="Corpus",
        help="Word links to score",
    )
    @option(
        "--baseline",
        type=_READ,
        metavar="FILE",
        group="Corpus",
        help="Links of another system, to test whether --hyp differs from it (default: none)",
    )
    @option(
        "--text",
        type=_READ,
        metavar="FILE",
        group="Corpus",
        help="Sentence pairs, a line each, 'source ||| target': words that links may link, and "
        "punctuation, which is not said (default: none)",
    )
    @option(
        "--gold-base",
        type=_BASE,
        default="auto",
        group="Corpus",
        help="Number of a sentence's first word in --gold; auto: 0 if any link has a 0",
    )
    @option(
        "--hyp-base",
        type=_BASE,
        default="auto",
        group="Corpus",
        help="Number of a sentence's first word in --hyp",
    )
    @option(
        "--baseline-base",
        type=_BASE,
        default="auto",
        group="Corpus",
        help="Number of a sentence's first word in --baseline",
    )
    @option(
        "--gold-format",
        callback=_known_format,
        metavar="NAME",
        group="Corpus",
        help="Format of --gold: pharaoh, naacl, giza, rwth or xml (default: by its first line)",
    )
    @option(
        "--hyp-format",
        callback=_known_format,
        metavar="NAME",
        group="Corpus",
        help="Format of --hyp and --baseline (default: by their first line)",
    )
    @option(
        "--swap",
        is_flag=True,
        group="Corpus",
        help="Read --gold and --text as running from target to source",
    )
    @option(
        "--skip-bad",
        is_flag=True,
        group="Corpus",
        help="Leave out sentences with a fault, and count them",
    )
    @option(
        "--bootstrap",
        "resamples",
        type=click.IntRange(min=1),
        metavar="N",
        group="Scoring",
        help="Number of resamples for 95 % confidence intervals (default: no intervals; 1000 "
        "with --baseline)",
    )
    @option(
        "--seed", type=int, default=0, metavar="N", group="Scoring", help="Seed of the resampling"
    )
    @option(
        "--per-sentence", is_flag=True, group="Output", help="Print a line for each sentence, too"
    )
    @option(
        "--json",
        "json_file",
        type=_FILE,
        metavar="FILE",
        group="Output",
        help="File to write every figure to (default: none)",
    )
    @message_options
    @wraps(function)
    def command(
        *,
        gold: Path,
        hyp: Path,
        baseline: Path | None,
        text: Path | None,
        gold_base: Base,
        hyp_base: Base,
        baseline_base: Base,
        gold_format: str | None,
        hyp_format: str | None,
        swap: bool,
        skip_bad: bool,
        resamples: int | None,
        seed: int,
        per_sentence: bool,
        json_file: Path | None,
        **others: object,
    ) -> None:
        def score_files(
            metric: Literal["aer", "saer", "tw-saer"],
            *,
            source_times: Path | None = None,
            target_times: Path | None = None,
            tier: str = "words",
            setting: Literal["s2t", "s2s"] | None = None,
        ) -> None:
            from speechalign.files.writing import write_text
            from speechalign.links import read_links
            from speechalign.metrics import score_links

            files = [
                read_links(path, format=form, base=base, skip_bad=skip_bad)
                for path, form, base in (
                    (gold, gold_format, gold_base),
                    (hyp, hyp_format, hyp_base),
                    (baseline, hyp_format, baseline_base),
                )
                if path is not None
            ]
            for file in files:
                log.info("%s: %s, words counted from %s", file.path, file.format, file.base)
            if source_times and not text:
                log.info(WITHOUT_TEXT)
            found = score_links(
                files[0],
                files[1],
                baseline=files[2] if baseline else None,
                metric=metric,
                text=text,
                source_times=source_times,
                target_times=target_times,
                tier=tier,
                setting=setting,
                swap=swap,
                skip_bad=skip_bad,
                resamples=resamples or 0,
                seed=seed,
            )
            for problem in found.skipped.values():
                log.warning("skipped: %s", problem)
            if per_sentence:
                _print_sentences(found)
            _print_scores(found)
            if skip_bad:
                log.info("skipped %d sentences", len(found.skipped))
            if json_file is not None:
                content = json.dumps(found.to_dict(), ensure_ascii=False, indent=1)
                write_text(json_file, content + "\n")
            sys.exit(3 if found.skipped else 0)

        function(score_files=score_files, **others)

    return command


def time_options(*, required: bool) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return a decorator that adds the options of word times to a command."""

    def add(function: Callable[..., object]) -> Callable[..., object]:
        default = "" if required else " (default: none)"
        for one in (
            option("--tier", default="words", metavar="NAME", group="Corpus",
                   help="Tier of the alignments that has the words"),
            option("--target-times", type=_TREE, metavar="PATH", group="Corpus",
                   help="Alignments of the target speech, one for each sentence (default: none)"),
            option("--source-times", type=_TREE, metavar="PATH", group="Corpus", required=required,
                   help=f"Alignments of the source speech, one for each sentence{default}"),
        ):  # fmt: skip
            function = one(function)
        return function

    return add


def _print_sentences(found: LinkReport) -> None:
    """Print a table of sentences."""
    print(f"{'sentence':20} {'error rate':>10} {'precision':>10} {'recall':>10} {'F1':>10}")
    for name, figures in found.sentences.items():
        cells = (figures.error_rate, figures.precision, figures.recall, figures.f1)
        print(f"{name:20} " + " ".join(f"{percent(c):>10}" for c in cells))
    print()


def _print_scores(found: LinkReport) -> None:
    """Print the pooled figures, with their uncertainty where it is known, and the signature."""
    head = f"{found.metric.upper():12} {'%':>8}"
    if found.intervals:
        head += f"   {f'95 % ({found.resamples} resamples)':>24}"
    if found.differences:
        head += f"   {'- baseline':>10}   {'95 %':>16} {'p boot':>8} {'p rand':>8}"
    print(head)
    for name, label in _ROWS.items():
        row = f"{label:12} {percent(getattr(found.pooled, name)):>8}"
        if found.intervals:
            row += f"   {span(found.intervals[name]):>24}"
        if found.differences:
            d = found.differences[name]
            row += f"   {percent(d.value):>10}   {span(d):>16}"
            row += "".join(
                f" {'-' if p is None else f'{p:.4f}':>8}"
                for p in (d.p_bootstrap, d.p_randomisation)
            )
        print(row)
    print(f"\nsentences: {found.pooled.scored_sentences}")
    print(f"signature: {found.pooled.signature}")
