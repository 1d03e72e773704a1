"""Score what was aligned: errors, groups of boundaries, differences and agreement of aligners.

    python local/05_score.py EXP [--external NAME=DIR ...] [--resamples 1000]

Writes EXP/scores.json, and EXP/errors.npz with the errors of all boundaries in seconds. Differences
(paired bootstrap over recordings) and agreement are those on clean speech. DIR is any tree of
alignments of clean recordings; what cannot be matched is named in EXP/external.txt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from aligners import ALIGNERS

from recipes.program import run
from speechalign.alignment import Alignment
from speechalign.errors import InputError
from speechalign.files.writing import write_text
from speechalign.formats.tree import match_recordings, read_tree
from speechalign.metrics.alignment_trees import compare_pairs, differences
from speechalign.metrics.boundaries import tiers_of
from speechalign.metrics.boundary_groups import GROUPINGS

stage_3 = import_module("03_align")
Found = dict[str, Alignment | None]


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--external", "externals", multiple=True, metavar="NAME=DIR")
@click.option("--resamples", default=1000, show_default=True)
def main(exp: Path, externals: Sequence[str], resamples: int) -> None:
    """Score each corpus under each condition."""
    trees = {}
    for external in externals:
        name, _, folder = external.partition("=")
        if not Path(folder).exists():
            raise InputError(f"--external {external}: expected NAME=DIR, and DIR to exist")
        trees[name] = Path(folder)
    rows: list[dict[str, Any]] = []
    against: list[dict[str, object]] = []
    agreement: dict[str, dict[str, dict[str, float | None]]] = {}
    errors: dict[str, np.ndarray] = {}
    remarks: list[str] = []
    for gold in stage_3.descriptions(exp):
        references = usable(exp / "gold" / gold / "gold")
        for folder in sorted((exp / "aligned" / gold).glob("*")):
            clean = folder.name == "clean"
            found: dict[str, Found] = {}
            for name, entry in ALIGNERS.items():
                if not (folder / f"{name}.json").is_file():
                    continue
                cost = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
                row = {"gold": gold, "condition": folder.name.replace("_", " "), "aligner": name,
                       "family": entry.family, "trains": entry.trains, "cost": cost,
                       "rival": entry.rival is not None, "reason": cost["reason"]}  # fmt: skip
                rows.append(row)
                if not cost["reason"]:
                    found[name] = matched(references, usable(folder / name))
                    add_scores(row, references, found[name], errors, clean)
            for name, path in trees.items() if clean and "@" not in gold else ():
                given = usable(path)
                own = matched(references, given)
                row = {"gold": gold, "condition": "clean", "aligner": name, "family": "external",
                       "trains": False, "cost": None, "rival": True, "reason": ""}  # fmt: skip
                rows.append(row)
                absent = [recording for recording, ours in own.items() if ours is None]
                remarks += [f"{name}: {gold}: not matched: {line}" for line in absent]
                if len(absent) == len(own):
                    row["reason"] = f"{path}: no recording of {gold}"
                    continue
                found[name] = own
                add_scores(row, references, own, errors, clean)
            if clean:
                against += compared(gold, references, found, resamples)
                agreement[gold] = agreements(found)
        click.echo(f"{gold}: scored")
    write_text(exp / "external.txt", "".join(f"{line}\n" for line in remarks))
    np.savez_compressed(exp / "errors.npz", **errors)  # type: ignore[arg-type]
    content = {
        "gold": stage_3.descriptions(exp),
        "problems": {
            name: (exp / "gold" / name / "problems.txt").read_text(encoding="utf-8").splitlines()
            for name in stage_3.descriptions(exp)
        },
        "rows": rows,
        "differences": against,
        "agreement": agreement,
        "speeds": speeds(exp, rows),
    }
    write_text(exp / "scores.json", json.dumps(content, indent=1) + "\n")


def usable(folder: Path) -> dict[str, Alignment]:
    """Return the alignments below a folder that have words."""
    found = read_tree(folder).alignments
    return {name: own for name, own in found.items() if tiers_of(own, "words")}


def matched(references: Mapping[str, Alignment], given: Mapping[str, Alignment]) -> Found:
    """Return what belongs to each recording of the reference."""
    names = match_recordings(references, given)
    return {name: given[other] if other else None for name, other in names.items()}


def add_scores(
    row: dict[str, Any],
    references: Mapping[str, Alignment],
    found: Found,
    errors: dict[str, np.ndarray],
    grouped: bool,
) -> None:
    """Add the scores of an aligner to its row, and its errors to those of all."""
    pairs = {name: (reference, found[name]) for name, reference in references.items()}
    report = compare_pairs(pairs, by=list(GROUPINGS) if grouped else ())
    row["score"] = asdict(report.pooled)
    row["groups"] = report.to_dict()["groups"]
    row["missing"] = list(report.missing)
    key = f"{row['gold']}|{row['condition']}|{row['aligner']}"
    errors[key] = np.concatenate([report.start_errors, report.end_errors])


def compared(
    gold: str, references: Mapping[str, Alignment], found: Mapping[str, Found], resamples: int
) -> list[dict[str, object]]:
    """Test the differences of all pairs of aligners."""
    rows: list[dict[str, object]] = []
    for one, other in combinations(found, 2):
        pairs, baseline = (
            {name: (reference, found[own][name]) for name, reference in references.items()}
            for own in (one, other)
        )
        try:
            tested = differences(pairs, baseline, resamples=resamples)
        except InputError:  # no recording in common
            continue
        chosen = {name: asdict(tested[name]) for name in ("mean", "median", "f1")}
        rows.append({"gold": gold, "aligner": one, "baseline": other, **chosen})
    return rows


def agreements(found: Mapping[str, Found]) -> dict[str, dict[str, float | None]]:
    """Return the mean distance of the boundaries of each two aligners, seconds."""
    table: dict[str, dict[str, float | None]] = {}
    for one, other in combinations(found, 2):
        pairs = {
            name: (ours, found[other][name])
            for name, ours in found[one].items()
            if ours is not None
        }
        mean = compare_pairs(pairs).pooled.both.mean
        table.setdefault(one, {})[other] = mean
        table.setdefault(other, {})[one] = mean
    return table


def speeds(exp: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return user CPU time by gold corpus and aligner: an hour of audio costs it, and the start.

    The medians of all conditions of a corpus, which last as long, and of all rounds of stage 4.
    """
    table: dict[str, dict[str, dict[str, float]]] = {}
    for gold, description in stage_3.descriptions(exp).items():
        for name in ALIGNERS:
            records = exp.glob(f"times/*/{description['language']}/{name}.json")
            one = [json.loads(record.read_text(encoding="utf-8")) for record in records]
            costs = [
                row["cost"]["user"]
                for row in rows
                if (row["gold"], row["aligner"]) == (gold, name) and not row["reason"]
            ]
            if one and costs and description["seconds"] > one[0]["seconds"]:
                least = median(cost["user"] for cost in one)
                seconds = description["seconds"] - one[0]["seconds"]
                rate = max(0.0, median(costs) - least) / seconds
                start = max(0.0, least - rate * one[0]["seconds"])
                own = {"hour": 3600 * rate, "start": start, "runs": len(costs)}
                table.setdefault(gold, {})[name] = own
    return table


if __name__ == "__main__":
    run(main)
