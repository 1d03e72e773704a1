"""Boundaries: how far starts and ends lie from a reference, in labels that both have."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError, wrong_type
from speechalign.files.names import composed
from speechalign.files.tier_names import split_layer
from speechalign.kernels.edit_distance import edit_distance

TOLERANCES = (0.01, 0.025, 0.05, 0.1)
"""Seconds within which shares are counted."""

HIT = 0.02
"""Seconds within which a boundary counts for precision and recall."""

_EDGE = 1e-9  # a difference of exactly the tolerance counts, whatever the last bit says


@dataclass(frozen=True)
class BoundaryStatistics:
    """Counts of one recording, or of several: the sum pools them.

    Parameters
    ----------
    tier : str
        The kind of label: ``words``, ``phones`` ...
    start_errors, end_errors : ndarray, shape (K,), float64
        Hypothesis minus reference in seconds, for each of the K matched labels.
    reference_labels, hypothesis_labels : int
        Labels on each side.
    reference_recordings, hypothesis_recordings : int
        Recordings with a reference, and those of them with a hypothesis.
    """

    tier: str
    start_errors: np.ndarray
    end_errors: np.ndarray
    reference_labels: int
    hypothesis_labels: int
    reference_recordings: int
    hypothesis_recordings: int

    def __add__(self, other: BoundaryStatistics) -> BoundaryStatistics:
        """Pool two sets of recordings; InputError where the tiers differ."""
        if self.tier != other.tier:
            raise InputError(
                f"statistics: expected one tier, got {self.tier!r} and {other.tier!r}; score each "
                "tier by itself"
            )
        return BoundaryStatistics(
            self.tier,
            np.concatenate([self.start_errors, other.start_errors]),
            np.concatenate([self.end_errors, other.end_errors]),
            self.reference_labels + other.reference_labels,
            self.hypothesis_labels + other.hypothesis_labels,
            self.reference_recordings + other.reference_recordings,
            self.hypothesis_recordings + other.hypothesis_recordings,
        )

    @property
    def counts(self) -> np.ndarray:
        """Boundaries, sums of their sizes and signs, hits, and labels; what `figures` takes."""
        errors = np.concatenate([self.start_errors, self.end_errors])
        sizes = np.abs(errors)
        within = [np.sum(sizes <= limit + _EDGE) for limit in (*TOLERANCES, HIT)]
        labels = 2 * self.reference_labels, 2 * self.hypothesis_labels
        return np.array([len(errors), sizes.sum(), errors.sum(), *within, *labels], np.float64)


@dataclass(frozen=True)
class ErrorScore:
    """Differences between matched boundaries of one kind, in seconds; None where there are none.

    Parameters
    ----------
    n : int
        Boundaries compared.
    mean, median, p95 : float or None
        Of the absolute differences; the 95th percentile is interpolated linearly.
    bias : float or None
        Mean of hypothesis minus reference: positive is late.
    within : Mapping[float, float or None]
        Share of absolute differences up to each tolerance in seconds, itself included.
    precision, recall, f1 : float or None
        Of boundaries that lie up to 20 ms from that of a matched label: their share of all
        hypothesis boundaries, of all reference boundaries, and the harmonic mean.
    """

    n: int
    mean: float | None
    median: float | None
    p95: float | None
    bias: float | None
    within: Mapping[float, float | None]
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class BoundaryScore:
    """Figures of one recording, or of several pooled.

    Parameters
    ----------
    start, end, both : ErrorScore
        Over the starts, the ends, and all of them.
    reference_labels, hypothesis_labels, matched_labels : int
        Labels on each side, and pairs of equal labels.
    label_completion : float or None
        Matched labels by reference labels. Errors are of matched labels only: read them together.
    reference_recordings, hypothesis_recordings : int
        Recordings with a reference, and those of them with a hypothesis.
    recording_completion : float
        The latter by the former.
    signature : str
        What was counted, and how.
    """

    start: ErrorScore
    end: ErrorScore
    both: ErrorScore
    reference_labels: int
    hypothesis_labels: int
    matched_labels: int
    label_completion: float | None
    reference_recordings: int
    hypothesis_recordings: int
    recording_completion: float
    signature: str


def statistics(
    reference: Alignment, hypothesis: Alignment | None, *, tier: str = "words"
) -> BoundaryStatistics:
    """Compare the boundaries of one recording.

    Parameters
    ----------
    reference : Alignment
        The truth.
    hypothesis : Alignment or None
        What is scored; None where there is none, which counts against completion.
    tier : str
        Tiers of this name and, by speaker, ``SPEAKER - tier``. A lone tier is compared with a
        lone tier, whatever its speaker is called; several are matched by name.

    Returns
    -------
    BoundaryStatistics
        Add them up over recordings.

    Raises
    ------
    InputError
        The reference, or the hypothesis that there is, is no alignment or has no such tier.

    Notes
    -----
    Labels are matched by `edit_distance` and only pairs of equal labels are compared. Phones are
    equal when their labels are; all other labels when they are after NFKC, case folding and
    removal of punctuation (Unicode category P; a label of nothing else stays).
    """
    for role, side in (("reference", reference), ("hypothesis", hypothesis)):
        if not isinstance(side, Alignment) and (side is not None or role == "reference"):
            raise wrong_type(
                role,
                "an Alignment",
                side,
                "read a file with read_alignment, or take the .alignment of a result",
            )
    if not isinstance(tier, str):
        raise wrong_type("tier", "the name of a tier", tier)
    theirs = tiers_of(reference, tier)
    ours = {} if hypothesis is None else tiers_of(hypothesis, tier)
    sides = (("reference", reference, theirs), ("hypothesis", hypothesis, ours))
    for role, alignment, found in sides:
        if alignment is not None and not found:
            raise InputError(
                f"{role}: expected a tier {tier!r}, got {list(alignment.tiers)}; choose with tier="
            )
    pairs = [] if hypothesis is None else matched_intervals(reference, hypothesis, tier)
    return BoundaryStatistics(
        tier,
        np.array([ours.start - gold.start for _, gold, ours in pairs], dtype=np.float64),
        np.array([ours.end - gold.end for _, gold, ours in pairs], dtype=np.float64),
        sum(map(len, theirs.values())),
        sum(map(len, ours.values())),
        1,
        int(hypothesis is not None),
    )


def tiers_of(alignment: Alignment, tier: str) -> dict[str, list[Interval]]:
    """Return the labelled intervals of ``tier`` and of each ``SPEAKER - tier``, by name (NFC).

    Those that overlap, on ``tier (2)`` and on, are among them, in order of their starts.
    """
    tier = composed(tier)
    found: dict[str, list[Interval]] = {}
    for name, intervals in alignment.tiers.items():
        for whole in dict.fromkeys([composed(name), split_layer(composed(name))[0]]):
            if whole == tier or whole.endswith(f" - {tier}"):
                found.setdefault(whole, []).extend(i for i in intervals if i.label.strip())
                break
    return {name: sorted(own, key=lambda i: i.start) for name, own in found.items()}


def matched_intervals(
    reference: Alignment, hypothesis: Alignment, tier: str
) -> list[tuple[str, Interval, Interval]]:
    """Return tier, reference interval and hypothesis interval of each matched label."""
    theirs, ours = tiers_of(reference, tier), tiers_of(hypothesis, tier)
    if len(theirs) == len(ours) == 1:
        ours = dict(zip(theirs, ours.values()))
    return [
        (name, *pair)
        for name, intervals in theirs.items()
        for pair in _matches(intervals, ours.get(name, ()), tier)
    ]


def _matches(
    reference: Sequence[Interval], hypothesis: Sequence[Interval], tier: str
) -> list[tuple[Interval, Interval]]:
    """Pair intervals with equal labels."""
    theirs, ours = ([label_key(i.label, tier) for i in side] for side in (reference, hypothesis))
    if theirs == ours:  # what edit_distance would say, without its table
        return list(zip(reference, hypothesis))
    ids = {key: n for n, key in enumerate(dict.fromkeys(theirs + ours))}
    found = edit_distance(
        np.array([ids[key] for key in theirs], dtype=np.int64),
        np.array([ids[key] for key in ours], dtype=np.int64),
    )
    return [(reference[i], hypothesis[j]) for i, j in found.pairs if theirs[i] == ours[j]]


def label_key(label: str, tier: str) -> str:
    """Return what two labels of a tier have in common if and only if they match."""
    if tier == "phones":
        return label
    folded = unicodedata.normalize("NFKC", label).casefold()
    bare = "".join(c for c in folded if unicodedata.category(c)[0] != "P")
    return " ".join((bare if bare.strip() else folded).split())


def score(total: BoundaryStatistics) -> BoundaryScore:
    """Turn a sum of statistics into figures.

    Parameters
    ----------
    total : BoundaryStatistics
        Of at least one recording.

    Returns
    -------
    BoundaryScore
        The same, to the last bit, in whatever order the recordings were added.
    """
    labels = total.reference_labels, total.hypothesis_labels
    matched = len(total.start_errors)
    return BoundaryScore(
        start=error_score(total.start_errors, *labels),
        end=error_score(total.end_errors, *labels),
        both=error_score(
            np.concatenate([total.start_errors, total.end_errors]), *(2 * n for n in labels)
        ),
        reference_labels=total.reference_labels,
        hypothesis_labels=total.hypothesis_labels,
        matched_labels=matched,
        label_completion=_share(matched, total.reference_labels),
        reference_recordings=total.reference_recordings,
        hypothesis_recordings=total.hypothesis_recordings,
        recording_completion=total.hypothesis_recordings / total.reference_recordings,
        signature=_signature(total.tier),
    )


def figures(counts: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the figures of many sums of statistics at once.

    Parameters
    ----------
    counts : ndarray, shape (..., K), float64
        Sums of `BoundaryStatistics.counts`.

    Returns
    -------
    Mapping[str, ndarray]
        Of starts and ends together, each of shape (...), float64; NaN where there is nothing to
        divide by. ``mean`` and ``bias`` in seconds, ``within_0.01`` and so on, and ``f1``, as in
        `ErrorScore`. Medians and percentiles are no function of sums.
    """
    n, sizes, signed, *within, hits, references, hypotheses = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"mean": sizes / n, "bias": signed / n}
        found |= {f"within_{limit:g}": hit / n for limit, hit in zip(TOLERANCES, within)}
        found["f1"] = 2 * hits / (references + hypotheses)
    return found


