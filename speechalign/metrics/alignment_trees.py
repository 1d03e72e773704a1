"""Boundary errors of one tree of alignment files against another."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    figures,
    tiers_of,
)
from speechalign.metrics.resampling import ConfidenceInterval, bootstrap
from speechalign.metrics.scoring import report
from speechalign.text.phone_sets import PHONE_SETS, translate


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
    """

    pooled: BoundaryScore
    recordings: Mapping[str, BoundaryScore]
    intervals: Mapping[str, ConfidenceInterval]
    start_errors: np.ndarray
    end_errors: np.ndarray
    missing: tuple[str, ...]
    without_reference: tuple[str, ...]
    unusable: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return all figures, in seconds and shares, as JSON can hold them."""
        return {
            "signature": self.pooled.signature,
            "unit": "seconds",
            "pooled": asdict(self.pooled),
            "intervals": {name: asdict(interval) for name, interval in self.intervals.items()},
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
    resamples : int
        Number of resamples of recordings for confidence intervals; 0 for none.
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
        No recording of the reference has an alignment in the hypothesis, or there is no such phone
        set.

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
    gold, ours = read_tree(reference, prefer=prefer), read_tree(hypothesis, prefer=prefer)
    unusable = [*gold.problems, *ours.problems]
    references = _with_tier(gold.alignments, tier, unusable, reference)
    hypotheses = _with_tier(ours.alignments, tier, unusable, hypothesis)
    if phone_set is not None:
        references = {name: _translated(a, phone_set) for name, a in references.items()}
        hypotheses = {name: _translated(a, phone_set) for name, a in hypotheses.items()}
    matched: dict[str, str | None]
    if reference.is_file() and hypothesis.is_file() and len(references) == len(hypotheses) == 1:
        matched = dict(zip(references, hypotheses))
    else:
        matched = match_recordings(references, hypotheses)
    if not any(matched.values()):
        reasons = "".join(f"\n{line}" for line in unusable)
        raise InputError(
            f"{hypothesis}: no alignment for any of the {len(matched)} recordings of {reference}; "
            f"compare folders whose files have the same names{reasons}"
        )
    pairs = {
        name: (references[name], hypotheses[other] if other else None)
        for name, other in matched.items()
    }
    found = compare_pairs(pairs, tier=tier, phone_set=phone_set, resamples=resamples, seed=seed)
    return replace(
        found,
        without_reference=tuple(sorted(set(hypotheses) - set(matched.values()))),
        unusable=tuple(unusable),
    )


def compare_pairs(
    pairs: Mapping[str, tuple[Alignment, Alignment | None]],
    *,
    tier: str = "words",
    phone_set: str | None = None,
    resamples: int = 0,
    seed: int = 0,
) -> AlignmentReport:
    """Score alignments in memory; parameters, result and errors as of `compare_alignments`.

    Parameters
    ----------
    pairs : Mapping[str, tuple[Alignment, Alignment or None]]
        Reference and hypothesis of each recording, None where there is none.
    tier, phone_set, resamples, seed
        As for `compare_alignments`; of ``phone_set``, only what the signature says.
    """
    found = report(pairs, tier=tier)
    total = cast(BoundaryStatistics, found.total)
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
    )


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
