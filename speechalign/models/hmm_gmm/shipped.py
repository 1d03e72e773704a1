"""Models of our own that come with the package; each folder has a model card."""

from __future__ import annotations

from pathlib import Path

from speechalign.models.hmm_gmm.folder import load
from speechalign.models.hmm_gmm.model import HmmGmm

_DATA = Path(__file__).parents[1] / "data"


def english_gmm() -> HmmGmm:
    """Load the model of English that ``egs/english_gmm`` trains on 253 speakers."""
    return load(_DATA / "english_gmm")


def german_gmm() -> HmmGmm:
    """Load the model of German that ``egs/german_gmm`` trains on one speaker."""
    return load(_DATA / "german_gmm")
