"""Boundary errors of one tree of alignment files against another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from speechalign.alignment import Alignment
from speechalign.errors import InputError
from speechalign.files.names import composed
from speechalign.formats.tree import match_recordings, read_tree
from speechalign.metrics.boundaries import (
    BoundaryScore,
    BoundaryStatistics,
    ErrorScore,
    figures,
    statistics,
    tiers_of,
)
from speechalign.metrics.boundary_groups import boundaries_of, group
from speechalign.metrics.resampling import (
    ConfidenceInterval,
    Difference,
    bootstrap,
    compare_medians,
    compare_systems,
)
from speechalign.metrics.scoring import report
from speechalign.text.phone_sets import PHONE_SETS, translate

_RESAMPLES = 1000


@dataclass(frozen=True)
class AlignmentReport:
    """Boundary errors of a corpus.

    Parameters
    ----------
    pooled : BoundaryScore
        Errors of all recordings, each boundary counting alike.
    recordings : Mapping[str, BoundaryScore]
        Errors of each recording of the reference that has the tier.
    intervals : Mapping[str, ConfidenceInterval]
        95 % confidence intervals of figures over starts and ends together, by name: ``mean``,
        ``bias``, ``within_0.025`` ..., ``f1``; empty without resamples.
    start_errors, end_errors : ndarray, shape (K,), float64
        Hypothesis minus reference in seconds, for each of the K matched labels.
    missing : tuple[str, ...]
        Recordings of the reference without a usable alignment in the hypothesis.
    without_reference : tuple[str, ...]
        Recordings of the hypothesis that the reference lacks.
    unusable : tuple[str, ...]
        A line for each file that cannot be read, and each alignment without the tier.
    groups : Mapping[str, Mapping[str, ErrorScore]]
        By grouping, then by group: errors of starts and ends; empty where none was asked for.
    differences : Mapping[str, Difference]
        What the figures of ``intervals``, and ``median``, are more than those of the baseline, on
        the recordings that both have; empty without a baseline.
    """

    pooled: BoundaryScore
    recordings: Mapping[str, BoundaryScore]
    intervals: Mapping[str, ConfidenceInterval]
    start_errors: np.ndarray
    end_errors: np.ndarray
    missing: tuple[str, ...]
    without_reference: tuple[str, ...]
    unusable: tuple[str, ...]
    groups: Mapping[str, Mapping[str, ErrorScore]]
    differences: Mapping[str, Difference]

    def to_dict(self) -> dict[str, object]:
        """Return all figures, in seconds and shares, as JSON can hold them."""
        return {
            "signature": self.pooled.signature,
            "unit": "seconds",
            "pooled": asdict(self.pooled),
            "intervals": {name: asdict(interval) for name, interval in self.intervals.items()},
            "groups": {
                by: {name: asdict(score) for name, score in own.items()}
                for by, own in self.groups.items()
            },
            "differences": {name: asdict(found) for name, found in self.differences.items()},
            "recordings": {name: asdict(score) for name, score in self.recordings.items()},
            "missing": list(self.missing),
            "no_reference": list(self.without_reference),
            "unusable": list(self.unusable),
        }


def compare_alignments(
    reference: str | os.PathLike[str],
    hypothesis: str | os.PathLike[str],
    *,
    tier: str = "words",
    prefer: str | None = None,
    phone_set: str | None = None,
    by: Sequence[str] = (),
    baseline: str | os.PathLike[str] | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> AlignmentReport:
    """Score the boundaries of one tree of alignments against those of another.

    Parameters
    ----------
    reference, hypothesis : path-like
        Two folders of alignments in any format, matched by their path without suffix, or by the
        last part of it where no other recording has the same. Or two files, of one recording each,
        whatever their names, or of a corpus, such as a CTM.
    tier : str
        ``words``, ``phones`` or another tier that both have.
    prefer : str, optional
        Format to read where a recording has files in several.
    phone_set : {"arpabet", "arpabet-stress", "ipa", "xsampa"} or None
        Phone set that the labels of both are translated to before they are matched, for the tier
        ``phones``; None takes them as they are.
    by : Sequence[str]
        Names in `speechalign.metrics.boundary_groups.GROUPINGS`.
    baseline : path-like, optional
        Alignments of another aligner, whose figures are compared.
    resamples : int
        Number of resamples of recordings for confidence intervals; 0 for none, with a baseline
        1000.
    seed : int
        Seed of the resampling.

    Returns
    -------
    AlignmentReport
        The errors, pooled and by recording, and what could not be compared.

    Raises
    ------
    FormatError
        A recording has several files, and ``prefer`` does not choose one; or one of two single
        files cannot be read.
    InputError
        No recording of the reference has an alignment in the hypothesis, or in the baseline, or
        there is no such phone set or grouping.

    Examples
    --------
    >>> compare_alignments("gold", "my_output").pooled.both.mean  # doctest: +SKIP
    0.0151
    """
    reference, hypothesis = Path(reference), Path(hypothesis)
    if phone_set is not None and (phone_set not in PHONE_SETS or tier != "phones"):
        raise InputError(
            f"phone_set: expected one of {', '.join(PHONE_SETS)}, and the tier 'phones'; got "
            f"{phone_set!r} and {tier!r}"
        )
    unusable: list[str] = []

    def read(path: Path) -> dict[str, Alignment]:
        tree = read_tree(path, prefer=prefer)
        unusable.extend(tree.problems)
        usable = _with_tier(tree.alignments, tier, unusable, path)
        if phone_set is None:
            return usable
        return {name: _translated(own, phone_set) for name, own in usable.items()}

    references, hypotheses = read(reference), read(hypothesis)

    def pairs(
        path: Path, others: Mapping[str, Alignment]
    ) -> dict[str, tuple[Alignment, Alignment | None]]:
        matched: Mapping[str, str | None]
        if reference.is_file() and path.is_file() and len(references) == len(others) == 1:
            matched = dict(zip(references, others))
        else:
            matched = match_recordings(references, others)
        spare.extend(sorted(set(others) - set(matched.values())))
        if not any(matched.values()):
            reasons = "".join(f"\n{line}" for line in unusable)
            if not references:
                raise InputError(f"{reference}: no alignment with a tier {tier!r}{reasons}")
            raise InputError(
                f"{path}: no alignment for any of the {len(matched)} recordings of {reference}; "
                f"compare folders whose files have the same names{reasons}"
            )
        return {
            name: (references[name], others[other] if other else None)
            for name, other in matched.items()
        }

    spare: list[str] = []
    found = compare_pairs(
        pairs(hypothesis, hypotheses),
        tier=tier,
        phone_set=phone_set,
        by=by,
        resamples=resamples,
        seed=seed,
    )
    found = replace(found, without_reference=tuple(spare))
    if baseline is not None:
        path = Path(baseline)
        against = differences(
            pairs(hypothesis, hypotheses),
            pairs(path, read(path)),
            tier=tier,
            resamples=resamples or _RESAMPLES,
            seed=seed,
        )
        found = replace(found, differences=against)
    return replace(found, unusable=tuple(unusable))


def compare_pairs(
    pairs: Mapping[str, tuple[Alignment, Alignment | None]],
    *,
    tier: str = "words",
    phone_set: str | None = None,
    by: Sequence[str] = (),
    resamples: int = 0,
    seed: int = 0,
) -> AlignmentReport:
    """Score alignments in memory; parameters, result and errors as of `compare_alignments`.

    Parameters
    ----------
    pairs : Mapping[str, tuple[Alignment, Alignment or None]]
        Reference and hypothesis of each recording, None where there is none.
    tier, phone_set, by, resamples, seed
        As for `compare_alignments`; of ``phone_set``, only what the signature says.
    """
    found = report(pairs, tier=tier)
    total = cast(BoundaryStatistics, found.total)
    boundaries = boundaries_of(pairs, tier=tier) if by else []
    return AlignmentReport(
        pooled=_signed(cast(BoundaryScore, found.pooled), phone_set),
        recordings={
            name: _signed(cast(BoundaryScore, one), phone_set)
            for name, one in found.recordings.items()
        },
        intervals=bootstrap(found.counts, figures, resamples=resamples, seed=seed)
        if resamples
        else {},
        start_errors=total.start_errors,
        end_errors=total.end_errors,
        missing=tuple(name for name, (_, other) in pairs.items() if other is None),
        without_reference=(),
        unusable=(),
        groups={name: group(boundaries, name) for name in by},
        differences={},
    )


def differences(
    pairs: Mapping[str, tuple[Alignment, Alignment | None]],
    baseline: Mapping[str, tuple[Alignment, Alignment | None]],
    *,
    tier: str = "words",
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """Test whether the errors of an aligner differ from those of a baseline.

    Parameters
    ----------
    pairs, baseline : Mapping[str, tuple[Alignment, Alignment or None]]
        Reference and hypothesis of each recording, None where there is none. Only recordings
        that both have are compared.
    tier, resamples, seed
        As for `compare_alignments`.

    Returns
    -------
    dict of str to Difference
        ``mean``, ``bias``, ``within_0.01`` and so on, ``f1``, and ``median``.

    Raises
    ------
    InputError
        The two have no recording in common.
    """
    shared = [name for name, (_, ours) in pairs.items() if ours and baseline[name][1]]
    if not shared:
        raise InputError("baseline: has no recording in common with what is compared with it")
    ours, theirs = (
        [statistics(*own[name], tier=tier) for name in shared] for own in (pairs, baseline)
    )
    counts = [np.array([one.counts for one in own]) for own in (ours, theirs)]
    sizes = [
        [np.abs(np.concatenate([one.start_errors, one.end_errors])) for one in own]
        for own in (ours, theirs)
    ]
    found = compare_systems(counts[0], counts[1], figures, resamples=resamples, seed=seed)
    found["median"] = compare_medians(sizes[0], sizes[1], resamples=resamples, seed=seed)
    return found


def _translated(alignment: Alignment, phone_set: str) -> Alignment:
    """Return an alignment whose tiers of phones have the labels of a phone set."""
    phones = tiers_of(alignment, "phones")
    tiers = {
        name: [replace(i, label=translate(i.label, phone_set)) for i in phones[composed(name)]]
        if composed(name) in phones
        else list(intervals)
        for name, intervals in alignment.tiers.items()
    }
    return Alignment(tiers, alignment.duration)


def _signed(score: BoundaryScore, phone_set: str | None) -> BoundaryScore:
    """Return a score whose signature names the phone set that labels were translated to."""
    if phone_set is None:
        return score
    return replace(score, signature=score.signature.replace("labels:exact", f"labels:{phone_set}"))


def _with_tier(
    alignments: Mapping[str, Alignment], tier: str, unusable: list[str], source: Path
) -> dict[str, Alignment]:
    """Return the alignments that have the tier; add a line to ``unusable`` for each other."""
    usable = {}
    for name, alignment in alignments.items():
        if tiers_of(alignment, tier):
            usable[name] = alignment
        else:
            has = ", ".join(alignment.tiers) or "none"
            unusable.append(f"{source}: {name}: no tier {tier!r}; it has {has}")
    return usable
