"""speechalign score: error rates of word links between speech and its translation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from speechalign.links import LinkFile, Links, WeightedLinks
    from speechalign.metrics import Report
    from speechalign.metrics.aer import LinkScore
    from speechalign.metrics.resampling import ConfidenceInterval, Difference

    Weigh = Callable[[str, Links], WeightedLinks]

Base = Literal["auto", "0", "1"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_TREE = click.Path(exists=True, path_type=Path)
_BASE = click.Choice(["auto", "0", "1"])
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


@click.command("score")
@click.argument("metric", type=click.Choice(["aer", "saer", "tw-saer"]))
@click.option("--gold", required=True, type=_READ, metavar="FILE", help="Gold word links.")
@click.option("--hyp", required=True, type=_READ, metavar="FILE", help="Word links to score.")
@click.option("--baseline", type=_READ, metavar="FILE",
              help="Links of another system: test whether --hyp differs from it.")  # fmt: skip
@click.option("--gold-base", type=_BASE, default="auto", show_default=True,
              help="Number of a sentence's first word; auto: 0 if any link has a 0.")  # fmt: skip
@click.option("--hyp-base", type=_BASE, default="auto", show_default=True)
@click.option("--baseline-base", type=_BASE, default="auto", show_default=True)
@click.option("--gold-format", callback=_known_format, metavar="NAME",
              help="pharaoh, naacl, giza, rwth or xml; found by the first line.")  # fmt: skip
@click.option("--hyp-format", callback=_known_format, metavar="NAME")
@click.option("--swap", is_flag=True,
              help="--gold and --text run from target to source: turn them round.")  # fmt: skip
@click.option("--source-times", type=_TREE, metavar="PATH",
              help="Alignments of the source speech, one for each sentence.")  # fmt: skip
@click.option("--target-times", type=_TREE, metavar="PATH",
              help="Alignments of the target speech, one for each sentence.")  # fmt: skip
@click.option("--text", type=_READ, metavar="FILE",
              help="'source ||| target', a pair a line: which words are punctuation.")  # fmt: skip
@click.option("--tier", default="words", show_default=True, help="Tier of the alignments.")
@click.option("--setting", type=click.Choice(["s2t", "s2s"]),
              help="Speech to text or to speech; s2s if there are --target-times.")  # fmt: skip
@click.option("--bootstrap", type=click.IntRange(min=1), metavar="N",
              help="Resamples for 95 % confidence intervals.  [1000 with --baseline]")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resampling.")
@click.option("--per-sentence", is_flag=True, help="Print a line for each sentence as well.")
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write every figure.")
@click.option("--skip-bad", is_flag=True, help="Leave out sentences with a fault, and count them.")
@click.pass_context
def score(
    ctx: click.Context,
    metric: str,
    gold: Path,
    hyp: Path,
    baseline: Path | None,
    gold_base: Base,
    hyp_base: Base,
    baseline_base: Base,
    gold_format: str | None,
    hyp_format: str | None,
    swap: bool,
    source_times: Path | None,
    target_times: Path | None,
    text: Path | None,
    tier: str,
    setting: str | None,
    bootstrap: int | None,
    seed: int,
    per_sentence: bool,
    json_file: Path | None,
    skip_bad: bool,
) -> None:
    """Score word links against gold ones, pooled over all sentences.

    aer: alignment error rate of all words. saer: of the words that were said, which are those with
    --source-times, or else those of --text that are no punctuation, or else all. tw-saer: each link
    weighs as long as its words take, and --source-times must be given.

    Exit status: 3 where --skip-bad left out sentences, 4 where nothing can be scored.
    """
    from speechalign.errors import InputError
    from speechalign.links import read_links
    from speechalign.metrics import report
    from speechalign.metrics.aer import LinkScore, figures
    from speechalign.metrics.resampling import bootstrap as resampled
    from speechalign.metrics.resampling import compare_systems

    if metric == "aer" and (source_times or target_times):
        raise click.UsageError("aer counts all words alike; times are for saer and tw-saer")
    if metric == "tw-saer" and source_times is None:
        raise click.UsageError("tw-saer needs --source-times")
    if metric != "tw-saer" and setting:
        raise click.UsageError("--setting is for tw-saer")
    if source_times is None and target_times:
        raise click.UsageError("--target-times needs --source-times")
    if setting == "s2s" and target_times is None:
        raise click.UsageError("--setting s2s needs --target-times")
    setting = setting or ("s2s" if target_times else "s2t")

    reference = read_links(gold, format=gold_format, base=gold_base, skip_bad=skip_bad)
    systems = [read_links(hyp, format=hyp_format, base=hyp_base, skip_bad=skip_bad)]
    if baseline is not None:
        systems.append(
            read_links(baseline, format=hyp_format, base=baseline_base, skip_bad=skip_bad)
        )
    for file in (reference, *systems):
        click.echo(f"{file.path}: {file.format}, words counted from {file.base}", err=True)
    weigh = None
    if source_times or text:
        weigh = _weigher(reference, source_times, target_times, text, tier, swap)
    pairs, problems = _pairs(reference, systems, swap, weigh, keep=metric != "aer")
    for problem in problems.values():
        if not skip_bad:
            raise InputError(f"{problem}; --skip-bad leaves out such sentences")
        click.echo(f"skipped: {problem}", err=True)
    if not pairs[0]:
        raise InputError(f"{hyp}: no sentence can be scored against {gold}")

    options = {"setting": setting} if metric == "tw-saer" else {}
    reports = [report(found, metric=metric, **options) for found in pairs]
    found = reports[0]
    pooled = found.pooled
    assert isinstance(pooled, LinkScore)
    if not found.counts[:, 2:].any():
        raise InputError(
            f"{gold}: no sure link that weighs anything in {len(pairs[0])} sentences, and no link "
            f"in {hyp}: there is nothing to score"
        )
    resamples = bootstrap or 1000
    intervals = (
        resampled(found.counts, figures, resamples=resamples, seed=seed)
        if bootstrap or baseline
        else {}
    )
    differences = (
        compare_systems(found.counts, reports[1].counts, figures, resamples=resamples, seed=seed)
        if baseline
        else {}
    )
    if per_sentence:
        _print_sentences(found)
    _print_scores(metric, pooled, intervals, differences, resamples)
    if skip_bad:
        click.echo(f"skipped {len(problems)} sentences", err=True)
    if json_file is not None:
        _write_json(json_file, metric, found, intervals, differences, problems)
    ctx.exit(3 if problems else 0)


def _pairs(
    reference: LinkFile,
    systems: Sequence[LinkFile],
    swap: bool,
    weigh: Weigh | None,
    *,
    keep: bool,
) -> tuple[list[dict[str, tuple[Links | WeightedLinks, Links]]], dict[str, str]]:
    """Return what is to be compared, for each system, and what is wrong with other sentences.

    The weights that show what is out of range are kept only if the metric counts them.
    """
    from speechalign.errors import InputError
    from speechalign.links import pair_links

    problems = dict(reference.skipped)
    pairings = [pair_links(reference, file) for file in systems]
    for file, pairing in zip(systems, pairings):
        problems |= {**file.skipped, **pairing.problems}
    pairs: list[dict[str, tuple[Links | WeightedLinks, Links]]] = [{} for _ in systems]
    for name, (links, _) in pairings[0].pairs.items():
        if not all(name in pairing.pairs for pairing in pairings):
            continue
        links = links.swapped() if swap else links
        gold: Links | WeightedLinks = links
        hypotheses = [pairing.pairs[name][1] for pairing in pairings]
        if weigh is not None:
            try:
                weighted = weigh(name, links)
                for hypothesis in hypotheses:
                    weighted.check_within(hypothesis)
            except InputError as error:
                problems[name] = f"sentence {name}: {error}"
                continue
            gold = weighted if keep else gold
        for found, hypothesis in zip(pairs, hypotheses):
            found[name] = gold, hypothesis
    return pairs, problems


def _weigher(
    reference: LinkFile,
    source_times: Path | None,
    target_times: Path | None,
    text: Path | None,
    tier: str,
    swap: bool,
) -> Weigh:
    """Return what gives the links of a sentence the weights of its words."""
    from speechalign.cli.word_times import WITHOUT_TEXT, WordTimes
    from speechalign.errors import InputError
    from speechalign.links import WeightedLinks, is_punctuation, read_parallel

    texts = read_parallel(text) if text else []
    if not text:
        click.echo(WITHOUT_TEXT, err=True)
    source_said, target_said = (
        WordTimes(path, reference.names, tier=tier) if path else None
        for path in (source_times, target_times)
    )

    def weights(name: str, said: WordTimes | None, words: list[str] | None) -> list[float]:
        if said is not None:
            return [word.seconds for word in said.of(name, words)[0]]
        return [0.0 if is_punctuation(word) else 1.0 for word in words or ()]

    def weigh(name: str, links: Links) -> WeightedLinks:
        source: list[str] | None = None
        target: list[str] | None = None
        if text:
            line = reference.names.index(name) if reference.named else int(name) - 1
            if not 0 <= line < len(texts):
                raise InputError(f"{text}: expected a line {line + 1}, got {len(texts)} lines")
            source, target = reversed(texts[line]) if swap else texts[line]
        known = target_said is not None or target is not None
        target_weights = weights(name, target_said, target) if known else None
        return WeightedLinks(links, weights(name, source_said, source), target_weights)

    return weigh


def _print_sentences(found: Report) -> None:
    """Print a table of sentences."""
    from speechalign.metrics.aer import LinkScore

    print(f"{'sentence':20} {'error rate':>10} {'precision':>10} {'recall':>10} {'F1':>10}")
    for name, figures in found.recordings.items():
        assert isinstance(figures, LinkScore)
        cells = (figures.error_rate, figures.precision, figures.recall, figures.f1)
        print(f"{name:20} " + " ".join(f"{_percent(c):>10}" for c in cells))
    print()


def _print_scores(
    metric: str,
    pooled: LinkScore,
    intervals: Mapping[str, ConfidenceInterval],
    differences: Mapping[str, Difference],
    resamples: int,
) -> None:
    """Print the pooled figures, with what is known of their uncertainty, and the signature."""
    head = f"{metric.upper():12} {'%':>8}"
    if intervals:
        head += f"   {f'95 % ({resamples} resamples)':>24}"
    if differences:
        head += f"   {'- baseline':>10}   {'95 %':>16} {'p boot':>8} {'p rand':>8}"
    print(head)
    for name, label in _ROWS.items():
        row = f"{label:12} {_percent(getattr(pooled, name)):>8}"
        if intervals:
            interval = intervals[name]
            row += f"   {_span(interval):>24}"
        if differences:
            d = differences[name]
            row += f"   {_percent(d.value):>10}   {_span(d):>16}"
            row += "".join(
                f" {'-' if p is None else f'{p:.4f}':>8}"
                for p in (d.p_bootstrap, d.p_randomisation)
            )
        print(row)
    print(f"\nsentences: {pooled.scored_sentences}")
    print(f"signature: {pooled.signature}")


def _span(found: ConfidenceInterval | Difference) -> str:
    return "-" if found.low is None else f"{_percent(found.low)} to {_percent(found.high)}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{round(100 * value, 2) + 0:.2f}"  # + 0: no -0.00


def _write_json(
    path: Path,
    metric: str,
    found: Report,
    intervals: Mapping[str, ConfidenceInterval],
    differences: Mapping[str, Difference],
    problems: Mapping[str, str],
) -> None:
    """Write all figures as shares, not in percent."""
    import json
    from dataclasses import asdict

    from speechalign.files.writing import write_text
    from speechalign.metrics.aer import LinkScore

    def plain(figures: object) -> dict[str, object]:
        assert isinstance(figures, LinkScore)
        return asdict(figures)

    content = {
        "metric": metric,
        "signature": found.pooled.signature,
        "pooled": plain(found.pooled),
        "intervals": {name: asdict(interval) for name, interval in intervals.items()},
        "differences": {name: asdict(difference) for name, difference in differences.items()},
        "sentences": {name: plain(figures) for name, figures in found.recordings.items()},
        "skipped": dict(problems),
    }
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
