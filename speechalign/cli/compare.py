"""speechalign compare: boundary errors of one set of alignments against another."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option
from speechalign.cli.output_options import known_format

if TYPE_CHECKING:
    from speechalign.metrics.alignment_trees import AlignmentReport
    from speechalign.metrics.boundaries import BoundaryScore, ErrorScore
    from speechalign.metrics.resampling import ConfidenceInterval, Difference

_FILE = click.Path(dir_okay=False, path_type=Path)


@command("compare")
@click.argument("reference", metavar="REF", type=click.Path(exists=True, path_type=Path))
@click.argument(
    "test", metavar="[TEST]", required=False, type=click.Path(exists=True, path_type=Path)
)
@option(
    "--edited",
    is_flag=True,
    group="Corpus",
    help="Score what `speechalign align` wrote to REF before it was corrected against the "
    "corrections in REF; no TEST",
)
@option("--tier", default="words", metavar="NAME", group="Corpus", help="Tier to compare")
@option(
    "--format",
    "prefer",
    callback=known_format,
    metavar="NAME",
    group="Corpus",
    help="Format to read where a recording has files in several (default: such recordings are an "
    "error)",
)
@option(
    "--phone-set",
    metavar="NAME",
    group="Corpus",
    help="Phone set that the labels of both are translated to, for --tier phones: arpabet, "
    "arpabet-stress, ipa or xsampa (default: labels as they are)",
)
@option(
    "--bootstrap",
    "resamples",
    type=click.IntRange(min=1),
    metavar="N",
    group="Scoring",
    help="Number of resamples of recordings for 95 % confidence intervals (default: no intervals)",
)
@option("--seed", type=int, default=0, metavar="N", group="Scoring", help="Seed of the resampling")
@option(
    "--by",
    multiple=True,
    type=click.Choice(("context", "phone-class", "speaker", "duration")),
    metavar="NAME",
    group="Scoring",
    help="Groups of boundaries to score, too: context or phone-class, which read the tier phones "
    "of REF, speaker or duration; may be given several times (default: none)",
)
@option(
    "--baseline",
    type=click.Path(exists=True, path_type=Path),
    metavar="TREE",
    group="Scoring",
    help="Alignments of another aligner, to print how far TEST differs from it, with 95 % "
    "confidence intervals and p-values (default: none)",
)
@option("--per-file", is_flag=True, group="Output", help="Print a line for each recording, too")
@option(
    "--json",
    "json_file",
    type=_FILE,
    metavar="FILE",
    group="Output",
    help="File to write every figure to, in seconds (default: none)",
)
@option(
    "--histogram",
    type=_FILE,
    metavar="FILE.png",
    group="Output",
    help="Picture of the differences; needs speechalign[plot] (default: none)",
)
@option(
    "--save-corrections",
    type=_FILE,
    metavar="FILE",
    group="Output",
    help="File to write the bias of boundaries by kinds of phones to, for `align --corrections`; "
    "needs --edited (default: none)",
)
@message_options
def compare(
    reference: Path,
    test: Path | None,
    edited: bool,
    tier: str,
    prefer: str | None,
    phone_set: str | None,
    resamples: int | None,
    seed: int,
    by: tuple[str, ...],
    baseline: Path | None,
    per_file: bool,
    json_file: Path | None,
    histogram: Path | None,
    save_corrections: Path | None,
) -> None:
    """Score the boundaries of TEST against those of REF.

    Both are folders of alignments, in any format and matched by their path without suffix (or by
    the last part of it, where no other recording has the same); or single files; or one file for
    a corpus, such as a CTM.

    REF alone, with --edited, is a folder that `speechalign align` wrote, some TextGrids of which
    were corrected since: how far was the aligner off?

    Prints mean, median, bias (positive: TEST is late) and 95th percentile of the differences in
    milliseconds, the share within 10, 25, 50 and 100 ms, and F1 at 20 ms. Two aligners agree as far
    as one, given as REF, scores the other.

    Exit status: 3 where a recording of REF has no usable alignment in TEST, 4 where none has.
    """
    import json

    from speechalign.files.writing import write_text
    from speechalign.metrics import compare_alignments

    if edited == (test is not None):
        raise click.UsageError("expected REF and TEST, or REF and --edited")
    if save_corrections is not None and not edited:
        raise click.UsageError("--save-corrections needs --edited")
    if edited and (prefer is not None or phone_set is not None or baseline is not None):
        raise click.UsageError("--format, --phone-set and --baseline need TEST")
    found: AlignmentReport
    if test is None:
        found = _of_corrections(reference, tier, by, resamples or 0, seed, save_corrections)
    else:
        found = compare_alignments(
            reference,
            test,
            tier=tier,
            prefer=prefer,
            phone_set=phone_set,
            by=by,
            baseline=baseline,
            resamples=resamples or 0,
            seed=seed,
        )
    for problem in found.unusable:
        log.warning("unusable: %s", problem)
    _print_tables(found, found.recordings if per_file else {})
    if found.intervals:
        _print_intervals(found.intervals, len(found.recordings))
    _print_differences(found.differences)
    for name in found.missing:
        log.warning("missing: %s", name)
    spare = found.without_reference
    if spare:
        log.info("no reference: %d of TEST, such as %s", len(spare), spare[0])
    if json_file is not None:
        content = json.dumps(found.to_dict(), ensure_ascii=False, indent=1)
        write_text(json_file, content + "\n")
    if histogram is not None:
        from speechalign.viz.histogram import plot_errors

        title = f"{'aligner' if test is None else test.name} against {reference.name}, {tier}"
        plot_errors(found.start_errors, found.end_errors, histogram, title=title)
    if found.pooled.matched_labels == 0:
        sys.exit(4)
    sys.exit(3 if found.missing or found.unusable else 0)


def _of_corrections(
    out: Path, tier: str, by: tuple[str, ...], resamples: int, seed: int, save: Path | None
) -> AlignmentReport:
    """Score what was aligned against corrections of it, utterance by utterance."""
    from speechalign.errors import InputError
    from speechalign.metrics.alignment_trees import compare_pairs
    from speechalign.pipeline.edits import read_corrections

    corrections = read_corrections(out)
    if not corrections:
        raise InputError(f"{out}: nothing was corrected or checked yet; see `speechalign view`")
    log.info("utterances corrected or checked: %d", len(corrections))
    if save is not None:
        from speechalign.aligners.boundary_bias import BoundaryBias

        names = {c.result.model for c in corrections}
        if len(names) > 1:
            raise InputError(
                f"{out}: expected results of one model, got {', '.join(sorted(names))}"
            )
        bias = BoundaryBias.of(names.pop(), [(c.result, c.corrected) for c in corrections])
        bias.write(save)
    pairs = {c.result.utterance: (c.corrected, c.aligned) for c in corrections}
    return compare_pairs(pairs, tier=tier, by=by, resamples=resamples, seed=seed)


def _print_tables(found: AlignmentReport, recordings: Mapping[str, BoundaryScore]) -> None:
    """Print tables of all boundaries, recordings and groups, completion and signature."""
    from rich.console import Console
    from rich.table import Table

    # A pipe has no width: rich would fold the table to 80 columns.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200)
    columns = ["n", "mean", "median", "bias", "p95", "≤10", "≤25", "≤50", "≤100 ms", "F1@20 ms"]

    def table(first: str, rows: dict[str, list[str]]) -> Table:
        made = Table(first, box=None, pad_edge=False)
        for column in columns:
            made.add_column(column, justify="right")
        for name, cells in rows.items():
            made.add_row(name.replace("[", r"\["), *cells)
        return made

    pooled = found.pooled
    if recordings:
        rows = {name: _cells(score.both) for name, score in recordings.items()}
        console.print(table("starts and ends", rows))
        console.print()
    kinds = {"start": pooled.start, "end": pooled.end, "both": pooled.both}
    console.print(table("ms", {kind: _cells(errors) for kind, errors in kinds.items()}))
    for by, groups in found.groups.items():
        console.print()
        console.print(table(by, {name: _cells(errors) for name, errors in groups.items()}))
    console.print(
        f"\ncompletion: {pooled.hypothesis_recordings} of {pooled.reference_recordings} recordings"
        f" ({_percent(pooled.recording_completion)} %), {pooled.matched_labels} of "
        f"{pooled.reference_labels} labels ({_percent(pooled.label_completion)} %)",
        highlight=False,
    )
    console.print(f"signature: {pooled.signature}", highlight=False, markup=False)


def _print_intervals(intervals: Mapping[str, ConfidenceInterval], recordings: int) -> None:
    """Print where the figures of starts and ends together lie."""
    shown = [
        f"mean {_milliseconds(intervals['mean'].low)} to {_milliseconds(intervals['mean'].high)} ms"
    ]
    for name, label in (("within_0.025", "≤25 ms"), ("within_0.05", "≤50 ms"), ("f1", "F1@20 ms")):
        low, high = intervals[name].low, intervals[name].high
        shown.append(f"{label} {_percent(low)} to {_percent(high)} %")
    print(f"95 % intervals over {recordings} recordings: {', '.join(shown)}")


def _print_differences(differences: Mapping[str, Difference]) -> None:
    """Print how far the figures differ from those of the baseline."""
    shown = [
        ("mean", "mean", 1000, "ms"),
        ("median", "median", 1000, "ms"),
        ("within_0.025", "≤25 ms", 100, "points"),
        ("f1", "F1@20 ms", 100, "points"),
    ]
    for name, label, scale, unit in shown if differences else ():
        own = differences[name]
        value, low, high = (scale * (v or 0.0) for v in (own.value, own.low, own.high))
        print(
            f"minus baseline: {label} {value:+.1f} {unit} (95 % {low:+.1f} to {high:+.1f}), "
            f"p {own.p_bootstrap:.3f} by bootstrap, {own.p_randomisation:.3f} by randomisation"
        )


def _cells(errors: ErrorScore) -> list[str]:
    return [
        str(errors.n),
        *map(_milliseconds, (errors.mean, errors.median, errors.bias, errors.p95)),
        *map(_percent, errors.within.values()),
        _percent(errors.f1),
    ]


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{round(value * 1000, 1) + 0:.1f}"  # + 0: no -0.0


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f}"
