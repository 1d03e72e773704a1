"""Decode long mixtures greedily with CTC heads, and measure what is said of the primary speaker.

    python -m recipes.steps.decode_long exp/states/test exp/mixed/test --run exp/1/both

MIXED is what speaker_mixtures.py wrote. For each run, RUN/long.json gets the errors of the primary
speaker's words in each recording; how many words were deleted in runs of how many; the longest
stretch of the primary speaker's speech in which the model said nothing; and how much of each role's
speech lies in regions of either. RUN/tiers/NAME.TextGrid has the words and the regions of roles.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from recipes.program import run
from recipes.trainer.decoding import collapse, log_probs
from recipes.trainer.encoder_states import stored_encoder
from recipes.trainer.letters import SPACE, words_of
from recipes.trainer.state_head import StateCtc, load_head
from recipes.trainer.state_split import StateSplit
from speechalign.alignment import Alignment, Interval
from speechalign.formats import read_alignment, write_alignment
from speechalign.kernels.edit_distance import edit_distance
from speechalign.metrics.word_errors import statistics
from speechalign.text.speaker_roles import OTHER, PRIMARY, role_spans, role_tier

RUNS = ((1, 1), (2, 3), (4, 7), (8, None))
"""Lengths of runs of deleted words that are counted together."""
_STEP = 0.01  # seconds; speech is measured on a grid


def timed_words(
    model: StateCtc, scores: np.ndarray, duration: float
) -> list[tuple[str, float, float]]:
    """Return words and marks that a model says, with begin and end in seconds."""
    assert model.vocabulary.blank is not None
    labels, spans = collapse(scores.argmax(1), blank=model.vocabulary.blank)
    found: list[tuple[str, float, float]] = []
    letters, begin, end = "", 0.0, 0.0
    # The first frame of an encoder may begin before the recording does, the last end after it.
    times = np.clip(model.grid.seconds(spans), 0.0, duration)
    for label, (start, stop) in zip(labels.tolist(), times.tolist()):
        symbol = model.vocabulary.symbols[label]
        if symbol in (SPACE, PRIMARY, OTHER):
            if letters:
                found.append((letters, begin, end))
            letters = ""
            if symbol != SPACE:
                found.append((symbol, start, stop))
            continue
        begin = begin if letters else start
        letters, end = letters + symbol, stop
    if letters:
        found.append((letters, begin, end))
    return found


def deleted_runs(reference: Sequence[str], hypothesis: Sequence[str]) -> list[int]:
    """Return the lengths of the runs of reference words opposite which nothing stands."""
    numbers: dict[str, int] = {}
    sides = [
        np.array([numbers.setdefault(word, len(numbers)) for word in side], np.int64)
        for side in (reference, hypothesis)
    ]
    paired = edit_distance(*sides).pairs[:, 0]
    edges = np.concatenate([[-1], paired, [len(reference)]])
    gaps = np.diff(edges) - 1
    found: list[int] = gaps[gaps > 0].tolist()
    return found


def longest_silence(speech: Sequence[Interval], said: Sequence[tuple[float, float]]) -> float:
    """Return the most seconds of speech, pauses not counted, between two labels that are said."""
    last = max((interval.end for interval in speech), default=0.0)
    spoken = _grid(speech, last)
    silent = np.ones(len(spoken), np.bool_)
    for begin, end in said:
        silent[int(begin / _STEP) : int(end / _STEP) + 1] = False
    elapsed = np.cumsum(spoken & silent)
    resets = np.maximum.accumulate(np.where(silent, 0, elapsed))
    return float((elapsed - resets).max(initial=0) * _STEP)


def _grid(intervals: Sequence[Interval], seconds: float) -> np.ndarray:
    found = np.zeros(int(seconds / _STEP) + 1, np.bool_)
    for interval in intervals:
        found[round(interval.start / _STEP) : round(interval.end / _STEP)] = True
    return found


def measure(
    model: StateCtc, scores: np.ndarray, reference: Sequence[str], turns: Alignment
) -> tuple[dict[str, Any], Alignment]:
    """Measure one recording; return the figures, and its words and regions."""
    duration = turns.duration or 0.0
    timed = timed_words(model, scores, duration)
    own = [
        word
        for words, spans in [role_spans(reference)]
        for span in spans
        if span.primary
        for word in words[span.start : span.end]
    ]
    words, spans = role_spans([word for word, _, _ in timed])
    times = [
        Interval(begin, end, word) for word, begin, end in timed if word not in (PRIMARY, OTHER)
    ]
    said = [word for span in spans if span.primary for word in words[span.start : span.end]]
    regions = role_tier(times, spans)
    runs = Counter(deleted_runs(own, said))
    speech = {name: _grid(turns.tiers[name], duration) for name in ("primary", "other")}
    alone = {
        "primary": speech["primary"] & ~speech["other"],
        "other": speech["other"] & ~speech["primary"],
    }
    marked = {
        name: _grid([r for r in regions if r.label == name], duration)
        for name in ("primary", "other")
    }
    figures = {
        "counts": statistics(own, said).counts.tolist(),
        "deleted": {
            f"{low}" if low == high else f"{low}-{high}" if high else f"{low}+": sum(
                length * count
                for length, count in runs.items()
                if low <= length and (high is None or length <= high)
            )
            for low, high in RUNS
        },
        "longest_run": max(runs, default=0),
        "longest_silence": longest_silence(
            turns.tiers["primary"], [(begin, end) for _, begin, end in timed]
        ),
        "seconds": {
            f"{role} as {name}": float((alone[role] & marked[name]).sum() * _STEP)
            for role in alone
            for name in marked
        }
        | {role: float(alone[role].sum() * _STEP) for role in alone},
    }
    return figures, Alignment({"words": times, "roles": regions}, duration)


@click.command(help=__doc__)
@click.argument("store", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("mixed", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--run", "runs", multiple=True, required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of a training run.",
)  # fmt: skip
def main(store: Path, mixed: Path, runs: tuple[Path, ...]) -> None:
    """Decode, write the figures of every recording, print their sums."""
    encoder = stored_encoder(store).content
    split = StateSplit(store, mixed / "both.jsonl")
    for folder in runs:
        model = load_head(folder / "model", encoder=encoder)
        found: dict[str, dict[str, Any]] = {}
        (folder / "tiers").mkdir(exist_ok=True)
        for index, scores in log_probs(model, split, batch_seconds=1.0):
            entry = split.entries[index]
            turns = read_alignment(mixed / "turns" / f"{entry.id}.TextGrid")
            found[entry.id], alignment = measure(model, scores, words_of(entry.text), turns)
            write_alignment(alignment, folder / "tiers" / f"{entry.id}.TextGrid")
        totals = np.sum([figures["counts"] for figures in found.values()], axis=0)
        silence = max(figures["longest_silence"] for figures in found.values())
        click.echo(
            f"{folder}: primary speaker, {int(totals[0])} words: WER "
            f"{100 * totals[1:4].sum() / max(1, totals[0]):.2f} %, deleted "
            f"{100 * totals[2] / max(1, totals[0]):.2f} %, longest silence {silence:.1f} s"
        )
        temporary = folder / "long.tmp"
        temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
        temporary.replace(folder / "long.json")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
