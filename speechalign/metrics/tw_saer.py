"""Time-weighted speech alignment error rate: each link counts by how long its words take."""

from __future__ import annotations

from typing import Literal

from speechalign.errors import InputError
from speechalign.links import Links, WeightedLinks
from speechalign.metrics.aer import LinkStatistics, count, figures, score

__all__ = ["figures", "score", "statistics"]

_TICKS = 1_000_000  # a second; sums of integers do not depend on their order


def statistics(
    reference: WeightedLinks, hypothesis: Links | None, *, setting: Literal["s2t", "s2s"] = "s2t"
) -> LinkStatistics:
    """Count the links of one sentence, by their weights.

    Parameters
    ----------
    reference : WeightedLinks
        The gold links, and how many seconds the words take.
    hypothesis : Links or None
        The links that are scored; None where there are none.
    setting : {"s2t", "s2s"}
        Speech to text: a link weighs what its source word takes. Speech to speech: what its source
        word takes times what its target word takes. Words of weight 0 count in neither.

    Returns
    -------
    LinkStatistics
        Add them up over sentences. Seconds are counted in millionths.

    Raises
    ------
    InputError
        There are no weights, or those of the target are missing in speech to speech, or a link of
        the hypothesis is out of range.

    References
    ----------
    .. [1] B. Alastruey et al., "SpeechAlign: a framework for speech translation alignment
       evaluation", LREC-COLING 2024.

    Examples
    --------
    >>> gold = WeightedLinks(Links([(0, 0), (1, 1)]), [0.75, 0.25])
    >>> score(statistics(gold, Links([(0, 0), (1, 0)]))).error_rate
    0.25
    """
    if not isinstance(reference, WeightedLinks):
        raise InputError("reference: expected WeightedLinks, got Links; give times of the words")
    if setting not in ("s2t", "s2s"):
        raise InputError(f"setting: expected 's2t' or 's2s', got {setting!r}")
    if setting == "s2s" and reference.target_weights is None:
        raise InputError("setting 's2s': expected times of the target's words, got none")
    if hypothesis is not None:
        reference.check_within(hypothesis)
    source = [round(seconds * _TICKS) for seconds in reference.source_weights]
    target: list[int] | None = None
    if reference.target_weights is not None:
        target = [
            round(weight * _TICKS) if setting == "s2s" else int(weight > 0)
            for weight in reference.target_weights
        ]

    def weight(i: int, j: int) -> int:
        return source[i] * (1 if target is None else target[j])

    weights = {"s2t": "source-seconds", "s2s": "source-seconds*target-seconds"}[setting]
    signature = f"tw-saer|words:said|weights:{weights}|pool:links|v:1"
    return count(reference.links, hypothesis, weight, signature)
