"""Losses: one file each, a function on tensors. Each needs torch; importing this package does not.

``from speechalign.losses import ctc_loss`` imports what it names and nothing else. Type checkers
and editors see every loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechalign.errors import BackendError
from speechalign.registry import Registry

LOSSES = Registry(
    "speechalign.losses",
    {
        "awp_loss": "speechalign.losses.awp:awp_loss",
        "bayes_risk_ctc_loss": "speechalign.losses.bayes_risk:bayes_risk_ctc_loss",
        "best_alignment_loss": "speechalign.losses.best_alignment:best_alignment_loss",
        "bipartite_loss": "speechalign.losses.bipartite:bipartite_loss",
        "consistency_loss": "speechalign.losses.consistency:consistency_loss",
        "ctc_loss": "speechalign.losses.ctc:ctc_loss",
        "expected_risk_loss": "speechalign.losses.expected_risk:expected_risk_loss",
        "expected_risk_k2_loss": "speechalign.losses.expected_risk_k2:expected_risk_k2_loss",
        "graph_loss": "speechalign.losses.graph:graph_loss",
        "matching_loss": "speechalign.losses.matching:matching_loss",
        "nmla_loss": "speechalign.losses.nmla:nmla_loss",
        "ot_loss": "speechalign.losses.optimal_transport:ot_loss",
        "peak_first_loss": "speechalign.losses.peak_first:peak_first_loss",
        "soft_dtw": "speechalign.losses.soft_warping:soft_dtw",
        "soft_dtw_divergence": "speechalign.losses.soft_warping:soft_dtw_divergence",
        "star_ctc_loss": "speechalign.losses.star:star_ctc_loss",
        "word_contrastive_loss": "speechalign.losses.word_contrastive:word_contrastive_loss",
    },
)
"""By the name of the function: the loss."""

if TYPE_CHECKING:
    from speechalign.losses.awp import awp_loss as awp_loss
    from speechalign.losses.bayes_risk import bayes_risk_ctc_loss as bayes_risk_ctc_loss
    from speechalign.losses.best_alignment import best_alignment_loss as best_alignment_loss
    from speechalign.losses.bipartite import bipartite_loss as bipartite_loss
    from speechalign.losses.consistency import consistency_loss as consistency_loss
    from speechalign.losses.ctc import ctc_loss as ctc_loss
    from speechalign.losses.expected_risk import expected_risk_loss as expected_risk_loss
    from speechalign.losses.expected_risk_k2 import expected_risk_k2_loss as expected_risk_k2_loss
    from speechalign.losses.graph import graph_loss as graph_loss
    from speechalign.losses.matching import matching_loss as matching_loss
    from speechalign.losses.nmla import nmla_loss as nmla_loss
    from speechalign.losses.optimal_transport import ot_loss as ot_loss
    from speechalign.losses.peak_first import peak_first_loss as peak_first_loss
    from speechalign.losses.soft_warping import soft_dtw as soft_dtw
    from speechalign.losses.soft_warping import soft_dtw_divergence as soft_dtw_divergence
    from speechalign.losses.star import star_ctc_loss as star_ctc_loss
    from speechalign.losses.word_contrastive import word_contrastive_loss as word_contrastive_loss
else:

    def __getattr__(name: str) -> object:
        if name.startswith("_") or name not in LOSSES:
            raise AttributeError(f"module 'speechalign.losses' has no attribute {name!r}")
        try:
            return LOSSES[name]
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise BackendError(f"{name} needs torch; pip install 'speechalign[torch]'") from error


def __dir__() -> list[str]:
    return sorted(["LOSSES", *LOSSES])
