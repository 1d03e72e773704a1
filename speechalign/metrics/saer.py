"""Speech alignment error rate: the alignment error rate of words that were said."""

from __future__ import annotations

from speechalign.links import Links, WeightedLinks
from speechalign.metrics.aer import LinkStatistics, count, figures, score

__all__ = ["figures", "score", "statistics"]


def statistics(reference: Links | WeightedLinks, hypothesis: Links | None) -> LinkStatistics:
    """Count the links of one sentence.

    Parameters
    ----------
    reference : WeightedLinks or Links
        The gold links. With weights, links of words that weigh nothing, such as punctuation, are
        left out on both sides; without, all words count.
    hypothesis : Links or None
        The links that are scored; None where there are none.

    Returns
    -------
    LinkStatistics
        Add them up over sentences.

    Raises
    ------
    InputError
        A link of the hypothesis is out of range.

    References
    ----------
    .. [1] B. Alastruey et al., "SpeechAlign: a framework for speech translation alignment
       evaluation", LREC-COLING 2024.

    Examples
    --------
    >>> gold = WeightedLinks(Links([(0, 0), (1, 1)]), [0.2, 0.0])
    >>> score(statistics(gold, Links([(0, 0)]))).error_rate
    0.0
    """
    if isinstance(reference, Links):
        return count(
            reference, hypothesis, lambda _i, _j: 1, "saer|words:all|weights:1|pool:links|v:1"
        )
    if hypothesis is not None:
        reference.check_within(hypothesis)
    source = reference.source_weights
    target = reference.target_weights

    def said(i: int, j: int) -> int:
        return int(source[i] > 0 and (target is None or target[j] > 0))

    signature = "saer|words:said|weights:1|pool:links|v:1"
    return count(reference.links, hypothesis, said, signature)
