"""Metrics: additive statistics of one recording, and the score of their sum.

A metric is a module with ``statistics(reference, hypothesis, **options)``, whose results add up
with ``+``, and ``score(total)``. What it compares is its own affair: alignments, or word links.
`score` and `report` sum up any metric over pairs in memory; `compare_alignments` and `score_links`
read files, and add confidence intervals.
"""

from speechalign.metrics.alignment_trees import AlignmentReport, compare_alignments
from speechalign.metrics.link_files import LinkReport, score_links
from speechalign.metrics.scoring import (
    METRICS,
    Metric,
    Report,
    Score,
    Statistics,
    boundary_errors,
    report,
    score,
)

__all__ = [
    "METRICS",
    "AlignmentReport",
    "LinkReport",
    "Metric",
    "Report",
    "Score",
    "Statistics",
    "boundary_errors",
    "compare_alignments",
    "report",
    "score",
    "score_links",
]
