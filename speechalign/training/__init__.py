"""Training: acoustic models learnt from the corpus that is to be aligned."""

from speechalign.training.adaptation import adapt
from speechalign.training.checkpoint import Iteration
from speechalign.training.progress import Progress
from speechalign.training.report import Report, Trained
from speechalign.training.rounds import Round
from speechalign.training.trainer import train

__all__ = ["Iteration", "Progress", "Report", "Round", "Trained", "adapt", "train"]
