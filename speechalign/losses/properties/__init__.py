"""Properties for Align With Purpose, one file each: edits that improve a path.

A property is a function ``property(paths, lengths, context)`` with its own options as keywords,
which are bound with `functools.partial`. It returns new paths: each is its original, better; or
its original, where it found nothing to improve. ``docs/losses.md`` shows how one is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from speechalign.registry import Registry

__all__ = ["PROPERTIES", "Context", "Property"]

PROPERTIES = Registry(
    "speechalign.properties",
    {
        "long_labels": "speechalign.losses.properties.long_labels:long_labels",
        "low_latency": "speechalign.losses.properties.low_latency:low_latency",
        "min_wer": "speechalign.losses.properties.min_wer:min_wer",
    },
)
"""By name: a function that improves paths."""


@dataclass(frozen=True)
class Context:
    """Inputs of a property beside its paths.

    Parameters
    ----------
    blank : int
        The label that says nothing.
    generator : numpy Generator
        For choices among several edits. Take as many random numbers for each path, in the order of
        the paths, whatever the paths are: then the choices do not depend on padding.
    utterances : ndarray, shape (P,), int64
        The utterance of the batch that each path is of: a row of ``targets``.
    targets : ndarray, shape (B, L), int64, or None
        The transcripts, where they were given; values beyond a length are never read.
    target_lengths : ndarray, shape (B,), int64, or None
        Labels of each transcript.
    words : ndarray, shape (B, L), int64, or None
        The word that each label of the transcripts is of: equal numbers side by side are one word.
    log_probs : Callable, or None
        Returns what the paths were drawn from: (B, T, V), float32 or float64. Call it only where it
        is needed, since it may have to come from a GPU.
    """

    blank: int
    generator: np.random.Generator
    utterances: np.ndarray
    targets: np.ndarray | None = None
    target_lengths: np.ndarray | None = None
    words: np.ndarray | None = None
    log_probs: Callable[[], np.ndarray] | None = field(default=None, kw_only=True)


class Property(Protocol):
    """A better path of each path, of as many frames."""

    def __call__(self, paths: np.ndarray, lengths: np.ndarray, context: Context, /) -> np.ndarray:
        """Return new paths, (P, T) int64, of paths (P, T) int64 of ``lengths`` (P,) frames each.

        A path that was not improved is returned as it is. Frames at and beyond a length are
        neither read nor compared, and the arguments stay as they are.
        """
