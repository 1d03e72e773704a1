"""Draw the figures of the comparison from EXP/scores.json and EXP/errors.npz.

    python local/06_plot.py EXP

Writes EXP/errors.png, contexts.png, speed.png and noise.png.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_CONTEXTS = ("pause", "stop", "fricative", "nasal, approximant", "vowel-vowel")
_MARKERS = {"HMM-GMM": "o", "neural HMM": "s", "CTC": "^", "attention": "D"}


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(exp: Path) -> None:
    """Draw all."""
    scores = json.loads((exp / "scores.json").read_text(encoding="utf-8"))
    rows = [
        row
        for row in scores["rows"]
        if "@" not in row["gold"] and "score" in row and row["score"]["both"]["mean"] is not None
    ]
    names = list(dict.fromkeys(row["aligner"] for row in rows))
    style = {
        name: {"color": f"C{i % 10}", "linestyle": "-" if i < 10 else "--"}
        for i, name in enumerate(names)
    }
    golds = [gold for gold in scores["gold"] if any(row["gold"] == gold for row in rows)]
    with np.load(exp / "errors.npz") as errors:
        draw_errors(golds, rows, errors, style).savefig(exp / "errors.png", dpi=120)
    first = golds[0]
    draw_contexts([r for r in rows if r["gold"] == first], first, style).savefig(
        exp / "contexts.png", dpi=120
    )
    speeds = scores["speeds"].get(first, {})
    draw_speed(rows, first, speeds, style).savefig(exp / "speed.png", dpi=120)
    draw_noise(golds, rows, style).savefig(exp / "noise.png", dpi=120)


def clean_of(rows: Sequence[Mapping[str, Any]], gold: str) -> list[Mapping[str, Any]]:
    """Return the rows of clean speech of a corpus, the best first."""
    own = [row for row in rows if row["gold"] == gold and row["condition"] == "clean"]
    return sorted(own, key=lambda row: row["score"]["both"]["mean"])


def draw_errors(
    golds: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    errors: Mapping[str, np.ndarray],
    style: Mapping[str, Mapping[str, str]],
) -> Figure:
    """Draw the share of boundaries up to each error."""
    figure = Figure(figsize=(5 * len(golds), 4.5), layout="constrained")
    panels = figure.subplots(1, len(golds), sharey=True, squeeze=False)[0]
    for axes, gold in zip(panels, golds):
        for row in clean_of(rows, gold):
            sizes = 1000 * np.sort(np.abs(errors[f"{gold}|clean|{row['aligner']}"]))
            shares = 100 * np.arange(1, len(sizes) + 1) / len(sizes)
            axes.plot(sizes, shares, label=row["aligner"], **style[row["aligner"]])
        axes.set_xscale("log")
        axes.set_xlim(1, 300)
        axes.set_xticks([1, 5, 10, 25, 50, 100, 250], ["1", "5", "10", "25", "50", "100", "250"])
        axes.set_xlabel("error up to, ms")
        axes.set_title(f"{gold}, clean")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="lower right")
    panels[0].set_ylabel("word boundaries, %")
    return figure


def draw_contexts(
    rows: Sequence[Mapping[str, Any]], gold: str, style: Mapping[str, Mapping[str, str]]
) -> Figure:
    """Draw the mean error by what is on both sides of a boundary."""
    own = clean_of(rows, gold)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / max(1, len(own))
    for i, row in enumerate(own):
        groups = row["groups"]["context"]
        heights = [1000 * groups[c]["mean"] if c in groups else np.nan for c in _CONTEXTS]
        places = np.arange(len(_CONTEXTS)) - 0.4 + (i + 0.5) * width
        hatch = "//" if style[row["aligner"]]["linestyle"] == "--" else None
        axes.bar(
            places, heights, width, color=style[row["aligner"]]["color"], hatch=hatch,
            label=row["aligner"],
        )  # fmt: skip
    counts = own[0]["groups"]["context"]
    names = [f"{c}\nn = {counts[c]['n'] if c in counts else 0}" for c in _CONTEXTS]
    axes.set_xticks(range(len(_CONTEXTS)), names)
    axes.set_yscale("log")
    mark_milliseconds(axes)
    axes.set_ylabel("mean error of word boundaries, ms")
    axes.set_title(f"{gold}, clean: what is beside the boundary")
    axes.grid(alpha=0.3, axis="y")
    figure.legend(fontsize=8, ncols=6, loc="outside lower center")
    return figure


def mark_milliseconds(axes: Axes) -> None:
    """Mark a logarithmic axis of errors with round numbers."""
    ticks = [5, 10, 20, 30, 50, 100, 200, 500]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()


def draw_speed(
    rows: Sequence[Mapping[str, Any]],
    gold: str,
    speeds: Mapping[str, Mapping[str, float]],
    style: Mapping[str, Mapping[str, str]],
) -> Figure:
    """Draw mean error against the CPU time of an hour of audio."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    timed = [row for row in clean_of(rows, gold) if row["aligner"] in speeds]
    for number, row in enumerate(timed):
        seconds = max(1.0, speeds[row["aligner"]]["hour"])
        mean = 1000 * row["score"]["both"]["mean"]
        marker = _MARKERS.get(row["family"], "P")
        axes.plot(seconds, mean, marker, markersize=8, color=style[row["aligner"]]["color"])
        label = row["aligner"] + (" (trains)" if row["trains"] else "")
        side = ((6, -16), (6, 8), (-4, 14))[number % 3]  # the best lie close together
        axes.annotate(label, (seconds, mean), xytext=side, textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    mark_milliseconds(axes)
    axes.margins(0.2)
    axes.set_xlabel("user CPU for an hour of audio, s; training included, start not")
    axes.set_ylabel("mean error of word boundaries, ms")
    axes.set_title(f"{gold}, clean")
    axes.grid(alpha=0.3)
    return figure


def draw_noise(
    golds: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    style: Mapping[str, Mapping[str, str]],
) -> Figure:
    """Draw mean error against the signal-to-noise ratio, a panel for each corpus and noise."""
    found = {(r["gold"], r["condition"], r["aligner"]): r["score"]["both"]["mean"] for r in rows}
    panels = []
    for gold in golds:
        conditions = {row["condition"] for row in rows if row["gold"] == gold}
        for kind in ("white", "babble", "pink"):
            levels = {int(m[1]) for c in conditions if (m := re.fullmatch(rf"{kind} (\d+) dB", c))}
            if levels:
                panels.append((gold, kind, sorted(levels, reverse=True)))
    columns = min(4, max(1, len(panels)))
    lines = -(-len(panels) // columns) or 1
    figure = Figure(figsize=(4.2 * columns, 4.2 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes, (gold, kind, levels) in zip(grid.flat, panels):
        draw_levels(axes, gold, kind, levels, found, style)
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for line in grid:
        line[0].set_ylabel("mean error of word boundaries, ms")
    return figure


def draw_levels(
    axes: Axes,
    gold: str,
    kind: str,
    levels: Sequence[int],
    found: Mapping[tuple[str, str, str], float],
    style: Mapping[str, Mapping[str, str]],
) -> None:
    """Draw one panel."""
    conditions = ["clean", *(f"{kind} {level} dB" for level in levels)]
    for name, own in style.items():
        heights = [1000 * found.get((gold, c, name), float("nan")) for c in conditions]
        if np.isfinite(heights[1:]).any():
            axes.plot(range(len(heights)), heights, marker=".", label=name, **own)
    axes.set_yscale("log")
    mark_milliseconds(axes)
    axes.set_xticks(range(len(conditions)), ["clean", *(f"{level} dB" for level in levels)])
    axes.set_title(f"{gold}, {kind} noise")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


if __name__ == "__main__":
    main()
