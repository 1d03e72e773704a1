"""Training: acoustic models learnt from the corpus that is to be aligned."""

from speechalign.training.checkpoint import Iteration
from speechalign.training.report import Report
from speechalign.training.trainer import Progress, Trained, train

__all__ = ["Iteration", "Progress", "Report", "Trained", "train"]
