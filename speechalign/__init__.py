"""speechalign: align speech with what was said.

Public names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Alignment": "speechalign.alignment",
    "Interval": "speechalign.alignment",
    "Emissions": "speechalign.emissions",
    "FrameGrid": "speechalign.frames",
    "Graph": "speechalign.graphs",
    "Vocabulary": "speechalign.vocabulary",
    "align": "speechalign.aligners.aligner",
    "read_alignment": "speechalign.formats",
    "write_alignment": "speechalign.formats",
    "score": "speechalign.metrics",
    "SpeechAlignError": "speechalign.errors",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'speechalign' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
