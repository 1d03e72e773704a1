"""speechalign: align speech with what was said.

Public names are imported on first use, so that importing the package costs nothing. Type checkers
and editors see them all the same.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # True for type checkers; importing typing would take longer than all else

__version__ = "0.2.0"

__all__ = [
    "AlignBatch",
    "Aligner",
    "Alignment",
    "Emissions",
    "FrameGrid",
    "Graph",
    "Interval",
    "SpeechAlignError",
    "Vocabulary",
    "__version__",
    "align",
    "align_corpus",
    "load_model",
    "read_alignment",
    "read_corpus",
    "score",
    "write_alignment",
]

_MODULES = {
    "AlignBatch": "speechalign.pipeline.align_batch",
    "Aligner": "speechalign.aligners.aligner",
    "Alignment": "speechalign.alignment",
    "Emissions": "speechalign.emissions",
    "FrameGrid": "speechalign.frames",
    "Graph": "speechalign.graphs",
    "Interval": "speechalign.alignment",
    "SpeechAlignError": "speechalign.errors",
    "Vocabulary": "speechalign.vocabulary",
    "align": "speechalign.aligners.aligner",
    "align_corpus": "speechalign.pipeline.align_corpus",
    "load_model": "speechalign.models",
    "read_alignment": "speechalign.formats",
    "read_corpus": "speechalign.corpus",
    "score": "speechalign.metrics",
    "write_alignment": "speechalign.formats",
}

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner, align
    from speechalign.alignment import Alignment, Interval
    from speechalign.corpus import read_corpus
    from speechalign.emissions import Emissions
    from speechalign.errors import SpeechAlignError
    from speechalign.formats import read_alignment, write_alignment
    from speechalign.frames import FrameGrid
    from speechalign.graphs import Graph
    from speechalign.metrics import score
    from speechalign.models import load_model
    from speechalign.pipeline.align_batch import AlignBatch
    from speechalign.pipeline.align_corpus import align_corpus
    from speechalign.vocabulary import Vocabulary
else:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'speechalign' has no attribute {name!r}")
        value = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