def error_score(errors: np.ndarray, references: int, hypotheses: int) -> ErrorScore:
    """Sum up differences in seconds, out of so many boundaries of reference and hypothesis."""
    n, sizes = len(errors), np.abs(errors)
    hits = int(np.sum(sizes <= HIT + _EDGE))
    precision, recall = _share(hits, hypotheses), _share(hits, references)
    return ErrorScore(
        n=n,
        # fsum rounds once, so that the order of the recordings does not show.
        mean=math.fsum(sizes) / n if n else None,
        median=float(np.median(sizes)) if n else None,
        p95=float(np.percentile(sizes, 95)) if n else None,
        bias=math.fsum(errors) / n if n else None,
        within={tau: _share(int(np.sum(sizes <= tau + _EDGE)), n) for tau in TOLERANCES},
        precision=precision,
        recall=recall,
        f1=_share(2 * hits, references + hypotheses),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def matching(tier: str) -> str:
    """Return what a signature says of how the labels of a tier are matched."""
    labels = "exact" if tier == "phones" else "nfkc+casefold+nopunct"
    return f"tier:{tier}|labels:{labels}|pairs:edit-distance,equal"


def _signature(tier: str) -> str:
    return f"boundaries|{matching(tier)}|pool:boundaries|f1:{HIT * 1000:g}ms,labels|v:1"
