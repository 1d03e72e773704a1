"""speechalign st-align: word links out of what a translation model attends to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    import numpy as np

    from speechalign.contributions import Method, Scheme, Units, WordMap

    # The name and the index of a sentence, the size of the axis, and the words if they are known.
    Axis = Callable[[str, int, int, Sequence[str] | None], Units]

_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_TREE = click.Path(exists=True, path_type=Path)
_METHODS = [
    "argmax", "threshold", "intersection", "union", "grow-diag", "grow-diag-final",
    "grow-diag-final-and",
]  # fmt: skip
_SCHEMES = ["auto", "sentencepiece", "byte-level", "bpe", "wordpiece", "words"]


@click.command("st-align")
@click.argument("maps", metavar="MAPS",
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="Links to write, in Pharaoh's notation.")  # fmt: skip
@click.option("--source-times", type=_TREE, metavar="PATH",
              help="Alignments of the source speech: columns are frames.")  # fmt: skip
@click.option("--source-tokens", type=_READ, metavar="FILE",
              help="Tokens of the source, a sentence a line: columns are tokens.")  # fmt: skip
@click.option("--target-tokens", type=_READ, metavar="FILE",
              help="Tokens of the target, a sentence a line: rows are tokens.")  # fmt: skip
@click.option("--target-times", type=_TREE, metavar="PATH",
              help="Alignments of the target speech: rows are frames.")  # fmt: skip
@click.option("--text", type=_READ, metavar="FILE",
              help="'source ||| target', one pair a line: the words to link.")  # fmt: skip
@click.option("--tier", default="words", show_default=True, help="Tier of the alignments.")
@click.option("--subwords", type=click.Choice(_SCHEMES), default="auto", show_default=True,
              help="How tokens show where words begin.")  # fmt: skip
@click.option("--source-frame", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="Length of a column; else all columns cover the recording.")  # fmt: skip
@click.option("--target-frame", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="Length of a row; else all rows cover the recording.")  # fmt: skip
@click.option("--method", type=click.Choice(_METHODS), default="argmax", show_default=True)
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), metavar="SHARE",
              help="For --method threshold: the least share that makes a link.")  # fmt: skip
@click.option("--punctuation", is_flag=True, help="Link punctuation of tokens, too.")
@click.option("--base", type=click.Choice(["0", "1"]), default="1", show_default=True,
              help="Number of a sentence's first word in the output.")  # fmt: skip
@click.option("--plot", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Draw each map as a PNG, and write DIR/index.html.")  # fmt: skip
@click.option("--skip-bad", is_flag=True,
              help="Leave the lines of sentences with a fault empty, and count them.")  # fmt: skip
@click.pass_context
def st_align(
    ctx: click.Context,
    maps: Path,
    output: Path,
    source_times: Path | None,
    source_tokens: Path | None,
    target_tokens: Path | None,
    target_times: Path | None,
    text: Path | None,
    tier: str,
    subwords: str,
    source_frame: float | None,
    target_frame: float | None,
    method: Method,
    threshold: float | None,
    punctuation: bool,
    base: Literal["0", "1"],
    plot: Path | None,
    skip_bad: bool,
) -> None:
    """Turn the contribution maps in MAPS, a file for each sentence, into word links.

    Maps are .npy, .npz, .pt or .json files with a row for each part of the target. Where their
    names are numbers, these are the numbers of the sentences, counted from 0 if there is a 0;
    else they are in order of name.

    Exit status: 3 where --skip-bad left out sentences, 4 where no sentence could be linked.
    """
    for side, given in (("source", (source_times, source_tokens)),
                        ("target", (target_times, target_tokens))):  # fmt: skip
        if sum(path is not None for path in given) != 1:
            raise click.UsageError(f"expected one of --{side}-times and --{side}-tokens")
    if (threshold is not None) != (method == "threshold"):
        raise click.UsageError("--threshold goes with --method threshold, and only with it")
    if (source_frame and not source_times) or (target_frame and not target_times):
        raise click.UsageError("--source-frame and --target-frame go with times of that side")

    from speechalign.cli.word_times import WITHOUT_TEXT
    from speechalign.contributions import read_map, word_map
    from speechalign.errors import FormatError, InputError
    from speechalign.files.writing import write_text
    from speechalign.links import Links, format_links, read_parallel, read_words

    pairs = read_parallel(text) if text else None
    if pairs is None and (source_times or target_times):
        click.echo(WITHOUT_TEXT, err=True)
    tokens = {path: read_words(path) for path in (source_tokens, target_tokens) if path}
    lines = {path: len(found) for path, found in tokens.items()}
    if text and pairs is not None:
        lines[text] = len(pairs)
    sentences = _sentences(maps, lines)
    names = [name for name, _ in sentences]
    source_axis, target_axis = (
        _time_axis(times, names, tier, frame)
        if times
        else _token_axis(tokens[path], subwords, punctuation)
        for times, path, frame in (
            (source_times, source_tokens or maps, source_frame),
            (target_times, target_tokens or maps, target_frame),
        )
    )
    found: list[Links] = []
    shown: list[tuple[str, WordMap, list[tuple[int, int]]]] = []
    problems = 0
    for number, (name, path) in enumerate(sentences):
        try:
            if path is None:
                raise InputError(f"{maps}: no map of this sentence")
            values = read_map(path)
            words = (None, None) if pairs is None else pairs[number]
            source = source_axis(name, number, values.shape[1], words[0])
            target = target_axis(name, number, values.shape[0], words[1])
            linked = word_map(values, source=source, target=target)
        except (FormatError, InputError) as error:
            if not skip_bad:
                raise InputError(
                    f"sentence {name}: {error}; --skip-bad leaves out such sentences"
                ) from None
            click.echo(f"skipped: sentence {name}: {error}", err=True)
            problems += 1
            found.append(Links(()))
            continue
        for warning in linked.warnings:
            click.echo(f"warning: sentence {name}: {warning}", err=True)
        found.append(linked.links(method, threshold=threshold))
        if plot is not None:
            chosen = sorted(linked.pairs(method, threshold=threshold))
            plot.mkdir(parents=True, exist_ok=True)
            unit = "seconds" if source_times else "tokens"
            _draw(plot / f"{name}.png", values, linked, chosen, unit)
            shown.append((name, linked, chosen))
    if problems == len(found):
        raise InputError(f"{maps}: none of {len(found)} sentences could be linked")
    write_text(output, format_links(found, base=base))
    if plot is not None:
        _write_page(plot / "index.html", maps.name, shown)
    links = sum(len(sentence.sure) for sentence in found)
    click.echo(
        f"{output}: {links} links in {len(found) - problems} sentences, words counted from {base}",
        err=True,
    )
    if problems:
        click.echo(f"skipped {problems} sentences", err=True)
    ctx.exit(3 if problems else 0)


def _sentences(maps: Path, lines: dict[Path, int]) -> list[tuple[str, Path | None]]:
    """Return the name and the map of each sentence, as many as files of text have lines."""
    from speechalign.contributions import find_maps
    from speechalign.errors import InputError
    from speechalign.links import match_sentences

    files = find_maps(maps)
    if not files:
        raise InputError(f"{maps}: expected files .npy, .npz, .pt or .json, got none")
    if len(set(lines.values())) > 1:
        counts = ", ".join(f"{path}: {count}" for path, count in lines.items())
        raise InputError(f"expected files of as many lines, got {counts}")
    count = next(iter(lines.values()), None)
    if all(name.isdecimal() for name in files):
        numbers = {int(name) for name in files}
        last = max(numbers) + (0 in numbers)
        if count is not None and last > count:
            raise InputError(f"{maps}: expected maps of {count} sentences, got one of {last}")
        names = [str(number) for number in range(1, (count or last) + 1)]
        matched = match_sentences(names, files)
        return [(name, files[stem] if stem else None) for name, stem in matched.items()]
    if count is not None and len(files) != count:
        raise InputError(f"{maps}: expected {count} maps, one for each line, got {len(files)}")
    return list(files.items())


def _time_axis(path: Path, names: Sequence[str], tier: str, frame: float | None) -> Axis:
    """Return what finds the units of a sentence in the times of its words."""
    from speechalign.cli.word_times import WordTimes
    from speechalign.contributions import time_units

    times = WordTimes(path, names, tier=tier)

    def units(name: str, _number: int, size: int, words: Sequence[str] | None) -> Units:
        timed, seconds = times.of(name, words)
        return time_units(timed, size, size * frame if frame else seconds)

    return units


def _token_axis(tokens: Sequence[Sequence[str]], subwords: str, punctuation: bool) -> Axis:
    """Return what finds the units of a sentence in its tokens."""
    from speechalign.contributions import SCHEMES, find_scheme, token_units

    named: Scheme | None = next((scheme for scheme in SCHEMES if scheme == subwords), None)
    scheme = named or find_scheme(tokens)

    def units(_name: str, number: int, size: int, words: Sequence[str] | None) -> Units:
        return token_units(tokens[number], size, scheme, words=words, punctuation=punctuation)

    return units


def _draw(
    path: Path, values: np.ndarray, linked: WordMap, pairs: Sequence[tuple[int, int]], unit: str
) -> None:
    """Draw a map into a PNG."""
    from speechalign.viz.contribution_plot import plot_contributions

    figure = plot_contributions(
        values,
        source=linked.source.spans,
        target=linked.target.spans,
        links=pairs,
        width=linked.source.length,
        height=linked.target.length,
        unit=unit,
        title=path.stem,
    )
    figure.savefig(path, format="png", dpi=110)


def _write_page(
    path: Path, title: str, shown: Sequence[tuple[str, WordMap, list[tuple[int, int]]]]
) -> None:
    """Write the page of a corpus."""
    from speechalign.files.writing import write_text
    from speechalign.links import Links
    from speechalign.viz.link_page import LinkTable, link_page

    tables = (
        LinkTable(name, linked.source.labels, linked.target.labels, linked.values, Links(pairs))
        for name, linked, pairs in shown
    )
    write_text(path, link_page(tables, title=f"Word links of {title}"))
