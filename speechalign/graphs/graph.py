"""Graph: what may be said, as a list of arcs that each consume one frame."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True)
class Graph:
    """A weighted finite-state acceptor over frames.

    A path of T arcs explains T frames: it begins in a state with a finite ``start``, ends in one
    with a finite ``final``, and the arc taken at frame t reads column ``labels[arc]`` of the frame.

    Parameters
    ----------
    sources, targets : ndarray, shape (A,), int64
        State that each arc leaves and enters, in [0, S).
    labels : ndarray, shape (A,), int64
        Emission column that the arc reads.
    weights : ndarray, shape (A,), float64
        Natural-log weight of the arc.
    positions : ndarray, shape (A,), int64
        Piece of the transcript that the arc belongs to: ``2i + 1`` inside item i, ``2i`` in the
        gap before it. Positions never fall along a path, except where a topology lets the reader
        go back in the text.
    start, final : ndarray, shape (S,), float64
        Natural-log weight of beginning or ending in each state; -inf where it is not allowed.

    Raises
    ------
    InputError
        An array has the wrong shape, or a state or label out of range.

    Notes
    -----
    Among equal scores the arc listed first wins, in every kernel and backend.
    """

    sources: np.ndarray
    targets: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    positions: np.ndarray
    start: np.ndarray
    final: np.ndarray

    def __post_init__(self) -> None:
        arcs, states = len(self.sources), len(self.start)
        for field in fields(self):
            array = getattr(self, field.name)
            if not isinstance(array, np.ndarray):
                raise wrong_type(f"Graph.{field.name}", "an ndarray", array)
            on_states = field.name in ("start", "final")
            dtype = np.float64 if on_states or field.name == "weights" else np.int64
            size = states if on_states else arcs
            if dtype == np.int64 and array.dtype == np.int32:
                array = array.astype(np.int64)
                object.__setattr__(self, field.name, array)
            if array.shape != (size,) or array.dtype != dtype:
                raise InputError(
                    f"Graph.{field.name}: expected ({size},) {np.dtype(dtype)}, "
                    f"got {array.shape} {array.dtype}"
                )
            if dtype == np.float64 and not (array < np.inf).all():
                raise InputError(f"Graph.{field.name}: NaN or +inf among the weights")
        for name, states_of in (("sources", self.sources), ("targets", self.targets)):
            if arcs and not (states_of.min() >= 0 and states_of.max() < states):
                raise InputError(f"Graph.{name}: expected states in [0, {states})")
        if arcs and (self.labels.min() < 0 or self.positions.min() < 0):
            raise InputError("Graph: negative label or position")

    @property
    def num_states(self) -> int:
        """Number of states, S."""
        return len(self.start)

    @property
    def num_arcs(self) -> int:
        """Number of arcs, A."""
        return len(self.sources)
